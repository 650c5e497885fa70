#include "fts/interrupt.h"

#include "base/error.h"

#include <errno.h>
#include <time.h>

static __thread FtsInterrupt *listening;
static __thread uint32_t most_ms;

void
fts_interrupt_init (FtsInterrupt *interrupt)
{
  pthread_condattr_t attr;

  *interrupt = (FtsInterrupt){ 0 };
  pthread_mutex_init (&interrupt->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&interrupt->changed, &attr);
  pthread_condattr_destroy (&attr);
}

void
fts_interrupt_clear (FtsInterrupt *interrupt)
{
  pthread_cond_destroy (&interrupt->changed);
  pthread_mutex_destroy (&interrupt->lock);
}

void
fts_interrupt_raise (FtsInterrupt *interrupt)
{
  pthread_mutex_lock (&interrupt->lock);
  interrupt->is_raised = true;
  if (interrupt->channel != NULL)
    fts_channel_interrupt (interrupt->channel);
  pthread_cond_broadcast (&interrupt->changed);
  pthread_mutex_unlock (&interrupt->lock);
}

/* ---- the listening thread ---- */

void
fts_interrupt_begin (FtsInterrupt *interrupt)
{
  listening = interrupt;
  most_ms = 0;
  if (interrupt == NULL)
    return;
  pthread_mutex_lock (&interrupt->lock);
  interrupt->is_raised = false;
  pthread_mutex_unlock (&interrupt->lock);
}

bool
fts_interrupt_is_raised (void)
{
  if (listening == NULL)
    return false;
  pthread_mutex_lock (&listening->lock);
  bool is_raised = listening->is_raised;
  pthread_mutex_unlock (&listening->lock);
  return is_raised;
}

bool
fts_interrupt_guard (FtsChannel *channel)
{
  if (listening == NULL)
    return true;
  pthread_mutex_lock (&listening->lock);
  bool is_raised = listening->is_raised;
  listening->channel = is_raised ? NULL : channel;
  pthread_mutex_unlock (&listening->lock);
  return !is_raised;
}

bool
fts_interrupt_sleep (int64_t us)
{
  int64_t until_us = g_get_monotonic_time () + us;
  struct timespec until = { until_us / G_USEC_PER_SEC,
                            until_us % G_USEC_PER_SEC * 1000 };

  if (listening == NULL) {
    g_usleep ((gulong) us);
    return true;
  }
  pthread_mutex_lock (&listening->lock);
  while (!listening->is_raised &&
         pthread_cond_timedwait (&listening->changed, &listening->lock, &until) !=
           ETIMEDOUT)
    ;
  bool is_raised = listening->is_raised;
  pthread_mutex_unlock (&listening->lock);
  return !is_raised;
}

bool
fts_interrupt_tell (GError **error)
{
  return fts_set_errno (error, EINTR, "nobody waits for it any more");
}

void
fts_interrupt_set_limit (uint32_t limit_ms)
{
  most_ms = limit_ms;
}

uint32_t
fts_interrupt_limit (void)
{
  return most_ms;
}

void
fts_interrupt_raise_own (void)
{
  if (listening != NULL)
    fts_interrupt_raise (listening);
}
