#include "prog/ftsfs/fs.h"

#include "base/error.h"
#include "fts/interrupt.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/option_cache.h"

#include <errno.h>
#include <sys/sysmacros.h>

#define WARN_EVERY_US (10 * G_USEC_PER_SEC)

FtsFs *
fts_fs_of (fuse_req_t req)
{
  return fuse_req_userdata (req);
}

uint64_t
fts_fs_now (FtsFs *fs)
{
  return atomic_load (&fs->clock);
}

uint64_t
fts_fs_tick (FtsFs *fs)
{
  return atomic_fetch_add (&fs->clock, 1) + 1;
}

const FtsCaller *
fts_fs_caller (fuse_req_t req, FtsWho *who)
{
  const struct fuse_ctx *ctx = fuse_req_ctx (req);

  who->caller = (FtsCaller){ .uid = ctx->uid, .gid = ctx->gid, .groups = who->groups };
  if (fts_fs_of (req)->passes_umask)
    who->caller.umask = ctx->umask;
  if (ctx->uid != 0) {
    gid_t groups[FTS_GROUPS_MAX];
    int n = fuse_req_getgroups (req, FTS_GROUPS_MAX, groups);
    for (int i = 0; i < n && i < (int) FTS_GROUPS_MAX; i++)
      who->groups[who->caller.n_groups++] = groups[i];
  }
  fts_people_send (&fts_fs_of (req)->people, &who->caller, who->groups);
  return &who->caller;
}

/* ---- errors ---- */
static void
warn_now_and_then (FtsFs *fs, const GError *error)
{
  int64_t now = g_get_monotonic_time ();
  int64_t last = atomic_load (&fs->warned_us);

  if (last != 0 && now - last < WARN_EVERY_US)
    return;
  if (atomic_compare_exchange_strong (&fs->warned_us, &last, now))
    g_warning ("%s: %s", fs->options->source, error->message);
}

int
fts_fs_errno (FtsFs *fs, const GError *error)
{
  int errnum = fts_error_to_errno (error);

  if (errnum == EINTR && fts_interrupt_limit () > 0)
    return EHOSTDOWN;
  if (error->domain == FTS_ERRNO)
    return errnum;
  warn_now_and_then (fs, error);
  switch (errnum) {
  case ENOENT:
    return EHOSTDOWN;
  case EACCES:
  case EPERM:
  case EINVAL:
  case ENOSPC:
  case EBUSY:
    return EIO;
  default:
    return errnum;
  }
}

void
fts_fs_limit_wait (FtsFs *fs)
{
  fts_interrupt_set_limit (FTS_KNOWN_WAIT_MS);
  if (fts_client_is_away (fs->client))
    fts_interrupt_raise_own ();
}

bool
fts_fs_is_trouble (const GError *error)
{
  return error->domain != FTS_ERRNO || error->code == EINTR;
}

void
fts_fs_fail (fuse_req_t req, GError *error)
{
  fuse_reply_err (req, fts_fs_errno (fts_fs_of (req), error));
  g_error_free (error);
}

void
fts_fs_done (fuse_req_t req, bool well, GError *error)
{
  if (well)
    fuse_reply_err (req, 0);
  else
    fts_fs_fail (req, error);
}

/* ---- nodes ---- */
FtsInode *
fts_fs_inode (fuse_req_t req, fuse_ino_t ino)
{
  FtsInode *inode = fts_inodes_find (fts_fs_of (req)->inodes, ino);

  if (inode == NULL)
    fuse_reply_err (req, ESTALE);
  return inode;
}

void
fts_fs_stat (const FtsFs *fs, const FtsAttr *attr, struct stat *out)
{
  *out = (struct stat){
    .st_ino = attr->ino,
    .st_mode = attr->mode,
    .st_nlink = attr->nlink,
    .st_uid = attr->uid,
    .st_gid = attr->gid,
    .st_rdev = attr->rdev,
    .st_size = (off_t) attr->size,
    .st_blocks = (blkcnt_t) attr->blocks,
    .st_blksize = (blksize_t) attr->blksize,
    .st_atim = { attr->atime.sec, attr->atime.nsec },
    .st_mtim = { attr->mtime.sec, attr->mtime.nsec },
    .st_ctim = { attr->ctime.sec, attr->ctime.nsec },
  };
  fts_people_show (&fs->people, out);
}

