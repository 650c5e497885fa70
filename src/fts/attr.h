/* attr.h - attributes of a file as the wire has them, from the kernel's statx.
 *
 * Threads: any.  Errors: errno.
 */
#pragma once

#include "fts/wire.h"

#include <sys/stat.h>

/* What tells one file from every other of this host, also from a later one that got the same
 * inode number (where the file system tells the time of birth). */
typedef struct {
  uint64_t dev;
  uint64_t ino;
  int64_t btime_sec;
  uint32_t btime_nsec;
} FtsFileId;

/* FD may be O_PATH; a symlink is described itself.  ID may be NULL.  0 or an errno. */
int fts_attr_load (int fd, FtsAttr *out, FtsFileId *id);

/* Adds to ATTR what takes a further call to know: FTS_ATTR_PLAIN. */
void fts_attr_look_closer (int fd, FtsAttr *attr);

/* Pure.  ID may be NULL. */
void fts_attr_from_statx (const struct statx *stx, FtsAttr *out, FtsFileId *id);
