/* file.h - an open file of the mount.
 *
 * Born by open or create, referenced by the kernel's handle and by nobody else: write-behind is
 * drained by flush and before release.  The peer's open file is closed in the background.
 *
 * First bytes: the peer sends a small file whole with the answer to open.  They serve reads
 * until FTS_FIRST_MS have gone by or this mount changes the file.
 *
 * An error of write-behind stays: every later write, flush and fsync of this file reports it.
 */
#pragma once

#include "prog/ftsfs/fs.h"

#define FTS_FIRST_LEN 65536u /* files up to this long come with open */
#define FTS_FIRST_MS  1000

typedef struct {
  FtsFs *fs;
  FtsInode *inode; /* a reference */
  uint64_t open_id;
  bool
    writes_wait; /* O_APPEND, O_DIRECT: the peer decides where, or the caller waits */
  atomic_int error; /* errno of a write in the background */

  pthread_mutex_t lock; /* first */
  GByteArray *first;    /* the whole file, or NULL */
  int64_t first_until_us;
  uint64_t first_clock;
} FtsFile;

/* Takes over INODE's reference. */
FtsFile *fts_file_new (FtsFs *fs, FtsInode *inode, uint64_t open_id, int flags);
/* Closes it at the peer too, in the background. */
void fts_file_free (FtsFile *file);

static inline FtsFile *
fts_file_of (const struct fuse_file_info *fi)
{
  return fi ? (FtsFile *) (uintptr_t) fi->fh : NULL;
}

/* BYTES are the whole file as it was at clock AT; takes them over. */
void fts_file_set_first (FtsFile *file, GByteArray *bytes, uint64_t at);
/* Copies up to LEN bytes at OFFSET to OUT; false when the peer must be asked. */
bool fts_file_read_first (FtsFile *file, uint64_t offset, uint8_t *out, size_t len,
                          size_t *got);
/* Sends LEN bytes to OFFSET and waits; *DONE of them are written when the errno is not 0. */
int fts_file_write (FtsFile *file, uint64_t offset, const uint8_t *bytes, size_t len,
                    size_t *done);
/* Waits until nothing written through this mount to INODE is on the way; false when nobody waits
 * for this thread any more. */
bool fts_fs_drain (FtsFs *fs, FtsInode *inode);
