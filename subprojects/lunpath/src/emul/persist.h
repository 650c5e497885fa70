/* persist.h - the rules of PERSISTENT RESERVE OUT and IN as functions on the core.
 *
 * No I/O, no lock, no memory of its own.  Source: SPC-4 5.12 (rules), 6.15 and 6.16 (commands).
 */
#pragma once

#include "emul/core.h"
#include "emul/result.h"

/* Ports whose tasks PREEMPT AND ABORT has to abort. */
typedef struct {
  uint8_t bits[LUN_EMUL_PORTS / 8];
} LunPortSet;

typedef struct {
  uint8_t action; /* LunPrOutAction, not REGISTER AND MOVE */
  uint8_t scope;
  uint8_t type;
  LunPrOut param;
} LunPersistOut;

/* Changes CORE only when the result is GOOD.  PREEMPTED gets the ports whose registration
 * PREEMPT or PREEMPT AND ABORT removed. */
LunResult lun_persist_out (LunEmulCore *core, unsigned issuer, const LunPersistOut *out,
                           LunPortSet *preempted);

/* REGISTER AND MOVE in two steps, for the port it names may have to be made between them: check
 * says whether the command is in order, move does it. */
LunResult lun_persist_check_move (const LunEmulCore *core, unsigned issuer,
                                  const LunPrMove *move);
void lun_persist_move (LunEmulCore *core, unsigned issuer, unsigned to,
                       const LunPrMove *move);

/* Appends the parameter data of an action of PERSISTENT RESERVE IN; false for an unknown one. */
bool lun_persist_in (const LunEmulCore *core, uint8_t action, GByteArray *out);

/* What RESERVE(6) and RELEASE(6) answer while ports are registered (SPC-4 5.12.3). */
bool lun_persist_tolerates_scsi2 (const LunEmulCore *core, unsigned port);
