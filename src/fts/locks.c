/* locks.c - see locks.h. */
#include "fts/locks.h"

#include <errno.h>
#include <pthread.h>

#define MOST_LOCKS   65536u
#define MOST_WAITING 4096u

/* A wish in the queue. */
typedef struct {
  FtsLockEntry wish;
  uint64_t ticket;
  uint64_t mark; /* the last search for a deadlock that came by */
} Waiting;

typedef struct {
  const void *holder;
  uint64_t ticket;
} Grant;

struct FtsLocks {
  FtsLocksGrant on_grant; /* constant, like the next */
  void *on_grant_data;
  pthread_mutex_t lock; /* all below */
  GHashTable *files;    /* FtsLockKey -> GArray of FtsLockEntry */
  unsigned count;
  GQueue waiting; /* of Waiting, in order of arrival */
  uint64_t last_mark;
  bool grace;
};

static guint
hash_key (gconstpointer data)
{
  const FtsLockKey *key = data;
  return g_int64_hash (&key->ino) ^ (guint) key->dev;
}

static gboolean
equal_keys (gconstpointer a, gconstpointer b)
{
  const FtsLockKey *one = a, *two = b;
  return one->dev == two->dev && one->ino == two->ino;
}

FtsLocks *
fts_locks_new (void)
{
  FtsLocks *locks = g_new0 (FtsLocks, 1);

  pthread_mutex_init (&locks->lock, NULL);
  locks->files = g_hash_table_new_full (hash_key, equal_keys, g_free,
                                        (GDestroyNotify) g_array_unref);
  g_queue_init (&locks->waiting);
  return locks;
}

void
fts_locks_on_grant (FtsLocks *locks, FtsLocksGrant func, void *user_data)
{
  locks->on_grant = func;
  locks->on_grant_data = user_data;
}

void
fts_locks_free (FtsLocks *locks)
{
  if (locks == NULL)
    return;
  g_hash_table_unref (locks->files);
  g_queue_clear_full (&locks->waiting, g_free);
  pthread_mutex_destroy (&locks->lock);
  g_free (locks);
}

static bool
is_own (const FtsLockEntry *entry, const void *holder, const FtsLock *lock)
{
  return entry->holder == holder && entry->lock.owner == lock->owner &&
         entry->lock.kind == lock->kind;
}

static bool
overlaps (const FtsLock *a, const FtsLock *b)
{
  return a->start <= b->end && b->start <= a->end;
}

static const FtsLockEntry *
find_conflict_locked (const GArray *file, const void *holder, const FtsLock *lock)
{
  for (guint i = 0; file != NULL && i < file->len; i++) {
    const FtsLockEntry *entry = &g_array_index (file, FtsLockEntry, i);
    if (entry->lock.kind == lock->kind && !is_own (entry, holder, lock) &&
        overlaps (&entry->lock, lock) &&
        (entry->lock.type == FTS_LOCK_WRITE || lock->type == FTS_LOCK_WRITE))
      return entry;
  }
  return NULL;
}

static bool
is_held_locked (const GArray *file, const void *holder, const FtsLock *lock)
{
  for (guint i = 0; i < file->len; i++) {
    const FtsLockEntry *entry = &g_array_index (file, FtsLockEntry, i);
    if (is_own (entry, holder, lock) && entry->lock.type == lock->type &&
        entry->lock.start <= lock->start && entry->lock.end >= lock->end)
      return true;
  }
  return false;
}

static void
add_part (GArray *into, const FtsLockEntry *entry, uint64_t start, uint64_t end)
{
  FtsLockEntry part = *entry;

  part.lock.start = start;
  part.lock.end = end;
  g_array_append_val (into, part);
}

/* Takes LOCK's bytes away from what HOLDER and owner have; true when there were any. */
static bool
cut_locked (GArray *file, const void *holder, const FtsLock *lock)
{
  g_autoptr (GArray) rests = g_array_new (FALSE, FALSE, sizeof (FtsLockEntry));
  bool any = false;

  for (guint i = 0; i < file->len;) {
    const FtsLockEntry entry = g_array_index (file, FtsLockEntry, i);
    if (!is_own (&entry, holder, lock) || !overlaps (&entry.lock, lock)) {
      i++;
      continue;
    }
    any = true;
    if (entry.lock.start < lock->start)
      add_part (rests, &entry, entry.lock.start, lock->start - 1);
    if (entry.lock.end > lock->end)
      add_part (rests, &entry, lock->end + 1, entry.lock.end);
    g_array_remove_index_fast (file, i);
  }
  if (rests->len > 0)
    g_array_append_vals (file, rests->data, rests->len);
  return any;
}

