/* push.c - see push.h. */
#include "prog/ftsfs/push.h"

#include "prog/ftsfs/locking.h"

#include <errno.h>
#include <time.h>

/* The kernel may be about to learn of an inode that it does not know yet. */
static const int64_t again_us[] = { 3000, 50000 };

#define SETTLE_MS 200

typedef struct {
  FtsNoticeKind kind;
  uint64_t number;
  uint64_t id;    /* FILE: of the inode; NAME: of the directory */
  char *name;     /* NAME */
  unsigned tries; /* FILE, so far */
  int64_t due_us; /* not before */
} Drop;

struct FtsPush {
  FtsFs *fs;
  FtsWatch *watch;
  pthread_t thread;

  pthread_mutex_t lock; /* all below */
  pthread_cond_t come;  /* for the thread */
  pthread_cond_t done;
  GQueue drops; /* of Drop, in order */
  GQueue later; /* of Drop, in order of time */
  uint64_t last_number, done_number;
  bool begun;  /* at least once */
  bool speaks; /* to the kernel, just now */
  bool stop;
};

/* ---- to the thread ---- */

static void
free_drop (gpointer data)
{
  Drop *drop = data;

  g_free (drop->name);
  g_free (drop);
}

static void
queue (FtsPush *push, FtsNoticeKind kind, uint64_t id, const char *name, size_t len)
{
  Drop *drop = g_new0 (Drop, 1);

  drop->kind = kind;
  drop->id = id;
  drop->name = name ? g_strndup (name, len) : NULL;
  pthread_mutex_lock (&push->lock);
  drop->number = ++push->last_number;
  g_queue_push_tail (&push->drops, drop);
  pthread_cond_signal (&push->come);
  pthread_mutex_unlock (&push->lock);
}

static struct timespec
time_of (int64_t us)
{
  return (struct timespec){ us / G_USEC_PER_SEC, us % G_USEC_PER_SEC * 1000 };
}

/* Has all been carried out that came until now? */
static bool
await_done (FtsPush *push, uint32_t ms)
{
  const struct timespec until = time_of (g_get_monotonic_time () + ms * INT64_C (1000));

  pthread_mutex_lock (&push->lock);
  uint64_t number = push->last_number;
  while (push->done_number < number && !push->stop &&
         pthread_cond_timedwait (&push->done, &push->lock, &until) == 0)
    ;
  bool done = push->done_number >= number || push->stop;
  pthread_mutex_unlock (&push->lock);
  return done;
}

bool
fts_push_settle (FtsPush *push)
{
  return push == NULL || await_done (push, SETTLE_MS);
}

void
fts_push_await_begin (FtsPush *push)
{
  const struct timespec until =
    time_of (g_get_monotonic_time () + FTS_PUSH_BEGIN_MS * INT64_C (1000));

  if (push == NULL)
    return;
  pthread_mutex_lock (&push->lock);
  while (!push->begun && !push->stop &&
         pthread_cond_timedwait (&push->done, &push->lock, &until) == 0)
    ;
  pthread_mutex_unlock (&push->lock);
}

/* ---- what the peer says, on the watch's thread ---- */

static void
on_begin (void *user_data)
{
  FtsPush *push = user_data;

  fts_locking_reclaim (push->fs->locking);
  fts_absent_clear (push->fs->absent);
  fts_inodes_trust (push->fs->inodes, fts_fs_tick (push->fs));
  pthread_mutex_lock (&push->lock);
  push->begun = true;
  pthread_cond_broadcast (&push->done);
  pthread_mutex_unlock (&push->lock);
  g_info ("%s: changes are pushed", push->fs->options->source);
}

static void
on_file (FtsPush *push, const FtsNotice *notice)
{
  FtsFs *fs = push->fs;
  uint64_t now = fts_fs_tick (fs);
  g_autoptr (FtsInode) inode = NULL;

  fts_inodes_note_unknown_file (fs->inodes, &notice->handle, now, &inode);
  if (inode == NULL)
    return;
  fts_inode_set_pushed (inode, now);
  fts_ahead_drop (fs->ahead, inode->id);
  fts_absent_forget (fs->absent, inode->id);
  queue (push, FTS_NOTICE_FILE, inode->id, NULL, 0);
}