/* ATTR is what is known of INODE, however old; ino 0 = nothing. */
static double
attr_seconds (const FtsFs *fs, FtsInode *inode, const FtsAttr *attr)
{
  double age_s = 0;

  if (attr->ino != 0)
    age_s = (double) (g_get_real_time () / G_USEC_PER_SEC - attr->mtime.sec);
  double seconds = fts_option_cache_seconds (fs->options, S_ISDIR (attr->mode), age_s);
  return seconds > 0 && fts_inode_is_kept (inode)
           ? MAX (seconds, fs->options->watch_timeout)
           : seconds;
}

double
fts_fs_attr_seconds (const FtsFs *fs, FtsInode *inode)
{
  FtsAttr attr;

  fts_inode_last_known (inode, &attr);
  return attr_seconds (fs, inode, &attr);
}

double
fts_fs_answer_seconds (const FtsFs *fs, FtsInode *inode, uint64_t asked)
{
  return fts_inode_pushed (inode) > asked ? 0 : fts_fs_attr_seconds (fs, inode);
}

int64_t
fts_fs_attr_timeout_us (const FtsFs *fs, FtsInode *inode)
{
  return (int64_t) (MIN (fts_fs_attr_seconds (fs, inode), 1e6) * G_USEC_PER_SEC);
}

void
fts_fs_note_known (FtsFs *fs, FtsInode *inode, const FtsAttr *attr, uint64_t asked)
{
  fts_inode_set_known (inode, attr, asked,
                       attr->flags & FTS_ATTR_WATCHED &&
                         fts_inodes_are_trusted (fs->inodes, asked));
}

/* Attributes the peer gave at clock AT are older than what this mount did since. */
static bool
is_outdated (FtsFs *fs, FtsInode *inode, uint64_t at)
{
  return (fs->behind && fts_behind_is_dirty (fs->behind, inode)) ||
         fts_inode_changed (inode) > at;
}

/* Asks anew until nobody changed the file meanwhile; a file under constant writing gets the
 * newest after three tries. */
static void
refresh (FtsFs *fs, FtsInode *inode, FtsNode *node, uint64_t *at)
{
  const FtsCaller nobody = { 0 };

  for (int i = 0; i < 3 && is_outdated (fs, inode, *at); i++) {
    fts_fs_drain (fs, inode);
    *at = fts_fs_now (fs);
    if (!fts_client_getattr (fs->client, &nobody, &inode->handle, 0, &node->attr, NULL))
      return;
  }
}

double
fts_fs_entry_seconds (FtsFs *fs, const FtsPlaceOfEntry *place, FtsInode *inode,
                      bool watched)
{
  const FtsMountOptions *options = fs->options;
  double seconds = inode ? options->entry_timeout : options->negative_timeout;
  double most = MAX (seconds, options->watch_timeout);

  return watched && seconds > 0 &&
             fts_inodes_keep_name (fs->inodes, place->parent, place->name, inode,
                                   place->asked, most)
           ? most
           : seconds;
}

void
fts_fs_tell (FtsFs *fs, FtsInode *inode, const FtsAttr *attr, uint64_t asked,
             struct fuse_entry_param *out)
{
  fts_fs_note_known (fs, inode, attr, asked);
  fts_inode_set_told (inode, attr);
  *out = (struct fuse_entry_param){
    .ino = inode->id,
    .attr_timeout =
      fts_inode_pushed (inode) > asked ? 0 : attr_seconds (fs, inode, attr),
  };
  fts_fs_stat (fs, attr, &out->attr);
}

FtsInode *
fts_fs_learn (FtsFs *fs, const FtsPlaceOfEntry *place, FtsNode *node, uint64_t at,
              struct fuse_entry_param *out)
{
  FtsInode *inode = fts_inodes_learn (fs->inodes, &node->handle);
  bool name_watched = node->attr.flags & FTS_ATTR_WATCHED;
  uint64_t fresh = at;

  refresh (fs, inode, node, &fresh);
  fts_fs_tell (fs, inode, &node->attr, fresh == at ? place->asked : fresh, out);
  out->entry_timeout = fts_fs_entry_seconds (fs, place, inode, name_watched);
  return inode;
}