/* ENTRY swallows its neighbours of the same type. */
static void
add_locked (GArray *file, FtsLockEntry entry)
{
  for (guint i = 0; i < file->len;) {
    const FtsLockEntry *other = &g_array_index (file, FtsLockEntry, i);
    bool before = other->lock.end + 1 == entry.lock.start;
    bool behind = entry.lock.end + 1 == other->lock.start;
    if (!is_own (other, entry.holder, &entry.lock) ||
        other->lock.type != entry.lock.type || other->via != entry.via ||
        !(before || behind)) {
      i++;
      continue;
    }
    entry.lock.start = MIN (entry.lock.start, other->lock.start);
    entry.lock.end = MAX (entry.lock.end, other->lock.end);
    g_array_remove_index_fast (file, i);
  }
  g_array_append_val (file, entry);
}

static int
set_locked (FtsLocks *locks, GArray *file, const FtsLockEntry *wish, bool *changed)
{
  const FtsLock *lock = &wish->lock;

  if (lock->type == FTS_LOCK_NONE) {
    *changed = cut_locked (file, wish->holder, lock);
    return 0;
  }
  if (find_conflict_locked (file, wish->holder, lock) != NULL) {
    if (lock->kind == FTS_LOCK_FLOCK)
      *changed = cut_locked (file, wish->holder, lock);
    return EAGAIN;
  }
  if (is_held_locked (file, wish->holder, lock))
    return 0;
  if (locks->count >= MOST_LOCKS)
    return ENOLCK;
  *changed = true;
  cut_locked (file, wish->holder, lock);
  add_locked (file, *wish);
  return 0;
}

static GArray *
take_file_locked (FtsLocks *locks, const FtsLockKey *key)
{
  GArray *file = g_hash_table_lookup (locks->files, key);

  if (file != NULL)
    return file;
  file = g_array_new (FALSE, FALSE, sizeof (FtsLockEntry));
  g_hash_table_insert (locks->files, g_memdup2 (key, sizeof *key), file);
  return file;
}

static int
set_one_locked (FtsLocks *locks, const FtsLockEntry *wish, bool *changed)
{
  GArray *file = take_file_locked (locks, &wish->key);
  guint before = file->len;
  int failed = set_locked (locks, file, wish, changed);

  locks->count += file->len - before;
  if (file->len == 0)
    g_hash_table_remove (locks->files, &wish->key);
  return failed;
}

/* ---- the queue ---- */

static bool
is_same_owner (const FtsLockEntry *a, const FtsLockEntry *b)
{
  return a->holder == b->holder && a->lock.owner == b->lock.owner &&
         a->lock.kind == b->lock.kind;
}

static bool
conflict (const FtsLockEntry *a, const FtsLockEntry *b)
{
  return equal_keys (&a->key, &b->key) && a->lock.kind == b->lock.kind &&
         !is_same_owner (a, b) && overlaps (&a->lock, &b->lock) &&
         (a->lock.type == FTS_LOCK_WRITE || b->lock.type == FTS_LOCK_WRITE);
}

static bool
has_something_locked (FtsLocks *locks, const FtsLockEntry *wish)
{
  const GArray *file = g_hash_table_lookup (locks->files, &wish->key);

  for (guint i = 0; file != NULL && i < file->len; i++)
    if (is_same_owner (&g_array_index (file, FtsLockEntry, i), wish))
      return true;
  return false;
}

/* Does somebody in front of UNTIL (NULL = of the queue's end) wait for what WISH is in the way of? */
static bool
is_behind_locked (FtsLocks *locks, const FtsLockEntry *wish, const GList *until)
{
  for (const GList *l = locks->waiting.head; l != until; l = l->next)
    if (conflict (&((const Waiting *) l->data)->wish, wish))
      return !has_something_locked (locks, wish);
  return false;
}

static bool
is_free_locked (FtsLocks *locks, const FtsLockEntry *wish, const GList *until)
{
  const GArray *file = g_hash_table_lookup (locks->files, &wish->key);

  return !locks->grace &&
         find_conflict_locked (file, wish->holder, &wish->lock) == NULL &&
         !is_behind_locked (locks, wish, until);
}

