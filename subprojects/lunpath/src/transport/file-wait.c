/* transport/file-wait.c - sleeping until a run of a mapped LUN differs from what was seen.
 *
 * First the caller looks at the mapped bytes for a while without sleeping (not on a machine
 * with one CPU, where the writer could not run meanwhile).  Then it counts itself on the wake
 * words of its runs (emul.h) and from there on
 *
 *   1. reads the words,
 *   2. looks at the runs, the bell and the clock,
 *   3. sleeps in the kernel while the words and the bell are as in 1.
 *
 * A writer changes the run first and its word afterwards, so a change after 2 is seen by 3.
 * More words than the kernel takes at once: it gets the first ones, and no sleep is longer than a
 * nap, after which all words are looked at (and the runs only when one has moved).  A kernel
 * without futex_waitv: naps on the bell alone.
 *
 * The mapped bytes change while they are compared; that is what they are looked at for.
 */
#include "transport/file.h"

#include "base/cpu.h"
#include "base/futex.h"

#include <sched.h>
#include <string.h>

/* What a change under a word that the kernel does not watch may stay unseen. */
#define NAP_MAX_US 5000

/* Runs up to this long are compared several times for each look at the clock. */
#define SHORT_RUNS 4096

typedef struct {
  LunFile *file;
  LunWatch *watches;
  int n_watches;
  const LunWakePlan *plan;
  uint32_t block_size;
  uint64_t n_bytes; /* of all runs */
  /* pieces of LUN_EMUL_WAKE_BYTES that the runs touch */
  unsigned n_words;
  uint64_t *offsets;
  LunFutex *bell;  /* the bell, then `words` */
  LunFutex *words; /* n_words */
} Wait;

/* Not seen by ThreadSanitizer: races with writers by design. */
__attribute__ ((no_sanitize ("thread"))) static bool
is_same (const uint8_t *mapped, const uint8_t *seen, size_t len)
{
  for (size_t at = 0; at < len; at += sizeof (uint64_t)) {
    uint64_t want = 0;
    for (unsigned i = 0; i < sizeof want;
         i++) /* any alignment; one load when compiled */
      ((uint8_t *) &want)[i] = seen[at + i];
    if (__atomic_load_n ((const uint64_t *) (const void *) (mapped + at),
                         __ATOMIC_RELAXED) != want)
      return false;
  }
  return true;
}

static bool
watch_differs (const Wait *wait, const LunWatch *watch)
{
  const uint8_t *mapped = lun_emul_map (wait->file->emul, watch->lba, watch->blocks);

  return !is_same (mapped, watch->seen, (size_t) watch->blocks * wait->block_size);
}

/* Marks the watches that differ; true when there are any. */
static bool
differs (const Wait *wait)
{
  bool any = false;

  for (int i = 0; i < wait->n_watches; i++) {
    wait->watches[i].differs = watch_differs (wait, &wait->watches[i]);
    any |= wait->watches[i].differs;
  }
  return any;
}

static bool
mark_all (const Wait *wait)
{
  for (int i = 0; i < wait->n_watches; i++)
    wait->watches[i].differs = true;
  return true;
}

static bool
has_rung (const LunWakePlan *plan)
{
  return __atomic_load_n (plan->bell, __ATOMIC_SEQ_CST) != plan->bell_value;
}

static bool
is_over (const LunWakePlan *plan)
{
  return plan->until_us >= 0 && g_get_monotonic_time () >= plan->until_us;
}

/* True when a difference was seen.  Gives way to whoever else wants the CPU: it may be the writer, or
 * the thread that has work meanwhile. */
static bool
spin (const Wait *wait)
{
  int64_t until_us = g_get_monotonic_time () + wait->plan->spin_us;
  int n_looks = wait->n_bytes <= SHORT_RUNS ? 16 : 1;

  if (wait->plan->until_us >= 0)
    until_us = MIN (until_us, wait->plan->until_us);
  do {
    for (int i = 0; i < n_looks; i++) {
      if (differs (wait))
        return true;
      lun_cpu_pause ();
    }
    if (has_rung (wait->plan))
      return false;
    sched_yield ();
  } while (g_get_monotonic_time () < until_us);
  return false;
}

