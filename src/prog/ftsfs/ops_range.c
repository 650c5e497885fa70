/* ops_range.c - ranges of open files: fallocate, lseek for data and holes, copy_file_range.  The
 * peer does them, after what was written behind has gone to it. */
#include "base/error.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"

#include <errno.h>
#include <unistd.h>

void
fts_op_fallocate (fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
                  struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);
  FtsFs *fs = file->fs;
  GError *error = NULL;

  fts_fs_drain (fs, file->inode);
  bool well =
    fts_client_fallocate (fs->client, &file->inode->handle, file->open_id,
                          (uint64_t) off, (uint64_t) len, (uint32_t) mode, &error);
  fts_inode_set_changed (file->inode, fts_fs_tick (fs), true);
  fts_fs_done (req, well, error);
}

void
fts_op_lseek (fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
              struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);
  FtsFs *fs = file->fs;
  GError *error = NULL;
  uint64_t found = 0;

  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    fuse_reply_err (req, EINVAL);
    return;
  }
  fts_fs_drain (fs, file->inode);
  if (fts_client_seek (fs->client, &file->inode->handle, file->open_id, (uint64_t) off,
                       whence == SEEK_DATA ? FTS_SEEK_DATA : FTS_SEEK_HOLE, &found,
                       &error))
    fuse_reply_lseek (req, (off_t) found);
  else
    fts_fs_fail (req, error);
}

void
fts_op_copy_file_range (fuse_req_t req, fuse_ino_t ino, off_t off,
                        struct fuse_file_info *fi, fuse_ino_t to_ino, off_t to_off,
                        struct fuse_file_info *to_fi, size_t len, int flags)
{
  FtsFile *from_file = fts_file_of (fi), *to_file = fts_file_of (to_fi);
  FtsFs *fs = from_file->fs;
  FtsPlace from = { &from_file->inode->handle, from_file->open_id, (uint64_t) off };
  FtsPlace to = { &to_file->inode->handle, to_file->open_id, (uint64_t) to_off };
  GError *error = NULL;
  uint64_t copied = 0;

  fts_fs_drain (fs, from_file->inode);
  fts_fs_drain (fs, to_file->inode);
  bool well = fts_client_copy (fs->client, &from, &to, len, &copied, &error);
  fts_inode_set_changed (to_file->inode, fts_fs_tick (fs), true);
  if (well)
    fuse_reply_write (req, copied);
  else
    fts_fs_fail (req, error);
}
