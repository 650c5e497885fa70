/* watchers.c - see watchers.h. */
#include "fts/watchers.h"

#include "fts/handles.h"
#include "fts/lately.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

/* Changes of late, by rests of their keys. */
#define RECENT 4096u

typedef struct {
  uint64_t number;
  GByteArray *bytes;
} Pending;

typedef struct {
  const void *session;
  void *connection;
  GHashTable *keys;    /* of uint64_t */
  GQueue pending;      /* of Pending, not sent yet */
  GHashTable *told;    /* key -> number of the notice that is not taken in */
  uint64_t told_all;   /* of "anything", likewise; 0 = none */
  uint64_t sent_first; /* first number that was sent and is not taken in; 0 = none */
  uint64_t sent_last;
  FtsLately *lately; /* its own changes */
  bool is_parked;    /* its WATCH request waits for something to tell */
  bool is_late;
} Watcher;

struct FtsWatchers {
  uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* constant */

  pthread_mutex_t lock; /* all below */
  FtsWatchersHooks hooks;
  pthread_cond_t taken_in;
  GPtrArray *all; /* of Watcher */
  uint64_t now;   /* counts changes; read without the lock */
  uint64_t recent[RECENT];
  uint64_t last_number, told, late;
};

/* ---- life ---- */

FtsWatchers *
fts_watchers_new (void)
{
  FtsWatchers *watchers = g_new0 (FtsWatchers, 1);
  pthread_condattr_t attr;

  randombytes_buf (watchers->hash_key, sizeof watchers->hash_key);
  pthread_mutex_init (&watchers->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&watchers->taken_in, &attr);
  pthread_condattr_destroy (&attr);
  watchers->all = g_ptr_array_new ();
  return watchers;
}

static void
free_pending (gpointer data)
{
  Pending *pending = data;

  g_byte_array_unref (pending->bytes);
  g_free (pending);
}

static void
free_watcher (Watcher *watcher)
{
  g_queue_clear_full (&watcher->pending, free_pending);
  g_hash_table_unref (watcher->keys);
  g_hash_table_unref (watcher->told);
  fts_lately_free (watcher->lately);
  g_free (watcher);
}

void
fts_watchers_free (FtsWatchers *watchers)
{
  if (watchers == NULL)
    return;
  g_assert (watchers->all->len == 0);
  g_ptr_array_unref (watchers->all);
  pthread_cond_destroy (&watchers->taken_in);
  pthread_mutex_destroy (&watchers->lock);
  g_free (watchers);
}

static void
summon_locked (const FtsWatchers *watchers, const Watcher *watcher)
{
  if (watcher->is_parked && watchers->hooks.summon != NULL)
    watchers->hooks.summon (watcher->connection, watchers->hooks.user_data);
}

void
fts_watchers_set_hooks (FtsWatchers *watchers, const FtsWatchersHooks *hooks)
{
  pthread_mutex_lock (&watchers->lock);
  watchers->hooks = *hooks;
  for (guint i = 0; i < watchers->all->len; i++)
    summon_locked (watchers, watchers->all->pdata[i]);
  pthread_mutex_unlock (&watchers->lock);
}

/* ---- keys ---- */

static uint64_t
hash (const FtsWatchers *watchers, const uint8_t *bytes, size_t len)
{
  uint64_t key = 0;

  crypto_shorthash ((unsigned char *) &key, bytes, len, watchers->hash_key);
  return key;
}

uint64_t
fts_watchers_file_key (const FtsWatchers *watchers, const FtsHandle *file)
{
  return hash (watchers, file->bytes, fts_handle_identity_len (file));
}

uint64_t
fts_watchers_identity_key (const FtsWatchers *watchers, const FtsHandle *file)
{
  return hash (watchers, file->bytes, file->len);
}

