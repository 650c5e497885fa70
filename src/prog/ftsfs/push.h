/* push.h - changes made elsewhere, told by the peer, taken out of the kernel's caches.
 *
 *   the peer's notice -> (client_watch's thread) the clock ticks for what it names: answers that
 *   were asked for before count as outdated -> (own thread) the kernel drops it -> acknowledged
 *
 * A thread of its own speaks to the kernel: dropping a name takes its directory's lock, dropping
 * data waits for pages on their way, and both may be held by a request that is being served here.
 * An acknowledgement waits for that thread, FTS_PUSH_LONGEST_MS at most.  While a request is being
 * served here it does so for FTS_PUSH_PATIENCE_MS only: that request may itself wait, at the peer, for
 * another mount that waits for us.
 *
 * While notices come, what the peer calls watched may be kept for `watch_timeout`; the table of
 * inodes knows since when (inodes.h).  When they come no more everything is dropped, and the
 * short time-outs rule.
 *
 * Threads: two, besides callers of any thread.  No lock is held while the kernel is told.
 */
#pragma once

#include "fts/client_watch.h"
#include "prog/ftsfs/fs.h"

#define FTS_PUSH_PATIENCE_MS 20
#define FTS_PUSH_LONGEST_MS \
  800 /* before the peer goes on without us (fts/watchers.h) */

typedef struct FtsPush FtsPush;

/* From here on; the session is mounted.  NULL when no thread can be started. */
FtsPush *fts_push_start (FtsFs *fs);
/* To be called before the session's device is closed, as its number may be another file's then: from here
 * on the kernel is told nothing.  Waits until it is not being told, or holds that up for
 * FTS_PUSH_HUSH_MS.  NULL is fine. */
#define FTS_PUSH_HUSH_MS 200
void fts_push_hush (FtsPush *push);
/* Drops nothing any more.  NULL is fine. */
void fts_push_stop (FtsPush *push);

/* Waits until the peer tells of changes, FTS_PUSH_BEGIN_MS at most.  NULL is fine. */
#define FTS_PUSH_BEGIN_MS 2000
void fts_push_await_begin (FtsPush *push);

/* Waits until what has come was dropped, a moment at most; false when it was not by then.  Not from an
 * operation during which the kernel holds a lock of an inode.  NULL is fine. */
bool fts_push_settle (FtsPush *push);
