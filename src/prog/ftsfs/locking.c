#include "prog/ftsfs/locking.h"

#include "fts/interrupt.h"
#include "fts/locks.h"
#include "prog/ftsfs/push.h"

#include <errno.h>
#include <time.h>

#define FIRST_DELAY_US (2 * 1000)
#define MOST_DELAY_US  (50 * 1000)
#define ASK_AGAIN_US   G_USEC_PER_SEC
/* A peer that is away must not keep the thread from those who do not want to wait any more. */
#define ASK_LIMIT_MS   1000u
/* Our own earlier session may still be in the way for a moment. */
#define MOST_REFUSALS  3u

typedef struct {
  fuse_req_t req;
  FtsFile *file;
  FtsLock lock;
} Waiter;

struct FtsLocking {
  FtsFs *fs;
  FtsLocks *held;
  pthread_rwlock_t asking;
  unsigned n_refused; /* passes in a row; the thread's own */

  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  GQueue waiting; /* of Waiter */
  bool may_hold;  /* `held` may have something */
  bool fresh;     /* somebody came to wait */
  bool stop;
  bool has_thread; /* constant after new, like `thread` */
  pthread_t thread;
};

static FtsLockKey
key_of (const FtsFile *file)
{
  return (FtsLockKey){ 0, file->inode->id };
}

/* ---- one call ---- */

static void
note (FtsLocking *locking, FtsFile *file, const FtsLock *lock, int errnum)
{
  FtsLock gone = *lock;
  bool changed;

  gone.type = FTS_LOCK_NONE;
  if (errnum == 0)
    fts_locks_set (locking->held, key_of (file), NULL, lock, file, &changed);
  else if (lock->type == FTS_LOCK_NONE ||
           (errnum == EAGAIN && lock->kind == FTS_LOCK_FLOCK))
    fts_locks_set (locking->held, key_of (file), NULL, &gone, file, &changed);
}

static int
ask (FtsLocking *locking, FtsFile *file, const FtsLock *lock, bool *was_new)
{
  g_autoptr (GError) error = NULL;

  if (fts_client_lock (locking->fs->client, &file->inode->handle, file->open_id, lock,
                       was_new, &error))
    return 0;
  return fts_fs_errno (locking->fs, error);
}

static void
on_granted (FtsLocking *locking, FtsFile *file)
{
  FtsFs *fs = locking->fs;

  atomic_store (&file->inode->is_locked, true);
  pthread_mutex_lock (&locking->lock);
  locking->may_hold = true;
  pthread_cond_signal (&locking->changed);
  pthread_mutex_unlock (&locking->lock);
  fts_push_settle (fs->push);
  fts_inode_set_changed (file->inode, fts_fs_tick (fs), true);
  fts_absent_clear (fs->absent);
  fuse_lowlevel_notify_inval_inode (fs->session, file->inode->id, 0, 0);
}

int
fts_locking_set (FtsLocking *locking, FtsFile *file, const FtsLock *lock)
{
  bool was_new = false;

  if (lock->type == FTS_LOCK_NONE)
    fts_fs_drain (locking->fs, file->inode);
  pthread_rwlock_rdlock (&locking->asking);
  int errnum = ask (locking, file, lock, &was_new);
  note (locking, file, lock, errnum);
  pthread_rwlock_unlock (&locking->asking);
  if (errnum == 0 && was_new && lock->type != FTS_LOCK_NONE)
    on_granted (locking, file);
  return errnum;
}

void
fts_locking_end_owner (FtsLocking *locking, FtsFile *file, uint64_t owner)
{
  const FtsLock all = {
    .type = FTS_LOCK_NONE, .kind = FTS_LOCK_POSIX, .end = INT64_MAX, .owner = owner
  };

  if (atomic_load (&file->inode->is_locked))
    fts_locking_set (locking, file, &all);
}

void
fts_locking_end_file (FtsLocking *locking, FtsFile *file)
{
  if (!atomic_load (&file->inode->is_locked))
    return;
  g_autoptr (GArray) all = fts_locks_list (locking->held);
  for (guint i = 0; i < all->len; i++) {
    FtsLockEntry *entry = &g_array_index (all, FtsLockEntry, i);
    entry->lock.type = FTS_LOCK_NONE;
    if (entry->via == file)
      fts_locking_set (locking, file, &entry->lock);
  }
}

/* ---- asking again ---- */

static void
lose (FtsLocking *locking, const FtsLockEntry *entry)
{
  FtsFile *file = entry->via;
  FtsLock gone = entry->lock;
  bool changed;

  g_warning ("%s: a lock of process %u was lost while the server was away",
             locking->fs->options->source, entry->lock.pid);
  gone.type = FTS_LOCK_NONE;
  fts_locks_set (locking->held, entry->key, NULL, &gone, file, &changed);
  atomic_store (&file->error, EIO);
}

/* The first lock tells whether the peer still knows us. */
static void
ask_again_for (FtsLocking *locking, const GArray *all)
{
  bool refused = false, was_new = false;

  for (guint i = 0; i < all->len; i++) {
    const FtsLockEntry *entry = &g_array_index (all, FtsLockEntry, i);
    int errnum = ask (locking, entry->via, &entry->lock, &was_new);
    if (i == 0 && errnum != EAGAIN && !was_new)
      break;
    if (errnum != EAGAIN)
      continue;
    refused = true;
    if (locking->n_refused + 1 >= MOST_REFUSALS)
      lose (locking, entry);
  }
  locking->n_refused = refused ? locking->n_refused + 1 : 0;
}

