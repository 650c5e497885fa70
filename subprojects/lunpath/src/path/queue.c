/* path/queue.c - a path's thread: the only one that submits to its transport.
 *
 *   lun_queue_put -> waiting[control], waiting[bulk] -> in_flight -> on_done -> lun_part_advance
 *         ^                                                                        |
 *         '------------------------------ again, here or on another path ---------'
 *
 * The thread takes control parts before bulk parts, each in the order of arrival but for those
 * that pause (not_before_us), and keeps up to the transport's queue depth in flight.  A try that
 * takes longer than its share of the time is aborted; how it then ends is up to the transport,
 * its buffers stay the transport's until it does.  While another path is up a try's share is
 * half of what is left, so that there is time for the other.
 *
 * A resting path wakes by itself, asks the LUN who it is, and is up again.
 */
#include "path/queue.h"

#include "path/job.h"

#include "base/lock.h"
#include "base/sense.h"

/* ---- ending ---- */

static void
go_on (LunPart *part)
{
  if (lun_part_advance (part) == LUN_PART_GO)
    lun_queue_put (part);
  else
    lun_job_part_ended (part);
}

static void
measure (LunPath *path, const LunPart *part)
{
  int64_t took_us = g_get_monotonic_time () - part->start_us;
  uint32_t average = __atomic_load_n (&path->service_us, __ATOMIC_RELAXED);

  average =
    (uint32_t) (((int64_t) average * 7 + MIN (took_us, 10 * G_USEC_PER_SEC)) / 8);
  __atomic_store_n (&path->service_us, average, __ATOMIC_RELAXED);
}

static void
leave_path (LunPart *part)
{
  LunPath *path = part->path;

  __atomic_sub_fetch (&path->queued, 1, __ATOMIC_RELAXED);
  __atomic_sub_fetch (&path->queued_blocks, part->io.blocks, __ATOMIC_RELAXED);
}

/* LunIo.done of a part: on the path's thread or a thread of the transport. */
static void
on_done (LunIo *io)
{
  LunPart *part = (LunPart *) io;
  LunPath *path = part->path;

  {
    LUN_LOCKED (&path->lock);
    g_queue_unlink (&path->in_flight, &part->link);
    pthread_cond_signal (&path->changed);
    if (part->given_up && io->result.outcome == LUN_OUTCOME_ABORTED)
      io->result = lun_result_bare (LUN_OUTCOME_TIMEOUT, 0);
  }
  measure (path, part);
  leave_path (part);
  go_on (part);
}

/* Ends a try that never reached the transport. */
static void
fail (LunPart *part, LunOutcome outcome)
{
  part->io.result = lun_result_bare (outcome, 0);
  leave_path (part);
  go_on (part);
}

/* ---- starting ---- */

static bool
another_is_up (const LunPath *path)
{
  const LunDevice *device = path->device;

  for (unsigned i = 0; i < device->n_paths; i++)
    if (i != path->index && lun_path_is_up (&device->paths[i]))
      return true;
  return false;
}

static void
start_clock (LunPart *part)
{
  int64_t left_us;

  part->start_us = g_get_monotonic_time ();
  left_us = part->deadline_us - part->start_us;
  if (!part->pinned && another_is_up (part->path))
    left_us /= 2;
  part->try_until_us = part->start_us + left_us;
  part->io.timeout_ms = (uint32_t) MAX (left_us / 1000, 1);
  part->io.priv.tag = __atomic_add_fetch (&part->device->last_tag, 1, __ATOMIC_RELAXED);
  part->given_up = false;
}

static void
start (LunPath *path, LunPart *part)
{
  if (g_get_monotonic_time () >= part->deadline_us) {
    fail (part, LUN_OUTCOME_TIMEOUT);
    return;
  }
  if (!lun_path_is_up (path) && !lun_path_revive (path)) {
    fail (part, LUN_OUTCOME_TRANSPORT_ERROR);
    return;
  }
  start_clock (part);
  {
    LUN_LOCKED (&path->lock);
    g_queue_push_tail_link (&path->in_flight, &part->link);
  }
  lun_transport_submit (path->transport, &part->io);
}

