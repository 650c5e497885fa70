/* server_data.c - commands on file data: open, create, read, write, close, fsync.
 *
 * An O_PATH descriptor is opened for data by way of /proc/self/fd: the kernel checks the
 * caller's rights on the very file, without a name that could change meanwhile.  Only regular
 * files are opened; what is behind a fifo or device lives on the client's host.
 *
 * Data is read straight into the segment that carries it; a small piece goes from memory, so
 * that it may travel in the head block.
 */
#include "fts/server_ops.h"

#include "fts/caller.h"
#include "fts/containment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to here a copy costs less than a segment of its own. */
#define SMALL_READ   (16u << 10)
/* Somebody may remove or make the name between two tries to open it. */
#define CREATE_TRIES 16

/* ---- opening ---- */

int
fts_job_open_flags (uint32_t open_flags)
{
  int flags = O_RDONLY;

  if (open_flags & FTS_OPEN_WRITE)
    flags = open_flags & FTS_OPEN_READ ? O_RDWR : O_WRONLY;
  if (open_flags & FTS_OPEN_APPEND)
    flags |= O_APPEND;
  if (open_flags & FTS_OPEN_TRUNC)
    flags |= O_TRUNC;
  if (open_flags & FTS_OPEN_SYNC)
    flags |= O_SYNC;
  if (open_flags & FTS_OPEN_DATASYNC)
    flags |= O_DSYNC;
  return flags;
}

int
fts_job_reopen (const FtsPin *pin, int flags)
{
  char path[FTS_FD_PATH_LEN];

  if (pin->type == S_IFDIR && (flags & (O_ACCMODE | O_TRUNC)) != O_RDONLY)
    return -EISDIR;
  if (pin->type == S_IFLNK)
    return -ELOOP;
  if (pin->type != S_IFREG && pin->type != S_IFDIR)
    return -ENXIO;
  fts_caller_path_of_fd (pin->fd, path);
  int fd = open (path, flags | O_CLOEXEC | O_NOCTTY);
  return fd < 0 ? -errno : fd;
}

/* FD, taken over, becomes an open file of the client. */
static int
answer_open (FtsJob *job, int fd, const FtsHandle *handle)
{
  uint64_t id = fts_session_add (job->session, fd, job->request->open_flags, handle);

  job->answer.open_id = id;
  return id != 0 ? 0 : EMFILE;
}

/* A file that cannot be seen as open_id any more must not stay open. */
static int
close_failed (FtsJob *job, int failed)
{
  if (failed)
    fts_session_remove (job->session, job->answer.open_id);
  return failed;
}

static int answer_with_data (FtsJob *job, int fd, uint64_t offset, uint64_t want);

/* -errno, or a descriptor whose attributes are in the answer. */
static int
open_file (FtsJob *job)
{
  int fd = fts_job_reopen (job->file, fts_job_open_flags (job->request->open_flags));

  if (fd < 0)
    return fd;
  int failed = fts_attr_load (fd, &job->answer.attr, NULL);
  if (!failed)
    return fd;
  close (fd);
  return -failed;
}

/* The same, and the file has a name or is open elsewhere: one that is only in the cache is gone. */
static int
open_named_file (FtsJob *job)
{
  int fd = open_file (job);

  if (fd < 0 || job->answer.attr.nlink > 0)
    return fd;
  close (fd);
  int failed = fts_job_find_removed (job);
  if (!failed)
    failed = fts_job_become_caller (job);
  return failed ? -failed : open_file (job);
}

int
fts_serve_open (FtsJob *job)
{
  const FtsRequest *request = job->request;
  uint32_t changes = FTS_OPEN_WRITE | FTS_OPEN_TRUNC;

  if (request->open_flags & changes && fts_job_is_read_only (job))
    return EROFS;
  if (job->file->type == S_IFDIR)
    return EISDIR;
  int fd = open_named_file (job);
  if (fd < 0)
    return -fd;
  fts_job_look_closer (job, fd, &job->answer.attr);
  int failed = answer_open (job, fd, &job->file->handle);
  if (failed || request->length == 0)
    return failed;
  if (request->open_flags & FTS_OPEN_WRITE && !(request->open_flags & FTS_OPEN_READ))
    return 0;
  return close_failed (job, answer_with_data (job, fd, 0, request->length));
}

