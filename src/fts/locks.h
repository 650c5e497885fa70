/* locks.h - who has locked which bytes of which file, and who waits for what: fcntl's and flock's rules.
 *
 * The server has one table for all exports, by device and inode; a mount has one of what it
 * holds, so that it can ask for it again from a server that was started anew.
 *
 * Invariants
 *  1. Locks of one file and kind that overlap are reads, or have the same holder and owner.
 *  2. Locks of one holder and owner on one file and kind do not overlap; neighbours of one type
 *     and `via` are one lock.
 *  3. flock's locks cover the whole file.  One that cannot be converted is lost, as on Linux.
 *  4. Who waits does so in order of arrival: a wish waits behind an earlier one that it conflicts
 *     with, too, unless its owner has something of the file already (the earlier one may wait for
 *     just that).  Whatever ends a lock gives it on at once; nothing that could be had is waited
 *     for.
 *  5. No fcntl lock is waited for whose holder waits, by however many steps, for the one who asks.
 *
 * In grace, at the start of a server, locks that were held before are asked for again and nothing
 * else is given.
 *
 * Threads: any; one lock, nothing is called while it is held.
 */
#pragma once

#include "fts/wire.h"

typedef struct FtsLocks FtsLocks;

typedef struct {
  uint64_t dev, ino;
} FtsLockKey;

FtsLocks *fts_locks_new (void);
void fts_locks_free (FtsLocks *locks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsLocks, fts_locks_free)

/* Sets or (type NONE) ends a lock for HOLDER; VIA is kept with it.  0, EAGAIN: somebody else's is
 * in the way, or ENOLCK: too many.  *CHANGED: it was not held just so. */
int fts_locks_set (FtsLocks *locks, FtsLockKey key, const void *holder,
                   const FtsLock *lock, void *via, bool *changed);
/* Sets or ends a lock as another table has done for HOLDER, which this one only follows: what is in a lock's way
 * here has ended there. */
void fts_locks_note (FtsLocks *locks, FtsLockKey key, const void *holder,
                     const FtsLock *lock, void *via);
/* The same as _set, and waits: EAGAIN means that it is in the queue, or was already, as TICKET of HOLDER;
 * EDEADLK. */
int fts_locks_wait (FtsLocks *locks, FtsLockKey key, const void *holder,
                    const FtsLock *lock, uint64_t ticket, bool *changed);
/* TICKET of HOLDER does not wait any more; false when it did not. */
bool fts_locks_cancel (FtsLocks *locks, const void *holder, uint64_t ticket);
/* FUNC hears who got what he waited for; at start. */
typedef void (*FtsLocksGrant) (const void *holder, uint64_t ticket, void *user_data);
void fts_locks_on_grant (FtsLocks *locks, FtsLocksGrant func, void *user_data);
/* While it is on, fts_locks_set and _wait give nothing; _reclaim does. */
void fts_locks_set_grace (FtsLocks *locks, bool on);
int fts_locks_reclaim (FtsLocks *locks, FtsLockKey key, const void *holder,
                       const FtsLock *lock, bool *changed);
/* The first lock in the way of LOCK, or type NONE.  Its pid is 0 when another holder has it. */
void fts_locks_test (FtsLocks *locks, FtsLockKey key, const void *holder,
                     const FtsLock *lock, FtsLock *out);
void fts_locks_drop_holder (FtsLocks *locks, const void *holder);

typedef struct {
  FtsLockKey key;
  FtsLock lock;
  const void *holder;
  void *via;
} FtsLockEntry;

/* All locks as they are now: of FtsLockEntry. */
GArray *fts_locks_list (FtsLocks *locks);
