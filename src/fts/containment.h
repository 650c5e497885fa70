/* containment.h - no name a peer sends leads out of the export.
 *
 * Invariants
 *  1. A single name is one step: no '/', no NUL, not empty, not "." and, but for lookup, not "..".
 *  2. A path is resolved by the kernel with the export's directory as its root (openat2,
 *     RESOLVE_IN_ROOT): "..", absolute paths and symlinks stay beneath, also while somebody
 *     renames directories meanwhile.
 *  3. No step crosses to another mounted file system (EXDEV): inode numbers of two file systems
 *     would mix, and handles are of one.
 *  4. Magic links (/proc/PID/fd/N) are never followed.
 *
 * Every descriptor given out is O_PATH | O_CLOEXEC and refers to what the name says, never to a
 * symlink's target but in fts_contain_walk().  Errors: errno, negative returns.
 * Threads: any; done with the rights of the calling thread.
 */
#pragma once

#include "fts/wire.h"

#include <limits.h>

/* 0 and NAME as a C string in OUT, or the errno that refuses it (EINVAL, ENAMETOOLONG). */
int fts_contain_name (const FtsText *name, char out[NAME_MAX + 1]);
/* 0 and PATH as a C string in OUT (may be empty), or EINVAL, ENAMETOOLONG. */
int fts_contain_path (const FtsText *path, char out[PATH_MAX]);

/* One step from the directory DIR_FD; a symlink is given as itself.  -errno. */
int fts_contain_step (int dir_fd, const char *name);

/* PATH from the directory DIR_FD, which lies beneath ROOT_FD; absolute paths begin at ROOT_FD.
 * Symlinks are followed, the last one too.  -errno; ESTALE when DIR_FD is not beneath. */
int fts_contain_walk (int root_fd, int dir_fd, const char *path);

/* Where a file lies now.  A file that the kernel found by its number alone may have no place that
 * it knows of. */
typedef enum {
  FTS_PLACE_INSIDE,
  FTS_PLACE_OUTSIDE,
  FTS_PLACE_UNKNOWN,
} FtsPlace;

/* Of FD, against the directory ROOT_FD.  ROOT_ID names the root for good, as descriptors are used
 * again: the root's own place is asked for ten times a second at most.  Costs one system call. */
FtsPlace fts_contain_place (int root_fd, uint64_t root_id, int fd, bool is_dir);

/* The path of FD from ROOT_FD ("/" for the root itself), as it is now; NULL when FD is not
 * beneath or was removed. */
char *fts_contain_path_of (int root_fd, int fd);
