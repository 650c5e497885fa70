#include "volume/lock.h"

#include "base/error.h"
#include "volume/disk.h"
#include "volume/identity.h"

#include <lunpath/swap.h>

/* The block that a trial compares, and leaves as it is. */
static uint64_t
trial_block (LunDevice *device)
{
  return lun_device_facts (device)->n_blocks - 1;
}

static bool
try_swap (LunDevice *device, LunSwapMeans means, uint32_t dead_ms, GError **error)
{
  LunSwapConfig config = { .means = means,
                           .key = lun_resv_key (fts_identity_random (), 0,
                                                fts_identity_random ()),
                           .stale_ms = dead_ms };
  g_autoptr (LunSwap) swap = lun_swap_new (device, &config);

  return lun_swap_try (swap, trial_block (device), error);
}

static bool
refuse (GError **error, const char *why)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_UNSUPPORTED, "%s", why);
  return false;
}

bool
fts_lock_try_method (const FtsLockTrial *trial, FtsLockMethod method, GError **error)
{
  switch (method) {
  case FTS_LOCK_CAW:
    return try_swap (trial->master, LUN_SWAP_CAW, trial->dead_ms, error);
  case FTS_LOCK_PR:
    return try_swap (trial->master, LUN_SWAP_PR, trial->dead_ms, error);
  case FTS_LOCK_SCSI2:
    if (trial->fence_mode != FTS_FENCE_OFF)
      return refuse (error, "RESERVE(6) does not go together with the registrations of "
                            "fencing");
    return try_swap (trial->master, LUN_SWAP_SCSI2, trial->dead_ms, error);
  case FTS_LOCK_FILE:
    return trial->is_image || refuse (error, "the master device is no image file");
  case FTS_LOCK_DELAY:
    return true;
  }
  g_assert_not_reached ();
}

/* The method does not work, which says nothing of the others; else nothing does. */
static bool
is_answer (const GError *error)
{
  return g_error_matches (error, FTS_ERROR, FTS_ERROR_UNSUPPORTED) ||
         g_error_matches (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED) ||
         g_error_matches (error, LUN_ERROR, LUN_ERROR_IO);
}

bool
fts_lock_choose (const FtsLockTrial *trial, FtsLockMethod *out, GError **error)
{
  static const FtsLockMethod best_first[] = { FTS_LOCK_CAW, FTS_LOCK_PR, FTS_LOCK_SCSI2,
                                              FTS_LOCK_FILE, FTS_LOCK_DELAY };

  for (size_t i = 0; i < G_N_ELEMENTS (best_first); i++) {
    g_autoptr (GError) why = NULL;
    if (fts_lock_try_method (trial, best_first[i], &why)) {
      *out = best_first[i];
      return true;
    }
    if (!is_answer (why)) {
      g_propagate_error (error, g_steal_pointer (&why));
      return false;
    }
    g_info ("lock method %s: %s", fts_lock_method_name (best_first[i]), why->message);
  }
  g_assert_not_reached (); /* delay works everywhere */
}
