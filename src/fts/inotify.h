/* inotify.h - changes by other programs of this host, seen by inotify: needs no rights beyond
 * those to read the files, and no handles of the kernel's.
 *
 * inotify sees single files only.  So each file of which a client keeps something has a watch of
 * its own (marks.h), and each directory of which it keeps a name.  A directory's watch alone
 * would tell of its files' changes too, but not of those made through a file's other names, nor
 * that it gets another one.
 *
 * Who serves an answer says what is kept, in this order:
 *   1. its key is noted (watchers.h)
 *   2. the file is watched (fts_inotify_watch), the name is noted
 *   3. what the answer says is read; read again, when it was read before and the watch is new
 * and only when all that worked the answer is called watched.  A watch that is given up is first
 * taken from the kernel, then told of as changed: whoever noted its key before is told.
 *
 * inotify does not say who made a change: those that the server makes for a client come back.  All
 * clients are told of them, but the one that made it a little later, and once (lately.h); what others
 * changed of the same file or name meanwhile it hears of then.
 *
 * Not seen, as with fanotify: writes through a shared mapping, access times.  When the kernel's
 * queue overflows, "anything may have changed" is told.
 *
 * There are at most `most` watches; the ones that were not needed for longest go.  When no client
 * hears of changes all go.
 *
 * Threads: one of its own reads events; all functions may be called by any.  One lock; that of
 * watchers.h is taken under it.  Errors: errno, negative.
 */
#pragma once

#include "fts/watchers.h"

typedef struct FtsInotify FtsInotify;

/* MOST watches; 0 = half of those that the user may have.  WATCHERS must outlive it. */
FtsInotify *fts_inotify_new (FtsWatchers *watchers, unsigned most);
void fts_inotify_free (FtsInotify *inotify); /* NULL is fine */

/* Begins to read events.  False where there is no inotify. */
bool fts_inotify_start (FtsInotify *inotify);

/* Sees HANDLE, whose descriptor is FD, from now on, with the calling thread's right to read it.
 * The watch's number, or -errno; *IS_NEW: what was read before may be outdated. */
int fts_inotify_watch (FtsInotify *inotify, const FtsHandle *handle, int fd,
                       bool is_dir, bool *is_new);
/* NAME in the directory that WATCH sees.  False: it is not seen. */
bool fts_inotify_watch_name (FtsInotify *inotify, int watch, const char *name,
                             size_t len);

/* To be called now and then. */
void fts_inotify_tick (FtsInotify *inotify);
unsigned fts_inotify_count (FtsInotify *inotify); /* watches */
