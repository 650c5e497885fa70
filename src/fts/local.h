/* local.h - changes that other programs of this host make in exported directories, told to the
 * clients that hold what changed (watchers.h).
 *
 * By fanotify on the file systems that the exports lie on: every change names its file, and its
 * directory with the name, by the kernel's handles, which are what our handles are made of.
 * Events of this process are passed over: the server tells of its own changes itself, at once.
 * A change here is told within milliseconds; nobody waits for it.
 *
 * Not seen: writes through a shared mapping of the file here, and reading (access times).  When the
 * kernel's queue (16,384 events) overflows, "anything may have changed" is told.
 *
 * Where the right (CAP_SYS_ADMIN), or the file system's support, is missing an export is not seen,
 * and what clients hold of it must not be called watched.
 *
 * Threads: one of its own, which reads events.
 */
#pragma once

#include "fts/handles.h"
#include "fts/watchers.h"

typedef struct FtsLocal FtsLocal;

/* WATCHERS must outlive it. */
FtsLocal *fts_local_new (FtsWatchers *watchers);
/* Sees EXPORT's file system from now on, and keeps HANDLES; false when it cannot.  Any thread. */
bool fts_local_add (FtsLocal *local, const FtsExport *export, FtsHandles *handles);
void fts_local_free (FtsLocal *local); /* NULL is fine */
