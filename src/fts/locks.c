/* locks.c - see locks.h. */
#include "fts/locks.h"

#include <errno.h>
#include <pthread.h>

#define MOST_LOCKS 65536u

struct FtsLocks {
  pthread_mutex_t lock; /* both below */
  GHashTable *files;    /* FtsLockKey -> GArray of FtsLockEntry */
  unsigned count;
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
  return locks;
}

void
fts_locks_free (FtsLocks *locks)
{
  if (locks == NULL)
    return;
  g_hash_table_unref (locks->files);
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

int
fts_locks_set (FtsLocks *locks, FtsLockKey key, const void *holder, const FtsLock *lock,
               void *via, bool *changed)
{
  const FtsLockEntry wish = { key, *lock, holder, via };

  *changed = false;
  pthread_mutex_lock (&locks->lock);
  GArray *file = take_file_locked (locks, &key);
  guint before = file->len;
  int failed = set_locked (locks, file, &wish, changed);
  locks->count += file->len - before;
  if (file->len == 0)
    g_hash_table_remove (locks->files, &key);
  pthread_mutex_unlock (&locks->lock);
  return failed;
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

void
fts_locks_drop_holder (FtsLocks *locks, const void *holder)
{
  GHashTableIter iter;
  gpointer value;

  pthread_mutex_lock (&locks->lock);
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
  pthread_mutex_unlock (&locks->lock);
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
