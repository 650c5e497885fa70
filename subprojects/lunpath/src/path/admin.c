/* path/admin.c - the administrator's hand: seeing, adding, removing paths, setting them up and down.
 *
 * A path that is removed takes no new commands (state REMOVED); what waits on it is moved; its
 * threads end what is in flight; then nobody has it pinned any more and it is closed.  One with
 * a stuck command keeps its slot, and the device its memory.
 *
 * admin_lock: one add or remove at a time.
 */
#include "path/device.h"

#include "path/keeper.h"
#include "path/missing.h"
#include "path/queue.h"
#include "path/size.h"

#include "base/futex.h"
#include "base/lock.h"

/* ---- seeing ---- */

static void
describe (LunPath *path, LunPathInfo *info)
{
  info->name = g_strdup (path->name);
  info->method = g_strdup (path->transport->facts.method);
  info->is_preferred = __atomic_load_n (&path->is_preferred, __ATOMIC_RELAXED);
  info->queued = __atomic_load_n (&path->queued, __ATOMIC_RELAXED);
  info->failures = __atomic_load_n (&path->n_failures, __ATOMIC_RELAXED);
  info->commands = __atomic_load_n (&path->counters.commands, __ATOMIC_RELAXED);
  info->errors = __atomic_load_n (&path->counters.errors, __ATOMIC_RELAXED);
  info->bytes = __atomic_load_n (&path->counters.bytes, __ATOMIC_RELAXED);
  info->stuck = __atomic_load_n (&path->counters.stuck, __ATOMIC_RELAXED);
  for (unsigned i = 0; i < LUN_PATH_BUCKETS; i++)
    info->latency[i] = __atomic_load_n (&path->counters.latency[i], __ATOMIC_RELAXED);
  LUN_LOCKED (&path->lock);
  info->window = path->window;
  info->state = (LunPathState) path->state;
  info->reason = g_strdup (path->reason);
  info->since_us = path->since_us;
}

static bool
is_listed (const LunPathInfo *infos, unsigned n, const char *name)
{
  for (unsigned i = 0; i < n; i++)
    if (g_str_equal (infos[i].name, name))
      return true;
  return false;
}

/* One that has just been added may still be missing. */
static unsigned
list_missing (LunDevice *device, LunPathInfo *infos, unsigned n_paths)
{
  unsigned n = lun_missing_list (device, &infos[n_paths], LUN_PATHS_MAX - n_paths);
  unsigned end = n_paths;

  for (unsigned i = n_paths; i < n_paths + n; i++) {
    if (!is_listed (infos, n_paths, infos[i].name)) {
      infos[end++] = infos[i];
      continue;
    }
    g_free (infos[i].name);
    g_free (infos[i].reason);
  }
  return end;
}

LunPathInfo *
lun_device_list_paths (LunDevice *device, unsigned *n_paths)
{
  LunPathInfo *infos = g_new0 (LunPathInfo, LUN_PATHS_MAX);

  *n_paths = 0;
  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    if (!lun_path_pin (path))
      continue;
    describe (path, &infos[(*n_paths)++]);
    lun_path_unpin (path);
  }
  *n_paths = list_missing (device, infos, *n_paths);
  return infos;
}

void
lun_path_infos_free (LunPathInfo *infos, unsigned n_paths)
{
  for (unsigned i = 0; i < n_paths; i++) {
    g_free (infos[i].name);
    g_free (infos[i].method);
    g_free (infos[i].reason);
  }
  g_free (infos);
}

/* ---- adding ---- */

static LunPath *
find_slot (LunDevice *device, GError **error)
{
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    if (!device->paths[i].transport)
      return &device->paths[i];
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: more than %d paths",
               device->name, LUN_PATHS_MAX);
  return NULL;
}

static bool
fits (const LunPath *path, GError **error)
{
  const LunTransportFacts *its = &path->transport->facts;
  const LunFacts *ours = &path->device->facts;

  if (ours->n_blocks == 0) /* the target does not tell now */
    return true;
  if (its->block_size != ours->block_size || its->n_blocks < ours->n_blocks) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
                 "%s: the LUN has %" G_GUINT64_FORMAT
                 " blocks of %u bytes, the other paths' %" G_GUINT64_FORMAT " of %u",
                 path->name, its->n_blocks, its->block_size, ours->n_blocks,
                 ours->block_size);
    return false;
  }
  if (its->max_io_blocks >= ours->max_io_blocks &&
      (!ours->in_memory || its->run == LUN_RUN_CALLER))
    return true;
  g_set_error (
    error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
    "%s: it cannot be added while the device is in use: it takes shorter commands "
    "or another kind of thread than the other paths",
    path->name);
  return false;
}