uint64_t
fts_watchers_name_key (const FtsWatchers *watchers, uint64_t dir, const char *name,
                       size_t len)
{
  uint8_t bytes[sizeof dir + 256];

  len = MIN (len, sizeof bytes - sizeof dir);
  memcpy (bytes, &dir, sizeof dir);
  memcpy (bytes + sizeof dir, name, len);
  return hash (watchers, bytes, sizeof dir + len);
}

static guint
hash_of_key (gconstpointer key)
{
  return (guint) GPOINTER_TO_SIZE (key);
}

/* ---- watchers come and go ---- */

static Watcher *
find_by_session_locked (FtsWatchers *watchers, const void *session)
{
  for (guint i = 0; i < watchers->all->len; i++) {
    Watcher *watcher = watchers->all->pdata[i];
    if (watcher->session == session)
      return watcher;
  }
  return NULL;
}

static Watcher *
find_by_connection_locked (FtsWatchers *watchers, const void *connection)
{
  for (guint i = 0; i < watchers->all->len; i++) {
    Watcher *watcher = watchers->all->pdata[i];
    if (watcher->connection == connection)
      return watcher;
  }
  return NULL;
}

static void
end_locked (FtsWatchers *watchers, Watcher *watcher)
{
  if (watcher == NULL)
    return;
  g_ptr_array_remove_fast (watchers->all, watcher);
  free_watcher (watcher);
  pthread_cond_broadcast (&watchers->taken_in);
}

void
fts_watchers_begin (FtsWatchers *watchers, const void *session, void *connection)
{
  Watcher *watcher = g_new0 (Watcher, 1);

  watcher->session = session;
  watcher->connection = connection;
  watcher->keys = g_hash_table_new (hash_of_key, g_direct_equal);
  watcher->told = g_hash_table_new (hash_of_key, g_direct_equal);
  watcher->lately = fts_lately_new ();
  g_queue_init (&watcher->pending);
  pthread_mutex_lock (&watchers->lock);
  end_locked (watchers, find_by_session_locked (watchers, session));
  g_ptr_array_add (watchers->all, watcher);
  pthread_mutex_unlock (&watchers->lock);
}

void
fts_watchers_end (FtsWatchers *watchers, const void *connection)
{
  pthread_mutex_lock (&watchers->lock);
  end_locked (watchers, find_by_connection_locked (watchers, connection));
  pthread_mutex_unlock (&watchers->lock);
}

/* ---- notices ---- */

static GByteArray *
encode (const FtsNotice *notice)
{
  GByteArray *bytes = g_byte_array_new ();

  fts_wire_encode_notice (notice, bytes);
  return bytes;
}

/* BYTES are the queue's. */
static void
queue_locked (FtsWatchers *watchers, Watcher *watcher, GByteArray *bytes)
{
  Pending *pending = g_new (Pending, 1);

  *pending = (Pending){ ++watchers->last_number, bytes };
  g_queue_push_tail (&watcher->pending, pending);
  watchers->told++;
  summon_locked (watchers, watcher);
}

/* The client shall trust nothing of what it has. */
static void
drop_all_locked (FtsWatchers *watchers, Watcher *watcher)
{
  const FtsNotice all = { .kind = FTS_NOTICE_ALL };

  g_hash_table_remove_all (watcher->keys);
  g_hash_table_remove_all (watcher->told);
  g_queue_clear_full (&watcher->pending, free_pending);
  queue_locked (watchers, watcher, encode (&all));
  watcher->told_all = watchers->last_number;
}

static gboolean
is_taken_in (gpointer key, gpointer number, gpointer user_data)
{
  const uint64_t *taken_in = user_data;
  return GPOINTER_TO_SIZE (number) <= *taken_in;
}

static void
take_in_locked (FtsWatchers *watchers, Watcher *watcher, uint64_t taken_in)
{
  if (watcher->sent_first == 0 || taken_in < watcher->sent_last)
    return;
  watcher->sent_first = 0;
  g_hash_table_foreach_remove (watcher->told, is_taken_in, &taken_in);
  if (watcher->told_all <= taken_in)
    watcher->told_all = 0;
  if (g_queue_is_empty (&watcher->pending))
    watcher->is_late = false;
  pthread_cond_broadcast (&watchers->taken_in);
}

