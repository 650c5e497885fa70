/* containment.c - see containment.h. */
#include "fts/containment.h"

#include "fts/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2 says EAGAIN when a rename or mount anywhere may have moved ".." out of the root. */
#define MOST_TRIES    64
#define ROOT_TRUST_US (G_USEC_PER_SEC / 10)

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

/* ---- places ---- */

typedef struct {
  size_t len; /* 0 = nothing is known */
  char path[PATH_MAX + 16];
} Place;

static int proc_fd = -1; /* /proc/self/fd */
static pthread_once_t proc_once = PTHREAD_ONCE_INIT;

static void
open_proc (void)
{
  proc_fd = open ("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Where FD lies in this process's view of the file system.  False: errno says why it cannot be
 * told. */
static bool
find_place (int fd, Place *out)
{
  char name[16];

  pthread_once (&proc_once, open_proc);
  g_snprintf (name, sizeof name, "%d", fd);
  ssize_t len = readlinkat (proc_fd, name, out->path, sizeof out->path - 1);
  out->len = len > 0 && out->path[0] == '/' ? (size_t) len : 0;
  out->path[out->len] = '\0';
  return out->len > 0;
}

/* The way from ROOT to PLACE, "" for the root itself; NULL when it is not beneath. */
static const char *
way_beneath (const Place *root, const Place *place)
{
  if (root->len == 1)
    return place->path;
  if (strncmp (root->path, place->path, root->len) != 0)
    return NULL;
  const char *rest = place->path + root->len;
  return *rest == '\0' || *rest == '/' ? rest : NULL;
}

/* A directory too deep for a path: climbs until the root or the top. */
static bool
climbs_to (int root_fd, int fd)
{
  struct stat root;
  struct stat here;
  struct stat above;
  bool found = false;
  int at = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  if (fts_caller_become_server () != 0 || fstat (root_fd, &root) != 0)
    return false;
  while (at >= 0 && fstat (at, &here) == 0) {
    found = here.st_dev == root.st_dev && here.st_ino == root.st_ino;
    int up = found ? -1 : openat (at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    close (at);
    at = up;
    if (up < 0 || fstat (up, &above) != 0 ||
        (above.st_dev == here.st_dev && above.st_ino == here.st_ino))
      break;
  }
  if (at >= 0)
    close (at);
  return found;
}

static const Place *
find_root_place (int root_fd, uint64_t root_id)
{
  static _Thread_local struct {
    uint64_t id;
    int64_t read_us;
    Place place;
  } last;
  int64_t now = g_get_monotonic_time ();

  if (last.id == root_id && last.place.len > 0 && now - last.read_us < ROOT_TRUST_US)
    return &last.place;
  last.id = root_id;
  last.read_us = now;
  return find_place (root_fd, &last.place) ? &last.place : NULL;
}

FtsPlace
fts_contain_place (int root_fd, uint64_t root_id, int fd, bool is_dir)
{
  const Place *root = find_root_place (root_fd, root_id);
  Place place;

  if (root == NULL)
    return FTS_PLACE_OUTSIDE;
  if (!find_place (fd, &place)) {
    if (errno != ENAMETOOLONG)
      return FTS_PLACE_OUTSIDE;
    if (!is_dir)
      return FTS_PLACE_UNKNOWN;
    return climbs_to (root_fd, fd) ? FTS_PLACE_INSIDE : FTS_PLACE_OUTSIDE;
  }
  if (!is_dir && place.len == 1) /* found by its number: the kernel shows it as "/" */
    return FTS_PLACE_UNKNOWN;
  return way_beneath (root, &place) != NULL ? FTS_PLACE_INSIDE : FTS_PLACE_OUTSIDE;
}

char *
fts_contain_path_of (int root_fd, int fd)
{
  Place root;
  Place place;

  if (!find_place (root_fd, &root) || !find_place (fd, &place))
    return NULL;
  const char *way = way_beneath (&root, &place);
  if (way == NULL)
    return NULL;
  return g_strdup (*way != '\0' ? way : "/");
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
