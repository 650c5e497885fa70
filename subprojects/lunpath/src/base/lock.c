#include "base/lock.h"

#include <errno.h>
#include <time.h>

void
lun_cond_init (pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  g_assert (pthread_cond_init (cond, &attr) == 0);
  pthread_condattr_destroy (&attr);
}

void
lun_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_us)
{
  if (until_us < 0) {
    g_assert (pthread_cond_wait (cond, mutex) == 0);
    return;
  }
  struct timespec ts = { .tv_sec = until_us / G_USEC_PER_SEC,
                         .tv_nsec = until_us % G_USEC_PER_SEC * 1000 };
  int rc = pthread_cond_timedwait (cond, mutex, &ts);
  g_assert (rc == 0 || rc == ETIMEDOUT);
}