/* NAME is there already: opens what it is.  -ENOENT when it went away. */
static int
open_existing (FtsJob *job, const char *name, int flags)
{
  int path_fd = fts_contain_step (job->file->fd, name);
  FtsPin pin = { .fd = path_fd };
  struct stat st;

  if (path_fd < 0)
    return path_fd;
  int fd = fstat (path_fd, &st) == 0 ? 0 : -errno;
  pin.type = st.st_mode & S_IFMT;
  if (fd == 0)
    fd = pin.type == S_IFDIR ? -EISDIR : fts_job_reopen (&pin, flags);
  close (path_fd);
  return fd;
}

/* Makes the file first and opens an existing one second, so that neither a symlink is followed
 * nor a fifo or device opened. */
static int
create_or_open (FtsJob *job, const char *name, uint32_t mode)
{
  uint32_t open_flags = job->request->open_flags;
  int flags = fts_job_open_flags (open_flags);
  int fd = -EEXIST;

  for (int i = 0; i < CREATE_TRIES; i++) {
    fd = openat (job->file->fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                 mode);
    if (fd >= 0)
      return fd;
    if (errno != EEXIST || open_flags & FTS_OPEN_EXCL)
      return -errno;
    fd = open_existing (job, name, flags);
    if (fd != -ENOENT)
      return fd;
  }
  return fd;
}

int
fts_serve_create (FtsJob *job)
{
  const FtsRequest *request = job->request;
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&request->name, name);

  if (failed)
    return failed;
  int fd =
    create_or_open (job, name, fts_job_allowed_mode (job, request->mode, S_IFREG));
  if (fd < 0)
    return -fd;
  failed = fts_handles_describe (job->handles, fd, job->file, name, &job->answer.attr,
                                 &job->answer.handle);
  if (failed) {
    close (fd);
    return failed;
  }
  fts_job_look_closer (job, fd, &job->answer.attr);
  fts_job_answer_dir (job, job->file, &job->answer.attr2);
  return answer_open (job, fd, &job->answer.handle);
}

/* Unknown ids are passed over: the client may say a close again after a lost connection. */
int
fts_serve_close (FtsJob *job)
{
  FtsLe64 ids[FTS_CLOSE_MAX];
  size_t have = 0;
  const uint8_t *data;
  size_t len;

  do {
    if (!fts_job_take_data (job, &data, &len))
      return EIO;
    if (len > sizeof ids - have)
      return EMSGSIZE;
    memcpy ((uint8_t *) ids + have, data, len);
    have += len;
  } while (len > 0);
  fts_session_remove (job->session, job->request->open_id);
  for (size_t i = 0; i < have / sizeof *ids; i++)
    fts_session_remove (job->session, fts_le64_get (ids[i]));
  return 0;
}

/* ---- the file of a command ---- */

static bool
has_right (uint32_t open_flags, int flags)
{
  switch (flags & O_ACCMODE) {
  case O_RDONLY:
    return open_flags & FTS_OPEN_READ || !(open_flags & FTS_OPEN_WRITE);
  case O_WRONLY:
    return open_flags & FTS_OPEN_WRITE;
  default:
    return true;
  }
}

/* Opens the file of FILE again, with the server's rights: the client's were looked at when he
 * opened it.  0 or an errno; the caller's identity is back afterwards. */
static int
wake (FtsJob *job, FtsOpenFile *file)
{
  const uint32_t at_open = FTS_OPEN_TRUNC | FTS_OPEN_EXCL;
  int failed = 0;

  g_autoptr (FtsPin) pin = fts_handles_pin (job->handles, &file->handle, &failed);
  if (!failed)
    failed = fts_caller_become_server ();
  if (failed)
    return failed;
  int fd = fts_job_reopen (pin, fts_job_open_flags (file->open_flags & ~at_open));
  if (fd >= 0)
    fts_open_file_wake (file, fd);
  failed = fts_job_become_caller (job);
  return fd < 0 ? -fd : failed;
}

