/* server_attr.c - commands on attributes: of files and of the file system. */
#include "fts/server_ops.h"

#include "fts/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SET_TIMES \
  (FTS_SET_ATIME | FTS_SET_MTIME | FTS_SET_ATIME_NOW | FTS_SET_MTIME_NOW)

/* The open file of the request, or NULL: then the handle's pin is used. */
static FtsOpenFile *
find_open (FtsJob *job, int *fd)
{
  FtsOpenFile *open = NULL;

  if (job->request->open_id == 0 ||
      fts_job_find_open (job, job->request->open_id, &open, fd) != 0)
    return NULL;
  return open;
}

static int
answer_attr (FtsJob *job, int fd)
{
  int failed = fts_attr_load (fd, &job->answer.attr, NULL);

  if (!failed)
    fts_job_look_closer (job, fd, &job->answer.attr);
  return failed;
}

int
fts_job_find_removed (FtsJob *job)
{
  int failed = 0;

  fts_handles_drop (job->handles, &job->request->handle);
  g_clear_pointer (&job->file, fts_fdcache_unref);
  job->file = fts_handles_pin (job->handles, &job->request->handle, &failed);
  return failed;
}

int
fts_serve_getattr (FtsJob *job)
{
  int fd = -1;
  g_autoptr (FtsOpenFile) open = find_open (job, &fd);

  if (open != NULL)
    return answer_attr (job, fd);
  int failed = answer_attr (job, job->file->fd);
  if (failed || job->answer.attr.nlink > 0)
    return failed;
  failed = fts_job_find_removed (job);
  return failed ? failed : answer_attr (job, job->file->fd);
}

/* ---- setting ---- */

static int
set_owner (FtsJob *job)
{
  const FtsRequest *request = job->request;
  uid_t uid = request->mask & FTS_SET_UID ? request->attr.uid : (uid_t) -1;
  gid_t gid = request->mask & FTS_SET_GID ? request->attr.gid : (gid_t) -1;

  if (!(request->mask & (FTS_SET_UID | FTS_SET_GID)))
    return 0;
  return fchownat (job->file->fd, "", uid, gid, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

static int
set_mode (FtsJob *job)
{
  char path[FTS_FD_PATH_LEN];

  if (!(job->request->mask & FTS_SET_MODE))
    return 0;
  if (job->file->type == S_IFLNK)
    return EOPNOTSUPP;
  uint32_t mode = fts_job_allowed_mode (job, job->request->attr.mode, job->file->type);
  fts_caller_path_of_fd (job->file->fd, path);
  return chmod (path, mode) == 0 ? 0 : errno;
}

/* Through the open file where it was opened for writing: its right to write stays, whatever the
 * file's mode has become. */
static int
set_size (FtsJob *job, const FtsOpenFile *open, int fd)
{
  off_t size = (off_t) job->request->attr.size;
  char path[FTS_FD_PATH_LEN];

  if (!(job->request->mask & FTS_SET_SIZE))
    return 0;
  if (size < 0)
    return EFBIG;
  if (open != NULL && open->open_flags & FTS_OPEN_WRITE)
    return ftruncate (fd, size) == 0 ? 0 : errno;
  if (job->file->type == S_IFDIR)
    return EISDIR;
  if (job->file->type != S_IFREG)
    return EINVAL;
  fts_caller_path_of_fd (job->file->fd, path);
  return truncate (path, size) == 0 ? 0 : errno;
}

static struct timespec
choose_time (const FtsRequest *request, uint32_t set, uint32_t set_now,
             const FtsTime *time)
{
  if (request->mask & set_now)
    return (struct timespec){ .tv_nsec = UTIME_NOW };
  if (request->mask & set)
    return (struct timespec){ time->sec, time->nsec };
  return (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int
set_times (FtsJob *job)
{
  const FtsRequest *request = job->request;
  struct timespec times[2] = {
    choose_time (request, FTS_SET_ATIME, FTS_SET_ATIME_NOW, &request->attr.atime),
    choose_time (request, FTS_SET_MTIME, FTS_SET_MTIME_NOW, &request->attr.mtime),
  };

  if (!(request->mask & SET_TIMES))
    return 0;
  return utimensat (job->file->fd, "", times, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

/* Owner before mode, as a change of owner clears set-id bits; times last, as a change of size
 * sets them. */
int
fts_serve_setattr (FtsJob *job)
{
  int fd = -1;
  g_autoptr (FtsOpenFile) open = find_open (job, &fd);
  int failed = set_owner (job);

  if (!failed)
    failed = set_mode (job);
  if (!failed)
    failed = set_size (job, open, fd);
  if (!failed)
    failed = set_times (job);
  return failed ? failed : answer_attr (job, job->file->fd);
}

int
fts_serve_statfs (FtsJob *job)
{
  struct statfs fs;

  if (fstatfs (job->file->fd, &fs) != 0)
    return errno;
  job->answer.statfs = (FtsStatfs){
    .bsize = (uint64_t) fs.f_bsize,
    .frsize = (uint64_t) (fs.f_frsize > 0 ? fs.f_frsize : fs.f_bsize),
    .blocks = fs.f_blocks,
    .bfree = fs.f_bfree,
    .bavail = fs.f_bavail,
    .files = fs.f_files,
    .ffree = fs.f_ffree,
    .favail = fs.f_ffree,
    .namemax = (uint64_t) fs.f_namelen,
  };
  return 0;
}
