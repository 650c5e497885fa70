/* path/queue.c - a path's threads and what waits for them.
 *
 *   lun_queue_put -> waiting[control], waiting[bulk] -> try (try.h) -> lun_queue_go_on
 *         ^     \                                                            |
 *         |      '-> parked (keeper.h) while there is no path                |
 *         '------------------ again, here or on another path ----------------'
 *
 * Where the transport takes commands from any thread, a part that finds room in flight and nobody
 * waiting is started by whoever puts it, and one that waits for room by whoever makes it: two
 * wake-ups less a command.  Elsewhere the path's own threads are the only ones that submit.
 *
 * A thread takes control parts before bulk parts, each in the order of arrival but for those
 * that pause (not_before_us), and keeps up to the transport's queue depth in flight.  Over a
 * transport that blocks there is a thread for each command in flight.  Checks (check.c) run here
 * too, when they are due.
 *
 * Where the policy allows it, a thread with nothing to do takes what waits for another path: a
 * burst is dealt out before anybody knows how fast the paths are.
 *
 * A part holds a pin of the path it waits or runs on, and counts in path->queued; while it waits,
 * in device->n_waiting too.  Whoever takes a part to start it has taken a place in flight for it
 * under the same lock (n_starting), so that there are never more than the queue depth.
 */
#include "path/queue.h"

#include "path/job.h"
#include "path/keeper.h"
#include "path/try.h"

#include "base/lock.h"
#include "base/sense.h"

#define STOP_PATIENCE_US (3 * G_USEC_PER_SEC)

/* ---- parts ---- */

