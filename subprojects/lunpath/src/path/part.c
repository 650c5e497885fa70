/* path/part.c - the brain: what follows a result (failure policy of one command).
 *
 * After a result the verdict (verdict.h) says what may help.  Then
 *   - the deadline bounds everything: what would start after it is not started;
 *   - AGAIN and hardware errors are tried TRIES_MAX times in all, then reported;
 *   - a path is marked only by what only the path can have done (transport error, time-out);
 *   - without a usable path a command waits for one, no longer than its time and no_path_wait_ms;
 *     time is a hard limit: a volume counts on writes that do not start after it;
 *   - a reservation conflict is final, unless the device was told to be patient with it;
 *   - READ, WRITE and FLUSH may be repeated at will;
 *   - a COMPARE AND WRITE that may have been executed is never repeated blindly: its blocks are
 *     read.  New content: it was done.  Old content: it was not, and is sent again.  Anything
 *     else: somebody else was there, which is what a mismatch tells the caller;
 *   - any other command is the caller's own business: each answer of the LUN is final, and
 *     without one only a command that reads is repeated.
 */
#include "path/part.h"

#include "path/missing.h"
#include "path/verdict.h"

#include "base/cdb.h"
#include "base/sense.h"

#include <string.h>

#define TRIES_MAX             16
#define PAUSE_MIN_US          1000
#define PAUSE_MAX_US          (200 * 1000)

/* Between two tries of a command that others have reserved the LUN against. */
#define CONFLICT_PAUSE_MAX_US (20 * 1000)

static void
set_deadline (LunPart *part, int64_t now_us)
{
  uint32_t timeout_ms = part->io.timeout_ms;

  if (part->deadline_us == 0)
    part->deadline_us =
      now_us +
      (int64_t) (timeout_ms > 0 ? timeout_ms : part->device->timeout_ms) * 1000;
}

static LunPartNext
pause_and_go (LunPart *part, int64_t now_us)
{
  part->pause_us = CLAMP (part->pause_us * 2, PAUSE_MIN_US, PAUSE_MAX_US);
  part->not_before_us = now_us + part->pause_us;
  return part->not_before_us < part->deadline_us ? LUN_PART_GO : LUN_PART_ENDED;
}

static LunPartNext
repeat (LunPart *part, LunJudgement judgement, int64_t now_us)
{
  part->not_before_us = 0;
  if (now_us >= part->deadline_us)
    return LUN_PART_ENDED;
  if (judgement.code == LUN_ERROR_IO && ++part->tries >= TRIES_MAX)
    return LUN_PART_ENDED;
  if (judgement.verdict == LUN_VERDICT_LATER)
    return pause_and_go (part, now_us);
  if (judgement.verdict == LUN_VERDICT_ELSEWHERE)
    part->avoid = part->path;
  return LUN_PART_GO;
}

/* ---- COMPARE AND WRITE with a lost answer ---- */

static void
start_resolving (LunPart *part)
{
  size_t len = (size_t) part->io.blocks * part->device->facts.block_size;

  part->caw = part->io;
  if (!part->found)
    part->found = g_malloc (len);
  part->found_iov = (struct iovec){ part->found, len };
  part->io.op = LUN_OP_READ;
  part->io.iov = &part->found_iov;
  part->io.n_iov = 1;
  part->resolving = true;
}

/* True when the LEN bytes from OFFSET of the command's data are what was found. */
static bool
is_found (const LunPart *part, size_t offset, size_t len)
{
  const struct iovec *iov = part->caw.iov;
  size_t at = 0;

  for (int i = 0; i < part->caw.n_iov && at < len; i++) {
    if (offset >= iov[i].iov_len) {
      offset -= iov[i].iov_len;
      continue;
    }
    size_t piece = MIN (len - at, iov[i].iov_len - offset);
    if (memcmp ((const char *) iov[i].iov_base + offset, part->found + at, piece) != 0)
      return false;
    at += piece;
    offset = 0;
  }
  return true;
}

static LunPartNext
resolve (LunPart *part, int64_t now_us)
{
  size_t len = part->found_iov.iov_len;
  LunResult lost = part->caw.result;
  bool is_new = is_found (part, len, len);
  bool is_old = is_found (part, 0, len);

  part->io = part->caw;
  part->resolving = false;
  if (is_old) {
    part->io.result = lost;
    return now_us < part->deadline_us ? LUN_PART_GO : LUN_PART_ENDED;
  }
  if (is_new)
    part->io.result = lun_result_bare (LUN_OUTCOME_GOOD, 0);
  else
    part->io.result = lun_result_check_condition (LUN_SENSE_MISCOMPARE, 0x1d, 0x00);
  return LUN_PART_ENDED;
}

bool
lun_part_must_settle (const LunPart *part)
{
  const LunIo *io = &part->io;

  return io->op == LUN_OP_COMPARE_AND_WRITE || (io->op == LUN_OP_WRITE && io->settle);
}

/* ---- the brain ---- */

