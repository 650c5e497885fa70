#include "prog/ftsfs/absent.h"

#include "fts/namehash.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#define FIRST_MISSES   3u
/* So many names of a directory cost the peer as much as one look-up. */
#define NAMES_A_LOOKUP 64u

/* Open addressing over a power of two of slots; 0 stands for an empty one (hash 0 becomes 1). */
typedef struct {
  uint64_t *slots;
  size_t n_slots, used;
} Set;

typedef struct {
  uint64_t dir;
  uint64_t serial; /* tells it from an earlier entry of the directory */
  Set names;
  int64_t since_us; /* the names are right as of then; 0 = not known */
  bool watched;     /* and the peer tells of changes */
  int64_t last_us;  /* of the look-up before */
  int64_t rest_until_us;
  uint64_t adds; /* names added since the entry was made */
  unsigned misses, hits;
  bool asking;
  GList link; /* in `entries`, the newest last */
} Entry;

struct FtsAbsent {
  size_t most;
  pthread_mutex_t lock; /* all below, and the entries */
  GHashTable *by_dir;   /* &entry->dir -> Entry */
  GQueue entries;
  size_t n_slots; /* of all sets */
  uint64_t last_serial;
};

/* ---- sets ---- */
static uint64_t *
slot_of (const Set *set, uint64_t hash)
{
  size_t i = (size_t) hash & (set->n_slots - 1);

  while (set->slots[i] != 0 && set->slots[i] != hash)
    i = (i + 1) & (set->n_slots - 1);
  return &set->slots[i];
}

static uint64_t
key_of (uint64_t hash)
{
  return hash ? hash : 1;
}

static bool
contains (const Set *set, uint64_t hash)
{
  return set->n_slots > 0 && *slot_of (set, key_of (hash)) != 0;
}

static void
grow (Set *set)
{
  Set bigger = { .n_slots = MAX (set->n_slots * 2, 16) };

  bigger.slots = g_new0 (uint64_t, bigger.n_slots);
  for (size_t i = 0; i < set->n_slots; i++)
    if (set->slots[i] != 0)
      *slot_of (&bigger, set->slots[i]) = set->slots[i];
  bigger.used = set->used;
  g_free (set->slots);
  *set = bigger;
}

static void
insert (Set *set, uint64_t hash)
{
  if ((set->used + 1) * 4 > set->n_slots * 3)
    grow (set);
  uint64_t *slot = slot_of (set, key_of (hash));
  if (*slot == 0)
    set->used++;
  *slot = key_of (hash);
}

/* ---- entries ---- */
static void
forget_names_locked (FtsAbsent *absent, Entry *entry)
{
  absent->n_slots -= entry->names.n_slots;
  g_free (entry->names.slots);
  entry->names = (Set){ 0 };
  entry->since_us = 0;
}

static void
drop_entry_locked (FtsAbsent *absent, Entry *entry)
{
  forget_names_locked (absent, entry);
  g_queue_unlink (&absent->entries, &entry->link);
  g_hash_table_remove (absent->by_dir, &entry->dir);
  g_free (entry);
}

static void
insert_locked (FtsAbsent *absent, Entry *entry, uint64_t hash)
{
  absent->n_slots -= entry->names.n_slots;
  insert (&entry->names, hash);
  absent->n_slots += entry->names.n_slots;
}

static Entry *
find_locked (FtsAbsent *absent, uint64_t dir)
{
  return g_hash_table_lookup (absent->by_dir, &dir);
}

static Entry *
need_locked (FtsAbsent *absent, uint64_t dir)
{
  Entry *entry = find_locked (absent, dir);

  if (entry != NULL)
    return entry;
  if (absent->entries.length >= FTS_ABSENT_DIRS)
    drop_entry_locked (absent, absent->entries.head->data);
  entry = g_new0 (Entry, 1);
  entry->dir = dir;
  entry->serial = ++absent->last_serial;
  entry->link.data = entry;
  g_queue_push_tail_link (&absent->entries, &entry->link);
  g_hash_table_insert (absent->by_dir, &entry->dir, entry);
  return entry;
}

/* ENTRY has new names: it is the newest now, and the oldest make room. */
static void
renew_locked (FtsAbsent *absent, Entry *entry)
{
  g_queue_unlink (&absent->entries, &entry->link);
  g_queue_push_tail_link (&absent->entries, &entry->link);
  while (absent->n_slots > absent->most && absent->entries.head->data != entry)
    drop_entry_locked (absent, absent->entries.head->data);
}

/* ---- life ---- */
FtsAbsent *
fts_absent_new (size_t most)
{
  FtsAbsent *absent = g_new0 (FtsAbsent, 1);

  absent->most = most * 2; /* slots; half of them are empty */
  pthread_mutex_init (&absent->lock, NULL);
  absent->by_dir = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_queue_init (&absent->entries);
  return absent;
}

static void
clear_locked (FtsAbsent *absent)
{
  while (absent->entries.head != NULL)
    drop_entry_locked (absent, absent->entries.head->data);
}

void
fts_absent_clear (FtsAbsent *absent)
{
  pthread_mutex_lock (&absent->lock);
  clear_locked (absent);
  pthread_mutex_unlock (&absent->lock);
}

void
fts_absent_free (FtsAbsent *absent)
{
  if (absent == NULL)
    return;
  clear_locked (absent);
  g_hash_table_unref (absent->by_dir);
  pthread_mutex_destroy (&absent->lock);
  g_free (absent);
}

