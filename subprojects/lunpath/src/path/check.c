/* path/check.c - is this path good?  Asked of each path that is not UP, and now and then of
 * those that are.
 *
 * A check, in order; the first that fails decides:
 *   1. identity: who is the LUN?  Another one than the device's: REFUSED.
 *   2. TEST UNIT READY, then a READ of block 0: does a command, do data get through?  A path is
 *      bad only by what only a path can do; a LUN that is reserved, busy or damaged is not the
 *      path's fault.  "In standby" is: STANDBY.
 *   3. READ CAPACITY(16): a LUN that shrank is not the one that the device was opened with.  One
 *      that grew is used as far as it was at opening.
 *   4. the target port group (ALUA): active and optimised, used first; active, used after those;
 *      else STANDBY.  Asked only where INQUIRY says that there are groups.
 *   5. the guard, when the path was not usable before: it is registered with a reservation.
 * Over transports that answer from memory 2 to 4 are left out.
 *
 * A check is at most one a path, on the path's thread (or, in memory, on the one that wants a
 * path).  While a command of the check gets no answer the thread may be stuck; the keeper sees
 * that by check_until_us and takes the path down.
 */
#include "path/device.h"

#include "path/keeper.h"
#include "path/size.h"
#include "path/verdict.h"

#include "transport/command.h"
#include "transport/scsi.h"

#include "base/alua.h"
#include "base/lock.h"
#include "base/sense.h"
#include "base/vpd.h"

#include <string.h>

#define TRIES 4 /* a unit attention may come first, and another after it */

/* ---- one command ---- */

static LunResult
run_once (LunPath *path, const LunIo *io, uint32_t timeout_ms)
{
  uint64_t tag = __atomic_add_fetch (&path->device->last_tag, 1, __ATOMIC_RELAXED);

  return lun_transport_run (path->transport, io, tag, timeout_ms);
}

LunResult
lun_path_command (LunPath *path, LunIo *io, uint32_t timeout_ms)
{
  LunResult result = run_once (path, io, timeout_ms);
  LunSense sense;

  for (int tries = 1; tries < TRIES; tries++) {
    if (!lun_result_sense (&result, &sense) || sense.key != LUN_SENSE_UNIT_ATTENTION)
      break;
    result = run_once (path, io, timeout_ms);
  }
  return result;
}

static LunResult
run_cdb (LunPath *path, LunCdb cdb, LunDirection direction, void *data, size_t len)
{
  struct iovec iov;
  LunIo io = lun_command_io (&cdb, direction, data, len, &iov);

  return lun_path_command (path, &io,
                           (uint32_t) (path->device->check_timeout_us / 1000));
}

/* ---- what a check finds ---- */

typedef struct {
  LunPathEvent event;
  char *reason; /* or NULL */
} Finding;

static bool
find (Finding *finding, LunPathEvent event, char *reason)
{
  finding->event = event;
  finding->reason = reason;
  return event == LUN_PATH_CHECK_GOOD;
}

static bool
look_at_identity (LunPath *path, Finding *finding)
{
  const char *expected = path->device->facts.identity;
  g_autoptr (GError) error = NULL;
  g_autofree char *identity = lun_transport_identify (path->transport, &error);

  if (!identity)
    return find (finding, LUN_PATH_CHECK_FAILED, g_strdup (error->message));
  if (g_str_equal (identity, expected))
    return true;
  return find (
    finding, LUN_PATH_OTHER_LUN,
    g_strdup_printf ("it leads to %s instead of %s; set it up again when that "
                     "is mended",
                     identity, expected));
}

/* 04h/0Bh, 04h/0Ch: target port in standby or unavailable state */
static bool
is_standby (const LunResult *result)
{
  LunSense sense;

  return lun_result_sense (result, &sense) && sense.key == LUN_SENSE_NOT_READY &&
         sense.asc == 0x04 && (sense.ascq == 0x0b || sense.ascq == 0x0c);
}

static bool
look_at_result (const LunResult *result, const char *command, Finding *finding)
{
  LunJudgement judgement = lun_judge (result);

  if (is_standby (result))
    return find (finding, LUN_PATH_CHECK_STANDBY, NULL);
  if (judgement.code != LUN_ERROR_NO_PATH && judgement.code != LUN_ERROR_TIMEOUT)
    return true;
  g_autofree char *why = lun_result_text (result);
  return find (finding, LUN_PATH_CHECK_FAILED,
               g_strdup_printf ("%s: %s", command, why));
}

static bool
look_at_commands (LunPath *path, Finding *finding)
{
  size_t len = lun_path_has_size (path) ? path->transport->facts.block_size : 0;
  g_autofree void *block = g_malloc (len);
  struct iovec iov = { block, len };
  LunIo read = { .op = LUN_OP_READ, .blocks = 1, .iov = &iov, .n_iov = 1 };

  LunResult result = run_cdb (path, lun_cdb_test_unit_ready (), LUN_DIR_NONE, NULL, 0);
  if (!look_at_result (&result, "TEST UNIT READY", finding))
    return false;
  if (!lun_path_has_size (path)) /* nor may it read */
    return true;
  result =
    lun_path_command (path, &read, (uint32_t) (path->device->check_timeout_us / 1000));
  return look_at_result (&result, "READ", finding);
}

