/* path/path.c - one path's life: opening, events and when it is checked next.
 *
 * The states are a table (state.h); here is what follows from them for time.  A path that is
 * DOWN is checked after REST_MIN first and after twice as long each time, up to REST_MAX; after
 * CALM without a failure it starts small again.  One that is well is checked every
 * check_min_us, then less often, up to check_max_us; in memory not at all.
 */
#include "path/device.h"

#include "path/keeper.h"
#include "path/queue.h"

#include "base/lock.h"
#include "base/sense.h"

#include <string.h>

#define REST_MIN_US        (5 * 1000)
#define REST_MAX_MEMORY_US (250 * 1000)
#define REST_MAX_US        (1000 * 1000)
#define CALM_US            (10 * G_USEC_PER_SEC)

/* ---- opening and closing ---- */

void
lun_path_init (LunPath *path, LunDevice *device, unsigned index)
{
  path->device = device;
  path->index = index;
  path->state = LUN_PATH_REMOVED;
  path->next_check_us = G_MAXINT64;
  pthread_mutex_init (&path->lock, NULL);
  lun_cond_init (&path->changed);
}

void
lun_path_clear (LunPath *path)
{
  pthread_cond_destroy (&path->changed);
  pthread_mutex_destroy (&path->lock);
}

bool
lun_path_open (LunPath *path, const char *name, GError **error)
{
  LunTransportConfig config = { .read_only = path->device->read_only };
  LunTransport *transport = lun_transport_open (name, &config, error);

  if (!transport)
    return false;
  {
    LUN_LOCKED (&path->lock);
    path->transport = transport;
    path->name = g_strdup (transport->name);
    path->serial++;
    __atomic_store_n (&path->weight, 0, __ATOMIC_RELAXED);
    path->n_failed = 0;
    path->window = path->n_good = 0;
    __atomic_store_n (&path->checked, path->doubts, __ATOMIC_RELEASE);
    path->rest_us = 0;
    path->stop = false;
    memset (&path->counters, 0, sizeof path->counters);
    path->since_us = g_get_monotonic_time ();
    path->reason = g_strdup ("opened");
    __atomic_store_n (&path->n_failures, 0, __ATOMIC_RELAXED);
    __atomic_store_n (&path->service_us, 0, __ATOMIC_RELAXED);
    __atomic_store_n (&path->is_preferred, true, __ATOMIC_RELAXED);
    __atomic_store_n (&path->settled_us, 0, __ATOMIC_RELAXED);
    __atomic_store_n (&path->state, LUN_PATH_UNKNOWN, __ATOMIC_RELEASE);
    __atomic_store_n (&path->next_check_us, G_MAXINT64, __ATOMIC_RELEASE);
  }
  __atomic_store_n (&path->is_open, true, __ATOMIC_SEQ_CST);
  return true;
}

void
lun_path_shut (LunPath *path)
{
  __atomic_store_n (&path->is_open, false, __ATOMIC_SEQ_CST);
  while (__atomic_load_n (&path->users, __ATOMIC_SEQ_CST) > 0)
    g_usleep (1000);
}

void
lun_path_close (LunPath *path)
{
  lun_path_shut (path);
  g_clear_pointer (&path->transport, lun_transport_close);
  g_clear_pointer (&path->reason, g_free);
  g_clear_pointer (&path->name, g_free);
}

/* ---- time ---- */

static bool
is_in_memory (const LunPath *path)
{
  return path->transport->facts.run == LUN_RUN_CALLER;
}

static void
note_failure_locked (LunPath *path, int64_t now_us)
{
  int64_t last_us =
    path->n_failed ? path->failed_us[(path->n_failed - 1) % LUN_FLAPS_MAX] : 0;

  if (now_us - last_us > CALM_US)
    path->rest_us = 0;
  path->failed_us[path->n_failed++ % LUN_FLAPS_MAX] = now_us;
  __atomic_add_fetch (&path->n_failures, 1, __ATOMIC_RELAXED);
}

/* How long until the next check of a path that is in state NOW after it was in WAS; -1 = none. */
static int64_t
next_rest_locked (LunPath *path, LunPathState was, LunPathState now)
{
  const LunDevice *device = path->device;
  int64_t max_us = is_in_memory (path) ? REST_MAX_MEMORY_US : REST_MAX_US;

  if (now == LUN_PATH_UNKNOWN)
    return 0;
  if (now == LUN_PATH_DOWN) {
    path->rest_us = MIN (MAX (path->rest_us * 2, REST_MIN_US), max_us);
    return path->rest_us;
  }
  if (!lun_path_state_is_checked (now) || (now == LUN_PATH_UP && is_in_memory (path)))
    return -1;
  path->period_us =
    now == was ? MIN (path->period_us * 2, device->check_max_us) : device->check_min_us;
  return path->period_us;
}

