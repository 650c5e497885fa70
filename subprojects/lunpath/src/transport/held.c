#include "transport/held.h"

#include "base/lock.h"

typedef struct {
  LunHop *hop;
  int64_t due_us;
  bool until_next;
} Item;

struct LunHeld {
  void (*carry_out) (LunHop *hop);
  pthread_t thread;
  pthread_mutex_t lock; /* of all below */
  pthread_cond_t changed;
  GQueue items; /* Item, in order of arrival */
  bool stop;
};

/* The first that is due; else *NEXT_US is when one will be. */
static Item *
take_due_locked (LunHeld *held, int64_t *next_us)
{
  int64_t now_us = g_get_monotonic_time ();

  *next_us = -1;
  for (GList *link = held->items.head; link; link = link->next) {
    Item *item = link->data;
    if (item->due_us <= now_us) {
      g_queue_delete_link (&held->items, link);
      return item;
    }
    if (*next_us < 0 || item->due_us < *next_us)
      *next_us = item->due_us;
  }
  return NULL;
}

static Item *
wait_for_item (LunHeld *held)
{
  int64_t next_us;

  LUN_LOCKED (&held->lock);
  for (;;) {
    Item *item = take_due_locked (held, &next_us);
    if (item || held->stop)
      return item;
    lun_cond_wait_until (&held->changed, &held->lock, next_us);
  }
}

static void
release_overtaken (LunHeld *held)
{
  LUN_LOCKED (&held->lock);
  for (GList *link = held->items.head; link; link = link->next)
    if (((Item *) link->data)->until_next)
      ((Item *) link->data)->due_us = 0;
}

static void *
run (void *data)
{
  LunHeld *held = data;

  for (Item *item = wait_for_item (held); item; item = wait_for_item (held)) {
    held->carry_out (item->hop);
    if (!item->until_next)
      release_overtaken (held);
    g_free (item);
  }
  return NULL;
}

LunHeld *
lun_held_new (void (*carry_out) (LunHop *hop))
{
  LunHeld *held = g_new0 (LunHeld, 1);

  held->carry_out = carry_out;
  pthread_mutex_init (&held->lock, NULL);
  lun_cond_init (&held->changed);
  g_queue_init (&held->items);
  g_assert (pthread_create (&held->thread, NULL, run, held) == 0);
  return held;
}

void
lun_held_free (LunHeld *held)
{
  if (!held)
    return;
  {
    LUN_LOCKED (&held->lock);
    g_assert (held->items.length == 0);
    held->stop = true;
    pthread_cond_signal (&held->changed);
  }
  pthread_join (held->thread, NULL);
  pthread_cond_destroy (&held->changed);
  pthread_mutex_destroy (&held->lock);
  g_free (held);
}

void
lun_held_put (LunHeld *held, LunHop *hop, int64_t delay_us, bool until_next)
{
  Item *item = g_new0 (Item, 1);

  item->hop = hop;
  item->until_next = until_next;
  if (delay_us > 0)
    item->due_us = g_get_monotonic_time () + delay_us;
  LUN_LOCKED (&held->lock);
  g_queue_push_tail (&held->items, item);
  pthread_cond_signal (&held->changed);
}

LunHop *
lun_held_take (LunHeld *held, uint64_t tag)
{
  LUN_LOCKED (&held->lock);
  for (GList *link = held->items.head; link; link = link->next) {
    Item *item = link->data;
    LunHop *hop = item->hop;
    if (hop->io.priv.tag != tag)
      continue;
    g_queue_delete_link (&held->items, link);
    g_free (item);
    return hop;
  }
  return NULL;
}
