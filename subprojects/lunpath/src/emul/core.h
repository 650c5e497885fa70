/* core.h - what the standard gives a logical unit beside its blocks: ports, registrations,
 * reservations, unit attentions.
 *
 * A plain value: pure functions change it, state.h keeps it in shared memory under a lock with
 * an undo copy, tests keep it on the stack.  A port is an I_T nexus: the emulation has one
 * target port.
 *
 * Invariants
 *  1. res_type != 0 implies at least one registered port.
 *  2. For types 1, 3, 5, 6 `holder` is a registered port; for 7 and 8 it means nothing.
 *  3. scsi2 and registrations exclude each other.
 */
#pragma once

#include "base/pr.h"

#include <lunpath/io.h>

#define LUN_EMUL_PORTS    256
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
} LunUnitAttention;

#define LUN_UA_RESETS (LUN_UA_POWER_ON | LUN_UA_RESET | LUN_UA_NEXUS_LOSS)

typedef struct {
  char name[LUN_EMUL_NAME_MAX]; /* "" = free */
  uint64_t key;                 /* valid while registered */
  uint32_t attentions;          /* LunUnitAttention bits */
  uint32_t registered;          /* bool */
} LunEmulPort;

typedef struct {
  uint32_t generation; /* PRGENERATION */
  uint8_t aptpl;       /* bool: registrations survive power loss */
  uint8_t res_type;    /* LunPrType; 0 = no persistent reservation */
  uint8_t scsi2;       /* bool: RESERVE(6) is in force */
  uint8_t unused;
  uint16_t holder;       /* port */
  uint16_t scsi2_holder; /* port */
  uint32_t unused2;
  LunEmulPort ports[LUN_EMUL_PORTS];
} LunEmulCore;

/* Families of commands that reservations treat alike (SPC-4 tables 65 and 66, SBC-3 table 13). */
typedef enum {
  LUN_ACCESS_ALWAYS, /* INQUIRY, REQUEST SENSE, REPORT LUNS: no unit attention either */
  LUN_ACCESS_STATE, /* TEST UNIT READY, READ CAPACITY: only RESERVE(6) shuts them out */
  LUN_ACCESS_READ,
  LUN_ACCESS_WRITE,     /* SYNCHRONIZE CACHE too */
  LUN_ACCESS_MODE,      /* MODE SENSE */
  LUN_ACCESS_RESERVE_6, /* RESERVE(6), RELEASE(6): they have rules of their own */
  LUN_ACCESS_PR,        /* PERSISTENT RESERVE IN and OUT: rules of their own as well */
} LunAccess;

/* False = RESERVATION CONFLICT. */
bool lun_core_permits (const LunEmulCore *core, unsigned port, LunAccess access);

/* The port with NAME, or -1. */
int lun_core_find_port (const LunEmulCore *core, const char *name);

bool lun_core_is_holder (const LunEmulCore *core, unsigned port);
unsigned lun_core_n_registered (const LunEmulCore *core);

/* Sets ATTENTION for every known port but EXCEPT (-1: none). */
void lun_core_attention_all (LunEmulCore *core, uint32_t attention, int except);

/* Power loss: SCSI-2 reservation gone, generation zero, registrations and reservation gone
 * unless APTPL; every port gets 29h/01h. */
void lun_core_power_cycle (LunEmulCore *core);

/* LUN RESET: SCSI-2 reservation gone, persistent one stays; every port gets 29h/03h. */
void lun_core_reset (LunEmulCore *core);
