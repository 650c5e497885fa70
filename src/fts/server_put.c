/* server_put.c - PUT: a whole file from a client (wire.h, "chunks").
 *
 * The file is written under its partial name beside the target and renamed when everything
 * came and the checksum is right; so the target is the old file or the new one, never half of
 * one.  The partial file is locked (flock) while it is written: a second transfer of the same
 * file gets EBUSY instead of writing into it.
 *
 * What becomes of the partial file: an interrupted transfer (connection lost, or the client says
 * ECANCELED or EINTR) leaves it for FTS_PUT_RESUME; every other failure removes it.
 *
 * An error is answered at once, while the client may still be sending; the rest is dropped.
 */
#include "fts/server_ops.h"

#include "fts/chunks.h"
#include "fts/containment.h"
#include "fts/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_TRIES 16

typedef struct {
  FtsJob *job;
  int dir_fd; /* O_PATH, of the target's directory */
  char *name;
  char *partial;
  int fd;
  uint64_t resume_len; /* what the partial file had */
  uint64_t position;
  uint64_t received;
  bool started; /* the first chunk was seen */
  bool ended;
  FtsChunkIn in;
} Put;

static void
clear_put (Put *put)
{
  if (put->fd >= 0)
    close (put->fd);
  if (put->dir_fd >= 0)
    close (put->dir_fd);
  g_free (put->name);
  g_free (put->partial);
}

/* ---- the target ---- */

/* The directory and the last name of the request's path. */
static int
find_target (Put *put)
{
  FtsJob *job = put->job;
  char path[PATH_MAX];
  char name[NAME_MAX + 1];
  int failed = fts_contain_path (&job->request->name, path);

  if (failed)
    return failed;
  char *slash = strrchr (path, '/');
  const char *last = slash != NULL ? slash + 1 : path;
  FtsText last_text = { last, (uint16_t) strlen (last) };
  failed = fts_contain_name (&last_text, name);
  if (failed)
    return failed == EINVAL ? EISDIR : failed;
  put->name = g_strdup (name);
  put->partial = fts_wire_partial_name (name, &job->request->attr);
  if (slash != NULL)
    slash[1] = '\0';
  FtsText dir = { path, slash != NULL ? (uint16_t) strlen (path) : 0 };
  put->dir_fd = fts_job_walk (job, &dir);
  return put->dir_fd < 0 ? -put->dir_fd : 0;
}

