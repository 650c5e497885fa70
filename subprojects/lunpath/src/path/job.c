/* path/job.c - one job is one caller's command; it lives from submit to io->done().
 *
 * All its parts are queued at once, so they spread over the paths.  The result is the first
 * part's that did not succeed, or a good one.
 */
#include "path/job.h"

#include "path/queue.h"
#include "path/verdict.h"

#include "base/iov.h"
#include "base/lock.h"

typedef struct LunJob {
  LunDevice *device;
  LunIo *io;
  unsigned n_parts;
  unsigned n_left; /* atomic */
  bool has_failed; /* atomic; who sets it writes `failure` */
  LunResult failure;
  LunPart parts[];
} LunJob;

static void
job_begins (LunDevice *device)
{
  LUN_LOCKED (&device->jobs_lock);
  device->n_jobs++;
}

static void
job_is_gone (LunDevice *device)
{
  LUN_LOCKED (&device->jobs_lock);
  if (--device->n_jobs == 0)
    pthread_cond_broadcast (&device->jobs_gone);
}

void
lun_job_wait_all (LunDevice *device)
{
  LUN_LOCKED (&device->jobs_lock);
  while (device->n_jobs > 0)
    lun_cond_wait_until (&device->jobs_gone, &device->jobs_lock, -1);
}

static void
finish (LunJob *job, const LunResult *last)
{
  LunDevice *device = job->device;
  LunIo *io = job->io;

  io->result = job->has_failed ? job->failure : *last;
  for (unsigned i = 0; i < job->n_parts; i++)
    g_free (job->parts[i].slice);
  g_free (job);
  io->done (io);
  job_is_gone (device);
}

void
lun_job_part_ended (LunPart *part)
{
  LunJob *job = part->job;

  if (lun_judge (&part->io.result).verdict != LUN_VERDICT_DONE &&
      !__atomic_exchange_n (&job->has_failed, true, __ATOMIC_ACQ_REL))
    job->failure = part->io.result;
  LunResult last = part->io.result;
  if (__atomic_sub_fetch (&job->n_left, 1, __ATOMIC_ACQ_REL) == 0)
    finish (job, &last);
}

/* The piece of job->io that starts at block AT. */
static void
cut (LunJob *job, LunPart *part, uint32_t at)
{
  const LunIo *io = job->io;
  uint32_t block_size = job->device->facts.block_size;

  part->io.lba = io->lba + at;
  part->io.blocks = MIN (io->blocks - at, job->device->facts.max_io_blocks);
  part->slice = g_new (struct iovec, (gsize) MAX (io->n_iov, 1));
  part->io.iov = part->slice;
  part->io.n_iov = lun_iov_slice (io->iov, io->n_iov, (size_t) at * block_size,
                                  (size_t) part->io.blocks * block_size, part->slice);
}

static unsigned
count_parts (const LunDevice *device, const LunIo *io)
{
  uint32_t max = device->facts.max_io_blocks;

  if (io->op == LUN_OP_FLUSH || io->op == LUN_OP_CDB || io->blocks <= max)
    return 1;
  return io->blocks / max + (io->blocks % max != 0);
}

void
lun_job_submit (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted)
{
  unsigned n_parts = count_parts (device, io);
  LunJob *job = g_malloc0 (sizeof *job + n_parts * sizeof job->parts[0]);

  job->device = device;
  job->io = io;
  job->n_parts = job->n_left = n_parts;
  job_begins (device);
  for (unsigned i = 0; i < n_parts; i++) {
    LunPart *part = &job->parts[i];
    part->io = *io;
    part->device = device;
    lun_part_want (part, wanted);
    part->uncounted = uncounted;
    part->job = job;
    if (n_parts > 1)
      cut (job, part, i * device->facts.max_io_blocks);
  }
  for (unsigned i = 0; i < n_parts; i++) /* the last one may free the job */
    lun_queue_put (&job->parts[i]);
}
