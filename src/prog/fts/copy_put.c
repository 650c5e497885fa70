/* copy_put.c - local files, patterns and trees to the other side. */
#include "prog/fts/copy.h"
#include "prog/fts/pattern.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool put_tree (FtsCopy *copy, const char *local, const FtsHandle *dir,
                      const char *name, const char *shown, GError **error);

static bool
put_file (FtsCopy *copy, const char *local, const FtsHandle *dir, const char *path,
          const char *shown, GError **error)
{
  FtsTransfer transfer = fts_copy_begin_file (copy, local);
  GError *cause = NULL;

  if (!fts_client_put (copy->shell->client, NULL, dir, local, path, &transfer, &cause))
    return fts_copy_go_on (copy, cause, error);
  fts_copy_end_file (copy, local, shown);
  return true;
}

static bool
put_link (FtsCopy *copy, const char *local, const FtsHandle *dir, const char *name,
          GError **error)
{
  FtsClient *client = copy->shell->client;
  char target[FTS_TEXT_MAX + 1];
  ssize_t len = readlink (local, target, sizeof target - 1);
  FtsNode node;

  if (len < 0)
    return fts_set_errno (error, errno, "%s", local);
  target[len] = '\0';
  if (copy->replace)
    fts_client_unlink (client, NULL, dir, name, NULL,
                       NULL); /* symlink() tells what is wrong */
  return fts_client_symlink (client, NULL, dir, name, target, &node, error);
}

/* The remote directory NAME in DIR, made if it is missing. */
static bool
make_dir (FtsCopy *copy, const FtsHandle *dir, const char *name, FtsNode *node,
          GError **error)
{
  FtsClient *client = copy->shell->client;
  GError *cause = NULL;

  if (fts_client_mkdir (client, NULL, dir, name, 0700, node, &cause))
    return true;
  if (g_error_matches (cause, FTS_ERRNO, EEXIST)) {
    g_error_free (cause);
    return fts_client_lookup (client, NULL, dir, name, node, error) &&
           (S_ISDIR (node->attr.mode) || fts_set_errno (error, ENOTDIR, "%s", name));
  }
  g_propagate_error (error, cause);
  return false;
}

static bool
finish_dir (FtsCopy *copy, const FtsNode *node, const struct stat *st, GError **error)
{
  FtsAttr attr = {
    .mode = st->st_mode & 0777,
    .atime = { st->st_atim.tv_sec, (uint32_t) st->st_atim.tv_nsec },
    .mtime = { st->st_mtim.tv_sec, (uint32_t) st->st_mtim.tv_nsec },
  };
  FtsAttr now;

  return fts_client_setattr (copy->shell->client, NULL, &node->handle, 0,
                             FTS_SET_MODE | FTS_SET_ATIME | FTS_SET_MTIME, &attr, &now,
                             error);
}

static bool
put_dir (FtsCopy *copy, const char *local, const struct stat *st, const FtsHandle *dir,
         const char *name, const char *shown, GError **error)
{
  FtsNode node;
  g_autoptr (GError) cause = NULL;
  g_autoptr (GDir) listing = g_dir_open (local, 0, &cause);
  const char *entry;

  if (listing == NULL)
    return fts_set_errno (error, EACCES, "%s", local);
  if (!make_dir (copy, dir, name, &node, error))
    return false;
  while ((entry = g_dir_read_name (listing)) != NULL) {
    g_autofree char *inside = g_build_filename (local, entry, NULL);
    g_autofree char *there = g_strconcat (shown, "/", entry, NULL);
    if (!put_tree (copy, inside, &node.handle, entry, there, error))
      return false;
  }
  return finish_dir (copy, &node, st, error);
}

static bool
put_tree (FtsCopy *copy, const char *local, const FtsHandle *dir, const char *name,
          const char *shown, GError **error)
{
  GError *cause = NULL;
  struct stat st;
  bool ok = true;

  if (lstat (local, &st) < 0)
    ok = fts_set_errno (&cause, errno, "%s", local);
  else if (S_ISREG (st.st_mode))
    return put_file (copy, local, dir, name, shown, error);
  else if (S_ISDIR (st.st_mode))
    ok = put_dir (copy, local, &st, dir, name, shown, &cause);
  else if (S_ISLNK (st.st_mode))
    ok = put_link (copy, local, dir, name, &cause);
  else
    fts_copy_skip (local);
  return ok || fts_copy_go_on (copy, cause, error);
}

/* ---- what the user named ---- */

/* Where LOCAL goes: REMOTE itself, or its own name in REMOTE when that is a directory. */
static bool
choose_remote (FtsCopy *copy, const char *local, const char *remote, char **path,
               GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *base = g_path_get_basename (local);
  FtsNode node;

  if (remote == NULL) {
    *path = g_steal_pointer (&base);
    return true;
  }
  if (fts_shell_walk (copy->shell, remote, &node, NULL, &cause)) {
    *path = S_ISDIR (node.attr.mode) ? g_build_filename (remote, base, NULL)
                                     : g_strdup (remote);
    return true;
  }
  if (g_error_matches (cause, FTS_ERRNO, ENOENT)) {
    *path = g_strdup (remote);
    return true;
  }
  g_propagate_error (error, g_steal_pointer (&cause));
  return false;
}

static bool
put_named_dir (FtsCopy *copy, const char *local, const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  FtsNode node;

  return fts_shell_walk (copy->shell, parent, &node, NULL, error) &&
         put_tree (copy, local, &node.handle, name, path, error);
}

static bool
put_one (FtsCopy *copy, const char *local, const char *remote, GError **error)
{
  g_autofree char *path = NULL;
  const char *rest;
  struct stat st;

  if (stat (local, &st) < 0)
    return fts_set_errno (error, errno, "%s", local);
  if (S_ISDIR (st.st_mode) && !copy->recursive)
    return fts_set_errno (error, EISDIR, "%s (put -r copies directories)", local);
  if (!choose_remote (copy, local, remote, &path, error))
    return false;
  if (S_ISDIR (st.st_mode))
    return put_named_dir (copy, local, path, error);
  const FtsHandle *base = fts_shell_base (copy->shell, path, &rest);
  return put_file (copy, local, base, rest, path, error);
}

static bool
put_pattern (FtsCopy *copy, const char *pattern, const char *remote, GError **error)
{
  glob_t found = { 0 };
  bool ok = true;

  if (glob (pattern, 0, NULL, &found) != 0)
    return fts_set_errno (error, ENOENT, "%s", pattern);
  for (size_t i = 0; ok && i < found.gl_pathc; i++) {
    GError *cause = NULL;
    ok = put_one (copy, found.gl_pathv[i], remote, &cause) ||
         fts_copy_go_on (copy, cause, error);
  }
  globfree (&found);
  return ok;
}

bool
fts_copy_put (FtsCopy *copy, const char *path, const char *remote, GError **error)
{
  struct stat st;

  if (lstat (path, &st) < 0 && strpbrk (path, "*?[") != NULL)
    return put_pattern (copy, path, remote, error);
  return put_one (copy, path, remote, error);
}
