/* containment.c - see containment.h. */
#include "fts/containment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2 says EAGAIN when a rename or mount anywhere may have moved ".." out of the root. */
#define MOST_TRIES 64

static int
copy_text (const FtsText *text, size_t most, char *out)
{
  if (text->len > most)
    return ENAMETOOLONG;
  if (memchr (text->bytes, '\0', text->len) != NULL)
    return EINVAL;
  memcpy (out, text->bytes, text->len);
  out[text->len] = '\0';
  return 0;
}

int
fts_contain_name (const FtsText *name, char out[NAME_MAX + 1])
{
  if (name->len == 0)
    return EINVAL;
  if (memchr (name->bytes, '/', name->len) != NULL)
    return EINVAL;
  int failed = copy_text (name, NAME_MAX, out);
  if (failed)
    return failed;
  if (strcmp (out, ".") == 0 || strcmp (out, "..") == 0)
    return EINVAL;
  return 0;
}

int
fts_contain_path (const FtsText *path, char out[PATH_MAX])
{
  if (path->len == 0) {
    out[0] = '\0';
    return 0;
  }
  return copy_text (path, PATH_MAX - 1, out);
}

static int
open_beneath (int dir_fd, const char *path, uint64_t flags, uint64_t resolve)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = resolve };
  int tries = 0;
  long fd;

  do
    fd = syscall (SYS_openat2, dir_fd, path, &how, sizeof how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < MOST_TRIES);
  return fd < 0 ? -errno : (int) fd;
}

int
fts_contain_step (int dir_fd, const char *name)
{
  return open_beneath (dir_fd, name, O_NOFOLLOW,
                       RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

/* Where FD lies in this process's view of the file system; NULL when it cannot be told. */
static char *
absolute_path_of (int fd)
{
  char link[64];
  g_autofree char *path = g_malloc (PATH_MAX + 16);

  g_snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink (link, path, PATH_MAX + 15);
  if (len <= 0 || path[0] != '/')
    return NULL;
  path[len] = '\0';
  return g_steal_pointer (&path);
}

char *
fts_contain_path_of (int root_fd, int fd)
{
  g_autofree char *root = absolute_path_of (root_fd);
  g_autofree char *path = absolute_path_of (fd);

  if (root == NULL || path == NULL)
    return NULL;
  if (strcmp (root, "/") == 0)
    return g_steal_pointer (&path);
  size_t len = strlen (root);
  if (strncmp (path, root, len) != 0)
    return NULL;
  if (path[len] == '\0')
    return g_strdup ("/");
  return path[len] == '/' ? g_strdup (path + len) : NULL;
}

int
fts_contain_walk (int root_fd, int dir_fd, const char *path)
{
  g_autofree char *from = NULL;
  g_autofree char *full = NULL;

  if (path[0] == '/') {
    full = g_strdup (path);
  } else {
    from = fts_contain_path_of (root_fd, dir_fd);
    if (from == NULL)
      return -ESTALE;
    full = g_strconcat (from, "/", path, NULL);
  }
  return open_beneath (root_fd, full, 0,
                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}
