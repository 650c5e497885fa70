/* path/choose.c - asks the policy for a path. */
#include "path/device.h"

/* While commands run in their callers' threads nobody else looks after paths that are not up. */
static void
check_due (LunDevice *device)
{
  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    if (lun_path_state (path) == LUN_PATH_UP || !lun_path_pin (path))
      continue;
    lun_path_check (path);
    lun_path_unpin (path);
  }
}

/* Among the paths in STATE. */
static int
ask_policy (LunDevice *device, LunPathState state, const LunPath *avoid)
{
  LunPathView views[LUN_PATHS_MAX];
  unsigned n_paths = lun_device_n_paths (device);

  for (unsigned i = 0; i < n_paths; i++) {
    const LunPath *path = &device->paths[i];
    views[i] = (LunPathView){
      .usable = path != avoid && lun_path_state (path) == state,
      .queued = __atomic_load_n (&path->queued, __ATOMIC_RELAXED),
      .queued_blocks = __atomic_load_n (&path->queued_blocks, __ATOMIC_RELAXED),
      .service_us = __atomic_load_n (&path->service_us, __ATOMIC_RELAXED),
    };
  }
  unsigned turn = __atomic_fetch_add (&device->turn, 1, __ATOMIC_RELAXED);
  return device->policy->choose (views, (int) n_paths, turn);
}

/* The first of: up; suspect; up or suspect, though it is to be avoided. */
static int
choose (LunDevice *device, const LunPath *avoid)
{
  int index = ask_policy (device, LUN_PATH_UP, avoid);

  if (index < 0)
    index = ask_policy (device, LUN_PATH_SUSPECT, avoid);
  if (index < 0 && avoid)
    index = choose (device, NULL);
  return index;
}

LunPath *
lun_path_choose (LunDevice *device, const LunPath *avoid)
{
  LunPath *only = &device->paths[0];

  if (lun_device_n_paths (device) == 1 && lun_path_is_usable (only) &&
      lun_path_pin (only))
    return only;
  if (device->facts.in_memory)
    check_due (device);
  for (;;) {
    int index = choose (device, avoid);
    if (index < 0)
      return NULL;
    if (lun_path_pin (&device->paths[index]))
      return &device->paths[index];
  }
}
