/* ops_names.c - names: lookup and forget; all that makes, links, renames and removes files. */
#include "base/error.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* After a change of the names in DIRECTORY by ourselves, begun at clock AT; the peer told its
 * state afterwards. */
static void
names_changed (FtsFs *fs, FtsInode *directory, const FtsAttr *after, uint64_t at)
{
  fts_inode_set_after (directory, after, at, fts_fs_tick (fs));
}

/* ---- lookup, forget ---- */

/* "There is no such name" may be remembered too: an entry without a node. */
static void
reply_absent (fuse_req_t req, double timeout)
{
  struct fuse_entry_param none = { .entry_timeout = timeout };

  fuse_reply_entry (req, &none);
}

static void
reply_lookup_error (fuse_req_t req, const FtsPlaceOfEntry *place, bool watched,
                    GError *error)
{
  FtsFs *fs = fts_fs_of (req);

  if (fs->options->negative_timeout > 0 && g_error_matches (error, FTS_ERRNO, ENOENT)) {
    g_error_free (error);
    fts_absent_note_miss (fs->absent, place->parent->id);
    reply_absent (req, fts_fs_entry_seconds (fs, place, NULL, watched));
    return;
  }
  fts_fs_fail (req, error);
}

/* Asks for all names of PARENT; in trouble with that each name is looked up as before. */
static void
ask_names (fuse_req_t req, const FtsInode *parent)
{
  FtsFs *fs = fts_fs_of (req);
  FtsAbsentAsking asking = fts_absent_begin (fs->absent, parent->id);
  FtsWho who;

  bool watched = false;
  uint64_t at = fts_fs_now (fs);
  g_autoptr (GArray) hashes =
    fts_client_names (fs->client, fts_fs_caller (req, &who), &parent->handle,
                      FTS_ABSENT_NAMES, &watched, NULL);
  watched = watched && fts_inodes_are_trusted (fs->inodes, at);
  fts_absent_publish (fs->absent, &asking, hashes ? (void *) hashes->data : NULL,
                      hashes ? hashes->len : 0, watched);
}

static FtsAbsentTrust
trust_of (const FtsFs *fs)
{
  double us = MIN (fs->options->negative_timeout, 1e6) * G_USEC_PER_SEC;
  double watched_us = MIN (fs->options->watch_timeout, 1e6) * G_USEC_PER_SEC;

  return (FtsAbsentTrust){ (int64_t) us, (int64_t) MAX (us, watched_us),
                           FTS_ABSENT_BURST_US };
}

/* Answers that there is no NAME when that is known.  Where the directory is watched the kernel
 * asks us each time: it could not be told that one name among all is there now. */
static bool
is_known_absent (fuse_req_t req, const FtsInode *parent, const char *name)
{
  FtsFs *fs = fts_fs_of (req);
  const FtsAbsentTrust trust = trust_of (fs);
  int64_t left_us;

  if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0 || strlen (name) > NAME_MAX)
    return false;
  FtsAbsentVerdict verdict =
    fts_absent_judge (fs->absent, parent->id, name, &trust, &left_us);
  if (verdict == FTS_ABSENT_ASK_NAMES) {
    ask_names (req, parent);
    verdict = fts_absent_judge (fs->absent, parent->id, name, &trust, &left_us);
  }
  if (verdict != FTS_ABSENT_YES)
    return false;
  reply_absent (req, (double) left_us / G_USEC_PER_SEC);
  return true;
}

/* "." asks, for an NFS export, about a number the kernel remembers from a file handle. */
static bool
lookup (fuse_req_t req, FtsInode *parent, const char *name, FtsNode *node,
        GError **error)
{
  FtsFs *fs = fts_fs_of (req);
  FtsWho who;

  if (strcmp (name, ".") == 0) {
    node->handle = parent->handle;
    return fts_client_getattr (fs->client, fts_fs_caller (req, &who), &parent->handle,
                               0, &node->attr, error);
  }
  return fts_client_lookup (fs->client, fts_fs_caller (req, &who), &parent->handle,
                            name, node, error);
}

