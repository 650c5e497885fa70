/* ops_attr.c - attributes: getattr, setattr, statfs.  What was written behind goes to the peer first, so that
 * sizes and times are the peer's own. */
#include "base/error.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"

#include <errno.h>

static void
reply_attr (fuse_req_t req, FtsInode *inode, const FtsAttr *attr, double timeout)
{
  struct stat st;

  fts_fs_stat (fts_fs_of (req), attr, &st);
  fts_inode_set_told (inode, attr);
  fuse_reply_attr (req, &st, timeout);
}

/* The kernel asks anew after each change of its own and after reads; what the peer's answer to
 * that brought along will do, for as long as it would have been trusted anyway. */
static bool
reply_known (fuse_req_t req, FtsInode *inode)
{
  FtsFs *fs = fts_fs_of (req);
  int64_t left_us;
  FtsAttr attr;

  if (!fts_inode_get_known (inode, atomic_load (&fs->names_went),
                            fts_fs_attr_timeout_us (fs, inode), &attr, &left_us))
    return false;
  reply_attr (req, inode, &attr, (double) left_us / G_USEC_PER_SEC);
  return true;
}

/* Through the open file where the kernel names one: a file without a name any more may have no
 * other way.  By handle too: an open file does not survive the peer's restart, a handle does. */
static bool
ask (FtsFs *fs, const FtsInode *inode, const FtsFile *file, FtsAttr *attr,
     GError **error)
{
  const FtsCaller nobody = { 0 };

  if (file && fts_client_getattr (fs->client, &nobody, &inode->handle, file->open_id,
                                  attr, NULL))
    return true;
  return fts_client_getattr (fs->client, &nobody, &inode->handle, 0, attr, error);
}

/* The root of the mount is asked for by who lists the folder around it, or unmounts: they do not
 * wait for a peer that is away. */
static void
getattr_root (fuse_req_t req, FtsInode *root)
{
  FtsFs *fs = fts_fs_of (req);
  GError *error = NULL;
  FtsAttr attr;

  if (reply_known (req, root))
    return;
  fts_fs_limit_wait (fs);
  uint64_t at = fts_fs_now (fs);
  if (ask (fs, root, NULL, &attr, &error)) {
    fts_known_set_root (&fs->known, &attr);
    fts_fs_note_known (fs, root, &attr, at);
  } else if (!fts_fs_is_trouble (error) || !fts_known_root (&fs->known, &attr)) {
    fts_fs_fail (req, error);
    return;
  }
  g_clear_error (&error);
  reply_attr (req, root, &attr, fts_fs_answer_seconds (fs, root, at));
}

void
fts_op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsAttr attr;

  if (inode == NULL)
    return;
  if (ino == FTS_INODE_ROOT) {
    getattr_root (req, inode);
    return;
  }
  fts_fs_drain (fs, inode);
  if (reply_known (req, inode))
    return;
  uint64_t at = fts_fs_now (fs);
  if (!ask (fs, inode, fts_file_of (fi), &attr, &error)) {
    fts_fs_fail (req, error);
    return;
  }
  fts_fs_note_known (fs, inode, &attr, at);
  reply_attr (req, inode, &attr, fts_fs_answer_seconds (fs, inode, at));
}

/* FUSE_SET_ATTR_* to FTS_SET_*. */
static uint32_t
mask_of (int to_set)
{
  static const struct {
    int fuse;
    uint32_t fts;
  } map[] = {
    { FUSE_SET_ATTR_MODE, FTS_SET_MODE },
    { FUSE_SET_ATTR_UID, FTS_SET_UID },
    { FUSE_SET_ATTR_GID, FTS_SET_GID },
    { FUSE_SET_ATTR_SIZE, FTS_SET_SIZE },
    { FUSE_SET_ATTR_ATIME, FTS_SET_ATIME },
    { FUSE_SET_ATTR_MTIME, FTS_SET_MTIME },
    { FUSE_SET_ATTR_ATIME_NOW, FTS_SET_ATIME_NOW },
    { FUSE_SET_ATTR_MTIME_NOW, FTS_SET_MTIME_NOW },
  };
  uint32_t mask = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (map); i++)
    if (to_set & map[i].fuse)
      mask |= map[i].fts;
  /* The kernel says "now" together with the plain bit. */
  if (mask & FTS_SET_ATIME_NOW)
    mask &= ~(uint32_t) FTS_SET_ATIME;
  if (mask & FTS_SET_MTIME_NOW)
    mask &= ~(uint32_t) FTS_SET_MTIME;
  return mask;
}

