/* ops_control.c - ioctl: questions to the daemon about the mount itself.  The kernel copies in and
 * out what the command's number says.  All others are no commands here, as on most file systems. */
#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/remount.h"

#include <errno.h>
#include <unistd.h>

void
fts_op_ioctl (fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
              struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_len,
              size_t out_len)
{
  const struct fuse_ctx *ctx = fuse_req_ctx (req);

  if (cmd != FTS_REMOUNT_ASK || in_len != sizeof (FtsRemountAsk) ||
      out_len != sizeof (FtsRemountAsk)) {
    fuse_reply_err (req, ENOTTY);
    return;
  }
  if (ctx->uid != 0 && ctx->uid != getuid ()) {
    fuse_reply_err (req, EPERM);
    return;
  }
  g_autofree FtsRemountAsk *ask = g_memdup2 (in, sizeof (FtsRemountAsk));
  fts_remount_judge (fts_fs_of (req)->options, ask);
  fuse_reply_ioctl (req, 0, ask, sizeof *ask);
}
