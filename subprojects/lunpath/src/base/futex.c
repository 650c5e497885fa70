#include "base/futex.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

G_STATIC_ASSERT (LUN_FUTEX_MAX == FUTEX_WAITV_MAX);

static struct timespec
timespec_of (int64_t us)
{
  return (struct timespec){ .tv_sec = us / G_USEC_PER_SEC,
                            .tv_nsec = us % G_USEC_PER_SEC * 1000 };
}

/* Kernels before 5.16 know waiting for one word only. */
static void
wait_one (const LunFutex *futex, int64_t until_us)
{
  struct timespec until = timespec_of (until_us);
  int op = FUTEX_WAIT_BITSET | (futex->shared ? 0 : FUTEX_PRIVATE_FLAG);

  syscall (SYS_futex, futex->word, op, futex->value, until_us < 0 ? NULL : &until, NULL,
           FUTEX_BITSET_MATCH_ANY);
}

bool
lun_futex_wait (const LunFutex *words, unsigned n_words, int64_t until_us)
{
  struct futex_waitv waiters[LUN_FUTEX_MAX];
  struct timespec until = timespec_of (until_us);

  if (n_words > LUN_FUTEX_MAX)
    return false;
  if (n_words == 1) {
    wait_one (words, until_us);
    return true;
  }
  for (unsigned i = 0; i < n_words; i++)
    waiters[i] =
      (struct futex_waitv){ .val = words[i].value,
                            .uaddr = (uintptr_t) words[i].word,
                            .flags =
                              FUTEX_32 | (words[i].shared ? 0 : FUTEX_PRIVATE_FLAG) };
  long rc = syscall (SYS_futex_waitv, waiters, n_words, 0, until_us < 0 ? NULL : &until,
                     CLOCK_MONOTONIC);
  return rc >= 0 || (errno != ENOSYS && errno != EPERM);
}

void
lun_futex_bump (uint32_t *word)
{
  __atomic_add_fetch (word, 1, __ATOMIC_SEQ_CST);
  syscall (SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

void
lun_futex_bump_shared (uint32_t *word)
{
  __atomic_add_fetch (word, 1, __ATOMIC_SEQ_CST);
  syscall (SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
