/* path/path.c - one path's life: up, resting after a failure, up again, or refused.
 *
 *            fail                        rested, same identity
 *   UP ---------------> RESTING ----------------------------------> UP
 *                          |  rested, cannot be identified
 *                          |--------------------------------------> RESTING (longer)
 *                          |  rested, another identity
 *                          '--------------------------------------> REFUSED (for good)
 *
 * A path rests BACKOFF_MIN first and twice as long each time, up to BACKOFF_MAX; after
 * CALM_US without a failure it starts small again.
 */
#include "path/device.h"

#include "base/lock.h"
#include "base/sense.h"

#define BACKOFF_MIN_US (5 * 1000)
#define BACKOFF_MAX_US (250 * 1000)
#define CALM_US        (10 * G_USEC_PER_SEC)

bool
lun_path_open (LunPath *path, LunDevice *device, const char *name, GError **error)
{
  LunTransportConfig config = { .read_only = device->read_only };

  path->device = device;
  path->transport = lun_transport_open (name, &config, error);
  if (!path->transport)
    return false;
  pthread_mutex_init (&path->lock, NULL);
  return true;
}

void
lun_path_close (LunPath *path)
{
  if (!path->transport)
    return;
  lun_transport_close (path->transport);
  pthread_mutex_destroy (&path->lock);
}

/* Returns for how long. */
static int64_t
rest_locked (LunPath *path)
{
  int64_t now_us = g_get_monotonic_time ();

  if (path->backoff_us == 0 || now_us - path->last_failure_us > CALM_US)
    path->backoff_us = BACKOFF_MIN_US;
  else
    path->backoff_us = MIN (path->backoff_us * 2, BACKOFF_MAX_US);
  path->last_failure_us = now_us;
  __atomic_store_n (&path->down_until_us, now_us + path->backoff_us, __ATOMIC_RELEASE);
  return path->backoff_us;
}

void
lun_path_fail (LunPath *path, const LunResult *result)
{
  LUN_LOCKED (&path->lock);
  if (!lun_path_is_up (path)) /* another command was first */
    return;
  g_autofree char *why = lun_result_text (result);
  int64_t rest_us = rest_locked (path);
  __atomic_add_fetch (&path->n_failures, 1, __ATOMIC_RELAXED);
  g_info ("path %s: %s; rests for %" G_GINT64_FORMAT " ms", path->transport->name, why,
          rest_us / 1000);
}

static bool
is_rested (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  return !path->refused && path->down_until_us <= g_get_monotonic_time ();
}

static void
rest_longer (LunPath *path, const char *why)
{
  LUN_LOCKED (&path->lock);
  g_info ("path %s: still down: %s", path->transport->name, why);
  rest_locked (path);
}

static void
refuse (LunPath *path, const char *identity)
{
  LUN_LOCKED (&path->lock);
  g_warning (
    "path %s leads to another LUN now (%s instead of %s); it is not used any more",
    path->transport->name, identity, path->device->facts.identity);
  path->refused = true;
  __atomic_store_n (&path->down_until_us, G_MAXINT64, __ATOMIC_RELEASE);
}

bool
lun_path_revive (LunPath *path)
{
  g_autoptr (GError) error = NULL;

  if (lun_path_is_up (path))
    return true;
  if (!is_rested (path))
    return false;
  g_autofree char *identity = lun_transport_identify (path->transport, &error);
  if (!identity) {
    rest_longer (path, error->message);
    return false;
  }
  if (!g_str_equal (identity, path->device->facts.identity)) {
    refuse (path, identity);
    return false;
  }
  g_info ("path %s: up again", path->transport->name);
  __atomic_store_n (&path->down_until_us, 0, __ATOMIC_RELEASE);
  return true;
}
