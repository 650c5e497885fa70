/* locking.h - locks of this mount's programs at the peer: set, waited for, kept.
 *
 * A request that must wait stands in the peer's queue with a ticket and is kept here, so that no
 * worker is held and an interrupt ends it.  A notice says that the ticket was given its lock
 * (push.h).  As a notice can be lost with its connection, who waits is asked for again every
 * FTS_LOCKING_ASK_S, or every 100 ms while nothing is pushed.
 *
 * What is held is remembered.  When changes are pushed anew (the server was started again, or all
 * connections were lost), and every second while they are not, one lock is asked for again: a
 * peer that did not know it has lost us, and then all are, before it gives any to others (locks.h, grace).  One that
 * somebody else got all the same is lost: its open file gives EIO to writes and fsync.  What a program
 * of this mount holds is not asked for by another one before that has been done.
 *
 * A lock that is granted drops what the kernel has cached of the file, unless the peer watches it, and unlocking sends what
 * was written behind: who holds the lock sees what earlier holders wrote.
 *
 * Locks: `asking` (read: one call and its note in `held`; write: asking again for all) is the one
 * lock of the mount that is held across a call to the peer; `lock` guards the list of who waits.
 */
#pragma once

#include "prog/ftsfs/file.h"

#define FTS_LOCKING_ASK_S 5

typedef struct FtsLocking FtsLocking;

FtsLocking *fts_locking_new (FtsFs *fs);
void fts_locking_free (FtsLocking *locking); /* who waits gets EINTR.  NULL is fine */

/* Without waiting: 0 or an errno, EAGAIN when another's lock is in the way. */
int fts_locking_set (FtsLocking *locking, FtsFile *file, const FtsLock *lock);
/* Answers REQ when LOCK is granted, or with an error. */
void fts_locking_wait (FtsLocking *locking, fuse_req_t req, FtsFile *file,
                       const FtsLock *lock);
/* The peer says that it gave TICKET its lock. */
void fts_locking_granted (FtsLocking *locking, uint64_t ticket);
/* Notices may have been lost: who waits is asked for again. */
void fts_locking_ask_all (FtsLocking *locking);
/* Changes are pushed anew: what is held is asked for again, before this returns. */
void fts_locking_reclaim (FtsLocking *locking);
/* A program closed FILE: what OWNER has by fcntl on it ends. */
void fts_locking_end_owner (FtsLocking *locking, FtsFile *file, uint64_t owner);
/* FILE is about to go, and all that was locked through it. */
void fts_locking_end_file (FtsLocking *locking, FtsFile *file);