/* A page of the directory may hold the name; the directory itself has a notice of its own. */
static void
on_name (FtsPush *push, const FtsNotice *notice)
{
  FtsFs *fs = push->fs;
  g_autoptr (FtsInode) parent = fts_inodes_peek (fs->inodes, &notice->handle);

  if (parent == NULL)
    return;
  fts_inode_set_changed (parent, fts_fs_tick (fs), false);
  queue (push, FTS_NOTICE_NAME, parent->id, notice->name.bytes, notice->name.len);
}

static void
drop_all (FtsPush *push, bool goes_on)
{
  FtsFs *fs = push->fs;
  uint64_t now = fts_fs_tick (fs);
  GPtrArray *inodes;
  GArray *names;

  fts_inodes_take_kept (fs->inodes, goes_on ? now : FTS_INODES_NEVER, now, &inodes,
                        &names);
  fts_absent_clear (fs->absent);
  fts_ahead_drop (fs->ahead, 0);
  for (guint i = 0; i < inodes->len; i++) {
    FtsInode *inode = inodes->pdata[i];
    fts_inode_set_pushed (inode, now);
    queue (push, FTS_NOTICE_FILE, inode->id, NULL, 0);
    fts_inode_unref (inode);
  }
  for (guint i = 0; i < names->len; i++) {
    FtsKeptName *kept = &g_array_index (names, FtsKeptName, i);
    queue (push, FTS_NOTICE_NAME, kept->parent, kept->name, strlen (kept->name));
    g_free (kept->name);
  }
  g_ptr_array_unref (inodes);
  g_array_unref (names);
}

static void
on_notice (const FtsNotice *notice, void *user_data)
{
  FtsPush *push = user_data;

  switch (notice->kind) {
  case FTS_NOTICE_FILE:
    on_file (push, notice);
    return;
  case FTS_NOTICE_NAME:
    on_name (push, notice);
    return;
  case FTS_NOTICE_ALL:
    drop_all (push, true);
    fts_locking_ask_all (
      push->fs->locking); /* with others, words about locks were dropped */
    return;
  case FTS_NOTICE_LOCK:
    fts_locking_granted (push->fs->locking, notice->number);
    return;
  }
}

static void
on_done (void *user_data)
{
  FtsPush *push = user_data;

  for (unsigned ms = 0; ms < FTS_PUSH_LONGEST_MS; ms += FTS_PUSH_PATIENCE_MS)
    if (await_done (push, FTS_PUSH_PATIENCE_MS) ||
        atomic_load (&push->fs->n_served) > 0)
      return;
}

static void
on_end (void *user_data)
{
  FtsPush *push = user_data;

  pthread_mutex_lock (&push->lock);
  bool stop = push->stop;
  pthread_mutex_unlock (&push->lock);
  if (!stop)
    drop_all (push, false);
}

/* ---- to the kernel, on the own thread ---- */

static void
forget_name (FtsPush *push, uint64_t parent_id, const char *name)
{
  g_autoptr (FtsInode) parent = fts_inodes_find (push->fs->inodes, parent_id);

  if (parent != NULL)
    fts_inodes_move_name (push->fs->inodes, parent, name, NULL, NULL);
}

/* The kernel asks for the name when it is used next.  Without taking it away at once, where the kernel
 * can do that: a program whose working directory it leads to would lose it, though it is still there. */
static void
expire (struct fuse_session *session, fuse_ino_t parent, const char *name)
{
  size_t len = strlen (name);

  if (fuse_lowlevel_notify_expire_entry (session, parent, name, len,
                                         FUSE_LL_EXPIRE_ONLY) == -ENOSYS)
    fuse_lowlevel_notify_inval_entry (session, parent, name, len);
}

