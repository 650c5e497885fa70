/* path/wait.c - waiting until runs of blocks differ from what the caller saw (device.h).
 *
 * Over a transport that can wake, the transport looks at the LUN's memory without any command
 * and says which runs differ; those, and only those, are then read by a real READ through the
 * whole stack of layers, so that layers see it and the caller gets what a READ gives.  Elsewhere
 * every look is a READ: first back to back for spin_us, then with pauses from poll_min_us
 * doubling to poll_max_us.
 *
 * Memory and READ need not agree: a layer may alter what is read, or a writer may have put the
 * old content back.  A READ that shows nothing new after a difference was seen is a false alarm.
 * After two in a row the transport is asked to sleep once without comparing (blind) for a pause
 * that grows in the same way, so such a disagreement costs what polling costs.
 *
 * Counting: a READ that found something new is a read, any other one a poll.
 */
#include "path/device.h"
#include "path/io.h"

#include "base/cpu.h"
#include "base/futex.h"

#include <string.h>

#define POLL_MIN_US 100
#define POLL_MAX_US 5000

typedef struct {
  LunDevice *device;
  LunWatch *watches;
  int n_watches;
  const LunWaitPlan *plan;
  int64_t until_us; /* < 0 = no limit */
  int64_t spin_until_us;
  uint32_t pause_us;
  uint32_t bell;
  unsigned false_alarms;
  bool failed; /* *error is set */
  GError **error;
} Waiter;

/* ---- reading ---- */

/* Reads WATCH's run; true when it is not as seen (its buf has it then). */
static bool
read_watch (Waiter *waiter, LunWatch *watch)
{
  size_t len = (size_t) watch->blocks * waiter->device->facts.block_size;
  g_autofree void *own = watch->buf == watch->seen ? g_malloc (len) : NULL;
  void *fresh = own ? own : watch->buf;
  struct iovec iov = { fresh, len };
  LunIo io = { .op = LUN_OP_READ, .lba = watch->lba, .iov = &iov, .n_iov = 1 };

  if (!lun_io_transfer (waiter->device, &io, true, waiter->error)) {
    waiter->failed = true;
    return false;
  }
  if (memcmp (fresh, watch->seen, len) == 0) {
    lun_count (&waiter->device->counters.polls, 1);
    return false;
  }
  if (own)
    memcpy (watch->buf, own, len);
  lun_count (&waiter->device->counters.reads, 1);
  lun_count (&waiter->device->counters.read_bytes, len);
  return true;
}

/* Reads the marked watches; marks stay on those that are new.  True when any is. */
static bool
read_marked (Waiter *waiter)
{
  bool any = false;

  for (int i = 0; i < waiter->n_watches; i++) {
    LunWatch *watch = &waiter->watches[i];
    watch->differs = watch->differs && !waiter->failed && read_watch (waiter, watch);
    any |= watch->differs;
  }
  return any && !waiter->failed;
}

static void
mark (Waiter *waiter, bool differs)
{
  for (int i = 0; i < waiter->n_watches; i++)
    waiter->watches[i].differs = differs;
}

/* ---- time ---- */

static bool
is_over (const Waiter *waiter)
{
  return waiter->until_us >= 0 && g_get_monotonic_time () >= waiter->until_us;
}

/* The end of the next pause; each is twice as long as the one before. */
static int64_t
next_pause_end (Waiter *waiter)
{
  uint32_t min_us = waiter->plan->poll_min_us ? waiter->plan->poll_min_us : POLL_MIN_US;
  uint32_t max_us = waiter->plan->poll_max_us ? waiter->plan->poll_max_us : POLL_MAX_US;

  waiter->pause_us = MIN (MAX (waiter->pause_us * 2, min_us), MAX (min_us, max_us));
  int64_t end_us = g_get_monotonic_time () + waiter->pause_us;
  return waiter->until_us >= 0 ? MIN (end_us, waiter->until_us) : end_us;
}

/* ---- looking ---- */

/* Pinned; or NULL. */
static LunPath *
path_that_wakes (LunDevice *device)
{
  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    if (!lun_path_is_usable (path) || !lun_path_pin (path))
      continue;
    if (path->transport->facts.can_wake)
      return path;
    lun_path_unpin (path);
  }
  return NULL;
}

