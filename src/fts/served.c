/* served.c - see served.h. */
#include "fts/served.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

struct FtsServedSet {
  FtsHandlesConfig config; /* constant, as the next */
  FtsLocal *local;
  uint64_t generation;  /* atomic */
  pthread_mutex_t lock; /* protects the two below */
  const FtsExports *exports;
  GPtrArray *all; /* of FtsServed; never changed, only replaced */
};

void
fts_served_unref (FtsServed *served)
{
  if (served == NULL || !g_atomic_int_dec_and_test (&served->refs))
    return;
  if (served->handles != NULL)
    fts_handles_unref (served->handles);
  fts_export_unref (served->export);
  g_free (served);
}

static void
unref_served (gpointer data)
{
  fts_served_unref (data);
}

/* The handles of the same place as served until now, or new ones. */
static bool
choose_handles (const FtsServedSet *set, FtsServed *served, GError **error)
{
  const GPtrArray *old = set->all;

  for (guint i = 0; old != NULL && i < old->len; i++) {
    const FtsServed *other = old->pdata[i];
    if (fts_export_is_same_place (other->export, served->export)) {
      served->handles = fts_handles_ref (other->handles);
      served->way = other->export->watch == served->export->watch
                      ? other->way
                      : fts_local_add (set->local, served->export, served->handles);
      return true;
    }
  }
  served->handles = fts_handles_new (served->export, &set->config, error);
  if (served->handles == NULL)
    return false;
  served->way = fts_local_add (set->local, served->export, served->handles);
  return true;
}

static GPtrArray *
make_all (const FtsServedSet *set, const FtsExports *exports, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (unref_served);

  for (unsigned i = 0; i < fts_exports_count (exports); i++) {
    FtsServed *served = g_new0 (FtsServed, 1);
    served->refs = 1;
    served->export = fts_export_ref (fts_exports_get (exports, i));
    g_ptr_array_add (all, served);
    if (!choose_handles (set, served, error))
      return NULL;
  }
  return g_steal_pointer (&all);
}

FtsServedSet *
fts_served_new (const FtsExports *exports, const FtsHandlesConfig *config,
                FtsLocal *local, GError **error)
{
  FtsServedSet *set = g_new0 (FtsServedSet, 1);

  set->config = *config;
  set->local = local;
  pthread_mutex_init (&set->lock, NULL);
  if (!fts_served_replace (set, exports, error))
    g_clear_pointer (&set, fts_served_free);
  return set;
}

void
fts_served_free (FtsServedSet *set)
{
  if (set == NULL)
    return;
  g_clear_pointer (&set->all, g_ptr_array_unref);
  pthread_mutex_destroy (&set->lock);
  sodium_memzero (&set->config, sizeof set->config);
  g_free (set);
}

/* One thread at a time: whoever reads the configuration. */
bool
fts_served_replace (FtsServedSet *set, const FtsExports *exports, GError **error)
{
  GPtrArray *all = make_all (set, exports, error);

  if (all == NULL)
    return false;
  pthread_mutex_lock (&set->lock);
  GPtrArray *old = set->all;
  set->all = all;
  set->exports = exports;
  __atomic_fetch_add (&set->generation, 1, __ATOMIC_RELEASE);
  pthread_mutex_unlock (&set->lock);
  if (old != NULL)
    g_ptr_array_unref (old);
  return true;
}

uint64_t
fts_served_generation (FtsServedSet *set)
{
  return __atomic_load_n (&set->generation, __ATOMIC_ACQUIRE);
}

static FtsServed *
ref_served (FtsServed *served)
{
  g_atomic_int_inc (&served->refs);
  return served;
}

static FtsServed *
find_locked (const FtsServedSet *set, const char *name, const char *peer, int *failed)
{
  const FtsExport *export = fts_exports_find (set->exports, name);

  *failed = ENOENT;
  if (export == NULL)
    return NULL;
  *failed = EACCES;
  if (!fts_export_allows (export, peer) ||
      fts_exports_secret_of (set->exports, peer) == NULL)
    return NULL;
  for (guint i = 0; i < set->all->len; i++) {
    FtsServed *served = set->all->pdata[i];
    if (served->export == export)
      return ref_served (served);
  }
  return NULL;
}

FtsServed *
fts_served_find (FtsServedSet *set, const char *name, const char *peer,
                 uint64_t *generation, int *failed)
{
  pthread_mutex_lock (&set->lock);
  FtsServed *served = find_locked (set, name, peer, failed);
  *generation = set->generation;
  pthread_mutex_unlock (&set->lock);
  return served;
}

char *
fts_served_secret_of (FtsServedSet *set, const char *peer)
{
  pthread_mutex_lock (&set->lock);
  char *secret = g_strdup (fts_exports_secret_of (set->exports, peer));
  pthread_mutex_unlock (&set->lock);
  return secret;
}

static GPtrArray *
ref_all (FtsServedSet *set)
{
  pthread_mutex_lock (&set->lock);
  GPtrArray *all = g_ptr_array_ref (set->all);
  pthread_mutex_unlock (&set->lock);
  return all;
}

void
fts_served_sweep (FtsServedSet *set, int64_t idle_us)
{
  g_autoptr (GPtrArray) all = ref_all (set);

  for (guint i = 0; i < all->len; i++)
    fts_handles_sweep (((FtsServed *) all->pdata[i])->handles, idle_us);
}

void
fts_served_get_stats (FtsServedSet *set, FtsFdCacheStats *out)
{
  g_autoptr (GPtrArray) all = ref_all (set);
  FtsFdCacheStats one;

  *out = (FtsFdCacheStats){ 0 };
  for (guint i = 0; i < all->len; i++) {
    fts_handles_get_stats (((FtsServed *) all->pdata[i])->handles, &one);
    out->pins += one.pins;
    out->descriptors += one.descriptors;
    out->hits += one.hits;
    out->misses += one.misses;
  }
}
