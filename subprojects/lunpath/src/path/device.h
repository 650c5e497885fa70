/* path/device.h - what the files of the device share (the public face is lunpath/device.h).
 *
 * A caller's LunIo is cut into parts no longer than the LUN takes (part.h).  Each part runs over
 * one path at a time:
 *   - all transports answer in the caller's thread (facts.in_memory): the part is driven by the
 *     caller (inline.c), no lock, no allocation;
 *   - otherwise each path has a thread and a queue (queue.c), and parts go from queue to queue.
 * Both drivers ask the same brain what to do after each result (lun_part_advance).
 *
 * Locks: LunPath.lock and LunDevice.jobs_lock protect what stands under them there.  No two are
 * held at once, and no transport and no callback is called while one is.  Atomics elsewhere.
 */
#pragma once

#include <lunpath/device.h>
#include <lunpath/transport.h>

#include "path/policy.h"

#include <pthread.h>

typedef struct LunPart LunPart;

struct LunPath {
  LunDevice *device;
  unsigned index;
  LunTransport *transport;

  /* atomics */
  int64_t down_until_us; /* 0 = up; else do not try before */
  uint32_t queued;       /* parts waiting or in flight */
  uint32_t queued_blocks;
  uint32_t service_us; /* moving average */
  uint64_t n_failures;

  pthread_mutex_t lock; /* of all below */
  int64_t backoff_us;   /* how long it rested last time */
  int64_t last_failure_us;
  bool refused; /* another identity: never used again */

  /* queue.c; unused in memory */
  pthread_t thread;
  bool is_running;
  bool stop;
  pthread_cond_t changed; /* something for the thread to look at */
  GQueue waiting[2];      /* LunPart.link by priority */
  GQueue in_flight;       /* LunPart.link */
};

typedef struct {
  uint64_t reads, read_bytes, writes, written_bytes, caws, cdbs, flushes;
  uint64_t polls, wakes, errors, retries;
} LunCounters; /* atomics; the fields of LunStats */

struct LunDevice {
  char *name; /* the path names with '|' between */
  LunFacts facts;
  LunPath paths[LUN_PATHS_MAX];
  unsigned n_paths;
  const LunPolicy *policy;
  uint32_t timeout_ms;
  bool read_only;

  uint64_t last_tag; /* atomic */

  pthread_mutex_t jobs_lock; /* of the next two */
  pthread_cond_t jobs_gone;
  unsigned n_jobs; /* under way (job.c) */

  uint32_t bell; /* futex word: bumped by lun_device_wake() */
  unsigned turn; /* atomic */
  LunCounters counters;
};

static inline void
lun_count (uint64_t *counter, uint64_t n)
{
  __atomic_add_fetch (counter, n, __ATOMIC_RELAXED);
}

/* ---- path.c ---- */

static inline bool
lun_path_is_up (const LunPath *path)
{
  return __atomic_load_n (&path->down_until_us, __ATOMIC_ACQUIRE) == 0;
}

bool lun_path_open (LunPath *path, LunDevice *device, const char *name, GError **error);
void lun_path_close (LunPath *path);
/* The path failed with RESULT: it rests for a while, longer each time. */
void lun_path_fail (LunPath *path, const LunResult *result);
/* A path that has rested long enough is asked who it is; true when it is up again.  On the
 * thread that may use the transport. */
bool lun_path_revive (LunPath *path);

/* The policy's choice among the paths that are up, another than AVOID if there is one.  When
 * none is up: the one that may be tried first, *NOT_BEFORE_US is when.  NULL: all are refused. */
LunPath *lun_path_choose (LunDevice *device, const LunPath *avoid,
                          int64_t *not_before_us);
