/* reservation/swap.h - the inside of a LunSwap: how to enter and leave, by each means.
 *
 * An attempt to enter sends a few commands and does not wait.  `r` is the reservation that the
 * volume has open, or one of the swap's own that is never opened and only sends commands.
 */
#pragma once

#include "reservation/reservation.h"
#include "reservation/rivals.h"

#include <lunpath/swap.h>

struct LunSwap {
  LunDevice *device;
  LunSwapConfig config;
  LunReservation *r;
  bool owns_r;
  int64_t stale_us;
  uint64_t random;
  int path;           /* where we are inside, or were last; -1 = nowhere yet */
  int64_t entered_us; /* what others see of us stands still since then */

  /* pr */
  uint64_t flag; /* set on `path`; 0 = not */
  uint64_t left; /* a flag of ours that could not be taken back, or 0 */
  LunRivals rivals;
  /* Since when the path is registered under what is no flag and not ours; 0 = it is not. */
  int64_t strange_since_us;

  /* scsi2 */
  bool is_reserved;
  bool has_looked;           /* nobody is registered */
  int lock_file;             /* -1 = not locked */
  int64_t conflict_since_us; /* 0 = the last RESERVE(6) was good */
  unsigned n_conflicts;      /* since then */
  uint64_t n_done;           /* commands of the device that were good, at that time */
};

typedef enum {
  LUN_ENTER_IN,
  LUN_ENTER_STAY,  /* soon again */
  LUN_ENTER_YIELD, /* again after a pause */
  LUN_ENTER_FAILED,
} LunEnter;

typedef struct {
  LunEnter (*attempt) (LunSwap *swap, GError **error);
  /* False: somebody else may have been inside meanwhile. */
  bool (*leave) (LunSwap *swap);
  /* A write may still be under way: whoever comes next has to end it first. */
  void (*abandon) (LunSwap *swap);
  /* Inside: do the other paths know? */
  bool (*prove) (LunSwap *swap, GError **error);
} LunSwapOps;

extern const LunSwapOps lun_swap_pr_ops, lun_swap_scsi2_ops;

/* A usable path, the one of last time if it is; -1 with NO_PATH. */
int lun_swap_pick (LunSwap *swap, GError **error);
uint64_t lun_swap_random (LunSwap *swap);
bool lun_swap_refuse (LunSwap *swap, const char *why, GError **error);
