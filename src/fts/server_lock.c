/* server_lock.c - locks between the programs of all clients (locks.h).  No request waits here: who wants to
 * wait stands in the queue, and a notice says when he has it (server_watch.c).
 *
 * A lock belongs to the client's session, and ends with it: when a client dies, the server's
 * host lets its connections go and the session ends.  The file must be open in the session.
 */
#include "fts/server_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int
find_key (FtsJob *job, FtsLockKey *key)
{
  FtsJobFile file;
  struct stat st;

  if (job->request->open_id == 0)
    return EBADF;
  int failed = fts_job_use_file (job, O_RDWR, &file); /* either direction will do */
  if (failed)
    return failed;
  failed = fstat (file.fd, &st) == 0 ? 0 : errno;
  fts_job_end_file (&file);
  *key = (FtsLockKey){ failed ? 0 : st.st_dev, failed ? 0 : st.st_ino };
  return failed;
}

static int
set (FtsJob *job, FtsLockKey key, bool *changed)
{
  const FtsRequest *request = job->request;
  FtsLocks *locks = fts_job_locks (job);

  switch (request->open_flags) {
  case 0:
    return fts_locks_set (locks, key, job->session, &request->lock, NULL, changed);
  case FTS_LOCK_WAIT:
    return fts_locks_wait (locks, key, job->session, &request->lock, request->cookie,
                           changed);
  case FTS_LOCK_RECLAIM:
    return fts_locks_reclaim (locks, key, job->session, &request->lock, changed);
  default:
    return EINVAL;
  }
}

int
fts_serve_lock (FtsJob *job)
{
  FtsLockKey key;
  bool changed = false;

  if (job->request->open_flags == FTS_LOCK_CANCEL) {
    job->answer.length =
      fts_locks_cancel (fts_job_locks (job), job->session, job->request->cookie);
    return 0;
  }
  int failed = find_key (job, &key);

  if (failed)
    return failed;
  failed = set (job, key, &changed);
  job->answer.length = changed;
  return failed;
}

int
fts_serve_testlock (FtsJob *job)
{
  FtsLockKey key;
  int failed = find_key (job, &key);

  if (failed)
    return failed;
  fts_locks_test (fts_job_locks (job), key, job->session, &job->request->lock,
                  &job->answer.lock);
  return 0;
}
