/* slot.h - allocation of connections in the Process Id Table (documents' Figs. 8 and 9): the
 * only structure of the protocol that is changed under the volume lock.
 *
 * An entry is "still ours" when it is allocated, of our epoch and of our initiator's
 * generation.  Every function here takes the lock itself and holds it for a handful of
 * commands.  Errors: those of the lock, of the Process Id Table and LUN_ERROR.
 */
#pragma once

#include "channel/table.h"
#include "volume/membership.h"
#include "volume/pidtab.h"

/* Initiator: finds a free entry, prepares the own table for its next epoch in OWN, and writes
 * the entry.  PID has names, indices, generations, service and type filled in; PROVE computes
 * the proof once slot, epoch and nonce are known.  NO_SLOT when all are taken. */
typedef void (*FtsSlotProve) (FtsPid *pid, void *user_data);
bool fts_slot_allocate (FtsMember *member, FtsPid *pid, FtsOwnTable *own,
                        FtsSlotProve prove, void *user_data, GError **error);

/* Initiator: clears the entry if it is still ours. */
bool fts_slot_free (FtsMember *member, const FtsPid *pid, GError **error);

/* Initiator, not accepted: clears the entry unless the connector has accepted meanwhile
 * (*ACCEPTED). */
bool fts_slot_withdraw (FtsMember *member, const FtsPid *pid, bool *accepted,
                        GError **error);

/* Initiator whose peer does not answer: leaves the entry to the connector.  Cleared at once
 * where the connector's head already says that it is done. */
bool fts_slot_leave (FtsMember *member, const FtsPid *pid, GError **error);

/* Connector that is done: clears the entry if the initiator has left it. */
bool fts_slot_clear_left (FtsMember *member, const FtsPid *pid, GError **error);

bool fts_slot_is_ours (const FtsPid *entry, const FtsPid *ours);
