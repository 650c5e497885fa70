#include "fts/slots.h"

#include <pthread.h>
#include <sys/random.h>

struct FtsSlots {
  uint64_t instance;
  pthread_mutex_t lock; /* all below */
  bool is_taken[FTS_REPLAY_SLOTS];
  uint64_t sequence[FTS_REPLAY_SLOTS];
};

FtsSlots *
fts_slots_new (void)
{
  FtsSlots *slots = g_new0 (FtsSlots, 1);

  pthread_mutex_init (&slots->lock, NULL);
  while (slots->instance == 0)
    if (getrandom (&slots->instance, sizeof slots->instance, 0) < 0)
      slots->instance = (uint64_t) g_random_int () << 32 | g_random_int ();
  return slots;
}

void
fts_slots_free (FtsSlots *slots)
{
  pthread_mutex_destroy (&slots->lock);
  g_free (slots);
}

uint64_t
fts_slots_instance (const FtsSlots *slots)
{
  return slots->instance;
}

uint32_t
fts_slots_take (FtsSlots *slots, uint64_t *sequence)
{
  uint32_t slot = 0;

  pthread_mutex_lock (&slots->lock);
  while (slot < FTS_REPLAY_SLOTS && slots->is_taken[slot])
    slot++;
  bool found = slot < FTS_REPLAY_SLOTS;
  if (found) {
    slots->is_taken[slot] = true;
    *sequence = ++slots->sequence[slot];
  }
  pthread_mutex_unlock (&slots->lock);
  return found ? slot + 1 : 0;
}

void
fts_slots_give (FtsSlots *slots, uint32_t slot)
{
  if (slot == 0)
    return;
  pthread_mutex_lock (&slots->lock);
  slots->is_taken[slot - 1] = false;
  pthread_mutex_unlock (&slots->lock);
}
