/* path/choose.c - asks the policy for a path. */
#include "path/device.h"

#include "base/lock.h"
#include "base/sense.h"

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

/* Paths of a lower tier are used first. */
typedef enum {
  TIER_PREFERRED,
  TIER_UP,       /* its target port group is active, but not optimised (ALUA) */
  TIER_RETURNED, /* up again, not for as long as failback_us */
  TIER_SUSPECT,
  TIER_NONE,
} Tier;

static Tier
tier_of (const LunPath *path, bool data)
{
  LunPathState state = lun_path_state (path);
  int64_t settled_us;

  if (data && lun_path_is_doubted (path))
    return TIER_NONE; /* ask_policy() has the check made */
  if (state == LUN_PATH_SUSPECT)
    return TIER_SUSPECT;
  if (state != LUN_PATH_UP)
    return TIER_NONE;
  settled_us = __atomic_load_n (&path->settled_us, __ATOMIC_RELAXED);
  if (G_UNLIKELY (settled_us != 0) && g_get_monotonic_time () < settled_us)
    return TIER_RETURNED;
  return __atomic_load_n (&path->is_preferred, __ATOMIC_RELAXED) ? TIER_PREFERRED
                                                                 : TIER_UP;
}

bool
lun_path_is_preferred (const LunPath *path)
{
  return tier_of (path, true) == TIER_PREFERRED;
}

static void
want_check (LunPath *path)
{
  if (!lun_path_pin (path))
    return;
  if (__atomic_load_n (&path->next_check_us, __ATOMIC_ACQUIRE) >
      g_get_monotonic_time ())
    lun_path_check_soon (path);
  lun_path_unpin (path);
}

/* The policy's choice within the lowest tier that has a path other than AVOID. */
static int
ask_policy (LunDevice *device, const LunPath *avoid, bool data)
{
  LunPathView views[LUN_PATHS_MAX];
  Tier tiers[LUN_PATHS_MAX];
  unsigned n_paths = lun_device_n_paths (device);
  Tier best = TIER_NONE;

  for (unsigned i = 0; i < n_paths; i++) {
    LunPath *path = &device->paths[i];
    if (data && lun_path_is_doubted (path) && lun_path_is_usable (path))
      want_check (path);
    tiers[i] = path == avoid ? TIER_NONE : tier_of (path, data);
    best = MIN (best, tiers[i]);
  }
  if (best == TIER_NONE)
    return -1;
  for (unsigned i = 0; i < n_paths; i++) {
    const LunPath *path = &device->paths[i];
    views[i] = (LunPathView){
      .exists = lun_path_state (path) != LUN_PATH_REMOVED,
      .usable = tiers[i] == best,
      .queued = __atomic_load_n (&path->queued, __ATOMIC_RELAXED),
      .queued_blocks = __atomic_load_n (&path->queued_blocks, __ATOMIC_RELAXED),
      .service_us = __atomic_load_n (&path->service_us, __ATOMIC_RELAXED),
      .load =
        lun_device_load (device, __atomic_load_n (&path->queued, __ATOMIC_RELAXED),
                         __atomic_load_n (&path->queued_blocks, __ATOMIC_RELAXED)),
      .weight = __atomic_load_n (&path->weight, __ATOMIC_RELAXED),
    };
  }
  unsigned turn = __atomic_fetch_add (&device->turn, 1, __ATOMIC_RELAXED);
  return device->policy->choose (views, (int) n_paths, turn);
}

static int
choose (LunDevice *device, const LunPath *avoid, bool data)
{
  int index = ask_policy (device, avoid, data);

  return index < 0 && avoid ? ask_policy (device, NULL, data) : index;
}

static void
append_trouble (GString *text, LunPath *path)
{
  if (!lun_path_pin (path))
    return;
  {
    LUN_LOCKED (&path->lock);
    if (!lun_path_state_is_usable ((LunPathState) path->state))
      g_string_append_printf (text, "; path %s is %s: %s", path->name,
                              lun_path_state_name ((LunPathState) path->state),
                              path->reason);
  }
  lun_path_unpin (path);
}

char *
lun_device_no_path_text (LunDevice *device, const LunResult *result)
{
  g_autofree char *why = lun_result_text (result);
  GString *text = g_string_new (NULL);

  g_string_printf (text, "no path to the LUN works: %s", why);
  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    append_trouble (text, &device->paths[i]);
  return g_string_free (text, FALSE);
}

LunPath *
lun_path_choose (LunDevice *device, const LunPath *avoid, bool data)
{
  LunPath *only = &device->paths[0];

  if (lun_device_n_paths (device) == 1 && lun_path_is_usable (only) &&
      !(data && lun_path_is_doubted (only)) && lun_path_pin (only))
    return only;
  if (device->facts.in_memory)
    check_due (device);
  for (;;) {
    int index = choose (device, avoid, data);
    if (index < 0)
      return NULL;
    if (lun_path_pin (&device->paths[index]))
      return &device->paths[index];
  }
}
