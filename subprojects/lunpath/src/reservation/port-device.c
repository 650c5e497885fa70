/* reservation/port-device.c - a LunDevice as the reservation's port.
 *
 * Commands go out-of-band over the wanted path, and to usable paths only.  While the device asks
 * whether a path that came up may carry data (its guard, on the path's own thread), that path is
 * the only one that is used, and by direct commands: the device's queues are not to be waited for
 * there.
 */
#include "reservation/reservation.h"

#include "path/device.h"

#include "base/lock.h"
#include "base/sense.h"

#include <lunpath/paths.h>

/* The path that this thread guards, or sees off, or NULL. */
static __thread LunPath *guarded, *leaving;

static const char *
device_name (void *data)
{
  return lun_device_name (data);
}

static const char *
identity (void *data)
{
  return lun_device_facts (data)->identity;
}

static unsigned
n_paths (void *data)
{
  return lun_device_n_paths (data);
}

static const char *
path_name (void *data, unsigned path)
{
  const LunDevice *device = data;

  return device->paths[path].name ? device->paths[path].name : "(removed)";
}

static bool
is_usable (void *data, unsigned path)
{
  LunDevice *device = data;

  if (guarded)
    return guarded == &device->paths[path];
  if (leaving == &device->paths[path])
    return true;
  return lun_path_is_usable (&device->paths[path]);
}

static LunResult
execute (void *data, unsigned path, const LunCdb *cdb, LunDirection direction,
         void *buf, size_t len)
{
  LunResult result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);

  if (guarded)
    return lun_guard_cdb (guarded, cdb->b, cdb->len, direction, buf, len);
  if (leaving == &((LunDevice *) data)->paths[path])
    return lun_guard_cdb (leaving, cdb->b, cdb->len, direction, buf, len);
  lun_device_cdb (data, cdb->b, cdb->len, direction, buf, len, path_name (data, path),
                  &result, NULL);
  return result;
}

static bool
reset (void *data, unsigned path, GError **error)
{
  LunDevice *device = data;
  LunPath *wanted = &device->paths[path];

  if (!lun_path_pin (wanted)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH, "the path is gone");
    return false;
  }
  bool ok = lun_transport_reset (wanted->transport, error);
  lun_path_unpin (wanted);
  return ok;
}

static void
do_suspend (void *data)
{
  lun_device_set_gate (data, LUN_GATE_HELD);
}

static void
do_resume (void *data)
{
  lun_device_set_gate (data, LUN_GATE_OPEN);
}

static void
do_stop (void *data)
{
  lun_device_set_gate (data, LUN_GATE_STOPPED);
}

static void
fail_path (void *data, unsigned path, const char *why)
{
  LunDevice *device = data;
  LunResult result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);

  if (guarded)
    return; /* not up yet, and will not be */
  g_message ("path %s carries no data: %s", path_name (data, path), why);
  lun_path_fail (&device->paths[path], &result);
}

/* A procedure that is under way may wait for this very path: then the path is asked for again at
 * its next check. */
static bool
guard (LunDevice *device, LunPath *path, void *user_data, GError **error)
{
  LunReservation *r = user_data;

  if (pthread_mutex_trylock (&r->lock) != 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY, "the reservation is being changed");
    return false;
  }
  guarded = path;
  bool ok = lun_resv_path_up (r, path->index, error);
  guarded = NULL;
  pthread_mutex_unlock (&r->lock);
  return ok;
}

/* Figure 6 for one path: what it holds goes to another one, or it is unregistered. */
static void
see_off (LunDevice *device, LunPath *path, void *user_data)
{
  LunReservation *r = user_data;
  g_autoptr (GError) error = NULL;

  leaving = path;
  if (!lun_resv_let_path_go (r, path->index, &error))
    g_message ("path %s: its registration stays: %s", path->name, error->message);
  leaving = NULL;
}

void
lun_resv_guard_paths (LunReservation *r, LunDevice *device)
{
  lun_device_set_guard (device, guard, r);
  lun_device_set_farewell (device, see_off, r);
}

static bool
is_checking (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  return path->is_checking;
}

/* A check that has begun may still call the guard. */
void
lun_resv_unguard_paths (LunDevice *device)
{
  lun_device_set_guard (device, NULL, NULL);
  lun_device_set_farewell (device, NULL, NULL);
  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    while (is_checking (&device->paths[i]))
      g_usleep (1000);
}

LunResvPort
lun_resv_port_of_device (LunDevice *device)
{
  static const LunResvPortOps ops = {
    .device_name = device_name,
    .identity = identity,
    .n_paths = n_paths,
    .path_name = path_name,
    .is_usable = is_usable,
    .execute = execute,
    .reset = reset,
    .suspend = do_suspend,
    .resume = do_resume,
    .stop = do_stop,
    .fail_path = fail_path,
  };

  return (LunResvPort){ .ops = &ops, .data = device };
}
