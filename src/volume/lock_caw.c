/* lock_caw.c - the volume lock by COMPARE AND WRITE of the lock block. */
#include "volume/lock_method.h"

static bool
open_caw (FtsLockState *state, GError **error)
{
  return true;
}

static FtsLockAttempt
attempt_caw (FtsLockState *state, const FtsLockOwner *owner, const FtsLockBlock *steal,
             FtsLockBlock *holder, GError **error)
{
  uint32_t block_size = fts_volume_block_size (state->volume);
  g_autofree uint8_t *expect = g_malloc (block_size);
  g_autofree uint8_t *replace = g_malloc (block_size);
  FtsLockBlock claim;

  if (!fts_lock_load (state->volume, expect, holder, error))
    return FTS_LOCK_FAILED;
  if (!fts_lock_is_takeable (holder, steal))
    return FTS_LOCK_HELD;
  claim = fts_lock_claim (owner, holder);
  fts_lock_block_encode (&claim, fts_volume_tag (state->volume), replace, block_size);
  switch (lun_device_compare_and_write (fts_volume_master (state->volume),
                                        fts_volume_mcb (state->volume)->lock_ptr,
                                        expect, replace, error)) {
  case LUN_CAW_DONE:
    state->mine = claim;
    return FTS_LOCK_TAKEN;
  case LUN_CAW_MISMATCH:
    return FTS_LOCK_HELD;
  case LUN_CAW_ERROR:
    break;
  }
  return FTS_LOCK_FAILED;
}

static void
release_caw (FtsLockState *state)
{
  uint32_t block_size = fts_volume_block_size (state->volume);
  uint64_t tag = fts_volume_tag (state->volume);
  g_autofree uint8_t *expect = g_malloc (block_size);
  g_autofree uint8_t *replace = g_malloc (block_size);
  g_autoptr (GError) error = NULL;
  FtsLockBlock released = state->mine;

  released.held = false;
  released.sequence++;
  fts_lock_block_encode (&state->mine, tag, expect, block_size);
  fts_lock_block_encode (&released, tag, replace, block_size);
  switch (lun_device_compare_and_write (fts_volume_master (state->volume),
                                        fts_volume_mcb (state->volume)->lock_ptr,
                                        expect, replace, &error)) {
  case LUN_CAW_DONE:
    break;
  case LUN_CAW_MISMATCH:
    g_warning (
      "the volume lock was taken from us while we held it: this host was taken "
      "for dead");
    break;
  case LUN_CAW_ERROR:
    g_warning ("the volume lock could not be released: %s", error->message);
    break;
  }
}

static void
close_caw (FtsLockState *state)
{
}

const FtsLockOps fts_lock_caw_ops = { "caw", open_caw, attempt_caw, release_caw,
                                      close_caw };