static void
count_in (const LunPart *part)
{
  __atomic_add_fetch (&part->path->queued, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch (&part->path->queued_blocks, part->io.blocks, __ATOMIC_RELAXED);
}

static void
count_out (const LunPart *part)
{
  __atomic_sub_fetch (&part->path->queued, 1, __ATOMIC_RELAXED);
  __atomic_sub_fetch (&part->path->queued_blocks, part->io.blocks, __ATOMIC_RELAXED);
}

void
lun_queue_leave (LunPart *part)
{
  count_out (part);
  lun_path_unpin (part->path);
}

void
lun_queue_go_on (LunPart *part)
{
  LunPath *path = part->path;

  count_out (part);
  LunPartNext next = lun_part_advance (part);
  lun_path_unpin (path);
  if (next == LUN_PART_GO)
    lun_queue_put (part);
  else
    lun_job_part_ended (part);
}

static bool
has_room_locked (const LunPath *path)
{
  uint32_t depth = path->transport->facts.queue_depth;
  uint32_t used = path->in_flight.length + path->n_starting;

  return (depth == 0 || used < depth) && (path->window == 0 || used < path->window);
}

/* Where commands block a thread, only the path's own may be it. */
static bool
takes_any_thread (const LunPart *part)
{
  const LunTransportFacts *facts = &part->path->transport->facts;

  return facts->any_thread &&
         (facts->n_threads == 0 || lun_transport_is_swift (&part->io));
}

/* A place in flight for PART, when it may be started by this thread at once. */
static bool
take_place (LunPart *part)
{
  LunPath *path = part->path;

  if (!takes_any_thread (part) || part->not_before_us > 0)
    return false;
  LUN_LOCKED (&path->lock);
  if (!lun_path_is_usable (path) || path->stop || !has_room_locked (path) ||
      (lun_path_is_doubted (path) && part->io.op != LUN_OP_CDB) ||
      path->waiting[LUN_PRIO_CONTROL].length > 0 ||
      path->waiting[LUN_PRIO_BULK].length > 0)
    return false;
  count_in (part);
  path->n_starting++;
  return true;
}

static void
unlink_waiting_locked (GQueue *queue, LunPart *part)
{
  g_queue_unlink (queue, &part->link);
  __atomic_sub_fetch (&part->device->n_waiting, 1, __ATOMIC_RELAXED);
}

/* False when the path was lost meanwhile. */
static bool
push (LunPart *part)
{
  LunPath *path = part->path;

  part->link.data = part;
  LUN_LOCKED (&path->lock);
  if (!lun_path_is_usable (path))
    return false;
  count_in (part);
  g_queue_push_tail_link (&path->waiting[part->io.priority], &part->link);
  __atomic_add_fetch (&part->device->n_waiting, 1, __ATOMIC_RELAXED);
  if (!path->transport->facts.any_thread || has_room_locked (path))
    pthread_cond_signal (&path->changed); /* else who makes room takes it */
  return true;
}

static void
set_deadline (LunPart *part)
{
  uint32_t timeout_ms =
    part->io.timeout_ms > 0 ? part->io.timeout_ms : part->device->timeout_ms;

  if (part->deadline_us == 0)
    part->deadline_us = g_get_monotonic_time () + (int64_t) timeout_ms * 1000;
}

void
lun_queue_put (LunPart *part)
{
  int64_t look_again_us;

  set_deadline (part);
  for (;;) {
    switch (lun_part_choose_path (part, &look_again_us)) {
    case LUN_CHOICE_FOUND:
      if (take_place (part)) {
        lun_try_start (part->path, part);
        return;
      }
      if (push (part))
        return;
      lun_path_unpin (part->path);
      continue;
    case LUN_CHOICE_WAIT:
      lun_keeper_park (part, look_again_us);
      return;
    case LUN_CHOICE_NONE:
      lun_job_part_ended (part);
      return;
    }
  }
}

GQueue
lun_queue_take_waiting (LunPath *path)
{
  GQueue all = G_QUEUE_INIT;
  GList *link;

  LUN_LOCKED (&path->lock);
  for (int priority = LUN_PRIO_CONTROL; priority <= LUN_PRIO_BULK; priority++)
    while ((link = path->waiting[priority].head) != NULL) {
      unlink_waiting_locked (&path->waiting[priority], link->data);
      g_queue_push_tail_link (&all, link);
    }
  return all;
}

/* ---- the threads ---- */

static void
sooner (int64_t *until_us, int64_t at_us)
{
  if (*until_us < 0 || at_us < *until_us)
    *until_us = at_us;
}

/* Who takes it: a thread of the path, or any. */
typedef enum {
  TAKER_OWN,
  TAKER_ANY,
} Taker;

static LunPart *
take_from_locked (LunPath *path, LunPriority priority, Taker taker, int64_t now_us,
                  int64_t *look_again_us)
{
  GQueue *queue = &path->waiting[priority];
  bool is_doubted = lun_path_is_doubted (path);

  for (GList *link = queue->head; link; link = link->next) {
    LunPart *part = link->data;
    if (taker == TAKER_ANY && !takes_any_thread (part))
      continue;
    bool must_wait = is_doubted && part->io.op != LUN_OP_CDB;
    if (must_wait && !path->is_checking && path->next_check_us > now_us) {
      __atomic_store_n (&path->next_check_us, now_us, __ATOMIC_RELEASE);
      sooner (look_again_us, now_us);
    }
    int64_t at_us =
      must_wait ? part->deadline_us : MIN (part->not_before_us, part->deadline_us);
    if (at_us <= now_us) {
      unlink_waiting_locked (queue, part);
      return part;
    }
    sooner (look_again_us, at_us);
  }
  return NULL;
}

static LunPart *
take_locked (LunPath *path, Taker taker, int64_t now_us, int64_t *look_again_us)
{
  LunPart *part;

  if (!has_room_locked (path) || !lun_path_is_usable (path))
    return NULL;
  part = take_from_locked (path, LUN_PRIO_CONTROL, taker, now_us, look_again_us);
  return part ? part
              : take_from_locked (path, LUN_PRIO_BULK, taker, now_us, look_again_us);
}

static LunPart *
take_for_any (LunPath *path)
{
  int64_t look_again_us = -1;

  LUN_LOCKED (&path->lock);
  LunPart *part =
    path->stop ? NULL
               : take_locked (path, TAKER_ANY, g_get_monotonic_time (), &look_again_us);
  if (part)
    path->n_starting++;
  return part;
}

bool
lun_queue_use_room (LunPath *path)
{
  LunPart *part = NULL;
  bool was_used = false;

  if (!path->transport->facts.any_thread ||
      __atomic_load_n (&path->device->n_waiting, __ATOMIC_RELAXED) == 0)
    return false;
  for (; (part = take_for_any (path)) != NULL; was_used = true)
    lun_try_start (path, part);
  return was_used;
}

static bool
check_is_due_locked (LunPath *path, int64_t now_us, int64_t *look_again_us)
{
  if (path->is_checking || path->next_check_us == G_MAXINT64 || path->stop)
    return false;
  if (path->next_check_us <= now_us)
    return true;
  sooner (look_again_us, path->next_check_us);
  return false;
}

/* ---- sharing ---- */

/* The other path where most waits; NULL when it is not worth while. */
static LunPath *
find_victim (const LunPath *thief)
{
  LunDevice *device = thief->device;
  LunPath *victim = NULL;
  uint32_t most = 1; /* that one is under way */

  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    uint32_t queued = __atomic_load_n (&path->queued, __ATOMIC_RELAXED);
    if (path == thief || queued <= most)
      continue;
    most = queued;
    victim = path;
  }
  return victim;
}

