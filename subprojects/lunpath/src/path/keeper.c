/* path/keeper.c - deadlines that do not wait for paths.
 *
 * A path's thread may be stuck: in a command of a transport that blocks, far beyond the time-out
 * it was given, or in a check.  So it is the keeper that decides.  It
 *   - ends tries whose time is over: aborts the command, takes the path down and sends the part
 *     elsewhere (try.h says when that is safe);
 *   - takes a path down whose check takes too long;
 *   - moves what waits on a path that is not usable to another one;
 *   - holds the parts that have no path (parked), sends them on when a path has changed, and
 *     ends them when they have waited long enough.
 *
 * It sleeps until the earliest of these times.  Who creates an earlier one pokes it: to see that
 * without a lock, keeper_wakes_us says until when it sleeps, and is "for ever" while it looks.
 */
#include "path/keeper.h"

#include "path/queue.h"
#include "path/try.h"

#include "base/lock.h"
#include "base/sense.h"

/* The device whose keeper this thread is: it need not poke itself, it looks before it sleeps. */
static __thread LunDevice *kept;

/* ---- parked parts ---- */

void
lun_keeper_park (LunPart *part, int64_t until_us)
{
  LunDevice *device = part->device;

  part->link.data = part;
  part->park_until_us = until_us;
  {
    LUN_LOCKED (&device->keeper_lock);
    g_queue_push_tail_link (&device->parked, &part->link);
  }
  if (kept != device)
    lun_keeper_expect (device, until_us);
}

static GQueue
take_parked (LunDevice *device)
{
  LUN_LOCKED (&device->keeper_lock);
  GQueue all = device->parked;
  g_queue_init (&device->parked);
  return all;
}

/* Each looks for a path again; those that find none park again. */
static void
send_on (GQueue *parts)
{
  GList *link;

  while ((link = g_queue_pop_head_link (parts)) != NULL)
    lun_queue_put (link->data);
}

static int64_t
look_after_parked (LunDevice *device)
{
  GQueue parts = take_parked (device);
  int64_t next_us = G_MAXINT64;

  send_on (&parts);
  LUN_LOCKED (&device->keeper_lock);
  for (GList *link = device->parked.head; link; link = link->next)
    next_us = MIN (next_us, ((LunPart *) link->data)->park_until_us);
  return next_us;
}

/* ---- paths ---- */

static int64_t
look_after_check (LunPath *path)
{
  static const LunResult late = { .outcome = LUN_OUTCOME_TIMEOUT };
  int64_t until_us = __atomic_load_n (&path->check_until_us, __ATOMIC_ACQUIRE);

  if (until_us == 0 || !lun_path_is_usable (path))
    return G_MAXINT64;
  if (until_us > g_get_monotonic_time ())
    return until_us;
  lun_path_fail (path, &late);
  return G_MAXINT64;
}

void
lun_keeper_evacuate (LunPath *path)
{
  GQueue parts = lun_queue_take_waiting (path);
  for (GList *link = parts.head; link; link = link->next)
    lun_queue_leave (link->data);
  send_on (&parts);
}

static int64_t
look_after_path (LunPath *path)
{
  int64_t next_us;

  if (!lun_path_pin (path))
    return G_MAXINT64;
  next_us = lun_try_end_overdue (path);
  next_us = MIN (next_us, look_after_check (path));
  if (!lun_path_is_usable (path))
    lun_keeper_evacuate (path);
  lun_path_unpin (path);
  return next_us;
}

/* ---- the thread ---- */

static int64_t
look_after_all (LunDevice *device)
{
  int64_t next_us = G_MAXINT64;

  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    next_us = MIN (next_us, look_after_path (&device->paths[i]));
  return MIN (next_us, look_after_parked (device));
}

/* False when it is to end. */
static bool
sleep_until (LunDevice *device, int64_t until_us)
{
  LUN_LOCKED (&device->keeper_lock);
  if (!device->is_poked && !device->keeper_stop) {
    __atomic_store_n (&device->keeper_wakes_us, until_us, __ATOMIC_SEQ_CST);
    lun_cond_wait_until (&device->keeper_poked, &device->keeper_lock,
                         until_us == G_MAXINT64 ? -1 : until_us);
    __atomic_store_n (&device->keeper_wakes_us, G_MAXINT64, __ATOMIC_SEQ_CST);
  }
  device->is_poked = false;
  return !device->keeper_stop;
}

static void *
run (void *data)
{
  LunDevice *device = data;

  kept = device;
  while (sleep_until (device, look_after_all (device)))
    ;
  return NULL;
}

void
lun_keeper_poke (LunDevice *device)
{
  LUN_LOCKED (&device->keeper_lock);
  device->is_poked = true;
  pthread_cond_signal (&device->keeper_poked);
}

void
lun_keeper_expect (LunDevice *device, int64_t at_us)
{
  if (at_us < __atomic_load_n (&device->keeper_wakes_us, __ATOMIC_SEQ_CST))
    lun_keeper_poke (device);
}

bool
lun_keeper_start (LunDevice *device, GError **error)
{
  __atomic_store_n (&device->keeper_wakes_us, G_MAXINT64, __ATOMIC_SEQ_CST);
  int rc = pthread_create (&device->keeper, NULL, run, device);
  device->has_keeper = rc == 0;
  if (rc == 0)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: no thread for the device: %s",
               device->name, g_strerror (rc));
  return false;
}

void
lun_keeper_stop (LunDevice *device)
{
  if (!device->has_keeper)
    return;
  {
    LUN_LOCKED (&device->keeper_lock);
    device->keeper_stop = true;
    pthread_cond_signal (&device->keeper_poked);
  }
  pthread_join (device->keeper, NULL);
  device->has_keeper = false;
}