static bool
take_locked (Watcher *watcher, GByteArray *into, uint64_t *last)
{
  const Pending *head = g_queue_peek_head (&watcher->pending);

  watcher->is_parked = head == NULL;
  if (head == NULL)
    return false;
  watcher->sent_first = head->number;
  while (head != NULL &&
         (into->len == 0 || into->len + head->bytes->len <= FTS_WATCHERS_BATCH)) {
    Pending *pending = g_queue_pop_head (&watcher->pending);
    g_byte_array_append (into, pending->bytes->data, pending->bytes->len);
    watcher->sent_last = *last = pending->number;
    free_pending (pending);
    head = g_queue_peek_head (&watcher->pending);
  }
  return true;
}

bool
fts_watchers_take (FtsWatchers *watchers, const void *connection, uint64_t taken_in,
                   GByteArray *into, uint64_t *last)
{
  bool any = false;

  pthread_mutex_lock (&watchers->lock);
  Watcher *watcher = find_by_connection_locked (watchers, connection);
  if (watcher != NULL) {
    take_in_locked (watchers, watcher, taken_in);
    any = take_locked (watcher, into, last);
  }
  pthread_mutex_unlock (&watchers->lock);
  return any;
}

bool
fts_watchers_take_more (FtsWatchers *watchers, const void *connection, GByteArray *into,
                        uint64_t *last)
{
  pthread_mutex_lock (&watchers->lock);
  Watcher *watcher = find_by_connection_locked (watchers, connection);
  bool any = watcher != NULL && watcher->is_parked && take_locked (watcher, into, last);
  pthread_mutex_unlock (&watchers->lock);
  return any;
}

/* ---- who looks ---- */

uint64_t
fts_watchers_now (FtsWatchers *watchers)
{
  return __atomic_load_n (&watchers->now, __ATOMIC_ACQUIRE);
}

static FtsWatchResult
add_locked (FtsWatchers *watchers, Watcher *watcher, uint64_t key, uint64_t since)
{
  if (watcher == NULL || watcher->is_late)
    return FTS_WATCH_NONE;
  if (g_hash_table_size (watcher->keys) >= FTS_WATCHERS_KEYS)
    drop_all_locked (watchers, watcher);
  g_hash_table_add (watcher->keys, GSIZE_TO_POINTER (key));
  return watchers->recent[key % RECENT] > since ? FTS_WATCH_CHANGED : FTS_WATCH_WATCHED;
}

bool
fts_watchers_has (FtsWatchers *watchers, const void *session)
{
  pthread_mutex_lock (&watchers->lock);
  const Watcher *watcher = find_by_session_locked (watchers, session);
  bool has = watcher != NULL && !watcher->is_late;
  pthread_mutex_unlock (&watchers->lock);
  return has;
}

FtsWatchResult
fts_watchers_add (FtsWatchers *watchers, const void *session, uint64_t key,
                  uint64_t since)
{
  pthread_mutex_lock (&watchers->lock);
  FtsWatchResult result =
    add_locked (watchers, find_by_session_locked (watchers, session), key, since);
  pthread_mutex_unlock (&watchers->lock);
  return result;
}

/* ---- who changes ---- */

static void
note_locked (FtsWatchers *watchers, uint64_t key)
{
  uint64_t now = watchers->now + 1;

  watchers->recent[key % RECENT] = now;
  __atomic_store_n (&watchers->now, now, __ATOMIC_RELEASE);
}

bool
fts_watchers_note (FtsWatchers *watchers, uint64_t key)
{
  bool any = false;

  pthread_mutex_lock (&watchers->lock);
  note_locked (watchers, key);
  for (guint i = 0; i < watchers->all->len && !any; i++)
    any = g_hash_table_contains (((Watcher *) watchers->all->pdata[i])->keys,
                                 GSIZE_TO_POINTER (key));
  pthread_mutex_unlock (&watchers->lock);
  return any;
}

