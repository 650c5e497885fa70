/* wake.c - sleeping until blocks change.
 *
 * A waiter counts itself, then compares the blocks; a writer copies, then looks at the count.
 * With a full fence between the two steps of each, at least one sees the other: either the
 * writer sees the waiter and bumps the word, or the waiter sees the new data.  A bump between
 * the waiter's look at the word and its futex call makes that call return at once.
 */
#include "emul/wake.h"

#include "base/futex.h"

static unsigned
word_of (uint64_t byte_offset)
{
  return (unsigned) (byte_offset / LUN_EMUL_WAKE_BYTES % LUN_STATE_WAKE_WORDS);
}

void
lun_wake_range (LunEmul *emul, uint64_t byte_offset, uint64_t len)
{
  LunEmulState *state = emul->state;

  if (len == 0)
    return;
  atomic_thread_fence (memory_order_seq_cst);
  uint64_t first = byte_offset / LUN_EMUL_WAKE_BYTES;
  uint64_t last = (byte_offset + len - 1) / LUN_EMUL_WAKE_BYTES;
  if (last - first >= LUN_STATE_WAKE_WORDS)
    last = first + LUN_STATE_WAKE_WORDS - 1; /* every word once */
  for (uint64_t piece = first; piece <= last; piece++) {
    unsigned word = (unsigned) (piece % LUN_STATE_WAKE_WORDS);
    if (atomic_load_explicit (&state->waiters[word], memory_order_relaxed) > 0)
      lun_futex_bump_shared (&state->words[word]);
  }
}

uint32_t *
lun_emul_wake_word (LunEmul *emul, uint64_t byte_offset)
{
  return &emul->state->words[word_of (byte_offset)];
}

/* The shared count is raised first and lowered last, so that a death in between leaves it too
 * high, never too low. */
void
lun_emul_wait_begin (LunEmul *emul, uint64_t byte_offset)
{
  unsigned word = word_of (byte_offset);

  atomic_fetch_add (&emul->state->waiters[word], 1);
  atomic_fetch_add (&emul->opener->waits[word], 1);
  atomic_thread_fence (memory_order_seq_cst);
}

void
lun_emul_wait_end (LunEmul *emul, uint64_t byte_offset)
{
  unsigned word = word_of (byte_offset);

  atomic_fetch_sub (&emul->opener->waits[word], 1);
  atomic_fetch_sub (&emul->state->waiters[word], 1);
}

void
lun_emul_wake (LunEmul *emul, uint64_t byte_offset)
{
  lun_futex_bump_shared (lun_emul_wake_word (emul, byte_offset));
}
