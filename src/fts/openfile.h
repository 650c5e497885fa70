/* openfile.h - an open file of a client at the server, and its descriptor, which may rest.
 *
 * Clients may have more files open than this process may have descriptors.  When there are too
 * many, those that were not used for longest are closed (they rest), and opened again by their
 * handles when they are used.
 *
 * Invariants
 *  1. A file that somebody uses keeps its descriptor until he lets it go.
 *  2. A file without a name does not rest: nothing would lead to it again.  So whoever takes a
 *     name away wakes the files that it leads to first, and holds them until it is gone.
 *  3. At most `most` descriptors, those of files in use or without a name aside.
 *
 * A name that a program of the server's own host takes away while the file rests makes it stale.
 *
 * Threads: any; one lock, held for a few pointers and, where a file goes to rest, an fstat.
 */
#pragma once

#include "fts/wire.h"

typedef struct FtsOpenFiles FtsOpenFiles;

typedef struct {
  uint32_t open_flags; /* FTS_OPEN_*; constant like the handle */
  FtsHandle handle;

  /* the registry's */
  int fd; /* -1: it rests */
  FtsOpenFiles *files;
  unsigned users;
  bool kept; /* by a session */
  GList link;
} FtsOpenFile;

/* MOST 0: files never rest. */
FtsOpenFiles *fts_open_files_new (unsigned most);
void fts_open_files_free (FtsOpenFiles *files); /* none is left */

/* Takes FD over; kept until drop. */
FtsOpenFile *fts_open_file_new (FtsOpenFiles *files, int fd, uint32_t open_flags,
                                const FtsHandle *handle);
void fts_open_file_drop (FtsOpenFile *file);

/* One more user of FILE, which its session or another user holds.  Unref it. */
FtsOpenFile *fts_open_file_use (FtsOpenFile *file);
void fts_open_file_unref (FtsOpenFile *file); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsOpenFile, fts_open_file_unref)

/* The descriptor of a file in use, or -1 when it rests: wake it then. */
int fts_open_file_fd (FtsOpenFile *file);
/* FD, taken over, is the file that rested; another thread's wins over it. */
void fts_open_file_wake (FtsOpenFile *file, int fd);
/* A user's reference to a file of HANDLE that rests, or NULL. */
FtsOpenFile *fts_open_files_find_resting (FtsOpenFiles *files, const FtsHandle *handle);
