/* pr.h - persistent reservations: CDBs and parameter data of PERSISTENT RESERVE IN and OUT.
 *
 * Pure functions, shared by the transports that send them and the emulation that executes
 * them.  Source: SPC-4 6.15 (IN), 6.16 (OUT), 7.6.4 (TransportIDs).
 */
#pragma once

#include "base/cdb.h"

#include <lunpath/pr-type.h>

#include <glib.h>

typedef enum {
  LUN_PR_IN_READ_KEYS = 0,
  LUN_PR_IN_READ_RESERVATION = 1,
  LUN_PR_IN_REPORT_CAPABILITIES = 2,
  LUN_PR_IN_READ_FULL_STATUS = 3,
} LunPrInAction;

typedef enum {
  LUN_PR_OUT_REGISTER = 0,
  LUN_PR_OUT_RESERVE = 1,
  LUN_PR_OUT_RELEASE = 2,
  LUN_PR_OUT_CLEAR = 3,
  LUN_PR_OUT_PREEMPT = 4,
  LUN_PR_OUT_PREEMPT_AND_ABORT = 5,
  LUN_PR_OUT_REGISTER_AND_IGNORE = 6,
  LUN_PR_OUT_REGISTER_AND_MOVE = 7,
} LunPrOutAction;

bool lun_pr_type_is_valid (uint8_t type);
/* Strangers may read: 1, 5, 7. */
bool lun_pr_type_is_write_exclusive (uint8_t type);
/* Every registered nexus may read and write: 5 to 8. */
bool lun_pr_type_serves_registrants (uint8_t type);
/* Every registered nexus is a holder: 7, 8. */
bool lun_pr_type_is_all_registrants (uint8_t type);

LunCdb lun_cdb_pr_in (LunPrInAction action, uint16_t alloc_len);
/* Scope is always the logical unit. */
LunCdb lun_cdb_pr_out (LunPrOutAction action, uint8_t type, uint32_t param_len);

/* ---- parameter data of OUT ---- */
#define LUN_PR_OUT_LEN 24

typedef struct {
  uint64_t key;         /* RESERVATION KEY: the issuer's own */
  uint64_t service_key; /* SERVICE ACTION RESERVATION KEY */
  bool spec_i_pt;
  bool all_tg_pt;
  bool aptpl;
} LunPrOut;

void lun_pr_out_encode (const LunPrOut *param, uint8_t out[LUN_PR_OUT_LEN]);
bool lun_pr_out_decode (const uint8_t *data, size_t len, LunPrOut *out);

/* REGISTER AND MOVE has a list of its own. */
typedef struct {
  uint64_t key;
  uint64_t service_key; /* the key that the target port's nexus shall have */
  bool unregister;
  bool aptpl;
  uint16_t relative_port;
  char *port; /* initiator port name out of the TransportID; free with g_free() */
} LunPrMove;

/* Appends to OUT. */
void lun_pr_move_encode (const LunPrMove *move, GByteArray *out);
bool lun_pr_move_decode (const uint8_t *data, size_t len, LunPrMove *out);

/* ---- parameter data of IN ---- */

/* READ KEYS.  `n_total` counts all keys of the LUN, also those that did not fit. */
typedef struct {
  uint32_t generation;
  uint32_t n_total;
  uint32_t n_keys;
  uint64_t *keys; /* n_keys; free with g_free() */
} LunPrKeys;

void lun_pr_keys_encode (const LunPrKeys *keys, GByteArray *out);
bool lun_pr_keys_decode (const uint8_t *data, size_t len, LunPrKeys *out);

/* READ RESERVATION.  `key` is 0 for the all-registrants types. */
typedef struct {
  uint32_t generation;
  bool reserved;
  uint64_t key;
  uint8_t scope;
  uint8_t type;
} LunPrReservation;

void lun_pr_reservation_encode (const LunPrReservation *reservation, GByteArray *out);
bool lun_pr_reservation_decode (const uint8_t *data, size_t len, LunPrReservation *out);

/* REPORT CAPABILITIES.  Bit 1 << type of `types`; meaningless unless types_valid. */
typedef struct {
  bool compatible_reserve; /* CRH */
  bool spec_i_pt;          /* SIP_C */
  bool all_tg_pt;          /* ATP_C */
  bool aptpl_capable;      /* PTPL_C */
  bool aptpl_active;       /* PTPL_A */
  bool types_valid;        /* TMV */
  uint8_t allow_commands;
  uint16_t types;
} LunPrCapabilities;

#define LUN_PR_CAPABILITIES_LEN 8

void lun_pr_capabilities_encode (const LunPrCapabilities *capabilities,
                                 uint8_t out[LUN_PR_CAPABILITIES_LEN]);
bool lun_pr_capabilities_decode (const uint8_t *data, size_t len,
                                 LunPrCapabilities *out);

/* READ FULL STATUS: one registration. */
typedef struct {
  uint64_t key;
  bool all_tg_pt;
  bool holder;
  uint8_t scope; /* valid when holder */
  uint8_t type;  /* valid when holder */
  uint16_t relative_port;
  char *port; /* initiator port name; "proto-N:HEX" for other protocols than iSCSI */
} LunPrStatus;

typedef struct {
  uint32_t generation;
  GArray *registrations; /* of LunPrStatus */
} LunPrFullStatus;

void lun_pr_full_status_encode (uint32_t generation, const LunPrStatus *status,
                                size_t n, GByteArray *out);
/* Keeps the registrations that are there whole.  Clear the result with
 * lun_pr_full_status_clear(). */
bool lun_pr_full_status_decode (const uint8_t *data, size_t len, LunPrFullStatus *out);
void lun_pr_full_status_clear (LunPrFullStatus *status);

/* ---- TransportID ---- */

/* Appends the iSCSI TransportID of a port name ("iqn...,i,0x..." = format 01b, else 00b). */
void lun_transport_id_encode (const char *port, GByteArray *out);
/* The port name in the TransportID at DATA, NULL when damaged; *USED gets its length. */
char *lun_transport_id_decode (const uint8_t *data, size_t len, size_t *used);