void
fts_fs_entry (fuse_req_t req, const FtsPlaceOfEntry *place, const FtsNode *node,
              uint64_t at)
{
  FtsFs *fs = fts_fs_of (req);
  FtsNode copy = *node;
  struct fuse_entry_param entry;
  g_autoptr (FtsInode) inode = fts_fs_learn (fs, place, &copy, at, &entry);

  if (fuse_reply_entry (req, &entry) != 0) /* the caller went away: the kernel forgot */
    fts_inodes_forget (fs->inodes, inode->id, 1);
}

/* ---- the session ---- */
static void
want (struct fuse_conn_info *conn, unsigned capability, bool wish)
{
  if (wish)
    conn->want |= conn->capable & capability;
  else
    conn->want &= ~capability;
}

static void
on_init (void *userdata, struct fuse_conn_info *conn)
{
  FtsFs *fs = userdata;

  want (conn, FUSE_CAP_ASYNC_READ, true);
  want (conn, FUSE_CAP_PARALLEL_DIROPS, true);
  want (conn, FUSE_CAP_ATOMIC_O_TRUNC, true);
  want (conn, FUSE_CAP_AUTO_INVAL_DATA, true);
  want (conn, FUSE_CAP_READDIRPLUS, true);
  /* A page of names brings the attributes along anyway. */
  want (conn, FUSE_CAP_READDIRPLUS_AUTO, false);
  want (conn, FUSE_CAP_EXPORT_SUPPORT, true);
  /* What a symlink says never changes. */
  want (conn, FUSE_CAP_CACHE_SYMLINKS, true);
  /* It would keep sizes of its own and overrule the peer's. */
  want (conn, FUSE_CAP_WRITEBACK_CACHE, false);
  want (conn, FUSE_CAP_SPLICE_READ, false);
  /* Without both the kernel would judge by the mode alone, where an ACL says otherwise. */
  want (conn, FUSE_CAP_POSIX_ACL,
        !fs->options->no_xattr && !fts_people_hide_acl (&fs->people));
  want (conn, FUSE_CAP_DONT_MASK, true);
  fs->passes_umask = conn->want & FUSE_CAP_DONT_MASK;
  conn->max_write = FTS_BUFFER_LEN;
  /* Readahead may not take all threads: others want to work beside a stream. */
  conn->max_background = MAX (fs->options->threads, 6) - 2;
  if (fs->options->readahead_kb > 0)
    conn->max_readahead = fs->options->readahead_kb * 1024;
  if (fs->on_init)
    fs->on_init (fs->on_init_data);
}

const struct fuse_lowlevel_ops fts_fs_ops = {
  .init = on_init,
  .lookup = fts_op_lookup,
  .forget = fts_op_forget,
  .forget_multi = fts_op_forget_multi,
  .getattr = fts_op_getattr,
  .setattr = fts_op_setattr,
  .readlink = fts_op_readlink,
  .mknod = fts_op_mknod,
  .mkdir = fts_op_mkdir,
  .unlink = fts_op_unlink,
  .rmdir = fts_op_rmdir,
  .symlink = fts_op_symlink,
  .rename = fts_op_rename,
  .link = fts_op_link,
  .open = fts_op_open,
  .create = fts_op_create,
  .read = fts_op_read,
  .write = fts_op_write,
  .flush = fts_op_flush,
  .fsync = fts_op_fsync,
  .release = fts_op_release,
  .getlk = fts_op_getlk,
  .setlk = fts_op_setlk,
  .flock = fts_op_flock,
  .fallocate = fts_op_fallocate,
  .lseek = fts_op_lseek,
  .copy_file_range = fts_op_copy_file_range,
  .setxattr = fts_op_setxattr,
  .getxattr = fts_op_getxattr,
  .listxattr = fts_op_listxattr,
  .removexattr = fts_op_removexattr,
  .opendir = fts_op_opendir,
  .readdir = fts_op_readdir,
  .readdirplus = fts_op_readdirplus,
  .releasedir = fts_op_releasedir,
  .fsyncdir = fts_op_fsyncdir,
  .statfs = fts_op_statfs,
  .ioctl = fts_op_ioctl,
};