static bool
is_final (const LunPart *part, LunJudgement judgement)
{
  const LunIo *io = &part->io;
  bool answered = io->result.outcome != LUN_OUTCOME_TRANSPORT_ERROR &&
                  io->result.outcome != LUN_OUTCOME_TIMEOUT;

  switch (judgement.verdict) {
  case LUN_VERDICT_DONE:
  case LUN_VERDICT_CONFLICT:
  case LUN_VERDICT_MISMATCH:
  case LUN_VERDICT_GIVE_UP:
    return true;
  case LUN_VERDICT_AGAIN:
  case LUN_VERDICT_LATER:
  case LUN_VERDICT_ELSEWHERE:
    break;
  }
  if (io->op != LUN_OP_CDB)
    return false;
  return answered || io->direction != LUN_DIR_IN || part->wanted;
}

static void
count_done (LunPart *part)
{
  LunCounters *counters = &part->device->counters;
  uint64_t bytes = (uint64_t) part->io.blocks * part->device->facts.block_size;

  switch (part->io.op) {
  case LUN_OP_READ:
    lun_count (&counters->reads, 1);
    lun_count (&counters->read_bytes, bytes);
    return;
  case LUN_OP_WRITE:
    lun_count (&counters->writes, 1);
    lun_count (&counters->written_bytes, bytes);
    return;
  case LUN_OP_FLUSH:
    lun_count (&counters->flushes, 1);
    return;
  case LUN_OP_COMPARE_AND_WRITE:
    lun_count (&counters->caws, 1);
    return;
  case LUN_OP_CDB:
    lun_count (&counters->cdbs, 1);
    return;
  }
}

static LunPartNext
finish (LunPart *part, LunVerdict verdict)
{
  g_clear_pointer (&part->found, g_free);
  if (verdict == LUN_VERDICT_DONE || verdict == LUN_VERDICT_MISMATCH) {
    if (!part->uncounted)
      count_done (part);
  } else {
    lun_count (&part->device->counters.errors, 1);
  }
  return LUN_PART_ENDED;
}

/* Port group changed: the path should be looked at.  Capacity, INQUIRY data, LUN inventory changed, or
 * power on or a reset, as a LUN shows them that has taken another's place: first of all. */
static void
heed_attention (const LunPart *part)
{
  LunSense sense;

  if (!lun_result_sense (&part->io.result, &sense) ||
      sense.key != LUN_SENSE_UNIT_ATTENTION)
    return;
  if (sense.asc == 0x29 || sense.asc == 0x3f ||
      (sense.asc == 0x2a && sense.ascq == 0x09))
    lun_path_doubt (part->path);
  else if (sense.asc == 0x2a && sense.ascq == 0x06)
    lun_path_check_soon (part->path);
}

static LunPartNext
think (LunPart *part, LunJudgement judgement)
{
  int64_t now_us = g_get_monotonic_time ();

  set_deadline (part, now_us);
  if (judgement.code == LUN_ERROR_NO_PATH || judgement.code == LUN_ERROR_TIMEOUT)
    lun_path_fail (part->path, &part->io.result);
  LunPartNext next = part->io.once ? LUN_PART_ENDED : repeat (part, judgement, now_us);
  if (next == LUN_PART_GO && part->io.op == LUN_OP_COMPARE_AND_WRITE &&
      judgement.maybe_executed)
    start_resolving (part);
  return next;
}

/* Sent again when whoever protects the device has looked into it. */
static LunPartNext
wait_for_certainty (LunPart *part)
{
  int64_t now_us = g_get_monotonic_time ();

  set_deadline (part, now_us);
  part->not_before_us = 0;
  return now_us < part->deadline_us ? LUN_PART_GO : LUN_PART_ENDED;
}

static bool
is_doubtful (LunPart *part)
{
  return part->io.op != LUN_OP_CDB && part->device->doubt != NULL &&
         part->doubts < TRIES_MAX && lun_gate_doubts (part->device, &part->io.result) &&
         ++part->doubts;
}

/* A reservation that its holder gives back in a moment: not a failure, and nobody is told. */
static bool
waits_for_release (LunPart *part)
{
  int64_t patience_us = __atomic_load_n (&part->device->patience_us, __ATOMIC_RELAXED);
  int64_t now_us;

  if (patience_us == 0 || part->io.op == LUN_OP_CDB || part->io.once)
    return false;
  now_us = g_get_monotonic_time ();
  set_deadline (part, now_us);
  if (part->conflict_us == 0)
    part->conflict_us = now_us;
  if (now_us - part->conflict_us > patience_us)
    return false;
  part->pause_us = CLAMP (part->pause_us * 2, PAUSE_MIN_US, CONFLICT_PAUSE_MAX_US);
  part->not_before_us = now_us + part->pause_us;
  return part->not_before_us < part->deadline_us;
}