/* Gives what can be given of the file with KEY (NULL = of all). */
static void
give_on_locked (FtsLocks *locks, const FtsLockKey *key, GArray *grants)
{
  for (GList *l = locks->waiting.head, *next; l != NULL; l = next) {
    Waiting *waiting = l->data;
    bool changed = false;

    next = l->next;
    if ((key != NULL && !equal_keys (key, &waiting->wish.key)) ||
        !is_free_locked (locks, &waiting->wish, l) ||
        set_one_locked (locks, &waiting->wish, &changed) != 0)
      continue;
    const Grant grant = { waiting->wish.holder, waiting->ticket };
    g_array_append_val (grants, grant);
    g_queue_delete_link (&locks->waiting, l);
    g_free (waiting);
  }
}

static void
begin (FtsLocks *locks, GArray **grants)
{
  *grants = g_array_new (FALSE, FALSE, sizeof (Grant));
  pthread_mutex_lock (&locks->lock);
}

/* Unlocks, then tells who was given something. */
static void
end (FtsLocks *locks, GArray *grants)
{
  pthread_mutex_unlock (&locks->lock);
  for (guint i = 0; i < grants->len && locks->on_grant != NULL; i++) {
    const Grant *grant = &g_array_index (grants, Grant, i);
    locks->on_grant (grant->holder, grant->ticket, locks->on_grant_data);
  }
  g_array_unref (grants);
}

static GList *
find_ticket_locked (FtsLocks *locks, const void *holder, uint64_t ticket)
{
  for (GList *l = locks->waiting.head; l != NULL; l = l->next) {
    const Waiting *waiting = l->data;
    if (waiting->wish.holder == holder && waiting->ticket == ticket)
      return l;
  }
  return NULL;
}

/* ---- deadlocks ---- */

static bool leads_to_locked (FtsLocks *locks, const FtsLockEntry *wish,
                             const FtsLockEntry *asker);

/* Does the owner of ENTRY wait for ASKER, by however many steps? */
static bool
waits_for_locked (FtsLocks *locks, const FtsLockEntry *entry, const FtsLockEntry *asker)
{
  for (GList *l = locks->waiting.head; l != NULL; l = l->next) {
    Waiting *waiting = l->data;
    if (waiting->mark == locks->last_mark || !is_same_owner (&waiting->wish, entry))
      continue;
    waiting->mark = locks->last_mark;
    if (leads_to_locked (locks, &waiting->wish, asker))
      return true;
  }
  return false;
}

static bool
leads_to_locked (FtsLocks *locks, const FtsLockEntry *wish, const FtsLockEntry *asker)
{
  const GArray *file = g_hash_table_lookup (locks->files, &wish->key);

  for (guint i = 0; file != NULL && i < file->len; i++) {
    const FtsLockEntry *entry = &g_array_index (file, FtsLockEntry, i);
    if (!conflict (entry, wish))
      continue;
    if (is_same_owner (entry, asker) || waits_for_locked (locks, entry, asker))
      return true;
  }
  return false;
}

static bool
is_deadlock_locked (FtsLocks *locks, const FtsLockEntry *wish)
{
  locks->last_mark++;
  return wish->lock.kind == FTS_LOCK_POSIX && leads_to_locked (locks, wish, wish);
}

/* ---- setting ---- */

int
fts_locks_set (FtsLocks *locks, FtsLockKey key, const void *holder, const FtsLock *lock,
               void *via, bool *changed)
{
  const FtsLockEntry wish = { key, *lock, holder, via };
  GArray *grants;

  *changed = false;
  begin (locks, &grants);
  int failed = locks->grace && lock->type != FTS_LOCK_NONE
                 ? EAGAIN
                 : set_one_locked (locks, &wish, changed);
  if (*changed)
    give_on_locked (locks, &key, grants);
  end (locks, grants);
  return failed;
}

static void
end_conflicts_locked (FtsLocks *locks, const FtsLockEntry *wish)
{
  GArray *file = take_file_locked (locks, &wish->key);
  const FtsLockEntry *other;

  while ((other = find_conflict_locked (file, wish->holder, &wish->lock)) != NULL) {
    const void *holder = other->holder;
    FtsLock gone = wish->lock;
    guint before = file->len;

    gone.owner = other->lock.owner;
    cut_locked (file, holder, &gone);
    locks->count += file->len - before;
  }
}

void
fts_locks_note (FtsLocks *locks, FtsLockKey key, const void *holder,
                const FtsLock *lock, void *via)
{
  const FtsLockEntry wish = { key, *lock, holder, via };
  GArray *grants;
  bool changed;

  begin (locks, &grants);
  if (lock->type != FTS_LOCK_NONE)
    end_conflicts_locked (locks, &wish);
  set_one_locked (locks, &wish, &changed);
  end (locks, grants);
}