static GByteArray *
copy (const GByteArray *bytes)
{
  return g_byte_array_append (g_byte_array_sized_new (bytes->len), bytes->data,
                              bytes->len);
}

/* The number of the notice by which WATCHER learns that KEY is no more what it was; 0: none. */
static uint64_t
tell_locked (FtsWatchers *watchers, Watcher *watcher, uint64_t key,
             const GByteArray *notice)
{
  if (!g_hash_table_remove (watcher->keys, GSIZE_TO_POINTER (key))) {
    uint64_t number =
      GPOINTER_TO_SIZE (g_hash_table_lookup (watcher->told, GSIZE_TO_POINTER (key)));
    return MAX (number, watcher->told_all);
  }
  if (watcher->pending.length >= FTS_WATCHERS_NOTICES) {
    drop_all_locked (watchers, watcher);
    return watchers->last_number;
  }
  queue_locked (watchers, watcher, copy (notice));
  g_hash_table_insert (watcher->told, GSIZE_TO_POINTER (key),
                       GSIZE_TO_POINTER (watchers->last_number));
  return watchers->last_number;
}

void
fts_watchers_tell (FtsWatchers *watchers, const void *session, uint64_t key,
                   const FtsNotice *notice, uint64_t *number)
{
  g_autoptr (GByteArray) bytes = encode (notice);

  pthread_mutex_lock (&watchers->lock);
  note_locked (watchers, key);
  for (guint i = 0; i < watchers->all->len; i++) {
    Watcher *watcher = watchers->all->pdata[i];
    if (watcher->session == session)
      continue;
    uint64_t told = tell_locked (watchers, watcher, key, bytes);
    *number = MAX (*number, told);
  }
  pthread_mutex_unlock (&watchers->lock);
}

void
fts_watchers_note_own (FtsWatchers *watchers, const void *session, uint64_t key)
{
  pthread_mutex_lock (&watchers->lock);
  Watcher *watcher = find_by_session_locked (watchers, session);
  if (watcher != NULL)
    fts_lately_note (watcher->lately, key, g_get_monotonic_time ());
  pthread_mutex_unlock (&watchers->lock);
}

void
fts_watchers_tell_seen (FtsWatchers *watchers, uint64_t key, const FtsNotice *notice)
{
  g_autoptr (GByteArray) bytes = encode (notice);
  int64_t now_us = g_get_monotonic_time ();

  pthread_mutex_lock (&watchers->lock);
  note_locked (watchers, key);
  for (guint i = 0; i < watchers->all->len; i++) {
    Watcher *watcher = watchers->all->pdata[i];
    if (!fts_lately_put_off (watcher->lately, key, bytes, now_us))
      tell_locked (watchers, watcher, key, bytes);
  }
  pthread_mutex_unlock (&watchers->lock);
}

/* When WATCHER is to be told more; 0 = nothing is put off. */
static int64_t
tell_put_off_locked (FtsWatchers *watchers, Watcher *watcher, int64_t now_us)
{
  GByteArray *bytes;
  uint64_t key;

  while (fts_lately_take (watcher->lately, now_us, &key, &bytes)) {
    note_locked (watchers, key);
    tell_locked (watchers, watcher, key, bytes);
    g_byte_array_unref (bytes);
  }
  return fts_lately_due (watcher->lately);
}

int
fts_watchers_tell_put_off (FtsWatchers *watchers)
{
  int64_t now_us = g_get_monotonic_time ();
  int64_t next_us = INT64_MAX;

  pthread_mutex_lock (&watchers->lock);
  for (guint i = 0; i < watchers->all->len; i++) {
    int64_t due_us = tell_put_off_locked (watchers, watchers->all->pdata[i], now_us);
    if (due_us > 0)
      next_us = MIN (next_us, due_us);
  }
  pthread_mutex_unlock (&watchers->lock);
  return next_us == INT64_MAX ? -1 : (int) ((next_us - now_us) / 1000 + 1);
}