static bool
look_at_capacity (LunPath *path, Finding *finding)
{
  const LunFacts *facts = &path->device->facts;
  uint8_t data[LUN_READ_CAPACITY_16_LEN] = { 0 };
  LunResult result = run_cdb (path, lun_cdb_read_capacity_16 (sizeof data), LUN_DIR_IN,
                              data, sizeof data);
  LunCapacity now;

  if (!look_at_result (&result, "READ CAPACITY", finding))
    return false;
  if (lun_judge (&result).verdict != LUN_VERDICT_DONE ||
      __atomic_load_n (&facts->n_blocks, __ATOMIC_ACQUIRE) == 0 ||
      !lun_capacity_decode (data, sizeof data, &now))
    return true; /* it does not say, or there is nothing to compare it with */
  if (now.n_blocks >= facts->n_blocks && now.block_size == facts->block_size)
    return true;
  return find (finding, LUN_PATH_OTHER_LUN,
               g_strdup_printf ("the LUN has %" G_GUINT64_FORMAT
                                " blocks of %u bytes now; it had %" G_GUINT64_FORMAT
                                " of %u when it was opened",
                                now.n_blocks, now.block_size, facts->n_blocks,
                                facts->block_size));
}

/* ---- target port groups ---- */

/* LunScsiRun. */
static LunResult
run_question (void *target, const LunCdb *cdb, LunDirection direction, void *data,
              size_t len)
{
  return run_cdb (target, *cdb, direction, data, len);
}

static bool
look_at_group (LunPath *path, Finding *finding)
{
  LunAlua state = LUN_ALUA_OPTIMIZED;

  lun_scsi_group_state (path, run_question, &state);
  __atomic_store_n (&path->is_preferred, state == LUN_ALUA_OPTIMIZED, __ATOMIC_RELAXED);
  return lun_alua_is_active (state) || find (finding, LUN_PATH_CHECK_STANDBY, NULL);
}

static bool
ask_guard (LunPath *path, Finding *finding)
{
  LunDevice *device = path->device;
  LunPathGuard guard;
  void *guard_data;
  g_autoptr (GError) error = NULL;

  {
    LUN_LOCKED (&device->guard_lock);
    guard = device->guard;
    guard_data = device->guard_data;
  }
  if (!guard || lun_path_is_usable (path) || guard (device, path, guard_data, &error))
    return true;
  return find (finding, LUN_PATH_CHECK_FAILED,
               g_strdup (error ? error->message : "not admitted"));
}

static Finding
look (LunPath *path)
{
  bool in_memory = path->transport->facts.run == LUN_RUN_CALLER;
  Finding finding = { .event = LUN_PATH_CHECK_GOOD };

  if (!look_at_identity (path, &finding))
    return finding;
  if (!in_memory &&
      (!look_at_commands (path, &finding) || !look_at_capacity (path, &finding) ||
       !look_at_group (path, &finding)))
    return finding;
  if (!ask_guard (path, &finding))
    return finding;
  if (lun_path_is_flapping (path))
    find (&finding, LUN_PATH_CHECK_FLAPPING, NULL);
  return finding;
}

/* ---- the check ---- */

static bool
begin (LunPath *path)
{
  int64_t now_us = g_get_monotonic_time ();

  if (__atomic_load_n (&path->next_check_us, __ATOMIC_ACQUIRE) > now_us)
    return false;
  LUN_LOCKED (&path->lock);
  if (path->is_checking || !lun_path_state_is_checked ((LunPathState) path->state) ||
      path->next_check_us > now_us)
    return false;
  path->is_checking = true;
  __atomic_store_n (&path->check_until_us, now_us + path->device->check_timeout_us,
                    __ATOMIC_RELEASE);
  return true;
}

static void
end (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  path->is_checking = false;
}

/* What it knew of when it began. */
static void
settle_doubts (LunPath *path, uint32_t known, LunPathEvent event)
{
  if (event == LUN_PATH_CHECK_FAILED || event == LUN_PATH_OTHER_LUN)
    return;
  uint32_t before = __atomic_exchange_n (&path->checked, known, __ATOMIC_SEQ_CST);
  if (before != known)
    lun_keeper_poke (path->device); /* parts wait for it */
}

bool
lun_path_check (LunPath *path)
{
  if (!begin (path))
    return lun_path_is_usable (path);
  uint32_t known = __atomic_load_n (&path->doubts, __ATOMIC_SEQ_CST);
  lun_keeper_expect (path->device,
                     __atomic_load_n (&path->check_until_us, __ATOMIC_ACQUIRE));
  Finding finding = look (path);
  __atomic_store_n (&path->check_until_us, 0,
                    __ATOMIC_RELEASE); /* it may be usable next */
  settle_doubts (path, known, finding.event);
  lun_path_event (path, finding.event, finding.reason);
  end (path);
  if (lun_path_is_doubted (path) && lun_path_is_usable (path)) /* meanwhile */
    lun_path_check_soon (path);
  g_free (finding.reason);
  return lun_path_is_usable (path);
}

/* ---- the guard ---- */

void
lun_device_set_guard (LunDevice *device, LunPathGuard guard, void *user_data)
{
  LUN_LOCKED (&device->guard_lock);
  device->guard = guard;
  device->guard_data = user_data;
}

void
lun_device_set_farewell (LunDevice *device, LunPathFarewell farewell, void *user_data)
{
  LUN_LOCKED (&device->guard_lock);
  device->farewell = farewell;
  device->farewell_data = user_data;
}

LunResult
lun_guard_cdb (LunPath *path, const uint8_t *cdb, size_t cdb_len, LunDirection dir,
               void *data, size_t len)
{
  LunCdb copy = { .len = (uint8_t) MIN (cdb_len, sizeof copy.b) };

  memcpy (copy.b, cdb, copy.len);
  return run_cdb (path, copy, dir, data, len);
}

const char *
lun_guard_path_name (const LunPath *path)
{
  return path->name;
}
