/* ops_lock.c - fcntl's and flock's locks: getlk, setlk, flock (locking.h does the work). */
#include "base/error.h"
#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/locking.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

static FtsLock
lock_of (const struct flock *from, uint64_t owner)
{
  uint64_t start = (uint64_t) from->l_start;

  return (FtsLock){
    .type = from->l_type == F_RDLCK   ? FTS_LOCK_READ
            : from->l_type == F_WRLCK ? FTS_LOCK_WRITE
                                      : FTS_LOCK_NONE,
    .kind = FTS_LOCK_POSIX,
    .start = start,
    .end = from->l_len == 0 ? INT64_MAX : start + (uint64_t) from->l_len - 1,
    .owner = owner,
    .pid = (uint32_t) from->l_pid,
  };
}

static void
set (fuse_req_t req, FtsFile *file, const FtsLock *lock, bool wait)
{
  FtsLocking *locking = file->fs->locking;

  if (wait && lock->type != FTS_LOCK_NONE)
    fts_locking_wait (locking, req, file, lock);
  else
    fuse_reply_err (req, fts_locking_set (locking, file, lock));
}

void
fts_op_setlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
              struct flock *wish, int sleep)
{
  FtsLock lock = lock_of (wish, fi->lock_owner);

  set (req, fts_file_of (fi), &lock, sleep);
}

void
fts_op_flock (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
  FtsLock lock = {
    .type = op & LOCK_SH   ? FTS_LOCK_READ
            : op & LOCK_EX ? FTS_LOCK_WRITE
                           : FTS_LOCK_NONE,
    .kind = FTS_LOCK_FLOCK,
    .end = INT64_MAX,
    .owner = fi->lock_owner,
    .pid = (uint32_t) fuse_req_ctx (req)->pid,
  };

  set (req, fts_file_of (fi), &lock, !(op & LOCK_NB));
}

static struct flock
flock_of (const FtsLock *lock)
{
  return (struct flock){
    .l_type = lock->type == FTS_LOCK_READ    ? F_RDLCK
              : lock->type == FTS_LOCK_WRITE ? F_WRLCK
                                             : F_UNLCK,
    .l_whence = SEEK_SET,
    .l_start = (off_t) lock->start,
    .l_len = lock->end == INT64_MAX ? 0 : (off_t) (lock->end - lock->start + 1),
    .l_pid = (pid_t) lock->pid,
  };
}

void
fts_op_getlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
              struct flock *wish)
{
  FtsFile *file = fts_file_of (fi);
  FtsLock lock = lock_of (wish, fi->lock_owner), found;
  GError *error = NULL;

  if (!fts_client_test_lock (file->fs->client, &file->inode->handle, file->open_id,
                             &lock, &found, &error)) {
    fts_fs_fail (req, error);
    return;
  }
  struct flock answer = flock_of (&found);
  fuse_reply_lock (req, &answer);
}