/* One sleep in the transport; true when something new was read. */
static bool
look_by_wake (Waiter *waiter, LunPath *path)
{
  const LunWaitPlan *plan = waiter->plan;
  bool blind = waiter->false_alarms >= 2;
  LunWakePlan wake_plan = {
    .spin_us = plan->spin_us,
    .nap_us = plan->poll_max_us ? plan->poll_max_us : POLL_MAX_US,
    .until_us = blind ? next_pause_end (waiter) : waiter->until_us,
    .bell = &waiter->device->bell,
    .bell_value = waiter->bell,
    .blind = blind,
  };
  LunWake wake = lun_transport_wait (path->transport, waiter->watches,
                                     waiter->n_watches, &wake_plan);
  lun_path_unpin (path);
  if (blind && wake != LUN_WAKE_BELL)
    mark (waiter, true);
  else if (wake != LUN_WAKE_DIFFERS)
    return false;
  if (read_marked (waiter))
    return true;
  waiter->false_alarms = blind ? 1 : waiter->false_alarms + 1;
  return false;
}

static void
pause_until_next (Waiter *waiter)
{
  LunFutex bell = { .word = &waiter->device->bell, .value = waiter->bell };

  lun_futex_wait (&bell, 1, next_pause_end (waiter));
}

static bool
look_by_reading (Waiter *waiter)
{
  mark (waiter, true);
  if (read_marked (waiter))
    return true;
  if (!waiter->failed && g_get_monotonic_time () >= waiter->spin_until_us)
    pause_until_next (waiter);
  return false;
}

static bool
is_cancelled (Waiter *waiter)
{
  const int *cancel = waiter->plan->cancel;

  waiter->bell = __atomic_load_n (&waiter->device->bell, __ATOMIC_SEQ_CST);
  return cancel && __atomic_load_n (cancel, __ATOMIC_SEQ_CST) != 0;
}

static LunWait
wait_for_change (Waiter *waiter)
{
  bool first = true;

  for (;; first = false) {
    if (is_cancelled (waiter))
      return LUN_WAIT_CANCELLED;
    if (!first && is_over (waiter))
      return LUN_WAIT_TIMEOUT;
    LunPath *path = path_that_wakes (waiter->device);
    if (first && !path && waiter->plan->is_fresh) {
      pause_until_next (waiter);
      continue;
    }
    if (path ? look_by_wake (waiter, path) : look_by_reading (waiter))
      return LUN_WAIT_CHANGED;
    if (waiter->failed)
      return LUN_WAIT_ERROR;
  }
}

static bool
check_watches (const LunDevice *device, const LunWatch *watches, int n_watches,
               GError **error)
{
  uint64_t n_blocks = device->facts.n_blocks;

  for (int i = 0; i < n_watches; i++) {
    const LunWatch *watch = &watches[i];
    if (watch->blocks > 0 && watch->lba < n_blocks &&
        watch->blocks <= n_blocks - watch->lba)
      continue;
    g_set_error (error, LUN_ERROR, LUN_ERROR_RANGE,
                 "%s: watch of %u blocks from block %" G_GUINT64_FORMAT
                 ": the LUN has %" G_GUINT64_FORMAT " blocks",
                 device->name, watch->blocks, watch->lba, n_blocks);
    return false;
  }
  return true;
}

LunWait
lun_device_wait (LunDevice *device, LunWatch *watches, int n_watches,
                 const LunWaitPlan *plan, GError **error)
{
  int64_t now_us = g_get_monotonic_time ();
  Waiter waiter = {
    .device = device,
    .watches = watches,
    .n_watches = n_watches,
    .plan = plan,
    .until_us = plan->timeout_us < 0 ? -1 : now_us + plan->timeout_us,
    .spin_until_us = now_us + (lun_cpu_may_spin () ? plan->spin_us : 0),
    .error = error,
  };

  g_return_val_if_fail (n_watches > 0, LUN_WAIT_TIMEOUT);
  if (!check_watches (device, watches, n_watches, error))
    return LUN_WAIT_ERROR;
  mark (&waiter, false);
  LunWait end = wait_for_change (&waiter);
  if (end == LUN_WAIT_CHANGED)
    lun_count (&device->counters.wakes, 1);
  else
    mark (&waiter, false);
  return end;
}

void
lun_device_wake (LunDevice *device)
{
  lun_futex_bump (&device->bell);
}