static int
check_target (const Put *put)
{
  struct stat st;

  if (fstatat (put->dir_fd, put->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? 0 : errno;
  if (S_ISDIR (st.st_mode))
    return EISDIR;
  return put->job->request->open_flags & FTS_PUT_REPLACE ? 0 : EEXIST;
}

/* ---- the partial file ---- */

/* Is FD what the partial name says, and a plain file with that name alone? */
static bool
is_partial (const Put *put, int fd)
{
  struct stat named;
  struct stat st;

  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_nlink == 1 &&
         fstatat (put->dir_fd, put->partial, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         named.st_ino == st.st_ino && named.st_dev == st.st_dev;
}

static int
open_partial_once (Put *put)
{
  int fd = openat (put->dir_fd, put->partial,
                   O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                   S_IRUSR | S_IWUSR);

  if (fd < 0)
    return -errno;
  if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
    int failed = errno == EWOULDBLOCK ? EBUSY : errno;
    close (fd);
    return -failed;
  }
  if (is_partial (put, fd))
    return fd;
  close (fd);
  return -EAGAIN; /* somebody finished or removed it just now */
}

static int
open_partial (Put *put)
{
  bool resume = put->job->request->open_flags & FTS_PUT_RESUME;
  struct stat st;
  int fd = -EAGAIN;

  for (int i = 0; i < OPEN_TRIES && fd == -EAGAIN; i++)
    fd = open_partial_once (put);
  if (fd < 0)
    return fd == -EAGAIN ? EBUSY : -fd;
  put->fd = fd;
  if (!resume && ftruncate (fd, 0) != 0)
    return errno;
  if (fstat (fd, &st) != 0)
    return errno;
  put->resume_len = (uint64_t) st.st_size;
  return 0;
}

/* ---- chunks ---- */

/* The first chunk says where the transfer begins; what is behind that is not to be trusted. */
static int
start_at (Put *put, uint64_t offset)
{
  if (offset > put->resume_len)
    return ESTALE;
  put->started = true;
  put->position = offset;
  return ftruncate (put->fd, (off_t) offset) == 0 ? 0 : errno;
}

static int
write_data (Put *put, const uint8_t *data, size_t len)
{
  size_t done = 0;

  while (done < len) {
    ssize_t n =
      pwrite (put->fd, data + done, len - done, (off_t) (put->position + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    done += (size_t) n;
  }
  put->position += len;
  put->received += len;
  return 0;
}

static int
take_end (Put *put, const FtsChunk *chunk)
{
  put->ended = true;
  if (chunk->status != FTS_STATUS_OK)
    return fts_status_to_errno (chunk->status);
  if (chunk->len != put->position || chunk->crc != put->in.file_crc)
    return EIO;
  return ftruncate (put->fd, (off_t) put->position) == 0 ? 0 : errno;
}

static int
take_chunk (Put *put, const FtsChunk *chunk, const uint8_t *data)
{
  if (put->ended || chunk->len > INT64_MAX || chunk->offset > INT64_MAX - chunk->len)
    return EPROTO;
  if (!put->started) {
    bool is_end = chunk->kind == FTS_CHUNK_END;
    if (is_end && chunk->status != FTS_STATUS_OK)
      return take_end (put, chunk);
    int failed = start_at (put, is_end ? chunk->len : chunk->offset);
    if (failed)
      return failed;
  }
  if (chunk->kind == FTS_CHUNK_END)
    return take_end (put, chunk);
  if (chunk->offset != put->position)
    return EPROTO;
  if (chunk->kind == FTS_CHUNK_DATA)
    return write_data (put, data, (size_t) chunk->len);
  put->position += chunk->len;
  return 0;
}

static int
take_chunks (Put *put)
{
  FtsChunk chunk;
  const uint8_t *data;

  while (put->in.len > 0) {
    if (!fts_chunk_in_next (&put->in, &chunk, &data))
      return EPROTO;
    int failed = take_chunk (put, &chunk, data);
    if (failed)
      return failed;
  }
  return 0;
}

static int
receive_file (Put *put)
{
  const uint8_t *data;
  size_t len;
  uint32_t crc;

  for (;;) {
    if (!fts_job_take_summed (put->job, &data, &len, &crc))
      return ECANCELED;
    if (len == 0)
      return put->ended ? 0 : EPROTO;
    fts_chunk_in_begin (&put->in, data, len, crc);
    int failed = take_chunks (put);
    if (failed)
      return failed;
  }
}

/* ---- the end ---- */

static int
set_attributes (Put *put)
{
  const FtsAttr *attr = &put->job->request->attr;
  struct timespec times[2] = { { attr->atime.sec, attr->atime.nsec },
                               { attr->mtime.sec, attr->mtime.nsec } };
  uint32_t mode = fts_job_allowed_mode (put->job, attr->mode, S_IFREG);

  if (fchmod (put->fd, mode) != 0 || futimens (put->fd, times) != 0)
    return errno;
  return 0;
}

/* Not every file system can rename without replacing; all can link without. */
static int
rename_new (Put *put)
{
  if (renameat2 (put->dir_fd, put->partial, put->dir_fd, put->name, RENAME_NOREPLACE) ==
      0)
    return 0;
  if (errno != EINVAL)
    return errno;
  if (linkat (put->dir_fd, put->partial, put->dir_fd, put->name, 0) != 0)
    return errno;
  return unlinkat (put->dir_fd, put->partial, 0) == 0 ? 0 : errno;
}

static int
rename_over (Put *put)
{
  FtsPin dir = { .fd = put->dir_fd, .type = S_IFDIR };
  FtsHandle victim;

  fts_handles_of_name (put->job->handles, &dir, put->name, &victim);
  g_autoptr (GPtrArray) awake = fts_job_wake_files (put->job, &victim);
  if (renameat (put->dir_fd, put->partial, put->dir_fd, put->name) != 0)
    return errno;
  fts_handles_drop (put->job->handles, &victim);
  put->job->victim = victim;
  return 0;
}

/* To whom the directory is known by its handle. */
static void
tell_replaced (Put *put)
{
  FtsHandle dir;
  FtsAttr attr;

  if (fts_handles_describe (put->job->handles, put->dir_fd, NULL, NULL, &attr, &dir) ==
      0)
    fts_job_tell_name (put->job, &dir, put->name, strlen (put->name));
}

static int
finish (Put *put)
{
  int failed = set_attributes (put);

  if (failed)
    return failed;
  failed = put->job->request->open_flags & FTS_PUT_REPLACE ? rename_over (put)
                                                           : rename_new (put);
  if (failed)
    return failed;
  tell_replaced (put);
  return fts_attr_load (put->fd, &put->job->answer.attr, NULL);
}

/* What came before is of use to a later FTS_PUT_RESUME. */
static bool
is_interruption (const Put *put, int failed)
{
  return put->job->broken != NULL || failed == ECANCELED || failed == EINTR;
}

static int
put_file (Put *put)
{
  int failed = find_target (put);

  if (!failed)
    failed = check_target (put);
  if (!failed)
    failed = open_partial (put);
  if (failed)
    return failed;
  failed = receive_file (put);
  if (!failed)
    failed = finish (put);
  if (failed && (!is_interruption (put, failed) || put->position == 0))
    unlinkat (put->dir_fd, put->partial, 0);
  fts_job_count (put->job, 0, put->received);
  return failed;
}

int
fts_serve_put (FtsJob *job)
{
  Put put = { .job = job, .dir_fd = -1, .fd = -1 };
  int failed = put_file (&put);

  clear_put (&put);
  return failed;
}
