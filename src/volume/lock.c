#include "volume/lock.h"

#include "base/error.h"
#include "volume/lock_method.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define PAUSE_MIN_US  100
#define PAUSE_MAX_US  10000
#define LOAD_TRIES    5
#define LOAD_PAUSE_US 2000

struct FtsLock {
  const FtsLockOps *ops;
  FtsLockState state; /* used by whoever has set `held` */
  pthread_mutex_t mutex;
  pthread_cond_t released;
  bool held; /* mutex: a thread of this process has, or tries to get, the lock */
};

static const FtsLockOps *
ops_of (FtsLockMethod method)
{
  switch (method) {
  case FTS_LOCK_FILE:
    return &fts_lock_file_ops;
  case FTS_LOCK_CAW:
    return &fts_lock_caw_ops;
  case FTS_LOCK_DELAY:
    return &fts_lock_delay_ops;
  case FTS_LOCK_PR:
    return &fts_lock_pr_ops;
  case FTS_LOCK_SCSI2:
    return &fts_lock_scsi2_ops;
  }
  g_assert_not_reached (); /* a Master Control Block has no other one */
}

FtsLock *
fts_lock_new (FtsVolume *volume, LunReservation *reservation, GError **error)
{
  FtsLockMethod method = fts_volume_mcb (volume)->lock_method;
  FtsLockState state = { .volume = volume, .reservation = reservation, .fd = -1 };
  pthread_condattr_t attr;
  FtsLock *lock;

  if (!ops_of (method)->open (&state, error))
    return NULL;
  lock = g_new0 (FtsLock, 1);
  lock->ops = ops_of (method);
  lock->state = state;
  pthread_mutex_init (&lock->mutex, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&lock->released, &attr);
  pthread_condattr_destroy (&attr);
  return lock;
}

void
fts_lock_free (FtsLock *lock)
{
  if (lock == NULL)
    return;
  lock->ops->close (&lock->state);
  pthread_cond_destroy (&lock->released);
  pthread_mutex_destroy (&lock->mutex);
  g_free (lock);
}

static bool
enter (FtsLock *lock, int64_t deadline_us)
{
  struct timespec until = { .tv_sec = deadline_us / G_USEC_PER_SEC,
                            .tv_nsec = deadline_us % G_USEC_PER_SEC * 1000 };
  bool entered;

  pthread_mutex_lock (&lock->mutex);
  while (lock->held &&
         pthread_cond_timedwait (&lock->released, &lock->mutex, &until) == 0)
    ;
  entered = !lock->held;
  if (entered)
    lock->held = true;
  pthread_mutex_unlock (&lock->mutex);
  return entered;
}

static void
leave (FtsLock *lock)
{
  pthread_mutex_lock (&lock->mutex);
  lock->held = false;
  pthread_cond_signal (&lock->released);
  pthread_mutex_unlock (&lock->mutex);
}

static bool
is_same (const FtsLockBlock *a, const FtsLockBlock *b)
{
  return a->held == b->held && a->owner_index == b->owner_index &&
         a->owner_generation == b->owner_generation && a->sequence == b->sequence;
}

/* A holder without a host table entry shows no heartbeat: joining is a matter of milliseconds,
 * so its claim is void when it has stood still for the dead time.  By delay a claim also stands
 * still while its owner waits. */
static int64_t
void_after_us (const FtsLock *lock)
{
  const FtsMcb *mcb = fts_volume_mcb (lock->state.volume);
  int64_t wait_ms =
    mcb->lock_method == FTS_LOCK_DELAY ? 3 * (int64_t) mcb->io_timeout_ms : 0;

  return (mcb->dead_ms + wait_ms) * 1000;
}

static bool
is_holder_dead (const FtsLock *lock, const FtsLockOwner *owner,
                const FtsLockBlock *holder, int64_t unchanged_us)
{
  if (!holder->held)
    return false;
  if (holder->owner_index == FTS_LOCK_NO_INDEX)
    return unchanged_us > void_after_us (lock);
  return owner->is_dead != NULL &&
         owner->is_dead (holder->owner_index, holder->owner_generation,
                         owner->user_data);
}

static void
describe_holder (const FtsLockBlock *holder, GError **error)
{
  if (holder->held && holder->owner_index != FTS_LOCK_NO_INDEX)
    g_set_error (error, FTS_ERROR, FTS_ERROR_BUSY,
                 "the volume lock is held by host table entry %u and was not released",
                 holder->owner_index);
  else
    g_set_error (error, FTS_ERROR, FTS_ERROR_BUSY,
                 "the volume lock is held by another process and was not released");
}

