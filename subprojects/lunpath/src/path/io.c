/* path/io.c - the device's commands: checked, cut into parts, run, and their end told.
 *
 * A command that is wrong by itself (beyond the LUN, a length that is no multiple of the block,
 * a write to a device opened read-only) never reaches a path; its result is the sense data with
 * which a LUN would refuse it, so that lun_device_check() tells all ends alike.
 */
#include "path/io.h"

#include "path/job.h"
#include "path/size.h"
#include "path/verdict.h"

#include "base/iov.h"
#include "base/lock.h"
#include "base/sense.h"

#define SMALL_IOV 16

/* ---- checks ---- */

static bool
is_in_range (const LunDevice *device, const LunIo *io)
{
  size_t len = (size_t) io->blocks * device->facts.block_size;

  if (io->blocks == 0 || io->lba >= device->facts.n_blocks ||
      io->blocks > device->facts.n_blocks - io->lba)
    return false;
  return lun_iov_len (io->iov, io->n_iov) ==
         (io->op == LUN_OP_COMPARE_AND_WRITE ? 2 * len : len);
}

/* Sets io->result and returns false when IO must not be sent. */
static bool
check (const LunDevice *device, LunIo *io)
{
  bool writes = io->op != LUN_OP_READ && io->op != LUN_OP_CDB;

  if (writes && device->read_only) {
    io->result = lun_result_check_condition (LUN_SENSE_DATA_PROTECT, 0x27, 0x00);
    return false;
  }
  if (io->op == LUN_OP_FLUSH)
    return true;
  if (io->op == LUN_OP_CDB) {
    if (io->cdb_len >= 6 && io->cdb_len <= LUN_CDB_MAX)
      return true;
    io->result = lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x24, 0x00);
    return false;
  }
  if (is_in_range (device, io) &&
      (io->op != LUN_OP_COMPARE_AND_WRITE || io->blocks <= device->facts.max_io_blocks))
    return true;
  io->result = lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x21, 0x00);
  return false;
}

/* io->via_path, when there is such a path; false when it names none. */
static bool
find_wanted (LunDevice *device, LunIo *io, LunPath **wanted)
{
  *wanted = NULL;
  if (G_LIKELY (!io->via_path))
    return true;
  *wanted = lun_path_by_name (device, io->via_path);
  if (!*wanted)
    io->result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);
  return *wanted != NULL;
}

/* ---- in the caller's thread ---- */

static void
run_whole (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted)
{
  LunPart part = { .io = *io, .device = device, .uncounted = uncounted };

  lun_part_want (&part, wanted);
  lun_part_run (&part);
  io->result = part.io.result;
}

/* The pieces one after the other; ends at the first that fails. */
static void
run_split (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted)
{
  uint32_t block_size = device->facts.block_size;
  struct iovec small[SMALL_IOV];
  g_autofree struct iovec *large =
    io->n_iov > SMALL_IOV ? g_new (struct iovec, (gsize) io->n_iov) : NULL;
  LunIo piece = *io;

  piece.iov = large ? large : small;
  for (uint32_t at = 0; at < io->blocks; at += piece.blocks) {
    piece.lba = io->lba + at;
    piece.blocks = MIN (io->blocks - at, device->facts.max_io_blocks);
    piece.n_iov =
      lun_iov_slice (io->iov, io->n_iov, (size_t) at * block_size,
                     (size_t) piece.blocks * block_size, large ? large : small);
    run_whole (device, &piece, wanted, uncounted);
    if (lun_judge (&piece.result).verdict != LUN_VERDICT_DONE)
      break;
  }
  io->result = piece.result;
}

static void
run_inline (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted)
{
  if (io->blocks > device->facts.max_io_blocks && io->op != LUN_OP_CDB)
    run_split (device, io, wanted, uncounted);
  else
    run_whole (device, io, wanted, uncounted);
}

/* ---- on the paths' threads ---- */