void
fts_op_lookup (fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
  uint64_t at = fts_fs_now (fts_fs_of (req));
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  const FtsPlaceOfEntry place = { parent, name, at };
  FtsNode node = { 0 };
  GError *error = NULL;

  if (parent == NULL || is_known_absent (req, parent, name))
    return;
  if (lookup (req, parent, name, &node, &error))
    fts_fs_entry (req, &place, &node, at);
  else
    reply_lookup_error (req, &place, node.attr.flags & FTS_ATTR_WATCHED, error);
}

void
fts_op_forget (fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
  fts_inodes_forget (fts_fs_of (req)->inodes, ino, n);
  fuse_reply_none (req);
}

void
fts_op_forget_multi (fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
  for (size_t i = 0; i < count; i++)
    fts_inodes_forget (fts_fs_of (req)->inodes, forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none (req);
}

/* ---- making ----
 * A name may be there now also when making it failed: the answer could have been lost. */
static void
reply_made (fuse_req_t req, const FtsPlaceOfEntry *place, bool well,
            const FtsNode *node, GError *error)
{
  fts_absent_add (fts_fs_of (req)->absent, place->parent->id, place->name);
  if (!well) {
    fts_fs_fail (req, error);
    return;
  }
  names_changed (fts_fs_of (req), place->parent, &node->dir, place->asked);
  fts_fs_entry (req, place, node, fts_fs_now (fts_fs_of (req)));
}

void
fts_op_mknod (fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode,
              dev_t rdev)
{
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  uint64_t at = fts_fs_now (fts_fs_of (req));
  GError *error = NULL;
  FtsNode node;
  FtsWho who;

  if (parent == NULL)
    return;
  bool well =
    fts_client_mknod (fts_fs_of (req)->client, fts_fs_caller (req, &who),
                      &parent->handle, name, (uint32_t) mode, rdev, &node, &error);
  const FtsPlaceOfEntry place = { parent, name, at };
  reply_made (req, &place, well, &node, error);
}

/* The inode of a new directory, counted once more until the kernel has it. */
static FtsInode *
learn_made (FtsFs *fs, const FtsNode *node, int64_t start_us, uint64_t at)
{
  FtsInode *made = fts_inodes_learn (fs->inodes, &node->handle);

  if (node->exact && fts_inodes_unknown (fs->inodes) <= at)
    fts_absent_set_empty (fs->absent, made->id, start_us,
                          node->attr.flags & FTS_ATTR_WATCHED &&
                            fts_inodes_are_trusted (fs->inodes, at));
  return made;
}

void
fts_op_mkdir (fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode)
{
  FtsFs *fs = fts_fs_of (req);
  int64_t start_us = g_get_monotonic_time ();
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  uint64_t at = fts_fs_now (fs);
  GError *error = NULL;
  FtsNode node;
  FtsWho who;

  if (parent == NULL)
    return;
  bool well = fts_client_mkdir (fs->client, fts_fs_caller (req, &who), &parent->handle,
                                name, (uint32_t) mode, &node, &error);
  g_autoptr (FtsInode) made = well ? learn_made (fs, &node, start_us, at) : NULL;
  const FtsPlaceOfEntry place = { parent, name, at };
  reply_made (req, &place, well, &node, error);
  if (made)
    fts_inodes_forget (fs->inodes, made->id, 1);
}

void
fts_op_symlink (fuse_req_t req, const char *target, fuse_ino_t parent_ino,
                const char *name)
{
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  uint64_t at = fts_fs_now (fts_fs_of (req));
  GError *error = NULL;
  FtsNode node;
  FtsWho who;

  if (parent == NULL)
    return;
  bool well = fts_client_symlink (fts_fs_of (req)->client, fts_fs_caller (req, &who),
                                  &parent->handle, name, target, &node, &error);
  const FtsPlaceOfEntry place = { parent, name, at };
  reply_made (req, &place, well, &node, error);
}

void
fts_op_link (fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent_ino, const char *name)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) file = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsNode node;
  FtsWho who;

  if (file == NULL)
    return;
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  if (parent == NULL)
    return;
  fts_fs_drain (fs, file);
  uint64_t at = fts_fs_now (fs);
  bool well = fts_client_link (fs->client, fts_fs_caller (req, &who), &file->handle,
                               &parent->handle, name, &node, &error);
  fts_inode_set_changed (file, fts_fs_tick (fs), false);
  const FtsPlaceOfEntry place = { parent, name, at };
  reply_made (req, &place, well, &node, error);
}