/* The youngest bulk part that does not care. */
static LunPart *
take_youngest (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  for (GList *link = path->waiting[LUN_PRIO_BULK].tail; link; link = link->prev) {
    LunPart *part = link->data;
    if (part->wanted || part->not_before_us > 0)
      continue;
    unlink_waiting_locked (&path->waiting[LUN_PRIO_BULK], part);
    return part;
  }
  return NULL;
}

/* A part that waited on another path and is THIEF's now, or NULL. */
static LunPart *
take_from_another (LunPath *thief)
{
  LunPath *victim = find_victim (thief);
  LunPart *part = victim ? take_youngest (victim) : NULL;

  if (!part)
    return NULL;
  g_assert (lun_path_pin (thief)); /* open as long as it has threads */
  lun_queue_leave (part);
  part->path = thief;
  count_in (part);
  return part;
}

/* There was nothing to share.  Nobody is woken but for the end: who looks for the same would find
 * as little. */
static void
give_place_back (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  path->n_starting--;
  if (path->stop)
    pthread_cond_broadcast (&path->changed);
}

/* ---- work ---- */

/* What a thread does next. */
typedef struct {
  LunPart *part; /* start it */
  bool check;
  bool share; /* nothing of its own: look at the others */
  bool stop;
} Work;

static Work
find_work (LunPath *path, bool may_share)
{
  LUN_LOCKED (&path->lock);
  for (;; may_share = true) {
    int64_t now_us = g_get_monotonic_time ();
    int64_t look_again_us = -1;
    Work work = { 0 };

    work.check = check_is_due_locked (path, now_us, &look_again_us);
    work.part = take_locked (path, TAKER_OWN, now_us, &look_again_us);
    work.stop =
      path->stop && !work.part && path->in_flight.length == 0 && path->n_starting == 0;
    work.share = may_share && !work.part && !path->stop && has_room_locked (path) &&
                 path->device->policy->shares && lun_path_is_preferred (path);
    if (work.part || work.share)
      path->n_starting++;
    if (work.part || work.check || work.share || work.stop)
      return work;
    lun_cond_wait_until (&path->changed, &path->lock, look_again_us);
  }
}

static void
one_more (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  path->n_running++;
}

static void
one_less (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  path->n_running--;
  pthread_cond_broadcast (&path->changed);
}

bool
lun_queue_enter (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  if (path->stop || path->n_running == 0)
    return false;
  path->n_running++;
  return true;
}

void
lun_queue_exit (LunPath *path)
{
  one_less (path);
}

static void *
run (void *data)
{
  LunPath *path = data;
  bool may_share = true;
  Work work;

  do {
    work = find_work (path, may_share);
    if (work.share)
      work.part = take_from_another (path);
    if (work.share && !work.part)
      give_place_back (path);
    may_share = work.part != NULL;
    if (work.part)
      lun_try_start (path, work.part);
    if (work.check)
      lun_path_check (path);
  } while (!work.stop);
  one_less (path);
  return NULL;
}

static unsigned
threads_wanted (const LunPath *path)
{
  const LunTransportFacts *facts = &path->transport->facts;

  if (facts->run != LUN_RUN_PATH_THREAD)
    return CLAMP (facts->n_threads, 1, LUN_PATH_THREADS_MAX);
  return CLAMP (facts->queue_depth, 1, LUN_PATH_THREADS_MAX);
}

bool
lun_queue_start (LunPath *path, GError **error)
{
  unsigned wanted = threads_wanted (path);

  for (path->n_threads = 0; path->n_threads < wanted; path->n_threads++) {
    one_more (path);
    int rc = pthread_create (&path->threads[path->n_threads], NULL, run, path);
    if (rc == 0)
      continue;
    one_less (path);
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: no thread for the path: %s",
                 path->name, g_strerror (rc));
    return false;
  }
  return true;
}

/* True once all threads have ended; false when they did not for a long time. */
static bool
wait_for_threads (LunPath *path)
{
  int64_t until_us = g_get_monotonic_time () + STOP_PATIENCE_US;

  LUN_LOCKED (&path->lock);
  path->stop = true;
  pthread_cond_broadcast (&path->changed);
  while (path->n_running > 0 && g_get_monotonic_time () < until_us)
    lun_cond_wait_until (&path->changed, &path->lock, until_us);
  return path->n_running == 0;
}

bool
lun_queue_stop (LunPath *path)
{
  if (path->n_threads == 0)
    return true;
  bool ended = wait_for_threads (path);
  for (unsigned i = 0; i < path->n_threads; i++) {
    if (ended)
      pthread_join (path->threads[i], NULL);
    else
      pthread_detach (path->threads[i]);
  }
  path->n_threads = 0;
  if (!ended)
    g_warning ("path %s: a command is stuck in it; its memory is left behind",
               path->name);
  return ended;
}
