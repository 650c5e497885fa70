/* path/device.h - what the files of the device share (the public face is lunpath/device.h).
 *
 * A caller's LunIo is cut into parts no longer than the LUN takes (part.h).  Each part runs over
 * one path at a time:
 *   - all transports answer in the caller's thread (facts.in_memory): the part is driven by the
 *     caller (inline.c), no lock, no allocation;
 *   - otherwise each path has threads and a queue (queue.c), and parts go from queue to queue;
 *     the keeper (keeper.c), a thread of the device, sees to deadlines while paths are stuck.
 * Both drivers ask the same brain what to do after each result (lun_part_advance).
 *
 * A path is a slot of LunDevice.paths.  Who uses one pins it, so that it can be removed while
 * the device is in use: is_open goes first, the transport is closed when no pin is left.
 *
 * Locks: LunPath.lock, LunDevice.jobs_lock, keeper_lock, guard_lock protect what stands under
 * them there.  No two are held at once, and no transport and no callback is called while one
 * is.  (admin_lock is the exception: it is held around all of them.)  Atomics elsewhere.
 */
#pragma once

#include <lunpath/device.h>
#include <lunpath/transport.h>

#include "path/policy.h"
#include "path/state.h"

#include <pthread.h>

typedef struct LunPart LunPart;

/* Most threads of one path (LUN_RUN_PATH_THREAD: one for each command in flight). */
#define LUN_PATH_THREADS_MAX 16

/* Failures within LunDevice.flap_us that make a path SUSPECT: at most so many can be asked for. */
#define LUN_FLAPS_MAX        16

typedef struct {
  uint64_t commands, errors, bytes, stuck;
  uint64_t latency[LUN_PATH_BUCKETS];
} LunPathCounters; /* atomics; what LunPathInfo says */

struct LunPath {
  LunDevice *device;
  unsigned index;
  LunTransport *transport; /* as long as is_open; else the slot is free */
  char *name;              /* the path name as given, as long */

  /* atomics */
  bool is_open;          /* may be pinned */
  uint32_t users;        /* pins; who closes the path waits until there is none */
  uint32_t weight;       /* for a policy */
  uint32_t serial;       /* tells the paths apart that had this slot */
  int state;             /* LunPathState; written under the lock */
  int64_t next_check_us; /* G_MAXINT64 = none */
  int64_t settled_us;    /* it returned and is used last until then; 0 = long ago */
  uint32_t doubts;       /* attentions after which it may lead to another LUN ... */
  uint32_t checked;      /* ... and as many as the last good check knew of */
  bool is_preferred; /* its target port group is optimised, or there are no groups */
  bool is_resetting; /* settle.c is at it */
  int64_t check_until_us; /* while a check runs: when it takes too long; else 0 */
  uint32_t queued;        /* parts waiting or in flight */
  uint32_t queued_blocks;
  uint32_t service_us; /* moving average of the time for one unit of load (policy.h) */
  uint64_t n_failures;
  LunPathCounters counters;

  pthread_mutex_t lock;             /* of all below */
  int64_t rest_us;                  /* between two checks while DOWN */
  int64_t period_us;                /* between two checks while well */
  int64_t failed_us[LUN_FLAPS_MAX]; /* the last times it failed, a ring */
  unsigned n_failed;
  int64_t since_us; /* of the state */
  char *reason;     /* of the last change; never NULL while open */
  bool is_checking;

  /* queue.c; unused in memory */
  pthread_t threads[LUN_PATH_THREADS_MAX];
  unsigned n_threads;
  unsigned n_running; /* threads */
  bool stop;
  pthread_cond_t changed; /* something for a thread to look at */
  GQueue waiting[2];      /* LunPart.link by priority */
  GQueue in_flight;       /* LunTry.link */
  uint32_t window; /* most in flight, after TASK SET FULL (window.h); 0 = no limit */
  uint32_t n_good; /* good ends since the window grew */
  uint32_t n_starting; /* parts with a place in flight that are not there yet */
};

typedef struct {
  uint64_t reads, read_bytes, writes, written_bytes, caws, cdbs, flushes;
  uint64_t polls, wakes, errors, retries;
} LunCounters; /* atomics; the fields of LunStats */

struct LunDevice {
  char *name; /* the path names with '|' between */
  LunFacts facts;
  LunPath paths[LUN_PATHS_MAX];
  unsigned n_paths; /* atomic; slots ever used */
  const LunPolicy *policy;
  uint32_t timeout_ms;
  int64_t try_us;                     /* longest try while another path is usable */
  int64_t no_path_wait_us;            /* longest wait for a path */
  int64_t check_min_us, check_max_us; /* between checks while all is well */
  int64_t check_timeout_us;
  int64_t failback_us; /* how long a path that returned is used last */
  uint32_t weights[LUN_PATHS_MAX];
  unsigned flaps;  /* so many failures */
  int64_t flap_us; /* within this time: SUSPECT, for as long after the last one */
  bool read_only;

  uint64_t last_tag;  /* atomic */
  uint32_t n_waiting; /* atomic: parts in all paths' queues */

  int gate; /* atomic, LunGate (gate.c); written under gate_lock */
  LunDoubt doubt;
  void *doubt_data;
  int64_t patience_us; /* atomic: with reservations of others */
  pthread_mutex_t gate_lock;

  pthread_mutex_t jobs_lock; /* of the next two */
  pthread_cond_t jobs_gone;
  unsigned n_jobs; /* under way (job.c) */