int
fts_job_find_open (FtsJob *job, uint64_t open_id, FtsOpenFile **out, int *fd)
{
  g_autoptr (FtsOpenFile) file = fts_session_find (job->session, open_id);

  /* One session has files of several exports; each is used through its own, with its rights. */
  if (file != NULL && !fts_handles_own (job->handles, &file->handle))
    return ESTALE;
  if (file == NULL)
    return fts_session_is_lost (job->session, open_id) ? EIO : ESTALE;
  *fd = fts_open_file_fd (file);
  if (*fd < 0) {
    int failed = wake (job, file);
    if (failed)
      return failed;
    *fd = fts_open_file_fd (file);
  }
  *out = g_steal_pointer (&file);
  return 0;
}

GPtrArray *
fts_job_wake_files (FtsJob *job, const FtsHandle *handle)
{
  GPtrArray *awake = NULL;
  FtsOpenFile *file;

  while (handle->len > 0 && (file = fts_job_find_resting (job, handle)) != NULL) {
    if (awake == NULL)
      awake = g_ptr_array_new_with_free_func ((GDestroyNotify) fts_open_file_unref);
    g_ptr_array_add (awake, file);
    if (wake (job, file) != 0)
      break;
  }
  return awake;
}

static int
use_open_file (FtsJob *job, uint64_t open_id, int flags, FtsJobFile *out)
{
  int failed = fts_job_find_open (job, open_id, &out->open, &out->fd);

  if (failed)
    return failed;
  if (has_right (out->open->open_flags, flags))
    return 0;
  fts_job_end_file (out);
  return EBADF;
}

static int
use_handle (FtsJob *job, const FtsHandle *handle, FtsPin **pin, int flags,
            FtsJobFile *out)
{
  int failed = 0;

  *pin = fts_handles_pin (job->handles, handle, &failed);
  if (*pin == NULL)
    return failed;
  failed = fts_job_become_caller (job);
  if (failed)
    return failed;
  out->fd = fts_job_reopen (*pin, flags);
  return out->fd < 0 ? -out->fd : 0;
}

int
fts_job_use_file (FtsJob *job, int flags, FtsJobFile *out)
{
  const FtsRequest *request = job->request;

  *out = (FtsJobFile){ -1, NULL };
  if (request->open_id != 0)
    return use_open_file (job, request->open_id, flags, out);
  return use_handle (job, &request->handle, &job->file, flags, out);
}

int
fts_job_use_file2 (FtsJob *job, int flags, FtsJobFile *out)
{
  const FtsRequest *request = job->request;

  *out = (FtsJobFile){ -1, NULL };
  if (request->open_id2 != 0)
    return use_open_file (job, request->open_id2, flags, out);
  return use_handle (job, &request->handle2, &job->file2, flags, out);
}

void
fts_job_end_file (FtsJobFile *file)
{
  if (file->open != NULL)
    fts_open_file_unref (file->open);
  else if (file->fd >= 0)
    close (file->fd);
  *file = (FtsJobFile){ -1, NULL };
}

/* ---- reading ---- */

