/* attr.c - see attr.h. */
#include "fts/attr.h"

#include "fts/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static FtsTime
time_of (const struct statx_timestamp *t)
{
  return (FtsTime){ t->tv_sec, t->tv_nsec };
}

void
fts_attr_from_statx (const struct statx *stx, FtsAttr *out, FtsFileId *id)
{
  bool born = stx->stx_mask & STATX_BTIME;

  *out = (FtsAttr){
    .ino = stx->stx_ino,
    .mode = stx->stx_mode,
    .nlink = stx->stx_nlink,
    .uid = stx->stx_uid,
    .gid = stx->stx_gid,
    .rdev = makedev (stx->stx_rdev_major, stx->stx_rdev_minor),
    .size = stx->stx_size,
    .blocks = stx->stx_blocks,
    .blksize = stx->stx_blksize,
    .atime = time_of (&stx->stx_atime),
    .mtime = time_of (&stx->stx_mtime),
    .ctime = time_of (&stx->stx_ctime),
  };
  if (born)
    out->btime = time_of (&stx->stx_btime);
  if (id != NULL)
    *id = (FtsFileId){
      .dev = makedev (stx->stx_dev_major, stx->stx_dev_minor),
      .ino = stx->stx_ino,
      .btime_sec = out->btime.sec,
      .btime_nsec = out->btime.nsec,
    };
}

int
fts_attr_load (int fd, FtsAttr *out, FtsFileId *id)
{
  struct statx stx;

  if (statx (fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
             STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
    return errno;
  fts_attr_from_statx (&stx, out, id);
  return 0;
}

/* A bare descriptor (O_PATH) is asked by way of /proc.  ACL are listed, too. */
void
fts_attr_look_closer (int fd, FtsAttr *attr)
{
  char path[FTS_FD_PATH_LEN];
  ssize_t len = flistxattr (fd, NULL, 0);

  if (len < 0 && errno == EBADF) {
    fts_caller_path_of_fd (fd, path);
    len = listxattr (path, NULL, 0);
  }
  if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
    attr->flags |= FTS_ATTR_PLAIN;
}
