#include "fts/local_file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERMISSIONS 0777 /* set-id bits are not given to a file of another owner */

struct FtsLocalFile {
  char *target, *partial;
  FtsAttr source;
  uint64_t position;
  int fd;
  bool finished;
};

static char *
partial_path (const char *target, const FtsAttr *source)
{
  g_autofree char *dir = g_path_get_dirname (target);
  g_autofree char *base = g_path_get_basename (target);
  g_autofree char *name = fts_wire_partial_name (base, source);

  return g_build_filename (dir, name, NULL);
}

bool
fts_local_file_check_target (const char *target, bool replace, GError **error)
{
  struct stat st;

  if (lstat (target, &st) < 0)
    return errno == ENOENT || fts_set_errno (error, errno, "%s", target);
  if (S_ISDIR (st.st_mode))
    return fts_set_errno (error, EISDIR, "%s", target);
  if (!S_ISREG (st.st_mode) && !S_ISLNK (st.st_mode))
    return fts_set_errno (error, EINVAL, "%s is no regular file", target);
  return replace || fts_set_errno (error, EEXIST, "%s", target);
}

uint64_t
fts_local_file_partial_size (const char *target, const FtsAttr *source)
{
  g_autofree char *partial = partial_path (target, source);
  struct stat st;

  if (lstat (partial, &st) < 0 || !S_ISREG (st.st_mode))
    return 0;
  return MIN ((uint64_t) st.st_size, source->size);
}

/* Locked and cut to what is there already. */
static bool
prepare (FtsLocalFile *file, uint64_t from, GError **error)
{
  if (flock (file->fd, LOCK_EX | LOCK_NB) < 0)
    return fts_set_errno (error, errno == EWOULDBLOCK ? EBUSY : errno,
                          "%s is being transferred already", file->target);
  if (ftruncate (file->fd, (off_t) from) < 0)
    return fts_set_errno (error, errno, "%s", file->partial);
  file->position = from;
  return true;
}

FtsLocalFile *
fts_local_file_new (const char *target, const FtsAttr *source, uint64_t from,
                    GError **error)
{
  FtsLocalFile *file = g_new0 (FtsLocalFile, 1);

  file->target = g_strdup (target);
  file->partial = partial_path (target, source);
  file->source = *source;
  file->fd =
    open (file->partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
  if (file->fd < 0)
    fts_set_errno (error, errno, "%s", file->partial);
  else if (prepare (file, from, error))
    return file;
  /* Not ours to remove: another transfer may have it. */
  file->finished = true;
  fts_local_file_free (file, FTS_LOCAL_KEEP);
  return NULL;
}

bool
fts_local_file_write (FtsLocalFile *file, const uint8_t *data, size_t len,
                      GError **error)
{
  while (len > 0) {
    ssize_t n = pwrite (file->fd, data, len, (off_t) file->position);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fts_set_errno (error, n < 0 ? errno : ENOSPC, "%s", file->partial);
    data += n;
    len -= (size_t) n;
    file->position += (uint64_t) n;
  }
  return true;
}

bool
fts_local_file_skip (FtsLocalFile *file, uint64_t len, GError **error)
{
  if (ftruncate (file->fd, (off_t) (file->position + len)) < 0)
    return fts_set_errno (error, errno, "%s", file->partial);
  file->position += len;
  return true;
}

uint64_t
fts_local_file_position (const FtsLocalFile *file)
{
  return file->position;
}

/* Without `replace` the name is taken only if it is free at that very moment; where the file
 * system cannot do that, a look beforehand has to do. */
static int
take_name (const FtsLocalFile *file, bool replace)
{
  if (replace)
    return rename (file->partial, file->target);
  if (renameat2 (AT_FDCWD, file->partial, AT_FDCWD, file->target, RENAME_NOREPLACE) ==
      0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return -1;
  if (access (file->target, F_OK) == 0) {
    errno = EEXIST;
    return -1;
  }
  return rename (file->partial, file->target);
}

bool
fts_local_file_finish (FtsLocalFile *file, bool replace, GError **error)
{
  const FtsAttr *source = &file->source;
  const struct timespec times[] = {
    { .tv_sec = source->atime.sec, .tv_nsec = source->atime.nsec },
    { .tv_sec = source->mtime.sec, .tv_nsec = source->mtime.nsec },
  };

  if (fchmod (file->fd, source->mode & PERMISSIONS) < 0 ||
      futimens (file->fd, times) < 0)
    return fts_set_errno (error, errno, "%s", file->partial);
  if (take_name (file, replace) < 0)
    return fts_set_errno (error, errno, "%s", file->target);
  file->finished = true;
  return true;
}

void
fts_local_file_free (FtsLocalFile *file, FtsLocalFate fate)
{
  if (file == NULL)
    return;
  if (!file->finished && (fate == FTS_LOCAL_REMOVE || file->position == 0))
    unlink (file->partial);
  if (file->fd >= 0)
    close (file->fd);
  g_free (file->target);
  g_free (file->partial);
  g_free (file);
}