/* Up to LEN bytes at OFFSET: fewer only at the end of the file.  -errno when nothing came. */
static ssize_t
read_fully (int fd, uint8_t *into, size_t len, uint64_t offset)
{
  size_t done = 0;

  while (done < len) {
    ssize_t n = pread (fd, into + done, len - done, (off_t) (offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return done > 0 ? (ssize_t) done : -errno;
    if (n == 0)
      break;
    done += (size_t) n;
  }
  return (ssize_t) done;
}

static int
answer_small (FtsJob *job, int fd, uint64_t offset, size_t want, uint64_t size)
{
  job->data = g_byte_array_sized_new ((guint) want);
  g_byte_array_set_size (job->data, (guint) want);
  ssize_t n = read_fully (fd, job->data->data, want, offset);

  if (n < 0)
    return (int) -n;
  g_byte_array_set_size (job->data, (guint) n);
  if ((size_t) n < want || offset + (uint64_t) n >= size)
    job->answer.flags |= FTS_ANSWER_EOF;
  fts_job_count (job, (uint64_t) n, 0);
  return 0;
}

/* Sends WANT bytes in segments, the answer's header in front of the first.  A file that got
 * shorter meanwhile ends the message early, and so does an error after the first segment: the
 * client reads on from there and learns of it. */
static int
answer_large (FtsJob *job, int fd, uint64_t offset, uint64_t want)
{
  g_autoptr (GByteArray) header = g_byte_array_sized_new (256);
  uint64_t done = 0;
  bool last = false;

  fts_job_finish_answer (job);
  fts_wire_encode_answer (&job->answer, header);
  for (size_t used = header->len; !last; used = 0) {
    uint8_t *memory;
    size_t room;
    if (!job->stream->reserve (job->stream, &memory, &room, &job->broken))
      return EIO;
    if (used > 0)
      memcpy (memory, header->data, used);
    size_t len = MIN (room - used, want - done);
    ssize_t n = read_fully (fd, memory + used, len, offset + done);
    if (n < 0 && done == 0)
      return (int) -n;
    done += n > 0 ? (uint64_t) n : 0;
    last = n < (ssize_t) len || done == want;
    job->answered = true;
    if (!job->stream->commit (job->stream, used + (n > 0 ? (size_t) n : 0), NULL, last,
                              &job->broken))
      return EIO;
  }
  fts_job_count (job, done, 0);
  return 0;
}

static int
answer_with_data (FtsJob *job, int fd, uint64_t offset, uint64_t want)
{
  struct stat st;

  if (offset > INT64_MAX - FTS_SERVER_MAX_DATA)
    return EINVAL;
  if (fstat (fd, &st) != 0)
    return errno;
  uint64_t size = (uint64_t) st.st_size;
  want = MIN (want, FTS_SERVER_MAX_DATA);
  uint64_t there = size > offset ? size - offset : 0;
  if (MIN (want, there) <= SMALL_READ)
    return answer_small (job, fd, offset, MIN (want, SMALL_READ), size);
  if (want >= there)
    job->answer.flags |= FTS_ANSWER_EOF;
  return answer_large (job, fd, offset, MIN (want, there));
}

int
fts_serve_read (FtsJob *job)
{
  FtsJobFile file;
  int failed = fts_job_use_file (job, O_RDONLY, &file);

  if (failed)
    return failed;
  failed = answer_with_data (job, file.fd, job->request->offset, job->request->length);
  fts_job_end_file (&file);
  return failed;
}

/* ---- writing ---- */

/* 0 or an errno; *DONE counts what was written in either case. */
static int
write_fully (int fd, const uint8_t *data, size_t len, uint64_t offset, size_t *done)
{
  *done = 0;
  while (*done < len) {
    ssize_t n = pwrite (fd, data + *done, len - *done, (off_t) (offset + *done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    *done += (size_t) n;
  }
  return 0;
}

static int
write_request_data (FtsJob *job, int fd, uint64_t *written)
{
  const FtsRequest *request = job->request;
  const uint8_t *data;
  size_t len;

  *written = 0;
  for (;;) {
    size_t done;
    if (!fts_job_take_data (job, &data, &len))
      return EIO;
    if (len == 0)
      return 0;
    if (*written + len > request->length)
      return EMSGSIZE;
    size_t skip = MIN (len, job->n_skipped);
    job->n_skipped -= skip;
    *written += skip;
    data += skip;
    len -= skip;
    int failed = write_fully (fd, data, len, request->offset + *written, &done);
    *written += done;
    if (failed)
      return failed;
  }
}

/* What was written before an error counts as a short write; the next one learns of the error. */
int
fts_serve_write (FtsJob *job)
{
  FtsJobFile file;
  uint64_t written = 0;

  if (job->request->offset > (uint64_t) INT64_MAX - job->request->length)
    return EFBIG;
  int failed = fts_job_use_file (job, O_WRONLY, &file);
  if (failed)
    return failed;
  failed = write_request_data (job, file.fd, &written);
  if (written > 0)
    failed = 0;
  if (!failed)
    failed = fts_attr_load (file.fd, &job->answer.attr, NULL);
  if (!failed)
    fts_job_look_closer (job, file.fd, &job->answer.attr);
  fts_job_end_file (&file);
  fts_job_count (job, 0, written);
  job->answer.length = written;
  return failed;
}

int
fts_serve_fsync (FtsJob *job)
{
  FtsJobFile file;
  /* An open file in either direction will do; else it is opened as anything can be. */
  int flags = job->request->open_id != 0 ? O_RDWR : O_RDONLY;
  int failed = fts_job_use_file (job, flags, &file);

  if (failed)
    return failed;
  int done = job->request->open_flags & FTS_OPEN_DATASYNC ? fdatasync (file.fd)
                                                          : fsync (file.fd);
  failed = done == 0 ? 0 : errno;
  fts_job_end_file (&file);
  return failed;
}