static bool
take_from_peers (FtsLock *lock, const FtsLockOwner *owner, int64_t deadline_us,
                 GError **error)
{
  FtsLockBlock seen = { 0 }, holder = { 0 };
  int64_t since_us = g_get_monotonic_time ();
  unsigned long pause_us = PAUSE_MIN_US;
  bool steal = false;

  for (;;) {
    int64_t now_us;
    switch (
      lock->ops->attempt (&lock->state, owner, steal ? &seen : NULL, &holder, error)) {
    case FTS_LOCK_TAKEN:
      if (steal && seen.owner_index == FTS_LOCK_NO_INDEX)
        g_message ("volume lock taken over from one who died while joining");
      else if (steal)
        g_message ("volume lock taken over from dead host table entry %u",
                   seen.owner_index);
      return true;
    case FTS_LOCK_FAILED:
      return false;
    case FTS_LOCK_HELD:
      break;
    }
    now_us = g_get_monotonic_time ();
    if (!is_same (&seen, &holder)) {
      seen = holder;
      since_us = now_us;
    }
    if (now_us >= deadline_us) {
      describe_holder (&holder, error);
      return false;
    }
    steal = is_holder_dead (lock, owner, &seen, now_us - since_us);
    if (!steal)
      g_usleep (pause_us);
    pause_us = MIN (pause_us * 2, PAUSE_MAX_US);
  }
}

bool
fts_lock_take (FtsLock *lock, const FtsLockOwner *owner, int64_t wait_us,
               GError **error)
{
  int64_t deadline_us = g_get_monotonic_time () + wait_us;

  if (!enter (lock, deadline_us)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_BUSY,
                 "the volume lock is held by another thread of this process");
    return false;
  }
  if (take_from_peers (lock, owner, deadline_us, error))
    return true;
  leave (lock);
  return false;
}

void
fts_lock_release (FtsLock *lock)
{
  lock->ops->release (&lock->state);
  leave (lock);
}

bool
fts_lock_load (FtsVolume *volume, uint8_t *block, FtsLockBlock *out, GError **error)
{
  uint64_t lba = fts_volume_mcb (volume)->lock_ptr;
  uint32_t block_size = fts_volume_block_size (volume);

  for (int i = 0; i < LOAD_TRIES; i++) {
    if (i > 0)
      g_usleep (LOAD_PAUSE_US);
    if (!fts_volume_read (volume, lba, block, block_size, error))
      return false;
    if (fts_lock_block_decode (block, block_size, fts_volume_tag (volume), out))
      return true;
  }
  g_set_error (
    error, FTS_ERROR, FTS_ERROR_CORRUPT,
    "the volume lock (block %" G_GUINT64_FORMAT
    ") is damaged; `fts-admin check --repair` frees it when no host uses the "
    "volume",
    lba);
  return false;
}

bool
fts_lock_is_takeable (const FtsLockBlock *current, const FtsLockBlock *steal)
{
  return !current->held || (steal != NULL && is_same (current, steal));
}

FtsLockBlock
fts_lock_claim (const FtsLockOwner *owner, const FtsLockBlock *current)
{
  return (FtsLockBlock){ .held = true,
                         .owner_index = owner->index,
                         .owner_generation = owner->generation,
                         .sequence = current->sequence + 1 };
}

static const struct {
  FtsLockMethod method;
  const char *name;
} method_names[] = {
  { FTS_LOCK_FILE, "file" },   { FTS_LOCK_CAW, "caw" },     { FTS_LOCK_PR, "pr" },
  { FTS_LOCK_SCSI2, "scsi2" }, { FTS_LOCK_DELAY, "delay" },
};

const char *
fts_lock_method_name (FtsLockMethod method)
{
  for (size_t i = 0; i < G_N_ELEMENTS (method_names); i++)
    if (method_names[i].method == method)
      return method_names[i].name;
  return "unknown";
}

bool
fts_lock_method_parse (const char *name, FtsLockMethod *out)
{
  for (size_t i = 0; i < G_N_ELEMENTS (method_names); i++)
    if (strcmp (method_names[i].name, name) == 0) {
      *out = method_names[i].method;
      return true;
    }
  return false;
}
