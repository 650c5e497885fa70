/* core.h - what the standard gives a logical unit beside its blocks: ports, registrations,
 * reservations, unit attentions.
 *
 * A plain value: pure functions change it, state.h keeps it in shared memory under a lock with
 * an undo copy, tests keep it on the stack.  A port is an I_T nexus: an initiator port at one of
 * the target ports.  Each target port N (from 1) is the only one of target port group N, whose
 * asymmetric access state (ALUA) is `alua[N - 1]`.
 *
 * Invariants
 *  1. res_type != 0 implies at least one registered port.
 *  2. For types 1, 3, 5, 6 `holder` is a registered port; for 7 and 8 it means nothing.
 *  3. scsi2 and registrations exclude each other.
 */
#pragma once

#include "base/alua.h"
#include "base/pr.h"

#include <lunpath/io.h>

#define LUN_EMUL_PORTS    256
#define LUN_EMUL_GROUPS   4
#define LUN_EMUL_NAME_MAX 224 /* with the final NUL */

/* Unit attentions; a lower bit is reported first (SAM-5 5.3.3: 29h before a reservation
 * conflict, the others after it). */
typedef enum {
  LUN_UA_POWER_ON = 1 << 0,                /* 29h/01h */
  LUN_UA_RESET = 1 << 1,                   /* 29h/03h */
  LUN_UA_NEXUS_LOSS = 1 << 2,              /* 29h/07h */
  LUN_UA_RESERVATIONS_PREEMPTED = 1 << 3,  /* 2Ah/03h */
  LUN_UA_RESERVATIONS_RELEASED = 1 << 4,   /* 2Ah/04h */
  LUN_UA_REGISTRATIONS_PREEMPTED = 1 << 5, /* 2Ah/05h */
  LUN_UA_ALUA_CHANGED = 1 << 6,            /* 2Ah/06h */
} LunUnitAttention;

#define LUN_UA_RESETS (LUN_UA_POWER_ON | LUN_UA_RESET | LUN_UA_NEXUS_LOSS)

typedef struct {
  char name[LUN_EMUL_NAME_MAX]; /* "" = free */
  uint64_t key;                 /* valid while registered */
  uint32_t attentions;          /* LunUnitAttention bits */
  uint16_t registered;          /* bool */
  uint16_t target_port;         /* 1 to LUN_EMUL_GROUPS */
} LunEmulPort;

typedef struct {
  uint32_t generation;           /* PRGENERATION */
  uint8_t aptpl;                 /* bool: registrations survive power loss */
  uint8_t res_type;              /* LunPrType; 0 = no persistent reservation */
  uint8_t scsi2;                 /* bool: RESERVE(6) is in force */
  uint8_t has_groups;            /* bool: INQUIRY tells of target port groups */
  uint16_t holder;               /* port */
  uint16_t scsi2_holder;         /* port */
  uint8_t alua[LUN_EMUL_GROUPS]; /* LunAlua */
  LunEmulPort ports[LUN_EMUL_PORTS];
} LunEmulCore;

/* Families of commands that reservations treat alike (SPC-4 tables 65 and 66, SBC-3 table 13). */
typedef enum {
  LUN_ACCESS_ALWAYS, /* INQUIRY, REQUEST SENSE, REPORT LUNS: no unit attention either */
  LUN_ACCESS_STATE,  /* READ CAPACITY: only RESERVE(6) shuts it out */
  LUN_ACCESS_READY, /* TEST UNIT READY: as that, but not while the target port is in standby */
  LUN_ACCESS_READ,
  LUN_ACCESS_WRITE,     /* SYNCHRONIZE CACHE too */
  LUN_ACCESS_MODE,      /* MODE SENSE */
  LUN_ACCESS_RESERVE_6, /* RESERVE(6), RELEASE(6): they have rules of their own */
  LUN_ACCESS_PR,        /* PERSISTENT RESERVE IN and OUT: rules of their own as well */
} LunAccess;

/* False = RESERVATION CONFLICT. */
bool lun_core_permits (const LunEmulCore *core, unsigned port, LunAccess access);

/* What the asymmetric access state of PORT's target port has against ACCESS: the qualifier of 04h
 * (NOT READY), or 0.  In standby a LUN still tells what it is and does reservations. */
uint8_t lun_core_not_ready (const LunEmulCore *core, unsigned port, LunAccess access);

/* Target port TARGET_PORT changes its state; every port gets 2Ah/06h. */
void lun_core_set_alua (LunEmulCore *core, unsigned target_port, LunAlua state);

/* The port of the initiator port NAME at TARGET_PORT, or -1. */
int lun_core_find_port (const LunEmulCore *core, const char *name,
                        unsigned target_port);

bool lun_core_is_holder (const LunEmulCore *core, unsigned port);
unsigned lun_core_n_registered (const LunEmulCore *core);

/* Sets ATTENTION for every known port but EXCEPT (-1: none). */
void lun_core_attention_all (LunEmulCore *core, uint32_t attention, int except);

/* Power loss: SCSI-2 reservation gone, generation zero, registrations and reservation gone
 * unless APTPL; every port gets 29h/01h. */
void lun_core_power_cycle (LunEmulCore *core);

/* LUN RESET: SCSI-2 reservation gone, persistent one stays; every port gets 29h/03h. */
void lun_core_reset (LunEmulCore *core);
