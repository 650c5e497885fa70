/* lately.c - see lately.h. */
#include "fts/lately.h"

typedef struct {
  uint64_t key;
  int64_t due_us;
  GByteArray *notice;
} Later;

struct FtsLately {
  GHashTable *changes; /* key -> when, in us */
  GHashTable *waiting; /* keys of `later` */
  GQueue later;        /* of Later, in order of time */
};

static guint
hash_key (gconstpointer key)
{
  return (guint) GPOINTER_TO_SIZE (key);
}

FtsLately *
fts_lately_new (void)
{
  FtsLately *lately = g_new0 (FtsLately, 1);

  lately->changes = g_hash_table_new (hash_key, g_direct_equal);
  lately->waiting = g_hash_table_new (hash_key, g_direct_equal);
  g_queue_init (&lately->later);
  return lately;
}

static void
free_later (gpointer data)
{
  Later *later = data;

  g_byte_array_unref (later->notice);
  g_free (later);
}

void
fts_lately_free (FtsLately *lately)
{
  g_queue_clear_full (&lately->later, free_later);
  g_hash_table_unref (lately->waiting);
  g_hash_table_unref (lately->changes);
  g_free (lately);
}

static gboolean
is_old (gpointer key, gpointer at_us, gpointer user_data)
{
  const int64_t *now_us = user_data;
  return (int64_t) GPOINTER_TO_SIZE (at_us) + FTS_LATELY_US <= *now_us;
}

void
fts_lately_note (FtsLately *lately, uint64_t key, int64_t now_us)
{
  if (g_hash_table_size (lately->changes) >= FTS_LATELY_MOST)
    g_hash_table_foreach_remove (lately->changes, is_old, &now_us);
  if (g_hash_table_size (lately->changes) < FTS_LATELY_MOST)
    g_hash_table_insert (lately->changes, GSIZE_TO_POINTER (key),
                         GSIZE_TO_POINTER ((size_t) now_us));
}

bool
fts_lately_put_off (FtsLately *lately, uint64_t key, const GByteArray *notice,
                    int64_t now_us)
{
  gpointer at_us = g_hash_table_lookup (lately->changes, GSIZE_TO_POINTER (key));

  if (g_hash_table_contains (lately->waiting, GSIZE_TO_POINTER (key)))
    return true;
  if (at_us == NULL || is_old (NULL, at_us, &now_us) ||
      lately->later.length >= FTS_LATELY_MOST)
    return false;
  Later *later = g_new (Later, 1);
  *later = (Later){ key, now_us + FTS_LATELY_US, g_byte_array_new () };
  g_byte_array_append (later->notice, notice->data, notice->len);
  g_queue_push_tail (&lately->later, later);
  g_hash_table_add (lately->waiting, GSIZE_TO_POINTER (key));
  return true;
}

bool
fts_lately_take (FtsLately *lately, int64_t now_us, uint64_t *key, GByteArray **notice)
{
  Later *later = g_queue_peek_head (&lately->later);

  if (later == NULL || later->due_us > now_us)
    return false;
  g_queue_pop_head (&lately->later);
  g_hash_table_remove (lately->waiting, GSIZE_TO_POINTER (later->key));
  *key = later->key;
  *notice = later->notice;
  g_free (later);
  return true;
}

int64_t
fts_lately_due (const FtsLately *lately)
{
  return lately->later.head ? ((Later *) lately->later.head->data)->due_us : 0;
}
