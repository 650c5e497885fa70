/* reap.h - frees what dead processes left: connection slots, then host table entries.
 *
 * A slot is an orphan when its initiator's incarnation is not alive, or when the initiator has
 * left it (SHUTDOWN) to a connector that is not alive.  A live initiator frees its slot itself.
 * An orphan is freed after a grace time, so that a write that the dead process had under way has
 * landed or will never land, and so that a live connector has learnt of the death; the host
 * entry follows when no slot names it any more.
 *
 *   T=0         heartbeat stops
 *   T=dead      peers end their connections with it (fts_member's on_peer_dead)
 *   T=dead+io   slots and entry are freed; without I/O that can outlive its process (a LUN in
 *               memory) and with the process known to be gone: the entry at once, slots with a
 *               live connector after the dead time
 *
 * Threads: one at a time.  Owner: the member.
 */
#pragma once

#include "volume/lock.h"
#include "volume/peers.h"
#include "volume/pidtab.h"

typedef struct FtsReaper FtsReaper;

FtsReaper *fts_reaper_new (FtsVolume *volume);
void fts_reaper_free (FtsReaper *reaper);

/* Reads the Process Id Table; before a fresh read of the host table, so that whoever it names is
 * in PEERS when note() judges. */
bool fts_reaper_load (FtsReaper *reaper, GError **error);

typedef struct {
  bool is_due;     /* something can be freed now */
  bool is_pending; /* something waits for its grace time, or is due */
} FtsReapState;

/* Notes orphans and dead hosts. */
FtsReapState fts_reaper_note (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us);

/* Frees what is due.  With the volume lock held. */
bool fts_reaper_free_due (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us,
                          GError **error);

/* Clears one connection slot: both heads empty, the entry free, its epoch kept.  With the volume
 * lock held. */
bool fts_reap_slot (FtsVolume *volume, FtsPid *pid, GError **error);
