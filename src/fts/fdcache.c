/* fdcache.c - see fdcache.h. */
#include "fts/fdcache.h"

#include "base/crc.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define N_SHARDS 8u

typedef struct {
  /* Protects all below and the `dir_fd`, `link`, `cached` and `used_us` of the shard's entries. */
  pthread_mutex_t lock;
  GHashTable *entries; /* FtsHandle -> Entry */
  GQueue used;         /* of Entry, used last first */
  unsigned descriptors;
  unsigned most;
  uint64_t hits, misses;
} Shard;

typedef struct {
  FtsPin pin; /* first, so that a pin is cast to it */
  int refs;   /* atomic; the cache has one while `cached` */
  Shard *shard;
  bool cached;
  GList link;
  int dir_fd;
  int64_t used_us;
} Entry;

struct FtsFdCache {
  Shard shards[N_SHARDS];
};

static guint
hash_handle (gconstpointer key)
{
  const FtsHandle *handle = key;
  return fts_crc32c (handle->bytes, handle->len);
}

static gboolean
equal_handles (gconstpointer a, gconstpointer b)
{
  const FtsHandle *x = a;
  const FtsHandle *y = b;
  return x->len == y->len && memcmp (x->bytes, y->bytes, x->len) == 0;
}

FtsFdCache *
fts_fdcache_new (unsigned most)
{
  FtsFdCache *cache = g_new0 (FtsFdCache, 1);

  for (unsigned i = 0; i < N_SHARDS; i++) {
    Shard *shard = &cache->shards[i];
    pthread_mutex_init (&shard->lock, NULL);
    shard->entries = g_hash_table_new (hash_handle, equal_handles);
    g_queue_init (&shard->used);
    shard->most = MAX (most / N_SHARDS, 1);
  }
  return cache;
}

static Shard *
shard_of (FtsFdCache *cache, const FtsHandle *handle)
{
  return &cache->shards[hash_handle (handle) >> 16 & (N_SHARDS - 1)];
}

FtsPin *
fts_fdcache_ref (FtsPin *pin)
{
  g_atomic_int_inc (&((Entry *) pin)->refs);
  return pin;
}

void
fts_fdcache_unref (FtsPin *pin)
{
  Entry *entry = (Entry *) pin;

  if (entry == NULL || !g_atomic_int_dec_and_test (&entry->refs))
    return;
  if (entry->dir_fd >= 0)
    close (entry->dir_fd);
  close (entry->pin.fd);
  g_free (entry);
}

/* Takes ENTRY out; the caller unrefs it after unlocking, as closing may take long. */
static void
remove_locked (Shard *shard, Entry *entry)
{
  g_hash_table_remove (shard->entries, &entry->pin.handle);
  g_queue_unlink (&shard->used, &entry->link);
  shard->descriptors -= entry->dir_fd >= 0 ? 2 : 1;
  entry->cached = false;
}

static void
use_locked (Shard *shard, Entry *entry)
{
  entry->used_us = g_get_monotonic_time ();
  if (shard->used.head == &entry->link)
    return;
  g_queue_unlink (&shard->used, &entry->link);
  g_queue_push_head_link (&shard->used, &entry->link);
}

static GSList *
shrink_locked (Shard *shard)
{
  GSList *victims = NULL;

  while (shard->descriptors > shard->most && shard->used.length > 1) {
    Entry *oldest = shard->used.tail->data;
    remove_locked (shard, oldest);
    victims = g_slist_prepend (victims, oldest);
  }
  return victims;
}

static void
unref_all (GSList *victims)
{
  g_slist_free_full (victims, (GDestroyNotify) fts_fdcache_unref);
}

void
fts_fdcache_free (FtsFdCache *cache)
{
  for (unsigned i = 0; i < N_SHARDS; i++) {
    Shard *shard = &cache->shards[i];
    while (shard->used.length > 0) {
      Entry *entry = shard->used.head->data;
      remove_locked (shard, entry);
      fts_fdcache_unref (&entry->pin);
    }
    g_hash_table_unref (shard->entries);
    pthread_mutex_destroy (&shard->lock);
  }
  g_free (cache);
}