static void
ask_again (FtsLocking *locking)
{
  /* A program's own call may wait for a peer that is away: the next round will do. */
  if (pthread_rwlock_trywrlock (&locking->asking) != 0)
    return;
  pthread_mutex_lock (&locking->lock);
  locking->may_hold = false;
  pthread_mutex_unlock (&locking->lock);
  g_autoptr (GArray) all = fts_locks_list (locking->held);
  ask_again_for (locking, all);
  pthread_rwlock_unlock (&locking->asking);
  pthread_mutex_lock (&locking->lock);
  locking->may_hold = locking->may_hold || all->len > 0;
  pthread_mutex_unlock (&locking->lock);
}

/* ---- who waits ---- */

void
fts_locking_wait (FtsLocking *locking, fuse_req_t req, FtsFile *file,
                  const FtsLock *lock)
{
  Waiter *waiter = g_new (Waiter, 1);

  *waiter = (Waiter){ req, file, *lock };
  pthread_mutex_lock (&locking->lock);
  g_queue_push_tail (&locking->waiting, waiter);
  locking->fresh = true;
  pthread_cond_signal (&locking->changed);
  pthread_mutex_unlock (&locking->lock);
}

/* False when it has to wait on. */
static bool
try_waiter (FtsLocking *locking, Waiter *waiter)
{
  int errnum = fuse_req_interrupted (waiter->req)
                 ? EINTR
                 : fts_locking_set (locking, waiter->file, &waiter->lock);

  if (errnum == EAGAIN)
    return false;
  fuse_reply_err (waiter->req, errnum);
  g_free (waiter);
  return true;
}

/* Once around; true when somebody's wait ended. */
static bool
try_all (FtsLocking *locking)
{
  bool any = false;

  pthread_mutex_lock (&locking->lock);
  guint n = locking->waiting.length;
  locking->fresh = false;
  for (guint i = 0; i < n; i++) {
    Waiter *waiter = g_queue_pop_head (&locking->waiting);
    pthread_mutex_unlock (&locking->lock);
    bool done = try_waiter (locking, waiter);
    any = any || done;
    pthread_mutex_lock (&locking->lock);
    if (!done)
      g_queue_push_tail (&locking->waiting, waiter);
  }
  pthread_mutex_unlock (&locking->lock);
  return any;
}

/* Sleeps until UNTIL_US (0 = until told), a newcomer, or the end; false at the end. */
static bool
sleep_until (FtsLocking *locking, int64_t until_us)
{
  struct timespec until = { until_us / G_USEC_PER_SEC,
                            until_us % G_USEC_PER_SEC * 1000 };

  if (until_us == 0)
    pthread_cond_wait (&locking->changed, &locking->lock);
  else
    pthread_cond_timedwait (&locking->changed, &locking->lock, &until);
  return !locking->stop;
}

static int64_t
next_wake_locked (const FtsLocking *locking, int64_t delay_us, int64_t again_us)
{
  if (!g_queue_is_empty ((GQueue *) &locking->waiting))
    return MIN (g_get_monotonic_time () + delay_us, again_us);
  return locking->may_hold ? again_us : 0;
}

static void *
run_thread (void *data)
{
  FtsLocking *locking = data;
  int64_t delay_us = FIRST_DELAY_US, again_us = 0;

  fts_interrupt_set_limit (ASK_LIMIT_MS);
  pthread_mutex_lock (&locking->lock);
  while (!locking->stop) {
    int64_t now = g_get_monotonic_time ();
    bool must_ask = locking->may_hold && now >= again_us;
    delay_us = locking->fresh ? FIRST_DELAY_US : MIN (delay_us * 2, MOST_DELAY_US);
    pthread_mutex_unlock (&locking->lock);
    if (must_ask)
      ask_again (locking);
    if (now >= again_us)
      again_us = now + ASK_AGAIN_US;
    if (try_all (locking))
      delay_us = FIRST_DELAY_US;
    pthread_mutex_lock (&locking->lock);
    if (!locking->stop && !locking->fresh &&
        !sleep_until (locking, next_wake_locked (locking, delay_us, again_us)))
      break;
  }
  pthread_mutex_unlock (&locking->lock);
  return NULL;
}

/* ---- life ---- */

FtsLocking *
fts_locking_new (FtsFs *fs)
{
  FtsLocking *locking = g_new0 (FtsLocking, 1);
  pthread_condattr_t attr;

  locking->fs = fs;
  locking->held = fts_locks_new ();
  g_queue_init (&locking->waiting);
  pthread_rwlock_init (&locking->asking, NULL);
  pthread_mutex_init (&locking->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&locking->changed, &attr);
  pthread_condattr_destroy (&attr);
  locking->has_thread =
    pthread_create (&locking->thread, NULL, run_thread, locking) == 0;
  return locking;
}

void
fts_locking_free (FtsLocking *locking)
{
  Waiter *waiter;

  if (locking == NULL)
    return;
  pthread_mutex_lock (&locking->lock);
  locking->stop = true;
  pthread_cond_signal (&locking->changed);
  pthread_mutex_unlock (&locking->lock);
  if (locking->has_thread)
    pthread_join (locking->thread, NULL);
  while ((waiter = g_queue_pop_head (&locking->waiting)) != NULL) {
    fuse_reply_err (waiter->req, EINTR);
    g_free (waiter);
  }
  fts_locks_free (locking->held);
  pthread_cond_destroy (&locking->changed);
  pthread_mutex_destroy (&locking->lock);
  pthread_rwlock_destroy (&locking->asking);
  g_free (locking);
}