typedef struct {
  LunIo io;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool has_ended;
} Sync;

static void
on_ended (LunIo *io)
{
  Sync *sync = (Sync *) io;

  LUN_LOCKED (&sync->lock);
  sync->has_ended = true;
  pthread_cond_signal (&sync->ended);
}

static void
run_and_wait (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted)
{
  Sync sync = { .io = *io };

  pthread_mutex_init (&sync.lock, NULL);
  lun_cond_init (&sync.ended);
  sync.io.done = on_ended;
  lun_job_submit (device, &sync.io, wanted, uncounted);
  {
    LUN_LOCKED (&sync.lock);
    while (!sync.has_ended)
      lun_cond_wait_until (&sync.ended, &sync.lock, -1);
  }
  io->result = sync.io.result;
  pthread_cond_destroy (&sync.ended);
  pthread_mutex_destroy (&sync.lock);
}

void
lun_io_run (LunDevice *device, LunIo *io, bool uncounted)
{
  LunPath *wanted;

  if (!check (device, io) || !find_wanted (device, io, &wanted))
    return;
  if (G_LIKELY (device->facts.in_memory))
    run_inline (device, io, wanted, uncounted);
  else
    run_and_wait (device, io, wanted, uncounted);
}

/* ---- public ---- */

void
lun_device_submit (LunDevice *device, LunIo *io)
{
  LunPath *wanted;

  if (!check (device, io) || !find_wanted (device, io, &wanted)) {
    io->done (io);
  } else if (device->facts.in_memory) {
    run_inline (device, io, wanted, false);
    io->done (io);
  } else {
    lun_job_submit (device, io, wanted, false);
  }
}

static const char *
verb_of (LunOp op)
{
  switch (op) {
  case LUN_OP_READ:
    return "READ";
  case LUN_OP_WRITE:
    return "WRITE";
  case LUN_OP_FLUSH:
    return "SYNCHRONIZE CACHE";
  case LUN_OP_COMPARE_AND_WRITE:
    return "COMPARE AND WRITE";
  case LUN_OP_CDB:
    return "command";
  }
  return "command";
}

bool
lun_device_check (const LunDevice *device, const LunIo *io, GError **error)
{
  LunJudgement judgement = lun_judge (&io->result);

  if (judgement.verdict == LUN_VERDICT_DONE)
    return true;
  if (judgement.verdict == LUN_VERDICT_CONFLICT &&
      lun_gate (device) == LUN_GATE_STOPPED)
    judgement.code = LUN_ERROR_FENCED;
  g_autofree char *why = judgement.code == LUN_ERROR_NO_PATH
                           ? lun_device_no_path_text ((LunDevice *) device, &io->result)
                           : lun_result_text (&io->result);
  if (io->op == LUN_OP_FLUSH || io->op == LUN_OP_CDB)
    g_set_error (error, LUN_ERROR, (int) judgement.code, "%s: %s: %s", device->name,
                 verb_of (io->op), why);
  else
    g_set_error (error, LUN_ERROR, (int) judgement.code,
                 "%s: %s of %u blocks from block %" G_GUINT64_FORMAT ": %s",
                 device->name, verb_of (io->op), io->blocks, io->lba, why);
  return false;
}

static bool
refuse_length (const LunDevice *device, const LunIo *io, size_t len, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_RANGE,
               "%s: %s of %zu bytes from block %" G_GUINT64_FORMAT
               ": not 1 to 2^32 - 1 blocks of %u bytes",
               device->name, verb_of (io->op), len, io->lba, device->facts.block_size);
  return false;
}

