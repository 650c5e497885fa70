/* server_range.c - commands on ranges of a file: allocate and its like, find data and holes, copy.
 *
 * The kernel does each; nothing of the data goes over the LUN.
 */
#include "fts/server_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

/* More is copied by further requests, so that a worker is not held for long. */
#define MOST_COPIED (64u << 20)

#define FALLOCATE_MODES                                                \
  (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | \
   FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)

static bool
is_beyond (uint64_t offset, uint64_t len)
{
  return offset > INT64_MAX || len > INT64_MAX - offset;
}

int
fts_serve_fallocate (FtsJob *job)
{
  const FtsRequest *request = job->request;
  FtsJobFile file;

  if (is_beyond (request->offset, request->length))
    return EFBIG;
  if (request->mode & ~(uint32_t) FALLOCATE_MODES)
    return EOPNOTSUPP;
  int failed = fts_job_use_file (job, O_WRONLY, &file);
  if (failed)
    return failed;
  int done = fallocate (file.fd, (int) request->mode, (off_t) request->offset,
                        (off_t) request->length);
  failed = done == 0 ? fts_attr_load (file.fd, &job->answer.attr, NULL) : errno;
  fts_job_end_file (&file);
  return failed;
}

/* The position of a shared descriptor changes; nobody reads or writes by it. */
int
fts_serve_seek (FtsJob *job)
{
  const FtsRequest *request = job->request;
  FtsJobFile file;

  if (request->offset > INT64_MAX)
    return ENXIO;
  if (request->mode != FTS_SEEK_DATA && request->mode != FTS_SEEK_HOLE)
    return EINVAL;
  /* An open file in either direction will do. */
  int failed = fts_job_use_file (job, request->open_id ? O_RDWR : O_RDONLY, &file);
  if (failed)
    return failed;
  off_t found = lseek (file.fd, (off_t) request->offset,
                       request->mode == FTS_SEEK_DATA ? SEEK_DATA : SEEK_HOLE);
  failed = found < 0 ? errno : 0;
  fts_job_end_file (&file);
  job->answer.length = failed ? 0 : (uint64_t) found;
  return failed;
}

/* What was copied before an error counts; the next request learns of it. */
static int
copy (FtsJob *job, int from, int to)
{
  const FtsRequest *request = job->request;
  off_t offset = (off_t) request->offset, offset2 = (off_t) request->offset2;
  size_t want = (size_t) MIN (request->length, MOST_COPIED), done = 0;
  ssize_t n = 1;

  while (done < want && n > 0) {
    n = copy_file_range (from, &offset, to, &offset2, want - done, 0);
    if (n < 0 && done == 0)
      return errno;
    done += n > 0 ? (size_t) n : 0;
  }
  job->answer.length = done;
  fts_job_count (job, done, done);
  return fts_attr_load (to, &job->answer.attr, NULL);
}

int
fts_serve_copy (FtsJob *job)
{
  const FtsRequest *request = job->request;
  FtsJobFile from, to;

  if (is_beyond (request->offset, request->length) ||
      is_beyond (request->offset2, request->length))
    return EOVERFLOW;
  int failed = fts_job_use_file (job, O_RDONLY, &from);
  if (failed)
    return failed;
  failed = fts_job_use_file2 (job, O_WRONLY, &to);
  if (!failed) {
    failed = copy (job, from.fd, to.fd);
    fts_job_end_file (&to);
  }
  fts_job_end_file (&from);
  return failed;
}