  /* keeper.c; unused in memory */
  pthread_t keeper;
  bool has_keeper;
  int64_t keeper_wakes_us;     /* atomic; G_MAXINT64 while it looks */
  pthread_mutex_t keeper_lock; /* of all below */
  pthread_cond_t keeper_poked;
  bool is_poked;
  bool keeper_stop;
  GQueue parked; /* LunPart.link: parts that have no path */

  pthread_mutex_t admin_lock; /* of adding and removing paths, and of has_stuck_path */
  bool has_stuck_path; /* one was removed: its threads need the device's memory */

  /* missing.c */
  pthread_t finder;
  bool has_finder;
  pthread_mutex_t missing_lock; /* of all below */
  pthread_cond_t finder_wakes;
  bool finder_stop;
  bool finder_ends;         /* it found nothing missing, and looks no more */
  GPtrArray *missing;       /* NULL when none was at opening */
  GPtrArray *missing_names; /* as long; with secrets */

  pthread_mutex_t guard_lock; /* of the next four */
  LunPathGuard guard;
  void *guard_data;
  LunPathFarewell farewell;
  void *farewell_data;

  uint32_t bell; /* futex word: bumped by lun_device_wake() */
  unsigned turn; /* atomic */
  LunCounters counters;
};

static inline void
lun_count (uint64_t *counter, uint64_t n)
{
  __atomic_add_fetch (counter, n, __ATOMIC_RELAXED);
}

/* What N commands of BLOCKS in all are for a path, in the unit of LunPathView.load. */
static inline uint64_t
lun_device_load (const LunDevice *device, uint32_t n, uint32_t blocks)
{
  return n + (uint64_t) blocks * device->facts.block_size / (64 * 1024);
}

/* ---- path.c ---- */

static inline LunPathState
lun_path_state (const LunPath *path)
{
  return (LunPathState) __atomic_load_n (&path->state, __ATOMIC_ACQUIRE);
}

static inline bool
lun_path_is_usable (const LunPath *path)
{
  return lun_path_state_is_usable (lun_path_state (path));
}

/* Keeps the path open until lun_path_unpin(); false when it is not open. */
static inline bool
lun_path_pin (LunPath *path)
{
  __atomic_add_fetch (&path->users, 1, __ATOMIC_SEQ_CST);
  if (G_LIKELY (__atomic_load_n (&path->is_open, __ATOMIC_SEQ_CST)))
    return true;
  __atomic_sub_fetch (&path->users, 1, __ATOMIC_SEQ_CST);
  return false;
}

static inline void
lun_path_unpin (LunPath *path)
{
  __atomic_sub_fetch (&path->users, 1, __ATOMIC_SEQ_CST);
}

static inline unsigned
lun_device_n_paths (const LunDevice *device)
{
  return __atomic_load_n (&device->n_paths, __ATOMIC_ACQUIRE);
}

/* The slot's lock; once in a device's life each. */
void lun_path_init (LunPath *path, LunDevice *device, unsigned index);
void lun_path_clear (LunPath *path);

/* State UNKNOWN; may be pinned from then on. */
bool lun_path_open (LunPath *path, const char *name, GError **error);
/* Nobody can pin it any more; waits for those that have. */
void lun_path_shut (LunPath *path);
/* Shuts it and lets its transport go. */
void lun_path_close (LunPath *path);

/* NULL when the device has none with this NAME. */
LunPath *lun_path_by_name (LunDevice *device, const char *name);

/* LunTransportFacts.nexus of the path in slot INDEX; NULL also when there is none. */
char *lun_path_nexus (LunDevice *device, unsigned index);

/* The next state by the table (state.h), logged with REASON when it is another one. */
void lun_path_event (LunPath *path, LunPathEvent event, const char *reason);
/* The path failed with RESULT: event IO_FAILED. */
void lun_path_fail (LunPath *path, const LunResult *result);
/* It failed so often lately that it should be SUSPECT. */
bool lun_path_is_flapping (LunPath *path);
/* The next check is due now. */
void lun_path_check_soon (LunPath *path);

/* ---- check.c ---- */

/* Checks the path if a check is due and nobody is at it; true when it is usable then.  On a
 * thread that may use the transport. */
bool lun_path_check (LunPath *path);

/* One command straight to the path's transport, for checks and guards, on a thread that may use
 * it; takes TIMEOUT_MS at most if the transport keeps its promises.  Retried after unit attentions. */
LunResult lun_path_command (LunPath *path, LunIo *io, uint32_t timeout_ms);

/* Carries no data before a check has asked who the LUN is. */
static inline bool
lun_path_is_doubted (const LunPath *path)
{
  return G_UNLIKELY (__atomic_load_n (&path->doubts, __ATOMIC_ACQUIRE) !=
                     __atomic_load_n (&path->checked, __ATOMIC_ACQUIRE));
}

/* A unit attention said that the LUN may be another one, or smaller.  It is asked when data wants the
 * path: not in the middle of a reservation's procedure. */
void lun_path_doubt (LunPath *path);

/* Used as soon as any: up, optimised, not just returned. */
bool lun_path_is_preferred (const LunPath *path);

/* The policy's choice among the usable paths, pinned; another than AVOID if there is one.  For DATA none
 * that is in doubt. */
LunPath *lun_path_choose (LunDevice *device, const LunPath *avoid, bool data);

/* Why there is no path: RESULT, and what became of each path. */
char *lun_device_no_path_text (LunDevice *device, const LunResult *result);

/* ---- gate.c ---- */

static inline LunGate
lun_gate (const LunDevice *device)
{
  return (LunGate) __atomic_load_n (&device->gate, __ATOMIC_ACQUIRE);
}

/* True when RESULT of a data command is being looked into (LunDoubt): wait at the gate, send it
 * again. */
bool lun_gate_doubts (LunDevice *device, const LunResult *result);
