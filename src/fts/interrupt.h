/* interrupt.h - ends the calls of another thread: whoever asked for them does not wait any more.
 *
 * A thread that serves requests has an interrupt and says at each request's begin that its calls
 * listen to it.  Any other thread may raise it: then the call under way, and every later one
 * until the next begin, ends with EINTR.  What was asked may have been done at the peer.
 *
 * Threads: one that listens, any that raise.  A thread without one is never interrupted.
 */
#pragma once

#include "channel/channel.h"

#include <pthread.h>

typedef struct {
  pthread_mutex_t lock; /* the two below */
  pthread_cond_t changed;
  bool is_raised;
  FtsChannel *channel; /* in use by the listening thread, or NULL */
} FtsInterrupt;

void fts_interrupt_init (FtsInterrupt *interrupt);
void fts_interrupt_clear (FtsInterrupt *interrupt);

/* Any thread. */
void fts_interrupt_raise (FtsInterrupt *interrupt);

/* ---- of the calling thread; without an interrupt nothing happens ---- */

/* Listens to INTERRUPT (NULL = to none) from here on; it is not raised then. */
void fts_interrupt_begin (FtsInterrupt *interrupt);
bool fts_interrupt_is_raised (void);
/* CHANNEL is about to be used (NULL = no more).  False when it was raised: do not. */
bool fts_interrupt_guard (FtsChannel *channel);
/* Sleeps; false when it was raised. */
bool fts_interrupt_sleep (int64_t us);
/* Sets ERROR to EINTR; false. */
bool fts_interrupt_tell (GError **error);

/* This thread's calls wait for LIMIT_MS at most (0 = as the client's configuration says), with
 * an interrupt or without, until the next begin. */
void fts_interrupt_set_limit (uint32_t limit_ms);
uint32_t fts_interrupt_limit (void);
/* This thread's calls do not wait at all, until the next begin. */
void fts_interrupt_raise_own (void);
