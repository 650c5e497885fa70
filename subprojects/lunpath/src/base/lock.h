/* base/lock.h - pthread mutex with scope, and a condition on the monotonic clock.
 *
 * pthread and not GLib's, because ThreadSanitizer and helgrind see pthread only.
 */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdint.h>

static inline pthread_mutex_t *
lun_lock_enter (pthread_mutex_t *mutex)
{
  g_assert (pthread_mutex_lock (mutex) == 0);
  return mutex;
}

static inline void
lun_lock_leave (pthread_mutex_t **mutex)
{
  g_assert (pthread_mutex_unlock (*mutex) == 0);
}

/* Holds MUTEX until the end of the enclosing scope. */
#define LUN_LOCKED(mutex)                          \
  pthread_mutex_t *G_PASTE (lun_locked_, __LINE__) \
    __attribute__ ((cleanup (lun_lock_leave), unused)) = lun_lock_enter (mutex)

/* A condition whose timed wait takes g_get_monotonic_time(). */
void lun_cond_init (pthread_cond_t *cond);
/* UNTIL_US < 0 = no limit.  Spurious returns happen. */
void lun_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *mutex,
                          int64_t until_us);