/* ---- removing and renaming ---- */
static void
name_went (FtsFs *fs)
{
  atomic_store (&fs->names_went, fts_fs_tick (fs));
  fts_ahead_drop (fs->ahead, 0);
}

typedef bool (*Remove) (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *parent, const char *name, FtsAttr *dir,
                        GError **error);

static void
remove_name (fuse_req_t req, fuse_ino_t parent_ino, const char *name, Remove how)
{
  FtsFs *fs = fts_fs_of (req);
  uint64_t at = fts_fs_now (fs);
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  GError *error = NULL;
  FtsAttr after;
  FtsWho who;

  if (parent == NULL)
    return;
  bool well =
    how (fs->client, fts_fs_caller (req, &who), &parent->handle, name, &after, &error);
  if (well) {
    name_went (fs);
    names_changed (fs, parent, &after, at);
    fts_inodes_move_name (fs->inodes, parent, name, NULL, NULL);
  }
  fts_fs_done (req, well, error);
}

void
fts_op_unlink (fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
  remove_name (req, parent_ino, name, fts_client_unlink);
}

void
fts_op_rmdir (fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
  remove_name (req, parent_ino, name, fts_client_rmdir);
}

/* The kernel keeps what it knew of a name under the new one. */
static void
note_renamed (FtsFs *fs, FtsInode *parent, const char *name, FtsInode *new_parent,
              const char *new_name, unsigned flags)
{
  if (flags & RENAME_EXCHANGE)
    fts_inodes_exchange_names (fs->inodes, parent, name, new_parent, new_name);
  else
    fts_inodes_move_name (fs->inodes, parent, name, new_parent, new_name);
}

void
fts_op_rename (fuse_req_t req, fuse_ino_t parent_ino, const char *name,
               fuse_ino_t new_parent_ino, const char *new_name, unsigned int flags)
{
  FtsFs *fs = fts_fs_of (req);
  uint64_t at = fts_fs_now (fs);
  g_autoptr (FtsInode) parent = fts_fs_inode (req, parent_ino);
  FtsAttr after, new_after;
  GError *error = NULL;
  FtsWho who;

  if (parent == NULL)
    return;
  g_autoptr (FtsInode) new_parent = fts_fs_inode (req, new_parent_ino);
  if (new_parent == NULL)
    return;
  bool well = fts_client_rename (fs->client, fts_fs_caller (req, &who), &parent->handle,
                                 name, &new_parent->handle, new_name, flags, &after,
                                 &new_after, &error);
  fts_absent_add (fs->absent, new_parent->id, new_name);
  if (well) {
    name_went (fs);
    names_changed (fs, parent, &after, at);
    if (new_parent != parent)
      names_changed (fs, new_parent, &new_after, at);
    note_renamed (fs, parent, name, new_parent, new_name, flags);
  }
  fts_fs_done (req, well, error);
}

void
fts_op_readlink (fuse_req_t req, fuse_ino_t ino)
{
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsWho who;

  if (inode == NULL)
    return;
  g_autofree char *target = fts_client_readlink (
    fts_fs_of (req)->client, fts_fs_caller (req, &who), &inode->handle, &error);
  if (target)
    fuse_reply_readlink (req, target);
  else
    fts_fs_fail (req, error);
}