/* ---- judging ---- */
/* Names that are not trusted any more; did they answer as many look-ups as they cost?  After a PAUSE
 * one look-up has to find nothing before they are asked for again. */
static void
expire_locked (FtsAbsent *absent, Entry *entry, bool pause)
{
  bool paid =
    entry->hits >= FIRST_MISSES && entry->hits >= entry->names.used / NAMES_A_LOOKUP;

  entry->misses = paid ? FIRST_MISSES - pause : 0;
  entry->hits = 0;
  forget_names_locked (absent, entry);
}

static FtsAbsentVerdict
judge_locked (FtsAbsent *absent, Entry *entry, const char *name,
              const FtsAbsentTrust *trust, int64_t *left_us)
{
  int64_t now = g_get_monotonic_time ();

  bool pause = now - entry->last_us > trust->burst_us;

  entry->last_us = now;
  *left_us = entry->since_us + (entry->watched ? trust->watched_us : trust->us) - now;
  if (entry->since_us != 0 && ((pause && !entry->watched) || *left_us <= 0))
    expire_locked (absent, entry, pause);
  if (entry->since_us != 0 && pause)
    return FTS_ABSENT_ASK;
  if (entry->since_us != 0) {
    if (contains (&entry->names, fts_namehash (name, strlen (name))))
      return FTS_ABSENT_ASK;
    entry->hits++;
    *left_us = entry->watched ? 0 : *left_us;
    return FTS_ABSENT_YES;
  }
  if (entry->misses < FIRST_MISSES || entry->asking || now < entry->rest_until_us)
    return FTS_ABSENT_ASK;
  return FTS_ABSENT_ASK_NAMES;
}

FtsAbsentVerdict
fts_absent_judge (FtsAbsent *absent, uint64_t dir, const char *name,
                  const FtsAbsentTrust *trust, int64_t *left_us)
{
  FtsAbsentVerdict verdict = FTS_ABSENT_ASK;

  *left_us = 0;
  if (trust->us <= 0)
    return FTS_ABSENT_ASK;
  pthread_mutex_lock (&absent->lock);
  Entry *entry = find_locked (absent, dir);
  if (entry != NULL)
    verdict = judge_locked (absent, entry, name, trust, left_us);
  pthread_mutex_unlock (&absent->lock);
  return verdict;
}

void
fts_absent_note_miss (FtsAbsent *absent, uint64_t dir)
{
  pthread_mutex_lock (&absent->lock);
  need_locked (absent, dir)->misses++;
  pthread_mutex_unlock (&absent->lock);
}

/* ---- learning ---- */
void
fts_absent_add (FtsAbsent *absent, uint64_t dir, const char *name)
{
  pthread_mutex_lock (&absent->lock);
  Entry *entry = find_locked (absent, dir);
  if (entry != NULL) {
    entry->adds++;
    if (entry->since_us != 0 && entry->names.used < 2 * FTS_ABSENT_NAMES) {
      insert_locked (absent, entry, fts_namehash (name, strlen (name)));
      if (absent->n_slots > absent->most)
        renew_locked (absent, entry);
    } else
      forget_names_locked (absent, entry);
  }
  pthread_mutex_unlock (&absent->lock);
}

void
fts_absent_forget (FtsAbsent *absent, uint64_t dir)
{
  pthread_mutex_lock (&absent->lock);
  Entry *entry = find_locked (absent, dir);
  if (entry != NULL) {
    entry->adds++;
    forget_names_locked (absent, entry);
  }
  pthread_mutex_unlock (&absent->lock);
}

void
fts_absent_set_empty (FtsAbsent *absent, uint64_t dir, int64_t start_us, bool watched)
{
  pthread_mutex_lock (&absent->lock);
  Entry *entry = need_locked (absent, dir);
  forget_names_locked (absent, entry);
  entry->since_us = start_us;
  entry->last_us = g_get_monotonic_time ();
  entry->watched = watched;
  pthread_mutex_unlock (&absent->lock);
}

FtsAbsentAsking
fts_absent_begin (FtsAbsent *absent, uint64_t dir)
{
  FtsAbsentAsking asking = { .dir = dir, .start_us = g_get_monotonic_time () };

  pthread_mutex_lock (&absent->lock);
  Entry *entry = need_locked (absent, dir);
  entry->asking = true;
  asking.serial = entry->serial;
  asking.adds = entry->adds;
  pthread_mutex_unlock (&absent->lock);
  return asking;
}

void
fts_absent_publish (FtsAbsent *absent, const FtsAbsentAsking *asking,
                    const uint64_t *hashes, size_t n, bool watched)
{
  pthread_mutex_lock (&absent->lock);
  Entry *entry = find_locked (absent, asking->dir);
  if (entry != NULL && entry->serial == asking->serial) {
    entry->asking = false;
    if (hashes == NULL)
      entry->rest_until_us = g_get_monotonic_time () + FTS_ABSENT_REST_US;
    else if (entry->adds == asking->adds) {
      forget_names_locked (absent, entry);
      for (size_t i = 0; i < n; i++)
        insert_locked (absent, entry, hashes[i]);
      entry->since_us = asking->start_us;
      entry->last_us = g_get_monotonic_time ();
      entry->watched = watched;
      renew_locked (absent, entry);
    }
  }
  pthread_mutex_unlock (&absent->lock);
}
