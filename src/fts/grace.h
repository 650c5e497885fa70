/* grace.h - the time after a server's start in which clients ask again for locks that they held.
 *
 * Whoever was on the volume as a mount when the server started may hold locks of an earlier one.  Until
 * each of them has said that it asked for all of its own (WATCH with FTS_WATCH_RECLAIMED), or for
 * FTS_GRACE_MS, nobody gets a lock that he did not have.  A server that starts with no
 * mount on the volume has no grace.
 *
 *   t = 0    the server starts; mounts A (holds a lock) and B are expected; B's wish waits
 *   ~ 1 s    A and B connect; A asks for its lock and has it; both say so: grace ends
 *   10 s     at the latest
 *
 * Threads: any; one lock, which is not held while locks are given on.
 */
#pragma once

#include "fts/locks.h"

#define FTS_GRACE_MS 10000

typedef struct FtsGrace FtsGrace;

/* LOCKS must outlive it. */
FtsGrace *fts_grace_new (FtsLocks *locks);
void fts_grace_free (FtsGrace *grace); /* NULL is fine */

/* Before anything is served: the client with this index and GENERATION may hold locks. */
void fts_grace_expect (FtsGrace *grace, uint32_t index, uint64_t generation);
/* It has asked for all of them, or is dead. */
void fts_grace_settled (FtsGrace *grace, uint32_t index, uint64_t generation);
/* To be called about once a second. */
void fts_grace_tick (FtsGrace *grace);
