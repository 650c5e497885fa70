/* ops_xattr.c - extended attributes and, through them, POSIX ACL.
 *
 * The kernel judges access by ACL itself: it reads system.posix_acl_access when the mode alone
 * does not decide, and keeps it as long as attributes.  It also asks for security.capability
 * before each write; that a file has none is remembered as long as attributes, as the peer takes
 * capabilities away at a write anyway.  Most files have no extended attribute at all: the peer tells
 * so with their attributes, and for as long as those are trusted it is not asked. */
#include "base/error.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <string.h>

static bool
is_capability (const char *name)
{
  return strcmp (name, XATTR_NAME_CAPS) == 0;
}

static bool
is_acl (const char *name)
{
  return strcmp (name, XATTR_NAME_POSIX_ACL_ACCESS) == 0 ||
         strcmp (name, XATTR_NAME_POSIX_ACL_DEFAULT) == 0;
}

static void
reply_value (fuse_req_t req, const GByteArray *value, size_t len, size_t room)
{
  if (room == 0)
    fuse_reply_xattr (req, len);
  else
    fuse_reply_buf (req, (const char *) value->data, value->len);
}

static void
note_no_capability (FtsFs *fs, FtsInode *inode)
{
  fts_inode_set_no_capability (inode, g_get_monotonic_time () +
                                        fts_fs_attr_timeout_us (fs, inode));
}

static bool
is_plain (FtsFs *fs, FtsInode *inode)
{
  return fts_inode_is_plain (inode, fts_fs_attr_timeout_us (fs, inode));
}

/* What asking for NAME gives on a file that has no extended attributes at all: 0 when that is the
 * peer's to say.  The kernel and `ls` ask each file for ACL, and `ls` for its label, too, unless it
 * has been told that there is no such thing here: a server without SELinux has none. */
static int
errno_of_plain (const char *name)
{
  if (is_acl (name) || is_capability (name))
    return ENODATA;
  return strcmp (name, XATTR_NAME_SELINUX) == 0 ? EOPNOTSUPP : 0;
}

/* A peer's file system without ACL has none on this file; the kernel, which asks to judge access,
 * would take another errno for trouble. */
static void
reply_no_value (fuse_req_t req, FtsInode *inode, const char *name, GError *error)
{
  FtsFs *fs = fts_fs_of (req);
  int errnum = fts_fs_errno (fs, error);

  if (errnum == EOPNOTSUPP && is_acl (name))
    errnum = ENODATA;
  if ((errnum == ENODATA || errnum == EOPNOTSUPP) && is_capability (name))
    note_no_capability (fs, inode);
  fuse_reply_err (req, errnum);
  g_error_free (error);
}

/* ENOSYS: the kernel does not ask again while the mount lives, and says EOPNOTSUPP itself. */
static bool
is_refused (fuse_req_t req)
{
  bool refused = fts_fs_of (req)->options->no_xattr;

  if (refused)
    fuse_reply_err (req, ENOSYS);
  return refused;
}

void
fts_op_getxattr (fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  g_autoptr (GByteArray) value = g_byte_array_new ();
  GError *error = NULL;
  size_t len = 0;
  FtsWho who;

  if (inode == NULL || is_refused (req))
    return;
  if (ino == FTS_INODE_ROOT)
    fts_fs_limit_wait (fs);
  int none = is_plain (fs, inode) ? errno_of_plain (name) : 0;
  if (none == 0 && is_capability (name) && fts_inode_has_no_capability (inode))
    none = ENODATA;
  if (none != 0) {
    fuse_reply_err (req, none);
    return;
  }
  if (fts_client_getxattr (fs->client, fts_fs_caller (req, &who), &inode->handle, name,
                           MIN (size, XATTR_SIZE_MAX), value, &len, &error)) {
    fts_idmap_acl (&fs->people.map, fts_idmap_to_here, name, value->data, value->len);
    reply_value (req, value, len, size);
  } else
    reply_no_value (req, inode, name, error);
}

void
fts_op_listxattr (fuse_req_t req, fuse_ino_t ino, size_t size)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  g_autoptr (GByteArray) names = g_byte_array_new ();
  GError *error = NULL;
  size_t len = 0;
  FtsWho who;

  if (inode == NULL || is_refused (req))
    return;
  if (ino == FTS_INODE_ROOT)
    fts_fs_limit_wait (fs);
  if (is_plain (fs, inode)) {
    reply_value (req, names, 0, size);
    return;
  }
  if (fts_client_listxattr (fs->client, fts_fs_caller (req, &who), &inode->handle,
                            MIN (size, XATTR_LIST_MAX), names, &len, &error))
    reply_value (req, names, len, size);
  else
    fts_fs_fail (req, error);
}

static void
reply_changed (fuse_req_t req, FtsInode *inode, const char *name, bool well,
               GError *error)
{
  FtsFs *fs = fts_fs_of (req);

  if (is_capability (name))
    fts_inode_set_no_capability (inode, 0);
  uint64_t now = fts_fs_tick (fs);
  fts_inode_set_xattr_changed (inode, now);
  fts_inode_set_changed (inode, now, false);
  fts_fs_done (req, well, error);
}

/* Data first: a write that comes later would take a capability away. */
void
fts_op_setxattr (fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                 size_t size, int flags)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsWho who;

  if (inode == NULL || is_refused (req))
    return;
  g_autofree uint8_t *mapped = g_memdup2 (value, size);
  fts_idmap_acl (&fs->people.map, fts_idmap_to_there, name, mapped, size);
  fts_fs_drain (fs, inode);
  bool well =
    fts_client_setxattr (fs->client, fts_fs_caller (req, &who), &inode->handle, name,
                         mapped, size, (uint32_t) flags, &error);
  reply_changed (req, inode, name, well, error);
}

void
fts_op_removexattr (fuse_req_t req, fuse_ino_t ino, const char *name)
{
  FtsFs *fs = fts_fs_of (req);
  g_autoptr (FtsInode) inode = fts_fs_inode (req, ino);
  GError *error = NULL;
  FtsWho who;

  if (inode == NULL || is_refused (req))
    return;
  bool well = fts_client_removexattr (fs->client, fts_fs_caller (req, &who),
                                      &inode->handle, name, &error);
  reply_changed (req, inode, name, well, error);
}