/* False when it is to be done again later. */
static bool
carry_out (FtsPush *push, Drop *drop)
{
  struct fuse_session *session = push->fs->session;

  if (drop->kind == FTS_NOTICE_NAME) {
    forget_name (push, drop->id, drop->name);
    expire (session, drop->id, drop->name);
    return true;
  }
  if (fuse_lowlevel_notify_inval_inode (session, drop->id, 0, 0) != -ENOENT ||
      drop->tries >= G_N_ELEMENTS (again_us))
    return true;
  drop->due_us = g_get_monotonic_time () + again_us[drop->tries++];
  return false;
}

static gint
compare_due (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const Drop *one = a, *two = b;
  return one->due_us < two->due_us ? -1 : one->due_us > two->due_us;
}

/* The next one to carry out; NULL: none now, wait until *WAKE_US (0 = until told). */
static Drop *
next_locked (FtsPush *push, int64_t *wake_us)
{
  const Drop *later = g_queue_peek_head (&push->later);

  *wake_us = 0;
  if (later != NULL && later->due_us <= g_get_monotonic_time ())
    return g_queue_pop_head (&push->later);
  if (!g_queue_is_empty (&push->drops))
    return g_queue_pop_head (&push->drops);
  *wake_us = later ? later->due_us : 0;
  return NULL;
}

static void
wait_locked (FtsPush *push, int64_t wake_us)
{
  const struct timespec until = time_of (wake_us);

  if (wake_us == 0)
    pthread_cond_wait (&push->come, &push->lock);
  else
    pthread_cond_timedwait (&push->come, &push->lock, &until);
}

static void *
run (void *data)
{
  FtsPush *push = data;
  int64_t wake_us;

  pthread_mutex_lock (&push->lock);
  while (!push->stop) {
    Drop *drop = next_locked (push, &wake_us);
    if (drop == NULL) {
      wait_locked (push, wake_us);
      continue;
    }
    push->speaks = true;
    pthread_mutex_unlock (&push->lock);
    bool done = carry_out (push, drop);
    pthread_mutex_lock (&push->lock);
    push->speaks = false;
    push->done_number = MAX (push->done_number, drop->number);
    pthread_cond_broadcast (&push->done);
    if (done)
      free_drop (drop);
    else
      g_queue_insert_sorted (&push->later, drop, compare_due, NULL);
  }
  pthread_mutex_unlock (&push->lock);
  return NULL;
}

/* ---- life ---- */

static void
free_push (FtsPush *push)
{
  g_queue_clear_full (&push->drops, free_drop);
  g_queue_clear_full (&push->later, free_drop);
  pthread_cond_destroy (&push->come);
  pthread_cond_destroy (&push->done);
  pthread_mutex_destroy (&push->lock);
  g_free (push);
}

FtsPush *
fts_push_start (FtsFs *fs)
{
  FtsPush *push = g_new0 (FtsPush, 1);
  const FtsWatchConfig config = { on_begin, on_notice, on_done, on_end, push };
  pthread_condattr_t attr;

  push->fs = fs;
  g_queue_init (&push->drops);
  g_queue_init (&push->later);
  pthread_mutex_init (&push->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&push->come, &attr);
  pthread_cond_init (&push->done, &attr);
  pthread_condattr_destroy (&attr);
  if (pthread_create (&push->thread, NULL, run, push) != 0) {
    free_push (push);
    return NULL;
  }
  push->watch = fts_watch_start (fs->client, &config);
  return push;
}

void
fts_push_hush (FtsPush *push)
{
  const struct timespec until =
    time_of (g_get_monotonic_time () + FTS_PUSH_HUSH_MS * INT64_C (1000));

  if (push == NULL)
    return;
  pthread_mutex_lock (&push->lock);
  push->stop = true;
  pthread_cond_broadcast (&push->come);
  pthread_cond_broadcast (&push->done);
  while (push->speaks && pthread_cond_timedwait (&push->done, &push->lock, &until) == 0)
    ;
  pthread_mutex_unlock (&push->lock);
}

void
fts_push_stop (FtsPush *push)
{
  if (push == NULL)
    return;
  fts_push_hush (push);
  fts_watch_stop (push->watch);
  pthread_join (push->thread, NULL);
  free_push (push);
}
