/* local.h - changes that other programs of this host make in exported directories, told to the
 * clients that hold what changed (watchers.h).  A change here is told within milliseconds; nobody
 * waits for it.
 *
 * One of two ways for each export, as its key `watch` says; by default the first that can be had:
 *
 *   fanotify   the whole file system; needs rights (fanotify.h)
 *   inotify    the files that clients keep something of, one by one (inotify.h)
 *
 * Not seen either way: writes through a shared mapping of the file here, and reading (access times).
 * File systems that others change as well (network, cluster, FUSE), or that change without
 * anybody's doing (/proc), are not seen at all, and nothing of them may be called watched.
 *
 * Threads: any; each way has one of its own that reads events.
 */
#pragma once

#include "fts/fanotify.h"
#include "fts/inotify.h"

typedef struct FtsLocal FtsLocal;

typedef enum {
  FTS_LOCAL_UNSEEN,
  FTS_LOCAL_FANOTIFY,
  FTS_LOCAL_INOTIFY, /* what is kept must be watched, file by file */
} FtsLocalWay;

/* WATCHERS must outlive it; MOST_WATCHES of inotify, 0 = half of those that the user may have. */
FtsLocal *fts_local_new (FtsWatchers *watchers, unsigned most_watches);
void fts_local_free (FtsLocal *local); /* NULL is fine */

/* How EXPORT, whose files are HANDLES, is seen from now on. */
FtsLocalWay fts_local_add (FtsLocal *local, const FtsExport *export,
                           FtsHandles *handles);

/* Where the way is inotify. */
FtsInotify *fts_local_inotify (const FtsLocal *local);
void fts_local_tick (FtsLocal *local);
