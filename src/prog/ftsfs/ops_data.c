/* ops_data.c - open files: open, create, read, write, flush, fsync, release.  The kernel's handle is an FtsFile;
 * close-to-open is decided at open. */
#include "base/error.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/locking.h"
#include "prog/ftsfs/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- open and create ---- */
/* Is what the kernel has cached of the file still right?  Drops stale attributes; stale data go
 * when the kernel opens without keep_cache. */
static bool
check_cached (FtsFs *fs, FtsInode *inode, const FtsAttr *attr)
{
  bool same = fts_inode_set_version (inode, attr);

  if (fts_inode_told_other (inode, attr))
    fuse_lowlevel_notify_inval_inode (fs->session, inode->id, -1, 0);
  return same;
}

/* Through its cache the kernel sends an append in one piece a page, and another host's could come
 * between.  A file with set-id bits stays with it, as only that way takes them away. */
static bool
passes_by_cache (const FtsFs *fs, int flags, const FtsAttr *attr)
{
  if (fs->options->data_cache == FTS_DATA_CACHE_NONE)
    return true;
  return (flags & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND) &&
         (attr->mode & (S_ISUID | S_ISGID)) == 0;
}

static void
reply_open (fuse_req_t req, FtsFile *file, struct fuse_file_info *fi)
{
  fi->fh = (uintptr_t) file;
  if (fuse_reply_open (req, fi) != 0)
    fts_file_free (file);
}

void
fts_op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsAheadFile opened;
  FtsWho who;

  if (inode == NULL)
    return;
  fts_fs_drain (fs, inode);
  const FtsOpening opening = { inode, fts_fs_caller (req, &who), fi->flags };
  if (!fts_opening_run (fs, &opening, &opened, &error)) {
    fts_fs_fail (req, error);
    return;
  }
  g_autoptr (GByteArray) first = opened.first;
  if (fi->flags & O_TRUNC)
    fts_inode_set_changed (inode, fts_fs_tick (fs), true);
  else
    fts_fs_note_known (fs, inode, &opened.attr, opened.at);
  fi->keep_cache = check_cached (fs, inode, &opened.attr) ||
                   fs->options->data_cache == FTS_DATA_CACHE_KEEP;
  fi->direct_io = passes_by_cache (fs, fi->flags, &opened.attr);
  FtsFile *file =
    fts_file_new (fs, g_steal_pointer (&inode), opened.open_id, fi->flags);
  if (opened.eof && first->len > 0)
    fts_file_set_first (file, g_steal_pointer (&first), opened.at);
  reply_open (req, file, fi);
}

void
fts_op_create (fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
  FtsFs *fs = fts_fs_of (req);
  uint64_t at = fts_fs_now (fs);
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  struct fuse_entry_param entry;
  GError *error = NULL;
  uint64_t open_id = 0;
  FtsNode node;
  FtsWho who;

  if (parent == NULL)
    return;
  bool well = fts_client_create (fs->client, fts_fs_caller (req, &who), &parent->handle,
                                 name, (uint32_t) mode, fts_opening_flags (fi->flags),
                                 &node, &open_id, &error);
  fts_absent_add (fs->absent, parent->id, name); /* the answer could have been lost */
  if (!well) {
    fts_fs_fail (req, error);
    return;
  }
  fts_inode_set_after (parent, &node.dir, at, fts_fs_tick (fs));
  const FtsPlaceOfEntry place = { parent, name, at };
  g_autoptr (FtsInode) inode =
    fts_fs_learn (fs, &place, &node, fts_fs_now (fs), &entry);
  if (fi->flags & O_TRUNC)
    fts_inode_set_changed (inode, fts_fs_tick (fs), true);
  fi->keep_cache = fts_inode_set_version (inode, &node.attr);
  fi->direct_io = passes_by_cache (fs, fi->flags, &node.attr);
  FtsFile *file = fts_file_new (fs, fts_inode_ref (inode), open_id, fi->flags);
  fi->fh = (uintptr_t) file;
  if (fuse_reply_create (req, &entry, fi) != 0) {
    fts_inodes_forget (fs->inodes, inode->id, 1);
    fts_file_free (file);
  }
}

