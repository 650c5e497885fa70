/* locking.h - locks of this mount's programs at the peer: set, waited for, kept.
 *
 * The peer never waits.  A request that must is kept here and asked again, after 2 ms first and
 * every 50 ms later, by one thread, so that no worker is held and an interrupt ends it.
 *
 * What is held is remembered.  Every second one lock is asked for again: a peer that did not know
 * it has lost us (it was started anew, or no connection was left), and then all are.  One that
 * somebody else got meanwhile is lost: its open file gives EIO to writes and fsync.
 *
 * A lock that is granted drops what the kernel has cached of the file, and unlocking sends what
 * was written behind: who holds the lock sees what earlier holders wrote.
 *
 * Locks: `asking` (read: one call and its note in `held`; write: asking again for all) is the one
 * lock of the mount that is held across a call to the peer; `lock` guards the list of who waits.
 */
#pragma once

#include "prog/ftsfs/file.h"

typedef struct FtsLocking FtsLocking;

FtsLocking *fts_locking_new (FtsFs *fs);
void fts_locking_free (FtsLocking *locking); /* who waits gets EINTR.  NULL is fine */

/* Without waiting: 0 or an errno, EAGAIN when another's lock is in the way. */
int fts_locking_set (FtsLocking *locking, FtsFile *file, const FtsLock *lock);
/* Answers REQ when LOCK is granted, or with an error. */
void fts_locking_wait (FtsLocking *locking, fuse_req_t req, FtsFile *file,
                       const FtsLock *lock);
/* A program closed FILE: what OWNER has by fcntl on it ends. */
void fts_locking_end_owner (FtsLocking *locking, FtsFile *file, uint64_t owner);
/* FILE is about to go, and all that was locked through it. */
void fts_locking_end_file (FtsLocking *locking, FtsFile *file);