static FtsAttr
wish_of (const struct stat *st)
{
  return (FtsAttr){
    .mode = st->st_mode,
    .uid = st->st_uid,
    .gid = st->st_gid,
    .size = (uint64_t) st->st_size,
    .atime = { st->st_atim.tv_sec, (uint32_t) st->st_atim.tv_nsec },
    .mtime = { st->st_mtim.tv_sec, (uint32_t) st->st_mtim.tv_nsec },
  };
}

/* Somebody else's write or truncation takes the set-id bits away: the kernel sends that as a change
 * of mode by the writer, which the peer refuses.  A wish of his own never comes so far: the kernel
 * lets only the owner change a mode. */
static bool
is_drop_of_set_id (FtsFs *fs, const FtsInode *inode, const FtsCaller *caller,
                   const FtsAttr *wish, FtsAttr *now)
{
  const FtsCaller nobody = { 0 };

  if (!fts_client_getattr (fs->client, &nobody, &inode->handle, 0, now, NULL))
    return false;
  uint32_t dropped = (now->mode ^ wish->mode) & 07777;
  return now->uid != caller->uid && dropped != 0 && !(dropped & ~now->mode) &&
         !(dropped & ~(uint32_t) (S_ISUID | S_ISGID));
}

/* Then the owner does it: nothing but bits that are set go. */
static bool
set_attr (FtsFs *fs, const FtsInode *inode, const FtsCaller *caller, uint64_t open_id,
          uint32_t mask, const FtsAttr *wish, FtsAttr *attr, GError **error)
{
  g_autoptr (GError) failed = NULL;
  FtsAttr now;

  if (fts_client_setattr (fs->client, caller, &inode->handle, open_id, mask, wish, attr,
                          &failed))
    return true;
  if (!(mask & FTS_SET_MODE) || !g_error_matches (failed, FTS_ERRNO, EPERM) ||
      !is_drop_of_set_id (fs, inode, caller, wish, &now)) {
    g_propagate_error (error, g_steal_pointer (&failed));
    return false;
  }
  const FtsCaller owner = { .uid = now.uid, .gid = now.gid };
  uint32_t rest = mask & ~(uint32_t) FTS_SET_MODE;
  return fts_client_setattr (fs->client, &owner, &inode->handle, 0, FTS_SET_MODE, wish,
                             attr, error) &&
         (rest == 0 || fts_client_setattr (fs->client, caller, &inode->handle, open_id,
                                           rest, wish, attr, error));
}

void
fts_op_setattr (fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
                struct fuse_file_info *fi)
{
  FtsFs *fs = fts_fs_of (req);
  const FtsFile *file = fts_file_of (fi);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  FtsAttr wish = wish_of (st), attr = { 0 };
  GError *error = NULL;
  FtsWho who;

  if (inode == NULL)
    return;
  fts_idmap_attr_to_there (&fs->people.map, &wish);
  fts_fs_drain (fs, inode);
  uint64_t at = fts_fs_now (fs);
  bool well = set_attr (fs, inode, fts_fs_caller (req, &who), file ? file->open_id : 0,
                        mask_of (to_set), &wish, &attr, &error);
  if (to_set & FUSE_SET_ATTR_SIZE)
    fts_inode_set_changed (inode, at, true);
  fts_inode_set_after (inode, &attr, at, fts_fs_tick (fs));
  if (well)
    reply_attr (req, inode, &attr, fts_fs_answer_seconds (fs, inode, at));
  else
    fts_fs_fail (req, error);
}

void
fts_op_statfs (fuse_req_t req, fuse_ino_t ino)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsStatfs in;

  if (inode == NULL)
    return;
  fts_fs_limit_wait (fs);
  if (fts_client_statfs (fs->client, &inode->handle, &in, &error))
    fts_known_set_statfs (&fs->known, &in);
  else if (!fts_fs_is_trouble (error) || !fts_known_statfs (&fs->known, &in)) {
    fts_fs_fail (req, error);
    return;
  }
  g_clear_error (&error);
  struct statvfs out = {
    .f_bsize = in.bsize,
    .f_frsize = in.frsize,
    .f_blocks = in.blocks,
    .f_bfree = in.bfree,
    .f_bavail = in.bavail,
    .f_files = in.files,
    .f_ffree = in.ffree,
    .f_favail = in.favail,
    .f_namemax = in.namemax,
  };
  fuse_reply_statfs (req, &out);
}
