#include "reservation/rivals.h"

#define VOLUME_SHIFT 48
#define TURN_SHIFT   40
#define BASE_MASK    (((uint64_t) 1 << TURN_SHIFT) - 1)

uint64_t
lun_flag_of (uint64_t key, uint8_t turn)
{
  uint64_t volume = ~(key >> VOLUME_SHIFT) & 0xffff;

  return volume << VOLUME_SHIFT | (uint64_t) turn << TURN_SHIFT | (key & BASE_MASK);
}

bool
lun_flag_is_of_volume (uint64_t flag, uint64_t key)
{
  return flag >> VOLUME_SHIFT == (~(key >> VOLUME_SHIFT) & 0xffff);
}

uint64_t
lun_flag_base (uint64_t flag, uint64_t volume_key)
{
  return (volume_key & ~BASE_MASK) | (flag & BASE_MASK);
}

void
lun_rivals_init (LunRivals *rivals)
{
  rivals->list = g_array_new (FALSE, FALSE, sizeof (LunRival));
}

void
lun_rivals_clear (LunRivals *rivals)
{
  g_clear_pointer (&rivals->list, g_array_unref);
}

static LunRival *
find (const LunRivals *rivals, uint64_t flag)
{
  for (guint i = 0; i < rivals->list->len; i++) {
    LunRival *rival = &g_array_index (rivals->list, LunRival, i);
    if (rival->flag == flag)
      return rival;
  }
  return NULL;
}

bool
lun_rivals_expire (LunRivals *rivals, uint64_t flag)
{
  LunRival *rival = find (rivals, flag);

  if (rival)
    rival->since_us = INT64_MIN / 2;
  return rival != NULL;
}

static int64_t
seen_since (const LunRivals *rivals, uint64_t flag, int64_t now_us)
{
  const LunRival *rival = find (rivals, flag);

  return rival ? rival->since_us : now_us;
}

void
lun_rivals_see (LunRivals *rivals, const LunPrKeys *keys, uint64_t own, int64_t now_us)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (LunRival));

  for (uint32_t i = 0; i < keys->n_keys; i++) {
    LunRival rival = { .flag = keys->keys[i] };
    if (rival.flag == own || rival.flag >> VOLUME_SHIFT != own >> VOLUME_SHIFT)
      continue;
    rival.since_us = seen_since (rivals, rival.flag, now_us);
    g_array_append_val (list, rival);
  }
  g_array_unref (rivals->list);
  rivals->list = list;
}

LunRivalsVerdict
lun_rivals_judge (const LunRivals *rivals, uint64_t own, int64_t now_us,
                  int64_t stale_us, uint64_t *stale)
{
  LunRivalsVerdict verdict = LUN_RIVALS_NONE;

  for (guint i = 0; i < rivals->list->len; i++) {
    const LunRival *rival = &g_array_index (rivals->list, LunRival, i);
    if (now_us - rival->since_us >= stale_us) {
      if (verdict == LUN_RIVALS_NONE)
        verdict = LUN_RIVALS_STALE;
      *stale = rival->flag;
    } else if (rival->flag < own) {
      return LUN_RIVALS_YIELD;
    } else {
      verdict = LUN_RIVALS_STAY;
    }
  }
  return verdict;
}