static bool
leads_here (const LunPath *path, GError **error)
{
  const char *expected = path->device->facts.identity;
  g_autofree char *identity = lun_transport_identify (path->transport, error);

  if (!identity || g_str_equal (identity, expected))
    return identity != NULL;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
               "%s leads to %s, the other paths to %s", path->name, identity, expected);
  return false;
}

/* Checked at once: by its own thread, or in memory here. */
static void
take_into_use (LunPath *path)
{
  LunDevice *device = path->device;
  unsigned n_paths = lun_device_n_paths (device);

  __atomic_store_n (&device->n_paths, MAX (n_paths, path->index + 1), __ATOMIC_RELEASE);
  lun_path_event (path, LUN_PATH_SET_UP, NULL);
  if (device->facts.in_memory)
    lun_path_check (path);
}

/* A path is known by its name without the secret. */
static LunPath *
find_masked (LunDevice *device, const char *name)
{
  g_autofree char *masked = lun_path_name_mask (name);

  return lun_path_by_name (device, masked);
}

bool
lun_device_add_path (LunDevice *device, const char *name, GError **error)
{
  LUN_LOCKED (&device->admin_lock);
  if (find_masked (device, name)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "there is such a path already");
    return false;
  }
  LunPath *path = find_slot (device, error);
  if (!path || !lun_path_open (path, name, error))
    return false;
  lun_path_adopt_size (path);
  if (leads_here (path, error) && fits (path, error) &&
      (device->facts.in_memory || lun_queue_start (path, error))) {
    take_into_use (path);
    return true;
  }
  lun_path_close (path);
  return false;
}

/* ---- the others ---- */

static LunPath *
find (LunDevice *device, const char *name, GError **error)
{
  LunPath *path = find_masked (device, name);
  g_autofree char *masked = lun_path_name_mask (name);

  if (!path)
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: has no path \"%s\"",
                 device->name, masked);
  return path;
}

static bool
is_last (const LunPath *path)
{
  const LunDevice *device = path->device;

  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    if (i != path->index && device->paths[i].transport)
      return false;
  return true;
}

static void
say_farewell (LunPath *path)
{
  LunDevice *device = path->device;
  LunPathFarewell farewell;
  void *farewell_data;

  {
    LUN_LOCKED (&device->guard_lock);
    farewell = device->farewell;
    farewell_data = device->farewell_data;
  }
  if (farewell)
    farewell (device, path, farewell_data);
}

static void
drain_and_close (LunPath *path, LunPathState was)
{
  LunDevice *device = path->device;

  lun_path_event (path, LUN_PATH_REMOVE, NULL);
  lun_futex_bump (
    &device->bell); /* who waits for a change by this path takes another one */
  lun_keeper_evacuate (path); /* the keeper does not look at closed paths */
  if (!lun_queue_stop (path)) {
    device->has_stuck_path = true;
    return;
  }
  lun_path_shut (path);
  if (lun_path_state_is_usable (was))
    say_farewell (path);
  lun_path_close (path);
}

bool
lun_device_remove_path (LunDevice *device, const char *name, GError **error)
{
  bool was_missing = lun_missing_forget (device, name);

  LUN_LOCKED (&device->admin_lock);
  if (was_missing && !find_masked (device, name)) /* it may have been added just now */
    return true;
  LunPath *path = find (device, name, error);
  if (!path)
    return false;
  if (is_last (path)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: is the last path",
                 path->name);
    return false;
  }
  drain_and_close (path, lun_path_state (path));
  return true;
}

static bool
set (LunDevice *device, const char *name, LunPathEvent event, GError **error)
{
  LunPath *path = find (device, name, error);

  if (!path || !lun_path_pin (path))
    return false;
  lun_path_event (path, event, "by the administrator");
  lun_path_unpin (path);
  return true;
}

bool
lun_device_set_path_down (LunDevice *device, const char *name, GError **error)
{
  LUN_LOCKED (&device->admin_lock);
  return set (device, name, LUN_PATH_SET_DOWN, error);
}

bool
lun_device_set_path_up (LunDevice *device, const char *name, GError **error)
{
  LUN_LOCKED (&device->admin_lock);
  return set (device, name, LUN_PATH_SET_UP, error);
}
