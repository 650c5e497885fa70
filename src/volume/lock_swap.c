/* lock_swap.c - the volume lock by compare and write of the lock block (methods caw, pr, scsi2).
 *
 * The block says who holds it, so that holders are told apart and outlive a target that forgets
 * reservations.  Only a free block, or exactly that of a dead holder, is replaced.  What makes
 * compare and write one step is lunpath's business (lunpath/swap.h).
 */
#include "base/error.h"
#include "volume/identity.h"
#include "volume/lock_method.h"

/* Each waits for three dead times.  A release cannot be put off: nobody else can do it. */
#define OPEN_TRIES    2
#define RELEASE_TRIES 5

/* Others are at it all the time; that passes. */
static bool
is_busy (const GError *error)
{
  return g_error_matches (error, LUN_ERROR, LUN_ERROR_BUSY);
}

static bool
explain (FtsLockState *state, GError **error)
{
  FtsLockMethod method = fts_volume_mcb (state->volume)->lock_method;

  if (g_error_matches (*error, LUN_ERROR, LUN_ERROR_UNSUPPORTED))
    g_prefix_error (error,
                    "the volume's lock method, %s, does not work here; format it with "
                    "--lock auto, which finds one that does, or mend the device: ",
                    fts_lock_method_name (method));
  else
    g_prefix_error (error, "the volume's lock method, %s, could not be tried: ",
                    fts_lock_method_name (method));
  return false;
}

static bool
open_swap (FtsLockState *state, LunSwapMeans means, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (state->volume);
  LunSwapConfig config = {
    .means = means,
    .key = lun_resv_key (fts_volume_tag (state->volume), 0, fts_identity_random ()),
    .stale_ms = mcb->dead_ms,
    .reservation = means == LUN_SWAP_PR ? state->reservation : NULL,
  };

  state->swap = lun_swap_new (fts_volume_master (state->volume), &config);
  for (int tries = 0; tries < OPEN_TRIES; tries++) {
    g_clear_error (error);
    if (lun_swap_try (state->swap, mcb->lock_ptr, error))
      return true;
    if (!is_busy (*error))
      break;
  }
  g_clear_pointer (&state->swap, lun_swap_free);
  return explain (state, error);
}

static bool
open_caw (FtsLockState *state, GError **error)
{
  return open_swap (state, LUN_SWAP_CAW, error);
}

static bool
open_pr (FtsLockState *state, GError **error)
{
  return open_swap (state, LUN_SWAP_PR, error);
}

static bool
open_scsi2 (FtsLockState *state, GError **error)
{
  return open_swap (state, LUN_SWAP_SCSI2, error);
}

/* From the bytes EXPECT to what REPLACE says. */
static LunCaw
swap (FtsLockState *state, const uint8_t *expect, const FtsLockBlock *replace,
      GError **error)
{
  uint32_t block_size = fts_volume_block_size (state->volume);
  g_autofree uint8_t *to = g_malloc (block_size);

  fts_lock_block_encode (replace, fts_volume_tag (state->volume), to, block_size);
  return lun_swap_run (state->swap, fts_volume_mcb (state->volume)->lock_ptr, expect,
                       to, error);
}

static FtsLockAttempt
attempt_swap (FtsLockState *state, const FtsLockOwner *owner, const FtsLockBlock *steal,
              FtsLockBlock *holder, GError **error)
{
  g_autofree uint8_t *block = g_malloc (fts_volume_block_size (state->volume));
  FtsLockBlock claim;

  if (!fts_lock_load (state->volume, block, holder, error))
    return FTS_LOCK_FAILED;
  if (!fts_lock_is_takeable (holder, steal) &&
      !fts_lock_is_takeable (holder, &state->left))
    return FTS_LOCK_HELD;
  claim = fts_lock_claim (owner, holder);
  switch (swap (state, block, &claim, error)) {
  case LUN_CAW_DONE:
    state->mine = claim;
    return FTS_LOCK_TAKEN;
  case LUN_CAW_MISMATCH:
    return FTS_LOCK_HELD;
  case LUN_CAW_ERROR:
    if (!is_busy (*error))
      return FTS_LOCK_FAILED;
    g_clear_error (error);
    return FTS_LOCK_HELD;
  }
  return FTS_LOCK_FAILED;
}

static void
release_swap (FtsLockState *state)
{
  uint32_t block_size = fts_volume_block_size (state->volume);
  g_autofree uint8_t *block = g_malloc (block_size);
  g_autoptr (GError) error = NULL;
  FtsLockBlock released = state->mine;

  released.held = false;
  released.sequence++;
  fts_lock_block_encode (&state->mine, fts_volume_tag (state->volume), block,
                         block_size);
  LunCaw end = swap (state, block, &released, &error);
  for (int tries = 1; end == LUN_CAW_ERROR && is_busy (error) && tries < RELEASE_TRIES;
       tries++) {
    g_clear_error (&error);
    end = swap (state, block, &released, &error);
  }
  switch (end) {
  case LUN_CAW_DONE:
    break;
  case LUN_CAW_MISMATCH:
    g_warning (
      "the volume lock was taken from us while we held it: this host was taken "
      "for dead");
    break;
  case LUN_CAW_ERROR:
    state->left = state->mine;
    g_warning ("the volume lock could not be released: %s", error->message);
    break;
  }
}

static void
close_swap (FtsLockState *state)
{
  g_clear_pointer (&state->swap, lun_swap_free);
}

const FtsLockOps fts_lock_caw_ops = { "caw", open_caw, attempt_swap, release_swap,
                                      close_swap };
const FtsLockOps fts_lock_pr_ops = { "pr", open_pr, attempt_swap, release_swap,
                                     close_swap };
const FtsLockOps fts_lock_scsi2_ops = { "scsi2", open_scsi2, attempt_swap, release_swap,
                                        close_swap };
