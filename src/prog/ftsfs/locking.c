#include "prog/ftsfs/locking.h"

#include "fts/interrupt.h"
#include "fts/locks.h"
#include "prog/ftsfs/push.h"

#include <errno.h>
#include <time.h>

#define UNPUSHED_US   (100 * 1000)
#define PUSHED_US     (FTS_LOCKING_ASK_S * G_USEC_PER_SEC)
#define ASK_AGAIN_US  G_USEC_PER_SEC
/* Tickets that were given before their waiter was here. */
#define MOST_EARLY    64u
/* A peer that is away must not keep the thread from those who do not want to wait any more. */
#define ASK_LIMIT_MS  1000u
/* Our own earlier session may still be in the way for a moment. */
#define MOST_REFUSALS 3u

typedef struct {
  fuse_req_t req;
  FtsFile *file;
  FtsLock lock;
  uint64_t ticket;
  int64_t due_us; /* when to ask again */
  bool is_given;
  bool is_unwanted; /* its program does not wait any more */
} Waiter;

struct FtsLocking {
  FtsFs *fs;
  FtsLocks *held;
  pthread_rwlock_t asking;
  unsigned n_refused;                /* passes in a row; under `asking` for writing */
  atomic_uint_fast64_t sure_session; /* in which the peer knows what is held */
  atomic_uint_fast64_t last_ticket;

  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  GQueue waiting; /* of Waiter */
  GArray *early;  /* of uint64_t */
  bool may_hold;  /* `held` may have something */
  bool must_ask;  /* what is held was refused: again soon */
  bool look;      /* something is to be done for who waits */
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

/* What was given to one program may be known here before another one's unlocking is, which gave it. */
static void
note (FtsLocking *locking, FtsFile *file, const FtsLock *lock, int errnum)
{
  FtsLock gone = *lock;
  bool changed;

  gone.type = FTS_LOCK_NONE;
  if (errnum == 0)
    fts_locks_note (locking->held, key_of (file), NULL, lock, file);
  else if (lock->type == FTS_LOCK_NONE ||
           (errnum == EAGAIN && lock->kind == FTS_LOCK_FLOCK))
    fts_locks_set (locking->held, key_of (file), NULL, &gone, file, &changed);
}

static int
ask (FtsLocking *locking, FtsFile *file, const FtsLock *lock, uint32_t how,
     uint64_t ticket, bool *was_new)
{
  g_autoptr (GError) error = NULL;

  if (fts_client_lock (locking->fs->client, &file->inode->handle, file->open_id, lock,
                       how, ticket, was_new, &error))
    return 0;
  return fts_fs_errno (locking->fs, error);
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
  uint64_t session = fts_client_session (locking->fs->client);

  for (guint i = 0; i < all->len; i++) {
    const FtsLockEntry *entry = &g_array_index (all, FtsLockEntry, i);
    int errnum = ask (locking, entry->via, &entry->lock, FTS_LOCK_RECLAIM, 0, &was_new);
    if (i == 0 && (errnum == 0 || errnum == EAGAIN))
      atomic_store (&locking->sure_session, session);
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
ask_again_excluded (FtsLocking *locking)
{
  pthread_mutex_lock (&locking->lock);
  locking->may_hold = false;
  pthread_mutex_unlock (&locking->lock);
  g_autoptr (GArray) all = fts_locks_list (locking->held);
  ask_again_for (locking, all);
  pthread_mutex_lock (&locking->lock);
  locking->may_hold = locking->may_hold || all->len > 0;
  locking->must_ask = locking->n_refused > 0;
  pthread_cond_signal (&locking->changed);
  pthread_mutex_unlock (&locking->lock);
}

/* A program's own call may wait for a peer that is away: the next round will do. */
static void
ask_again (FtsLocking *locking)
{
  if (pthread_rwlock_trywrlock (&locking->asking) != 0)
    return;
  ask_again_excluded (locking);
  pthread_rwlock_unlock (&locking->asking);
}

void
fts_locking_reclaim (FtsLocking *locking)
{
  pthread_rwlock_wrlock (&locking->asking);
  ask_again_excluded (locking);
  pthread_rwlock_unlock (&locking->asking);
  fts_locking_ask_all (locking);
}

/* ---- set ---- */

static bool
is_pushed (const FtsLocking *locking)
{
  FtsFs *fs = locking->fs;
  return fts_inodes_are_trusted (fs->inodes, fts_fs_now (fs));
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
  if (fts_push_settle (fs->push) && fts_inode_is_kept (file->inode))
    return; /* what earlier holders wrote was told, and dropped */
  fts_inode_set_changed (file->inode, fts_fs_tick (fs), true);
  fts_absent_clear (fs->absent);
  fuse_lowlevel_notify_inval_inode (fs->session, file->inode->id, 0, 0);
}

/* Another program of this mount holds what is in the way of LOCK, and the peer may not know that any more:
 * it must not be asked before it was told. */
static bool
is_in_own_way (FtsLocking *locking, const FtsFile *file, const FtsLock *lock)
{
  FtsLock in_the_way = { 0 };
  uint64_t session = fts_client_session (locking->fs->client);

  if (lock->type == FTS_LOCK_NONE || is_pushed (locking) ||
      (session != 0 && session == atomic_load (&locking->sure_session)))
    return false;
  fts_locks_test (locking->held, key_of (file), NULL, lock, &in_the_way);
  return in_the_way.type != FTS_LOCK_NONE;
}

static int
set (FtsLocking *locking, FtsFile *file, const FtsLock *lock, uint32_t how,
     uint64_t ticket)
{
  bool was_new = false;

  if (is_in_own_way (locking, file, lock))
    return EAGAIN;
  pthread_rwlock_rdlock (&locking->asking);
  int errnum = ask (locking, file, lock, how, ticket, &was_new);
  note (locking, file, lock, errnum);
  pthread_rwlock_unlock (&locking->asking);
  if (errnum == 0 && was_new && lock->type != FTS_LOCK_NONE)
    on_granted (locking, file);
  return errnum;
}

int
fts_locking_set (FtsLocking *locking, FtsFile *file, const FtsLock *lock)
{
  if (lock->type == FTS_LOCK_NONE)
    fts_fs_drain (locking->fs, file->inode);
  return set (locking, file, lock, 0, 0);
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

/* ---- who waits ---- */

static void
look_locked (FtsLocking *locking)
{
  locking->look = true;
  pthread_cond_signal (&locking->changed);
}

/* Runs where the kernel's word that the program does not wait any more is read. */
static void
on_interrupt (fuse_req_t req, void *user_data)
{
  FtsLocking *locking = user_data;

  pthread_mutex_lock (&locking->lock);
  look_locked (locking);
  pthread_mutex_unlock (&locking->lock);
}

static bool
take_early_locked (FtsLocking *locking, uint64_t ticket)
{
  for (guint i = 0; i < locking->early->len; i++)
    if (g_array_index (locking->early, uint64_t, i) == ticket) {
      g_array_remove_index_fast (locking->early, i);
      return true;
    }
  return false;
}

static bool
take_early (FtsLocking *locking, uint64_t ticket)
{
  pthread_mutex_lock (&locking->lock);
  bool was = take_early_locked (locking, ticket);
  pthread_mutex_unlock (&locking->lock);
  return was;
}

static void
keep_waiter (FtsLocking *locking, Waiter *waiter)
{
  fuse_req_interrupt_func (waiter->req, on_interrupt, locking);
  pthread_mutex_lock (&locking->lock);
  waiter->is_given = take_early_locked (locking, waiter->ticket);
  g_queue_push_tail (&locking->waiting, waiter);
  look_locked (locking);
  pthread_mutex_unlock (&locking->lock);
}

/* Only its program's own wait may be given up in the middle of the question: then the ticket may
 * stand in the peer's queue. */
void
fts_locking_wait (FtsLocking *locking, fuse_req_t req, FtsFile *file,
                  const FtsLock *lock)
{
  uint64_t ticket = atomic_fetch_add (&locking->last_ticket, 1) + 1;
  int errnum = set (locking, file, lock, FTS_LOCK_WAIT, ticket);

  if (errnum != EAGAIN && errnum != EINTR) {
    fuse_reply_err (req, errnum);
    return;
  }
  Waiter *waiter = g_new0 (Waiter, 1);
  *waiter = (Waiter){ .req = req,
                      .file = file,
                      .lock = *lock,
                      .ticket = ticket,
                      .due_us = g_get_monotonic_time () +
                                (is_pushed (locking) ? PUSHED_US : UNPUSHED_US),
                      .is_unwanted = errnum == EINTR };
  keep_waiter (locking, waiter);
}

void
fts_locking_granted (FtsLocking *locking, uint64_t ticket)
{
  bool found = false;

  pthread_mutex_lock (&locking->lock);
  for (GList *l = locking->waiting.head; l != NULL && !found; l = l->next) {
    Waiter *waiter = l->data;
    found = waiter->ticket == ticket;
    waiter->is_given = waiter->is_given || found;
  }
  if (!found && locking->early->len >= MOST_EARLY)
    g_array_remove_index (locking->early, 0);
  if (!found)
    g_array_append_val (locking->early, ticket);
  look_locked (locking);
  pthread_mutex_unlock (&locking->lock);
}

void
fts_locking_ask_all (FtsLocking *locking)
{
  pthread_mutex_lock (&locking->lock);
  for (GList *l = locking->waiting.head; l != NULL; l = l->next)
    ((Waiter *) l->data)->due_us = 0;
  look_locked (locking);
  pthread_mutex_unlock (&locking->lock);
}

/* Its program does not wait any more; what it got meanwhile is its all the same. */
static int
withdraw (FtsLocking *locking, const Waiter *waiter)
{
  bool waited = false;

  if (ask (locking, waiter->file, &waiter->lock, FTS_LOCK_CANCEL, waiter->ticket,
           &waited) != 0 ||
      waited)
    return EINTR;
  return set (locking, waiter->file, &waiter->lock, 0, 0) == 0 ? 0 : EINTR;
}

static int
take_given (FtsLocking *locking, const Waiter *waiter)
{
  pthread_rwlock_rdlock (&locking->asking);
  note (locking, waiter->file, &waiter->lock, 0);
  pthread_rwlock_unlock (&locking->asking);
  on_granted (locking, waiter->file);
  return 0;
}

/* EAGAIN: it waits on. */
static int
see_to (FtsLocking *locking, Waiter *waiter)
{
  int64_t now = g_get_monotonic_time ();

  if (waiter->is_given || take_early (locking, waiter->ticket))
    return take_given (locking, waiter);
  if (waiter->is_unwanted || fuse_req_interrupted (waiter->req))
    return withdraw (locking, waiter);
  if (now < waiter->due_us)
    return EAGAIN;
  waiter->due_us = now + (is_pushed (locking) ? PUSHED_US : UNPUSHED_US);
  return set (locking, waiter->file, &waiter->lock, FTS_LOCK_WAIT, waiter->ticket);
}

static bool
see_to_and_answer (FtsLocking *locking, Waiter *waiter)
{
  int errnum = see_to (locking, waiter);

  if (errnum == EAGAIN)
    return false;
  fuse_req_interrupt_func (waiter->req, NULL, NULL);
  fuse_reply_err (waiter->req, errnum);
  g_free (waiter);
  return true;
}

/* Once around.  A waiter that is being seen to is not in the queue: what is given to it
 * meanwhile is early. */
static void
see_to_all (FtsLocking *locking)
{
  pthread_mutex_lock (&locking->lock);
  locking->look = false;
  for (guint n = locking->waiting.length; n > 0; n--) {
    Waiter *waiter = g_queue_pop_head (&locking->waiting);
    pthread_mutex_unlock (&locking->lock);
    bool done = see_to_and_answer (locking, waiter);
    pthread_mutex_lock (&locking->lock);
    if (!done)
      g_queue_push_tail (&locking->waiting, waiter);
    if (!done && take_early_locked (locking, waiter->ticket)) {
      waiter->is_given = true;
      locking->look = true;
    }
  }
  pthread_mutex_unlock (&locking->lock);
}

/* When to look up next; 0 = when told. */
static int64_t
next_wake_locked (const FtsLocking *locking, int64_t again_us, bool asks)
{
  int64_t wake_us = asks ? again_us : 0;

  for (const GList *l = locking->waiting.head; l != NULL; l = l->next) {
    int64_t due_us = ((const Waiter *) l->data)->due_us;
    wake_us = wake_us == 0 ? due_us : MIN (wake_us, due_us);
  }
  return wake_us;
}

static void
sleep_locked (FtsLocking *locking, int64_t until_us)
{
  const struct timespec until = { until_us / G_USEC_PER_SEC,
                                  until_us % G_USEC_PER_SEC * 1000 };

  if (until_us == 0)
    pthread_cond_wait (&locking->changed, &locking->lock);
  else
    pthread_cond_timedwait (&locking->changed, &locking->lock, &until);
}

static void *
run_thread (void *data)
{
  FtsLocking *locking = data;
  int64_t again_us = 0;

  fts_interrupt_set_limit (ASK_LIMIT_MS);
  pthread_mutex_lock (&locking->lock);
  while (!locking->stop) {
    bool asks = locking->may_hold && (locking->must_ask || !is_pushed (locking));
    bool now = asks && g_get_monotonic_time () >= again_us;
    pthread_mutex_unlock (&locking->lock);
    if (now) {
      ask_again (locking);
      again_us = g_get_monotonic_time () + ASK_AGAIN_US;
    }
    see_to_all (locking);
    pthread_mutex_lock (&locking->lock);
    if (!locking->stop && !locking->look)
      sleep_locked (locking, next_wake_locked (locking, again_us, asks));
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
  locking->early = g_array_new (FALSE, FALSE, sizeof (uint64_t));
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
    fuse_req_interrupt_func (waiter->req, NULL, NULL);
    fuse_reply_err (waiter->req, EINTR);
    g_free (waiter);
  }
  g_array_unref (locking->early);
  fts_locks_free (locking->held);
  pthread_cond_destroy (&locking->changed);
  pthread_mutex_destroy (&locking->lock);
  pthread_rwlock_destroy (&locking->asking);
  g_free (locking);
}