LunPartNext
lun_part_advance (LunPart *part)
{
  LunJudgement judgement = lun_judge (&part->io.result);
  LunPartNext next = LUN_PART_ENDED;

  part->has_result = true;
  heed_attention (part);
  if (judgement.verdict != LUN_VERDICT_DONE && is_doubtful (part) && !part->io.once &&
      wait_for_certainty (part) == LUN_PART_GO)
    return LUN_PART_GO;
  if (judgement.verdict == LUN_VERDICT_CONFLICT && waits_for_release (part))
    return LUN_PART_GO;
  if (part->resolving && judgement.verdict == LUN_VERDICT_DONE) {
    next = resolve (part, g_get_monotonic_time ());
    judgement = lun_judge (&part->io.result);
  } else if (!is_final (part, judgement)) {
    next = think (part, judgement);
  }
  if (next == LUN_PART_ENDED)
    return finish (part, judgement.verdict);
  lun_count (&part->device->counters.retries, 1);
  return LUN_PART_GO;
}

/* ---- a path for it ---- */

/* Reads and writes may go over another path than the one they named, all else controls it. */
static bool
may_be_redirected (const LunPart *part)
{
  LunCdbRange range;

  return part->io.op != LUN_OP_CDB ||
         lun_cdb_range (part->io.cdb, part->io.cdb_len, &range);
}

static LunPath *
take_wanted (const LunPart *part)
{
  LunPath *path = part->wanted;

  if (!lun_path_pin (path))
    return NULL;
  if (part->device->facts.in_memory && !lun_path_is_usable (path))
    lun_path_check (path); /* no thread of the path's does */
  if (path->serial == part->wanted_serial && lun_path_is_usable (path))
    return path;
  lun_path_unpin (path);
  return NULL;
}

static LunPath *
take_path (const LunPart *part)
{
  LunPath *path = NULL;

  if (G_UNLIKELY (part->wanted)) {
    path = take_wanted (part);
    if (path || !may_be_redirected (part))
      return path;
  }
  return lun_path_choose (part->device, part->avoid, part->io.op != LUN_OP_CDB);
}

/* False when no path can come back by itself or by the administrator's hand.  A command for one path
 * alone does not wait for its return: who sent it decides what then; and it may be the guard of that
 * path that waits for him. */
static bool
has_hope (const LunPart *part)
{
  LunDevice *device = part->device;
  bool wants = part->wanted && !may_be_redirected (part);

  if (wants)
    return lun_path_state (part->wanted) == LUN_PATH_UNKNOWN;
  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPathState state = lun_path_state (&device->paths[i]);
    if (state != LUN_PATH_REFUSED && state != LUN_PATH_REMOVED)
      return true;
  }
  return lun_missing_any (device);
}

static bool
is_attention (const LunResult *result)
{
  LunSense sense;

  return lun_result_sense (result, &sense) && sense.key == LUN_SENSE_UNIT_ATTENTION;
}

void
lun_part_give_up (LunPart *part, LunOutcome outcome)
{
  if (part->resolving) {
    LunResult lost = part->caw.result;
    part->io = part->caw;
    part->io.result = lost;
  } else if (!part->has_result || is_attention (&part->io.result)) {
    /* else the last one tells more */
    part->io.result = lun_result_bare (outcome, 0);
  }
  finish (part, LUN_VERDICT_GIVE_UP);
}

/* HELD: whoever opens the gate pokes the keeper, which asks again; a caller's own thread naps. */
static LunChoice
wait_at_gate (LunPart *part, int64_t *look_again_us)
{
  int64_t now_us = g_get_monotonic_time ();

  set_deadline (part, now_us);
  if (lun_gate (part->device) == LUN_GATE_STOPPED) {
    part->io.result = lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
    finish (part, LUN_VERDICT_CONFLICT);
    return LUN_CHOICE_NONE;
  }
  *look_again_us = part->device->facts.in_memory
                     ? MIN (part->deadline_us, now_us + PAUSE_MIN_US)
                     : part->deadline_us;
  if (now_us < part->deadline_us)
    return LUN_CHOICE_WAIT;
  lun_part_give_up (part, LUN_OUTCOME_TIMEOUT);
  return LUN_CHOICE_NONE;
}

LunChoice
lun_part_choose_path (LunPart *part, int64_t *look_again_us)
{
  if (G_UNLIKELY (lun_gate (part->device) != LUN_GATE_OPEN) &&
      part->io.op != LUN_OP_CDB)
    return wait_at_gate (part, look_again_us);
  part->path = take_path (part);
  if (G_LIKELY (part->path)) {
    part->no_path_us = 0;
    return LUN_CHOICE_FOUND;
  }
  int64_t now_us = g_get_monotonic_time ();
  set_deadline (part, now_us);
  if (part->no_path_us == 0)
    part->no_path_us = now_us;
  *look_again_us =
    MIN (part->deadline_us, part->no_path_us + part->device->no_path_wait_us);
  if (now_us < *look_again_us && has_hope (part))
    return LUN_CHOICE_WAIT;
  lun_part_give_up (part, LUN_OUTCOME_TRANSPORT_ERROR);
  return LUN_CHOICE_NONE;
}