void
fts_watchers_send (FtsWatchers *watchers, const void *session, const FtsNotice *notice)
{
  pthread_mutex_lock (&watchers->lock);
  Watcher *watcher = find_by_session_locked (watchers, session);
  if (watcher != NULL)
    queue_locked (watchers, watcher, encode (notice));
  pthread_mutex_unlock (&watchers->lock);
}

void
fts_watchers_tell_all (FtsWatchers *watchers)
{
  pthread_mutex_lock (&watchers->lock);
  uint64_t now = watchers->now + 1;
  for (guint i = 0; i < RECENT; i++)
    watchers->recent[i] = now;
  __atomic_store_n (&watchers->now, now, __ATOMIC_RELEASE);
  for (guint i = 0; i < watchers->all->len; i++)
    drop_all_locked (watchers, watchers->all->pdata[i]);
  pthread_mutex_unlock (&watchers->lock);
}

/* Has WATCHER something up to NUMBER to take in yet? */
static bool
owes_locked (const Watcher *watcher, uint64_t number)
{
  const Pending *head = g_queue_peek_head ((GQueue *) &watcher->pending);

  if (watcher->is_late)
    return false;
  return (watcher->sent_first != 0 && watcher->sent_first <= number) ||
         (head != NULL && head->number <= number);
}

static bool
is_settled_locked (const FtsWatchers *watchers, uint64_t number)
{
  for (guint i = 0; i < watchers->all->len; i++)
    if (owes_locked (watchers->all->pdata[i], number))
      return false;
  return true;
}

static void
give_up_locked (FtsWatchers *watchers, uint64_t number)
{
  for (guint i = 0; i < watchers->all->len; i++) {
    Watcher *watcher = watchers->all->pdata[i];
    if (!owes_locked (watcher, number))
      continue;
    watcher->is_late = true;
    watchers->late++;
    drop_all_locked (watchers, watcher);
  }
}

static struct timespec
time_in_ms (uint32_t ms)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  time.tv_sec += ms / 1000;
  time.tv_nsec += (long) (ms % 1000) * 1000000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_nsec -= 1000000000;
    time.tv_sec++;
  }
  return time;
}

/* Without the lock: the hook may start a thread. */
static void
set_waiting (FtsWatchers *watchers, bool waits)
{
  pthread_mutex_lock (&watchers->lock);
  FtsWatchersHooks hooks = watchers->hooks;
  pthread_mutex_unlock (&watchers->lock);
  if (hooks.set_waiting != NULL)
    hooks.set_waiting (waits, hooks.user_data);
}

void
fts_watchers_settle (FtsWatchers *watchers, uint64_t number)
{
  if (number == 0)
    return;
  const struct timespec until = time_in_ms (FTS_WATCHERS_MS);
  set_waiting (watchers, true);
  pthread_mutex_lock (&watchers->lock);
  while (!is_settled_locked (watchers, number)) {
    if (pthread_cond_timedwait (&watchers->taken_in, &watchers->lock, &until) == 0)
      continue;
    give_up_locked (watchers, number);
    break;
  }
  pthread_mutex_unlock (&watchers->lock);
  set_waiting (watchers, false);
}

void
fts_watchers_get_stats (FtsWatchers *watchers, FtsWatchersStats *out)
{
  pthread_mutex_lock (&watchers->lock);
  *out = (FtsWatchersStats){ .watchers = watchers->all->len,
                             .notices = watchers->told,
                             .late = watchers->late };
  for (guint i = 0; i < watchers->all->len; i++)
    out->keys += g_hash_table_size (((Watcher *) watchers->all->pdata[i])->keys);
  pthread_mutex_unlock (&watchers->lock);
}