FtsPin *
fts_fdcache_find (FtsFdCache *cache, const FtsHandle *handle)
{
  Shard *shard = shard_of (cache, handle);

  pthread_mutex_lock (&shard->lock);
  Entry *entry = g_hash_table_lookup (shard->entries, handle);
  if (entry != NULL) {
    use_locked (shard, entry);
    fts_fdcache_ref (&entry->pin);
    shard->hits++;
  } else {
    shard->misses++;
  }
  pthread_mutex_unlock (&shard->lock);
  return (FtsPin *) entry;
}

static Entry *
make_entry (Shard *shard, const FtsHandle *handle, int fd, mode_t type)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->pin = (FtsPin){ fd, type, *handle };
  entry->refs = 2;
  entry->shard = shard;
  entry->cached = true;
  entry->link.data = entry;
  entry->dir_fd = -1;
  entry->used_us = g_get_monotonic_time ();
  return entry;
}

FtsPin *
fts_fdcache_add (FtsFdCache *cache, const FtsHandle *handle, int fd, mode_t type)
{
  Shard *shard = shard_of (cache, handle);
  GSList *victims = NULL;
  int spare = -1;

  pthread_mutex_lock (&shard->lock);
  Entry *entry = g_hash_table_lookup (shard->entries, handle);
  if (entry != NULL) {
    use_locked (shard, entry);
    fts_fdcache_ref (&entry->pin);
    spare = fd;
  } else {
    entry = make_entry (shard, handle, fd, type);
    g_hash_table_insert (shard->entries, &entry->pin.handle, entry);
    g_queue_push_head_link (&shard->used, &entry->link);
    shard->descriptors++;
    victims = shrink_locked (shard);
  }
  pthread_mutex_unlock (&shard->lock);
  unref_all (victims);
  if (spare >= 0)
    close (spare);
  return &entry->pin;
}

void
fts_fdcache_drop (FtsFdCache *cache, const FtsHandle *handle)
{
  Shard *shard = shard_of (cache, handle);

  pthread_mutex_lock (&shard->lock);
  Entry *entry = g_hash_table_lookup (shard->entries, handle);
  if (entry != NULL)
    remove_locked (shard, entry);
  pthread_mutex_unlock (&shard->lock);
  fts_fdcache_unref ((FtsPin *) entry);
}

static void
sweep_shard (Shard *shard, int64_t before_us)
{
  GSList *victims = NULL;

  pthread_mutex_lock (&shard->lock);
  while (shard->used.length > 0) {
    Entry *oldest = shard->used.tail->data;
    if (oldest->used_us > before_us)
      break;
    remove_locked (shard, oldest);
    victims = g_slist_prepend (victims, oldest);
  }
  pthread_mutex_unlock (&shard->lock);
  unref_all (victims);
}

void
fts_fdcache_sweep (FtsFdCache *cache, int64_t idle_us)
{
  int64_t before_us = g_get_monotonic_time () - idle_us;

  for (unsigned i = 0; i < N_SHARDS; i++)
    sweep_shard (&cache->shards[i], before_us);
}

int
fts_fdcache_take_dir (FtsPin *pin)
{
  Entry *entry = (Entry *) pin;
  Shard *shard = entry->shard;

  pthread_mutex_lock (&shard->lock);
  int fd = entry->dir_fd;
  entry->dir_fd = -1;
  if (fd >= 0 && entry->cached)
    shard->descriptors--;
  pthread_mutex_unlock (&shard->lock);
  return fd;
}

void
fts_fdcache_give_dir (FtsPin *pin, int fd)
{
  Entry *entry = (Entry *) pin;
  Shard *shard = entry->shard;
  GSList *victims = NULL;

  pthread_mutex_lock (&shard->lock);
  if (entry->cached && entry->dir_fd < 0) {
    entry->dir_fd = fd;
    fd = -1;
    shard->descriptors++;
    victims = shrink_locked (shard);
  }
  pthread_mutex_unlock (&shard->lock);
  unref_all (victims);
  if (fd >= 0)
    close (fd);
}

void
fts_fdcache_get_stats (FtsFdCache *cache, FtsFdCacheStats *out)
{
  *out = (FtsFdCacheStats){ 0 };
  for (unsigned i = 0; i < N_SHARDS; i++) {
    Shard *shard = &cache->shards[i];
    pthread_mutex_lock (&shard->lock);
    out->pins += shard->used.length;
    out->descriptors += shard->descriptors;
    out->hits += shard->hits;
    out->misses += shard->misses;
    pthread_mutex_unlock (&shard->lock);
  }
}
