/* copy_get.c - remote files, patterns and trees to here. */
#include "prog/fts/copy.h"
#include "prog/fts/pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An entry of a remote directory and where it goes. */
typedef struct {
  FtsCopy *copy;
  const FtsHandle *dir;
  const char *shown_dir; /* for messages */
  const char *local_dir; /* NULL = here */
} Place;

static bool get_tree (const Place *place, const char *name, const FtsNode *node,
                      GError **error);

static bool
get_file (FtsCopy *copy, const FtsHandle *dir, const char *path, const char *shown,
          const char *local, GError **error)
{
  FtsTransfer transfer = fts_copy_begin_file (copy, shown);
  GError *cause = NULL;

  if (!fts_client_get (copy->shell->client, NULL, dir, path, local, &transfer,
                       &cause)) {
    if (g_error_matches (cause, FTS_ERRNO, EISDIR))
      g_prefix_error (&cause, "get -r copies directories: ");
    return fts_copy_go_on (copy, cause, error);
  }
  fts_copy_end_file (copy, shown, local);
  return true;
}

static bool
get_link (FtsCopy *copy, const FtsNode *node, const char *local, GError **error)
{
  g_autofree char *target =
    fts_client_readlink (copy->shell->client, NULL, &node->handle, error);

  if (target == NULL)
    return false;
  if (copy->replace && unlink (local) < 0 && errno != ENOENT)
    return fts_set_errno (error, errno, "%s", local);
  return symlink (target, local) == 0 || fts_set_errno (error, errno, "%s", local);
}

static bool
visit_entry (const char *name, const FtsDirent *entry, void *user_data, GError **error)
{
  const Place *place = user_data;
  FtsNode node = { .handle = entry->handle, .attr = entry->attr };

  if (entry->handle.len == 0 && !fts_client_lookup (place->copy->shell->client, NULL,
                                                    place->dir, name, &node, error))
    return false;
  return get_tree (place, name, &node, error);
}

static bool
finish_dir (const char *local, const FtsAttr *attr, GError **error)
{
  const struct timespec times[] = {
    { .tv_sec = attr->atime.sec, .tv_nsec = attr->atime.nsec },
    { .tv_sec = attr->mtime.sec, .tv_nsec = attr->mtime.nsec },
  };

  if (chmod (local, attr->mode & 0777) < 0 ||
      utimensat (AT_FDCWD, local, times, AT_SYMLINK_NOFOLLOW) < 0)
    return fts_set_errno (error, errno, "%s", local);
  return true;
}

/* A symlink in the place of a directory is not followed: the server may just have made us put it
 * there. */
static bool
make_dir (const char *local, GError **error)
{
  struct stat st;

  if (mkdir (local, 0700) == 0)
    return true;
  if (errno == EEXIST && lstat (local, &st) == 0 && S_ISDIR (st.st_mode))
    return true;
  return fts_set_errno (error, errno, "%s", local);
}

static bool
get_dir (FtsCopy *copy, const FtsNode *node, const char *shown, const char *local,
         GError **error)
{
  Place inside = { copy, &node->handle, shown, local };

  return make_dir (local, error) &&
         fts_shell_list (copy->shell, &node->handle, NULL, visit_entry, &inside,
                         error) &&
         finish_dir (local, &node->attr, error);
}

static bool
get_tree (const Place *place, const char *name, const FtsNode *node, GError **error)
{
  FtsCopy *copy = place->copy;
  g_autofree char *shown = g_strconcat (place->shown_dir, "/", name, NULL);
  g_autofree char *local = place->local_dir
                             ? g_build_filename (place->local_dir, name, NULL)
                             : g_strdup (name);
  GError *cause = NULL;
  bool ok = true;

  if (S_ISREG (node->attr.mode))
    return get_file (copy, place->dir, name, shown, local, error);
  if (S_ISDIR (node->attr.mode) && copy->recursive)
    ok = get_dir (copy, node, shown, local, &cause);
  else if (S_ISDIR (node->attr.mode))
    ok = fts_set_errno (&cause, EISDIR, "%s (get -r copies directories)", shown);
  else if (S_ISLNK (node->attr.mode))
    ok = get_link (copy, node, local, &cause);
  else
    fts_copy_skip (shown);
  return ok || fts_copy_go_on (copy, cause, error);
}

/* ---- what the user named ---- */

/* The local directory to put files into, or NULL and the file's own path in *FILE. */
static const char *
choose_local (const char *local, const char *path, char **file)
{
  struct stat st;

  if (local == NULL)
    *file = g_path_get_basename (path);
  else if (stat (local, &st) == 0 && S_ISDIR (st.st_mode)) {
    g_autofree char *base = g_path_get_basename (path);
    *file = g_build_filename (local, base, NULL);
    return local;
  } else
    *file = g_strdup (local);
  return NULL;
}

static bool
get_pattern (FtsCopy *copy, const char *path, const char *local_dir, GError **error)
{
  g_autofree char *dir = fts_pattern_dir (path);
  Place place = { copy, NULL, NULL, local_dir };
  FtsNode node;

  if (!fts_shell_walk (copy->shell, *dir ? dir : ".", &node, NULL, error))
    return false;
  g_autofree char *shown = g_strndup (dir, strlen (dir) ? strlen (dir) - 1 : 0);
  place.dir = &node.handle;
  place.shown_dir = *dir ? shown : ".";
  return fts_pattern_each (copy->shell, path, visit_entry, &place, error);
}

/* PATH is a directory: its tree becomes FILE. */
static bool
get_named_dir (FtsCopy *copy, const char *path, const FtsNode *node, const char *file,
               GError **error)
{
  g_autofree char *name = g_path_get_basename (path);

  if (!copy->recursive)
    return fts_set_errno (error, EISDIR, "%s (get -r copies directories)", path);
  if (g_str_equal (file, name) && (g_str_equal (name, ".") || g_str_equal (name, "/")))
    file = ".";
  return get_dir (copy, node, path, file, error);
}

bool
fts_copy_get (FtsCopy *copy, const char *path, const char *local, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *file = NULL;
  const char *local_dir = choose_local (local, path, &file);
  const char *rest;
  const FtsHandle *base = fts_shell_base (copy->shell, path, &rest);
  FtsNode node;

  if (!copy->recursive && !fts_pattern_is (path))
    return get_file (copy, base, rest, path, file, error);
  if (fts_shell_walk (copy->shell, path, &node, NULL, &cause))
    return S_ISDIR (node.attr.mode) ? get_named_dir (copy, path, &node, file, error)
                                    : get_file (copy, base, rest, path, file, error);
  if (g_error_matches (cause, FTS_ERRNO, ENOENT) && fts_pattern_is (path)) {
    if (local != NULL && local_dir == NULL)
      return fts_set_errno (error, ENOTDIR, "%s", local);
    return get_pattern (copy, path, local_dir, error);
  }
  g_propagate_error (error, g_steal_pointer (&cause));
  return false;
}