/* ---- sleeping ---- */

static void
each_piece (const Wait *wait, void (*visit) (uint64_t offset, void *data), void *data)
{
  uint64_t last = UINT64_MAX;

  for (int i = 0; i < wait->n_watches; i++) {
    uint64_t start = wait->watches[i].lba * wait->block_size;
    uint64_t end = start + (uint64_t) wait->watches[i].blocks * wait->block_size;
    for (uint64_t at = start - start % LUN_EMUL_WAKE_BYTES; at < end;
         at += LUN_EMUL_WAKE_BYTES) {
      if (at != last)
        visit (at, data);
      last = at;
    }
  }
}

static void
count_piece (uint64_t offset, void *data)
{
  (*(unsigned *) data)++;
}

static void
begin_piece (uint64_t offset, void *data)
{
  Wait *wait = data;
  const uint32_t *word = lun_emul_wake_word (wait->file->emul, offset);

  lun_emul_wait_begin (wait->file->emul, offset);
  wait->offsets[wait->n_words] = offset;
  wait->words[wait->n_words++] = (LunFutex){
    .word = word, .value = __atomic_load_n (word, __ATOMIC_SEQ_CST), .shared = true
  };
}

static void
begin (Wait *wait)
{
  unsigned n = 0;

  each_piece (wait, count_piece, &n);
  wait->offsets = g_new (uint64_t, n);
  wait->bell = g_new (LunFutex, n + 1);
  wait->words = wait->bell + 1;
  *wait->bell = (LunFutex){ .word = wait->plan->bell, .value = wait->plan->bell_value };
  each_piece (wait, begin_piece, wait);
}

static void
end (Wait *wait)
{
  for (unsigned i = 0; i < wait->n_words; i++)
    lun_emul_wait_end (wait->file->emul, wait->offsets[i]);
  g_free (wait->offsets);
  g_free (wait->bell);
}

/* Takes the words' present values; true when one has moved. */
static bool
take_values (Wait *wait)
{
  bool moved = false;

  for (unsigned i = 0; i < wait->n_words; i++) {
    uint32_t value = __atomic_load_n (wait->words[i].word, __ATOMIC_SEQ_CST);
    moved |= value != wait->words[i].value;
    wait->words[i].value = value;
  }
  return moved;
}

static int64_t
end_of_nap (const LunWakePlan *plan)
{
  int64_t end_us =
    g_get_monotonic_time () + MIN ((int64_t) plan->nap_us, (int64_t) NAP_MAX_US);

  return plan->until_us >= 0 ? MIN (end_us, plan->until_us) : end_us;
}

static void
sleep_on_words (Wait *wait)
{
  unsigned n = MIN (wait->n_words, LUN_FUTEX_MAX - 1);
  int64_t until_us =
    n == wait->n_words ? wait->plan->until_us : end_of_nap (wait->plan);

  if (!lun_futex_wait (wait->bell, n + 1, until_us))
    lun_futex_wait (wait->bell, 1, end_of_nap (wait->plan));
}

static LunWake
sleep_until_change (Wait *wait)
{
  bool blind = wait->plan->blind;

  for (bool moved = !blind;; moved = take_values (wait)) {
    if (moved && (blind ? mark_all (wait) : differs (wait)))
      return LUN_WAKE_DIFFERS;
    if (has_rung (wait->plan))
      return LUN_WAKE_BELL;
    if (is_over (wait->plan))
      return LUN_WAKE_TIMEOUT;
    sleep_on_words (wait);
  }
}

LunWake
lun_file_wait (LunTransport *transport, LunWatch *watches, int n_watches,
               const LunWakePlan *plan)
{
  Wait wait = { .file = (LunFile *) transport,
                .watches = watches,
                .n_watches = n_watches,
                .plan = plan,
                .block_size = transport->facts.block_size };

  for (int i = 0; i < n_watches; i++)
    wait.n_bytes += (uint64_t) watches[i].blocks * wait.block_size;
  if (plan->spin_us > 0 && !plan->blind && lun_cpu_may_spin () && spin (&wait))
    return LUN_WAKE_DIFFERS;
  begin (&wait);
  LunWake wake = sleep_until_change (&wait);
  end (&wait);
  return wake;
}