bool
lun_io_transfer (LunDevice *device, LunIo *io, bool uncounted, GError **error)
{
  size_t len = lun_iov_len (io->iov, io->n_iov);
  uint32_t block_size = device->facts.block_size;

  if (len == 0)
    return true;
  if (block_size == 0)
    return lun_size_refuse (device, error);
  if (len % block_size != 0 || len / block_size > UINT32_MAX)
    return refuse_length (device, io, len, error);
  io->blocks = (uint32_t) (len / block_size);
  lun_io_run (device, io, uncounted);
  if (G_LIKELY (io->result.outcome == LUN_OUTCOME_GOOD))
    return true;
  return lun_device_check (device, io, error);
}

bool
lun_device_readv (LunDevice *device, uint64_t lba, const struct iovec *iov, int n_iov,
                  LunPriority priority, GError **error)
{
  LunIo io = {
    .op = LUN_OP_READ, .priority = priority, .lba = lba, .iov = iov, .n_iov = n_iov
  };

  return lun_io_transfer (device, &io, false, error);
}

bool
lun_device_writev (LunDevice *device, uint64_t lba, const struct iovec *iov, int n_iov,
                   LunPriority priority, GError **error)
{
  LunIo io = {
    .op = LUN_OP_WRITE, .priority = priority, .lba = lba, .iov = iov, .n_iov = n_iov
  };

  return lun_io_transfer (device, &io, false, error);
}

bool
lun_device_read (LunDevice *device, uint64_t lba, void *buf, size_t len,
                 LunPriority priority, GError **error)
{
  struct iovec iov = { buf, len };

  return lun_device_readv (device, lba, &iov, 1, priority, error);
}

bool
lun_device_write (LunDevice *device, uint64_t lba, const void *buf, size_t len,
                  LunPriority priority, GError **error)
{
  struct iovec iov = { (void *) buf, len };

  return lun_device_writev (device, lba, &iov, 1, priority, error);
}

bool
lun_device_write_settled (LunDevice *device, uint64_t lba, const void *buf, size_t len,
                          GError **error)
{
  struct iovec iov = { (void *) buf, len };
  LunIo io = {
    .op = LUN_OP_WRITE, .lba = lba, .iov = &iov, .n_iov = 1, .settle = true
  };

  return lun_io_transfer (device, &io, false, error);
}

bool
lun_device_flush (LunDevice *device, GError **error)
{
  LunIo io = { .op = LUN_OP_FLUSH };

  lun_io_run (device, &io, false);
  return lun_device_check (device, &io, error);
}

LunCaw
lun_device_compare_and_write (LunDevice *device, uint64_t lba, const void *expect,
                              const void *replace, GError **error)
{
  size_t len = device->facts.block_size;
  struct iovec iov[2] = { { (void *) expect, len }, { (void *) replace, len } };
  LunIo io = {
    .op = LUN_OP_COMPARE_AND_WRITE, .lba = lba, .blocks = 1, .iov = iov, .n_iov = 2
  };

  lun_io_run (device, &io, false);
  if (lun_judge (&io.result).verdict == LUN_VERDICT_MISMATCH)
    return LUN_CAW_MISMATCH;
  return lun_device_check (device, &io, error) ? LUN_CAW_DONE : LUN_CAW_ERROR;
}

bool
lun_device_cdb (LunDevice *device, const uint8_t *cdb, size_t cdb_len, LunDirection dir,
                void *data, size_t len, const char *via_path, LunResult *result,
                GError **error)
{
  struct iovec iov = { data, len };
  LunIo io = { .op = LUN_OP_CDB,
               .direction = dir,
               .iov = &iov,
               .n_iov = len > 0 ? 1 : 0,
               .cdb_len = (uint8_t) MIN (cdb_len, UINT8_MAX),
               .via_path = via_path };

  for (size_t i = 0; i < MIN (cdb_len, sizeof io.cdb); i++)
    io.cdb[i] = cdb[i];
  lun_io_run (device, &io, false);
  *result = io.result;
  if (io.result.outcome != LUN_OUTCOME_TRANSPORT_ERROR &&
      io.result.outcome != LUN_OUTCOME_TIMEOUT)
    return true;
  return lun_device_check (device, &io, error);
}
