/* reservation/rivals.h - who else wants in?  What is known of the flags of others (swap-pr.c).
 *
 * Pure but for the memory it keeps.  A flag is a key that says "this one is inside, or wants in":
 *   bits 63-48  the complement of the upper 16 bits of the volume's keys
 *   bits 47-40  another number each time: the same flag all along is one that did not move
 *   bits 39-0   those of the host's key
 * One thread at a time.
 */
#pragma once

#include "base/pr.h"

typedef struct {
  uint64_t flag;
  int64_t since_us; /* when it was seen first */
} LunRival;

typedef struct {
  GArray *list; /* of LunRival */
} LunRivals;

uint64_t lun_flag_of (uint64_t key, uint8_t turn);
/* Is FLAG one of the volume of KEY? */
bool lun_flag_is_of_volume (uint64_t flag, uint64_t key);
/* The key that FLAG stands for; VOLUME_KEY is any key of the volume. */
uint64_t lun_flag_base (uint64_t flag, uint64_t volume_key);

void lun_rivals_init (LunRivals *rivals);
void lun_rivals_clear (LunRivals *rivals);

/* After a READ KEYS that saw KEYS: flags of the volume of OWN but OWN itself.  Those that are gone
 * are forgotten, so that a flag that is set again is a new one. */
void lun_rivals_see (LunRivals *rivals, const LunPrKeys *keys, uint64_t own,
                     int64_t now_us);

/* FLAG stands still for all time; false when it is not there. */
bool lun_rivals_expire (LunRivals *rivals, uint64_t flag);

typedef enum {
  LUN_RIVALS_NONE, /* in */
  LUN_RIVALS_STALE, /* all that are there did not move for STALE_US: *STALE is one of them */
  LUN_RIVALS_STAY,  /* wait with the own flag set: the lowest one waits so, */
  LUN_RIVALS_YIELD, /* all others take theirs back meanwhile */
} LunRivalsVerdict;

LunRivalsVerdict lun_rivals_judge (const LunRivals *rivals, uint64_t own,
                                   int64_t now_us, int64_t stale_us, uint64_t *stale);