void
lun_queue_put (LunPart *part)
{
  if (part->deadline_us == 0)
    part->deadline_us = g_get_monotonic_time () +
                        (int64_t) (part->io.timeout_ms > 0 ? part->io.timeout_ms
                                                           : part->device->timeout_ms) *
                          1000;
  if (!lun_part_choose_path (part)) {
    lun_job_part_ended (part);
    return;
  }
  LunPath *path = part->path;
  part->io.done = on_done;
  part->link.data = part;
  __atomic_add_fetch (&path->queued, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch (&path->queued_blocks, part->io.blocks, __ATOMIC_RELAXED);
  LUN_LOCKED (&path->lock);
  g_queue_push_tail_link (&path->waiting[part->io.priority], &part->link);
  pthread_cond_signal (&path->changed);
}

/* ---- the thread ---- */

static void
sooner (int64_t *until_us, int64_t at_us)
{
  if (*until_us < 0 || at_us < *until_us)
    *until_us = at_us;
}

static LunPart *
take_from_locked (GQueue *queue, int64_t now_us, int64_t *look_again_us)
{
  for (GList *link = queue->head; link; link = link->next) {
    LunPart *part = link->data;
    int64_t at_us = MIN (part->not_before_us, part->deadline_us);
    if (at_us <= now_us) {
      g_queue_unlink (queue, link);
      return part;
    }
    sooner (look_again_us, at_us);
  }
  return NULL;
}

static LunPart *
take_locked (LunPath *path, int64_t now_us, int64_t *look_again_us)
{
  uint32_t depth = path->transport->facts.queue_depth;
  LunPart *part;

  if (depth > 0 && path->in_flight.length >= depth)
    return NULL;
  part = take_from_locked (&path->waiting[LUN_PRIO_CONTROL], now_us, look_again_us);
  return part ? part
              : take_from_locked (&path->waiting[LUN_PRIO_BULK], now_us, look_again_us);
}

/* The tag of a try whose time is over, marked as given up; 0 = none. */
static uint64_t
find_overdue_locked (LunPath *path, int64_t now_us, int64_t *look_again_us)
{
  for (GList *link = path->in_flight.head; link; link = link->next) {
    LunPart *part = link->data;
    if (part->given_up)
      continue;
    if (part->try_until_us <= now_us) {
      part->given_up = true;
      return part->io.priv.tag;
    }
    sooner (look_again_us, part->try_until_us);
  }
  return 0;
}

/* What the thread does next. */
typedef struct {
  LunPart *part;    /* start it */
  uint64_t overdue; /* abort it */
  bool revive;
  bool stop;
} Work;

static Work
find_work (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  for (;;) {
    int64_t now_us = g_get_monotonic_time ();
    int64_t look_again_us = -1;
    Work work = { 0 };

    work.overdue = find_overdue_locked (path, now_us, &look_again_us);
    work.part = take_locked (path, now_us, &look_again_us);
    work.revive =
      !path->refused && path->down_until_us != 0 && path->down_until_us <= now_us;
    work.stop = path->stop && !work.part && path->in_flight.length == 0;
    if (work.part || work.overdue || work.revive || work.stop)
      return work;
    if (!path->refused && path->down_until_us != 0)
      sooner (&look_again_us, path->down_until_us);
    lun_cond_wait_until (&path->changed, &path->lock, look_again_us);
  }
}

static void *
run (void *data)
{
  LunPath *path = data;

  for (;;) {
    Work work = find_work (path);
    if (work.overdue)
      lun_transport_abort (path->transport, work.overdue);
    if (work.revive)
      lun_path_revive (path);
    if (work.part)
      start (path, work.part);
    if (work.stop)
      return NULL;
  }
}

bool
lun_queue_start (LunPath *path, GError **error)
{
  lun_cond_init (&path->changed);
  int rc = pthread_create (&path->thread, NULL, run, path);
  path->is_running = rc == 0;
  if (rc == 0)
    return true;
  pthread_cond_destroy (&path->changed);
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: no thread for the path: %s",
               path->transport->name, g_strerror (rc));
  return false;
}

void
lun_queue_stop (LunPath *path)
{
  if (!path->is_running)
    return;
  {
    LUN_LOCKED (&path->lock);
    path->stop = true;
    pthread_cond_signal (&path->changed);
  }
  pthread_join (path->thread, NULL);
  pthread_cond_destroy (&path->changed);
  path->is_running = false;
}
