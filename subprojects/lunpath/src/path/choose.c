/* path/choose.c - asks the policy for a path. */
#include "path/device.h"

/* While commands run in their callers' threads nobody else looks after resting paths. */
static void
revive_rested (LunDevice *device)
{
  for (unsigned i = 0; i < device->n_paths; i++)
    if (!lun_path_is_up (&device->paths[i]))
      lun_path_revive (&device->paths[i]);
}

static int
ask_policy (LunDevice *device, const LunPath *avoid)
{
  LunPathView views[LUN_PATHS_MAX];

  for (unsigned i = 0; i < device->n_paths; i++) {
    const LunPath *path = &device->paths[i];
    views[i] = (LunPathView){
      .usable = path != avoid && lun_path_is_up (path),
      .queued = __atomic_load_n (&path->queued, __ATOMIC_RELAXED),
      .queued_blocks = __atomic_load_n (&path->queued_blocks, __ATOMIC_RELAXED),
      .service_us = __atomic_load_n (&path->service_us, __ATOMIC_RELAXED),
    };
  }
  unsigned turn = __atomic_fetch_add (&device->turn, 1, __ATOMIC_RELAXED);
  return device->policy->choose (views, (int) device->n_paths, turn);
}

static LunPath *
first_rested (LunDevice *device, int64_t *not_before_us)
{
  LunPath *best = NULL;

  *not_before_us = G_MAXINT64;
  for (unsigned i = 0; i < device->n_paths; i++) {
    LunPath *path = &device->paths[i];
    int64_t at_us = __atomic_load_n (&path->down_until_us, __ATOMIC_ACQUIRE);
    if (at_us >= *not_before_us)
      continue;
    *not_before_us = at_us;
    best = path;
  }
  return best;
}

LunPath *
lun_path_choose (LunDevice *device, const LunPath *avoid, int64_t *not_before_us)
{
  *not_before_us = 0;
  if (device->n_paths == 1 && lun_path_is_up (&device->paths[0]))
    return &device->paths[0];
  if (device->facts.in_memory)
    revive_rested (device);
  int index = ask_policy (device, avoid);
  if (index < 0 && avoid)
    index = ask_policy (device, NULL);
  return index >= 0 ? &device->paths[index] : first_rested (device, not_before_us);
}
