/* grace.c - see grace.h. */
#include "fts/grace.h"

#include <pthread.h>

typedef struct {
  uint32_t index;
  uint64_t generation;
} Client;

struct FtsGrace {
  FtsLocks *locks;
  pthread_mutex_t lock; /* all below */
  GArray *expected;     /* of Client */
  int64_t end_us;
};

FtsGrace *
fts_grace_new (FtsLocks *locks)
{
  FtsGrace *grace = g_new0 (FtsGrace, 1);

  grace->locks = locks;
  grace->expected = g_array_new (FALSE, FALSE, sizeof (Client));
  pthread_mutex_init (&grace->lock, NULL);
  return grace;
}

void
fts_grace_free (FtsGrace *grace)
{
  if (grace == NULL)
    return;
  g_array_unref (grace->expected);
  pthread_mutex_destroy (&grace->lock);
  g_free (grace);
}

void
fts_grace_expect (FtsGrace *grace, uint32_t index, uint64_t generation)
{
  const Client client = { index, generation };

  pthread_mutex_lock (&grace->lock);
  g_array_append_val (grace->expected, client);
  grace->end_us = g_get_monotonic_time () + FTS_GRACE_MS * INT64_C (1000);
  pthread_mutex_unlock (&grace->lock);
  fts_locks_set_grace (grace->locks, true);
}

void
fts_grace_settled (FtsGrace *grace, uint32_t index, uint64_t generation)
{
  bool ends = false;

  pthread_mutex_lock (&grace->lock);
  for (guint i = grace->expected->len; i-- > 0;) {
    const Client *client = &g_array_index (grace->expected, Client, i);
    if (client->index != index || client->generation != generation)
      continue;
    g_array_remove_index_fast (grace->expected, i);
    ends = grace->expected->len == 0;
  }
  pthread_mutex_unlock (&grace->lock);
  if (ends)
    fts_locks_set_grace (grace->locks, false);
}

void
fts_grace_tick (FtsGrace *grace)
{
  pthread_mutex_lock (&grace->lock);
  bool ends = grace->expected->len > 0 && g_get_monotonic_time () >= grace->end_us;
  if (ends)
    g_array_set_size (grace->expected, 0);
  pthread_mutex_unlock (&grace->lock);
  if (ends)
    fts_locks_set_grace (grace->locks, false);
}