/* ---- reading ---- */
typedef struct {
  uint8_t *to;
  size_t len, got;
} Target;

static bool
copy_bytes (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  Target *target = user_data;

  if (len > target->len - target->got) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "more data than asked for");
    return false;
  }
  memcpy (target->to + target->got, data, len);
  target->got += len;
  return true;
}

static bool
read_all (const FtsFile *file, uint64_t offset, Target *target, GError **error)
{
  bool eof = false;

  while (target->got < target->len && !eof) {
    size_t before = target->got;
    if (!fts_client_read (file->fs->client, &file->inode->handle, file->open_id,
                          offset + before, target->len - before, copy_bytes, target,
                          &eof, error))
      return false;
    if (target->got == before)
      break;
  }
  return true;
}

void
fts_op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
             struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);
  FtsFs *fs = file->fs;
  Target target = { .len = MIN (size, FTS_BUFFER_LEN) };
  GError *error = NULL;

  fts_fs_drain (fs, file->inode);
  target.to = fts_buffers_take (fs->buffers);
  if (fts_file_read_first (file, (uint64_t) off, target.to, target.len, &target.got) ||
      read_all (file, (uint64_t) off, &target, &error))
    fuse_reply_buf (req, (const char *) target.to, target.got);
  else
    fts_fs_fail (req, error);
  fts_buffers_give (fs->buffers, target.to);
}

/* ---- writing ---- */
/* A part that was written before an error is told as such, but not with O_DIRECT: there the kernel
 * makes EIO of it, whatever the reason was. */
static void
write_now (fuse_req_t req, FtsFile *file, const uint8_t *bytes, size_t len,
           uint64_t offset, bool is_direct)
{
  size_t done = 0;

  fts_fs_drain (file->fs, file->inode);
  int error = fts_file_write (file, offset, bytes, len, &done);
  if (error && (done == 0 || is_direct))
    fuse_reply_err (req, error);
  else
    fuse_reply_write (req, done);
}

void
fts_op_write (fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
              struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);
  const uint8_t *bytes = (const uint8_t *) buf;
  int error = atomic_load (&file->error);

  if (error) {
    fuse_reply_err (req, error);
    return;
  }
  if (file->writes_wait || size > FTS_BUFFER_LEN) {
    write_now (req, file, bytes, size, (uint64_t) off, fi->flags & O_DIRECT);
    return;
  }
  if (fts_behind_write (file->fs->behind, file->inode, file, (uint64_t) off, bytes,
                        size))
    fuse_reply_write (req, size);
  else
    fuse_reply_err (req, EINTR);
}

void
fts_op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);

  bool is_clean = fts_fs_drain (file->fs, file->inode);
  fts_locking_end_owner (file->fs->locking, file, fi->lock_owner);
  int late = atomic_load (&file->error);
  fuse_reply_err (req, late == 0 && !is_clean ? EINTR : late);
}

void
fts_op_fsync (fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);
  GError *error = NULL;

  bool is_clean = fts_fs_drain (file->fs, file->inode);
  int late = atomic_load (&file->error);
  if (late || !is_clean) {
    late = late ? late : EINTR;
    fuse_reply_err (req, late);
    return;
  }
  bool well = fts_client_fsync (file->fs->client, &file->inode->handle, file->open_id,
                                datasync != 0, &error);
  fts_fs_done (req, well, error);
}

void
fts_op_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  FtsFile *file = fts_file_of (fi);

  fts_fs_drain (file->fs, file->inode); /* pages of a mapping come after flush */
  fts_locking_end_file (file->fs->locking, file);
  fts_file_free (file);
  fuse_reply_err (req, 0);
}