static void
plan_check_locked (LunPath *path, LunPathState was, LunPathState now, int64_t now_us)
{
  int64_t rest_us = next_rest_locked (path, was, now);

  __atomic_store_n (&path->next_check_us, rest_us < 0 ? G_MAXINT64 : now_us + rest_us,
                    __ATOMIC_RELEASE);
}

bool
lun_path_is_flapping (LunPath *path)
{
  const LunDevice *device = path->device;
  int64_t now_us = g_get_monotonic_time ();

  LUN_LOCKED (&path->lock);
  if (path->n_failed < device->flaps)
    return false;
  unsigned nth = path->state == LUN_PATH_SUSPECT ? 1 : device->flaps;
  return path->failed_us[(path->n_failed - nth) % LUN_FLAPS_MAX] >
         now_us - device->flap_us;
}

void
lun_path_check_soon (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  if (!lun_path_state_is_checked ((LunPathState) path->state) || is_in_memory (path))
    return;
  __atomic_store_n (&path->next_check_us, g_get_monotonic_time (), __ATOMIC_RELEASE);
  pthread_cond_broadcast (&path->changed);
}

void
lun_path_doubt (LunPath *path)
{
  if (!is_in_memory (path)) /* a mapped file stays the same one */
    __atomic_add_fetch (&path->doubts, 1, __ATOMIC_SEQ_CST);
}

/* ---- events ---- */

/* A path that returns is used last for failback_us, unless it has never been up. */
static void
delay_return (LunPath *path, LunPathState was, int64_t now_us)
{
  int64_t failback_us = path->device->failback_us;

  if (failback_us > 0 && was != LUN_PATH_UNKNOWN)
    __atomic_store_n (&path->settled_us, now_us + failback_us, __ATOMIC_RELAXED);
}

/* A path that was slow once gets no commands that could tell that it no longer is. */
static void
forget_service_time (LunPath *path)
{
  __atomic_store_n (&path->service_us, 0, __ATOMIC_RELAXED);
}

static bool
is_failure (LunPathState was, LunPathState now)
{
  return lun_path_state_is_usable (was) && now == LUN_PATH_DOWN;
}

/* Only a check or the administrator change when the next check is, and what takes it down. */
static bool
plans_check (LunPathEvent event, LunPathState was, LunPathState now)
{
  return event != LUN_PATH_IO_FAILED || was != now;
}

static GLogLevelFlags
level_of (LunPathState was, LunPathState now)
{
  if (now == LUN_PATH_REFUSED)
    return G_LOG_LEVEL_WARNING;
  return was == LUN_PATH_UNKNOWN && now == LUN_PATH_UP ? G_LOG_LEVEL_INFO
                                                       : G_LOG_LEVEL_MESSAGE;
}

static void
tell (LunPath *path, LunPathState was, LunPathState now, LunPathEvent event,
      const char *reason)
{
  g_log (G_LOG_DOMAIN, level_of (was, now), "path %s: %s -> %s: %s%s%s", path->name,
         lun_path_state_name (was), lun_path_state_name (now),
         lun_path_event_name (event), reason ? ": " : "", reason ? reason : "");
}

void
lun_path_event (LunPath *path, LunPathEvent event, const char *reason)
{
  int64_t now_us = g_get_monotonic_time ();
  LunPathState was, now;

  {
    LUN_LOCKED (&path->lock);
    was = (LunPathState) path->state;
    now = lun_path_state_next (was, event);
    if (is_failure (was, now))
      note_failure_locked (path, now_us);
    if (plans_check (event, was, now))
      plan_check_locked (path, was, now, now_us);
    if (!lun_path_state_is_usable (was) && lun_path_state_is_usable (now))
      delay_return (path, was, now_us);
    if (event == LUN_PATH_CHECK_GOOD)
      forget_service_time (path);
    if (was != now) {
      path->since_us = now_us;
      g_free (path->reason);
      path->reason = g_strdup (reason ? reason : lun_path_event_name (event));
      __atomic_store_n (&path->state, now, __ATOMIC_RELEASE);
    }
    pthread_cond_broadcast (&path->changed);
  }
  if (was == now)
    return;
  tell (path, was, now, event, reason);
  lun_keeper_poke (path->device);
}

void
lun_path_fail (LunPath *path, const LunResult *result)
{
  if (!lun_path_is_usable (path)) /* another command was first */
    return;
  g_autofree char *why = lun_result_text (result);
  lun_path_event (path, LUN_PATH_IO_FAILED, why);
}

LunPath *
lun_path_by_name (LunDevice *device, const char *name)
{
  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    if (!lun_path_pin (path))
      continue;
    bool is_it = g_str_equal (path->name, name);
    lun_path_unpin (path);
    if (is_it)
      return path;
  }
  return NULL;
}

char *
lun_path_nexus (LunDevice *device, unsigned index)
{
  LunPath *path = &device->paths[index];

  if (!lun_path_pin (path))
    return NULL;
  char *nexus = g_strdup (path->transport->facts.nexus);
  lun_path_unpin (path);
  return nexus;
}
