/* lock_delay.c - the volume lock where a LUN can do nothing but read and write.
 *
 * T=0    A and B both read "free"
 * T=1    A writes its claim; B's write may land up to one I/O time-out later
 * T=2t   A reads back: whoever wrote last is there, and nobody who read "free" can still write,
 *        for a reader writes within one time-out of its read and a write ends within another
 */
#include "volume/lock_method.h"

#include <string.h>

static bool
open_delay (FtsLockState *state, GError **error)
{
  return true;
}

static bool
write_block (FtsLockState *state, const FtsLockBlock *content, uint8_t *block,
             GError **error)
{
  uint32_t block_size = fts_volume_block_size (state->volume);

  fts_lock_block_encode (content, fts_volume_tag (state->volume), block, block_size);
  return fts_volume_write_settled (
    state->volume, fts_volume_mcb (state->volume)->lock_ptr, block, block_size, error);
}

static void
release (FtsLockState *state, const FtsLockBlock *mine)
{
  g_autofree uint8_t *block = g_malloc (fts_volume_block_size (state->volume));
  FtsLockBlock current, released = *mine;
  g_autoptr (GError) error = NULL;

  released.held = false;
  released.sequence++;
  if (!fts_lock_load (state->volume, block, &current, &error)) {
    g_warning ("the volume lock could not be released: %s", error->message);
    return;
  }
  if (!fts_lock_is_takeable (&current, mine) || !current.held) {
    g_warning (
      "the volume lock was taken from us while we held it: this host was taken "
      "for dead");
    return;
  }
  if (!write_block (state, &released, block, &error))
    g_warning ("the volume lock could not be released: %s", error->message);
}

static FtsLockAttempt
attempt_delay (FtsLockState *state, const FtsLockOwner *owner,
               const FtsLockBlock *steal, FtsLockBlock *holder, GError **error)
{
  uint32_t block_size = fts_volume_block_size (state->volume);
  uint32_t io_timeout_ms = fts_volume_mcb (state->volume)->io_timeout_ms;
  g_autofree uint8_t *found = g_malloc (block_size);
  g_autofree uint8_t *written = g_malloc (block_size);
  int64_t begin_us = g_get_monotonic_time ();
  FtsLockBlock claim;

  if (!fts_lock_load (state->volume, found, holder, error))
    return FTS_LOCK_FAILED;
  if (!fts_lock_is_takeable (holder, steal))
    return FTS_LOCK_HELD;
  claim = fts_lock_claim (owner, holder);
  if (!write_block (state, &claim, written, error))
    return FTS_LOCK_FAILED;
  if (g_get_monotonic_time () - begin_us > io_timeout_ms * INT64_C (2000)) {
    /* we were stopped in between: what we have overwritten may be a newer claim */
    release (state, &claim);
    return FTS_LOCK_HELD;
  }
  g_usleep (io_timeout_ms * 2UL * 1000);
  if (!fts_lock_load (state->volume, found, holder, error))
    return FTS_LOCK_FAILED;
  if (memcmp (found, written, block_size) != 0)
    return FTS_LOCK_HELD;
  state->mine = claim;
  return FTS_LOCK_TAKEN;
}

static void
release_delay (FtsLockState *state)
{
  release (state, &state->mine);
}

static void
close_delay (FtsLockState *state)
{
}

const FtsLockOps fts_lock_delay_ops = { "delay", open_delay, attempt_delay,
                                        release_delay, close_delay };