static int
enqueue_locked (FtsLocks *locks, const FtsLockEntry *wish, uint64_t ticket)
{
  if (find_ticket_locked (locks, wish->holder, ticket) != NULL)
    return EAGAIN;
  if (is_deadlock_locked (locks, wish))
    return EDEADLK;
  if (locks->waiting.length >= MOST_WAITING)
    return ENOLCK;
  Waiting *waiting = g_new0 (Waiting, 1);
  waiting->wish = *wish;
  waiting->ticket = ticket;
  g_queue_push_tail (&locks->waiting, waiting);
  return EAGAIN;
}

int
fts_locks_wait (FtsLocks *locks, FtsLockKey key, const void *holder,
                const FtsLock *lock, uint64_t ticket, bool *changed)
{
  const FtsLockEntry wish = { key, *lock, holder, NULL };
  GArray *grants;

  *changed = false;
  begin (locks, &grants);
  const GArray *file = g_hash_table_lookup (locks->files, &key);
  bool held = file != NULL && is_held_locked (file, holder, lock);
  int failed = !held && (locks->grace || is_behind_locked (locks, &wish, NULL))
                 ? EAGAIN
                 : set_one_locked (locks, &wish, changed);
  if (failed == EAGAIN)
    failed = enqueue_locked (locks, &wish, ticket);
  if (*changed)
    give_on_locked (locks, &key, grants);
  end (locks, grants);
  return failed;
}

bool
fts_locks_cancel (FtsLocks *locks, const void *holder, uint64_t ticket)
{
  GArray *grants;

  begin (locks, &grants);
  GList *link = find_ticket_locked (locks, holder, ticket);
  if (link != NULL) {
    const FtsLockKey key = ((Waiting *) link->data)->wish.key;
    g_free (link->data);
    g_queue_delete_link (&locks->waiting, link);
    give_on_locked (locks, &key, grants); /* who waited behind it alone */
  }
  end (locks, grants);
  return link != NULL;
}

int
fts_locks_reclaim (FtsLocks *locks, FtsLockKey key, const void *holder,
                   const FtsLock *lock, bool *changed)
{
  const FtsLockEntry wish = { key, *lock, holder, NULL };

  *changed = false;
  pthread_mutex_lock (&locks->lock);
  int failed = set_one_locked (locks, &wish, changed);
  pthread_mutex_unlock (&locks->lock);
  return failed;
}

void
fts_locks_set_grace (FtsLocks *locks, bool on)
{
  GArray *grants;

  begin (locks, &grants);
  locks->grace = on;
  give_on_locked (locks, NULL, grants);
  end (locks, grants);
}

void
fts_locks_test (FtsLocks *locks, FtsLockKey key, const void *holder,
                const FtsLock *lock, FtsLock *out)
{
  *out = *lock;
  out->type = FTS_LOCK_NONE;
  pthread_mutex_lock (&locks->lock);
  const FtsLockEntry *found =
    find_conflict_locked (g_hash_table_lookup (locks->files, &key), holder, lock);
  if (found != NULL) {
    *out = found->lock;
    if (found->holder != holder)
      out->pid = 0;
  }
  pthread_mutex_unlock (&locks->lock);
}

static void
drop_waiting_locked (FtsLocks *locks, const void *holder)
{
  for (GList *l = locks->waiting.head, *next; l != NULL; l = next) {
    next = l->next;
    if (((Waiting *) l->data)->wish.holder != holder)
      continue;
    g_free (l->data);
    g_queue_delete_link (&locks->waiting, l);
  }
}

void
fts_locks_drop_holder (FtsLocks *locks, const void *holder)
{
  GHashTableIter iter;
  gpointer value;
  GArray *grants;

  begin (locks, &grants);
  drop_waiting_locked (locks, holder);
  g_hash_table_iter_init (&iter, locks->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    GArray *file = value;
    for (guint i = file->len; i-- > 0;) {
      if (g_array_index (file, FtsLockEntry, i).holder != holder)
        continue;
      g_array_remove_index_fast (file, i);
      locks->count--;
    }
    if (file->len == 0)
      g_hash_table_iter_remove (&iter);
  }
  give_on_locked (locks, NULL, grants);
  end (locks, grants);
}

GArray *
fts_locks_list (FtsLocks *locks)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (FtsLockEntry));
  GHashTableIter iter;
  gpointer value;

  pthread_mutex_lock (&locks->lock);
  g_hash_table_iter_init (&iter, locks->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const GArray *file = value;
    g_array_append_vals (all, file->data, file->len);
  }
  pthread_mutex_unlock (&locks->lock);
  return all;
}
