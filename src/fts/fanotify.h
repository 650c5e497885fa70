/* fanotify.h - changes by other programs of this host, seen by fanotify: on the whole file systems
 * that the exports lie on, whatever clients keep.
 *
 * Every change names its file, and its directory with the name, by the kernel's handles, which
 * are what our handles are made of.  Events of this process are passed over: the server tells of
 * its own changes itself, at once.
 *
 * Needs CAP_SYS_ADMIN, the file system's support, and the kernel's handles.
 *
 * When the kernel's queue (16,384 events) overflows, "anything may have changed" is told.
 *
 * Threads: one of its own, which reads events; all functions may be called by any.
 */
#pragma once

#include "fts/handles.h"
#include "fts/watchers.h"

typedef struct FtsFanotify FtsFanotify;

/* WATCHERS must outlive it. */
FtsFanotify *fts_fanotify_new (FtsWatchers *watchers);
/* Sees EXPORT's file system from now on, and keeps HANDLES; false when it cannot. */
bool fts_fanotify_add (FtsFanotify *fanotify, const FtsExport *export,
                       FtsHandles *handles);
void fts_fanotify_free (FtsFanotify *fanotify); /* NULL is fine */
