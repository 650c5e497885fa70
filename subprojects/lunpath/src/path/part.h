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
  LunPath *wanted; /* path by name, or NULL */
  uint32_t wanted_serial;
  bool uncounted; /* read of a wait: counted by the waiter */

  LunPath *path;         /* where it runs, pinned then, or ran last */
  LunPath *avoid;        /* failed last time */
  int64_t deadline_us;   /* 0 = not set yet */
  int64_t no_path_us;    /* since when it has none; 0 = it has one */
  int64_t not_before_us; /* pause until then */
  int64_t pause_us;
  int64_t conflict_us; /* when it met a reservation first; 0 = it did not */
  unsigned tries;
  unsigned doubts; /* results that were looked into (gate.c) */
  bool has_result; /* io.result is one of this part's tries */

  /* COMPARE AND WRITE whose answer was lost: `io` is a READ of its blocks into `found` then */
  bool resolving;
  LunIo caw;
  uint8_t *found;
  struct iovec found_iov;

  /* queue.c, keeper.c and job.c */
  GList link; /* where it waits: in a path's queue or parked; data = this */
  int64_t park_until_us;
  struct LunJob *job;
  struct iovec *slice; /* own iovecs of a piece; freed with the job */
};

typedef enum {
  LUN_PART_ENDED, /* io.result is final */
  LUN_PART_GO,    /* choose a path, wait until not_before_us, submit again */
} LunPartNext;

static inline void
lun_part_want (LunPart *part, LunPath *path)
{
  part->wanted = path;
  part->wanted_serial = path ? path->serial : 0;
}

/* What to do after a result came from part->path.  Marks the path when it failed. */
LunPartNext lun_part_advance (LunPart *part);

typedef enum {
  LUN_CHOICE_FOUND, /* part->path, pinned */
  LUN_CHOICE_WAIT, /* there may be one later: ask again at *LOOK_AGAIN_US at the latest */
  LUN_CHOICE_NONE, /* there will be none in time; io.result says so */
} LunChoice;

LunChoice lun_part_choose_path (LunPart *part, int64_t *look_again_us);

/* Ends PART, whose time is over or which has no path; OUTCOME when it was never tried. */
void lun_part_give_up (LunPart *part, LunOutcome outcome);

/* A try that was given up may still be executed, and it must not be while another one is on its
 * way: the part waits for its end, up to its deadline. */
bool lun_part_must_settle (const LunPart *part);

/* Runs PART in the caller's thread to its end (facts.in_memory). */
void lun_part_run (LunPart *part);
