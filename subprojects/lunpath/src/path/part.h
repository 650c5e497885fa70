/* path/part.h - one command on its way over the device's paths.
 *
 * A part belongs to whoever drives it: the caller (inline.c) or the path whose queue it is in
 * (queue.c).  The caller of a part fills in `io` (a command the LUN takes in one piece) and
 * the fields of the first group; all else starts as zero.
 */
#pragma once

#include "path/device.h"

struct LunPart {
  LunIo io; /* what the transport sees; io.result at the end */
  LunDevice *device;
  LunPath *pinned; /* wanted path, or NULL */
  bool uncounted;  /* read of a wait: counted by the waiter */

  LunPath *path;         /* where it runs or ran last */
  LunPath *avoid;        /* failed last time */
  int64_t deadline_us;   /* 0 = not set yet */
  int64_t not_before_us; /* pause until then */
  int64_t pause_us;
  unsigned tries;
  bool has_result; /* io.result is one of this part's tries */

  /* COMPARE AND WRITE whose answer was lost: `io` is a READ of its blocks into `found` then */
  bool resolving;
  LunIo caw;
  uint8_t *found;
  struct iovec found_iov;

  /* queue.c and job.c */
  GList link; /* in its path's queue; data = this */
  int64_t start_us;
  int64_t try_until_us; /* this try is given up then */
  bool given_up;
  struct LunJob *job;
  struct iovec *slice; /* own iovecs of a piece; freed with the job */
};

typedef enum {
  LUN_PART_ENDED, /* io.result is final */
  LUN_PART_GO,    /* choose a path, wait until not_before_us, submit again */
} LunPartNext;

/* What to do after a result came from part->path.  Marks the path when it failed. */
LunPartNext lun_part_advance (LunPart *part);

/* Chooses part->path; false when there is none to be had before the deadline (the result says
 * so then). */
bool lun_part_choose_path (LunPart *part);

/* Runs PART in the caller's thread to its end (facts.in_memory). */
void lun_part_run (LunPart *part);
