/* io.c - READ, WRITE, SYNCHRONIZE CACHE, COMPARE AND WRITE.
 *
 * The fast path is a look at the gate and a memcpy.  A port whose gate is not open goes through
 * the lock, where the reason is looked up again and reported.  A WRITE that is admitted there
 * takes its slot before it gives the lock back, so that a PREEMPT AND ABORT that comes next
 * waits for it.  READs take no slot: one that ends late harms nobody.
 *
 * COMPARE AND WRITE holds the lock from comparing to writing: atomic with respect to every other
 * COMPARE AND WRITE.  Plain writes do not take the lock.
 */
#include "base/cdb.h"
#include "base/iov.h"
#include "emul/command.h"
#include "emul/racy.h"
#include "emul/wake.h"

#include <string.h>
#include <unistd.h>

static bool
range_is_valid (const LunEmul *emul, uint64_t lba, uint32_t blocks)
{
  return lba < emul->n_blocks && blocks <= emul->n_blocks - lba;
}

/* The slow way.  SLOT, when given, is taken inside the lock. */
static bool
admit_locked (LunEmulNexus *nexus, LunAccess access, LunWriteSlot **slot,
              LunResult *refusal)
{
  lun_state_lock (nexus->emul);
  bool ok = lun_command_admit (nexus, access, refusal);
  if (ok && slot)
    *slot = lun_state_write_start (nexus->emul, nexus->port);
  lun_state_unlock (nexus->emul);
  return ok;
}

/* Takes the slot before it looks at the gate (state.h, invariant 2). */
static LunWriteSlot *
start_write (LunEmulNexus *nexus, LunResult *refusal)
{
  LunWriteSlot *slot = lun_state_write_start (nexus->emul, nexus->port);

  if (G_LIKELY (!(atomic_load (nexus->gate) & (LUN_GATE_ATTENTION | LUN_GATE_WRITE))))
    return slot;
  lun_state_write_end (slot);
  return admit_locked (nexus, LUN_ACCESS_WRITE, &slot, refusal) ? slot : NULL;
}

LunResult
lun_emul_read (LunEmulNexus *nexus, uint64_t lba, uint32_t blocks,
               const struct iovec *iov, int n_iov)
{
  LunEmul *emul = nexus->emul;
  LunResult refusal;

  if (G_UNLIKELY (atomic_load (nexus->gate) & (LUN_GATE_ATTENTION | LUN_GATE_READ)) &&
      !admit_locked (nexus, LUN_ACCESS_READ, NULL, &refusal))
    return refusal;
  if (!range_is_valid (emul, lba, blocks))
    return lun_result_illegal (LUN_ASC_LBA_OUT_OF_RANGE);

  size_t len = (size_t) blocks * emul->block_size;
  size_t moved =
    lun_iov_scatter (iov, n_iov, emul->image + lba * emul->block_size, len);
  return lun_result_good ((uint32_t) (lun_iov_len (iov, n_iov) - moved));
}

LunResult
lun_emul_write (LunEmulNexus *nexus, uint64_t lba, uint32_t blocks,
                const struct iovec *iov, int n_iov)
{
  LunEmul *emul = nexus->emul;
  LunResult refusal;
  LunWriteSlot *slot = start_write (nexus, &refusal);

  if (slot == NULL)
    return refusal;
  if (emul->read_only || !range_is_valid (emul, lba, blocks)) {
    lun_state_write_end (slot);
    return emul->read_only
             ? lun_result_check (LUN_SENSE_DATA_PROTECT, LUN_ASC_WRITE_PROTECTED)
             : lun_result_illegal (LUN_ASC_LBA_OUT_OF_RANGE);
  }

  uint64_t offset = lba * emul->block_size;
  size_t len = (size_t) blocks * emul->block_size;
  size_t moved = lun_racy_gather (iov, n_iov, emul->image + offset, len);
  lun_state_write_end (slot);
  lun_wake_range (emul, offset, moved);
  return lun_result_good ((uint32_t) (lun_iov_len (iov, n_iov) - moved));
}

const uint8_t *
lun_emul_map (const LunEmul *emul, uint64_t lba, uint32_t blocks)
{
  return range_is_valid (emul, lba, blocks) ? emul->image + lba * emul->block_size
                                            : NULL;
}

/* ---- as CDBs ---- */

static LunResult
flush (LunEmul *emul)
{
  if (fdatasync (emul->image_fd) < 0)
    return lun_result_check (LUN_SENSE_MEDIUM_ERROR, LUN_ASC_WRITE_ERROR);
  return lun_result_good (0);
}

LunResult
lun_command_read (LunCommand *command)
{
  LunCdbRange range;

  if (!lun_cdb_range (command->cdb, command->cdb_len, &range) || range.protect)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  return lun_emul_read (command->nexus, range.lba, range.blocks, command->iov,
                        command->n_iov);
}

LunResult
lun_command_write (LunCommand *command)
{
  LunCdbRange range;

  if (!lun_cdb_range (command->cdb, command->cdb_len, &range) || range.protect)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  LunResult result = lun_emul_write (command->nexus, range.lba, range.blocks,
                                     command->iov, command->n_iov);
  if (!range.fua || result.outcome != LUN_OUTCOME_GOOD)
    return result;
  LunResult flushed = flush (command->emul);
  flushed.residual = result.residual;
  return flushed;
}

LunResult
lun_command_synchronize_cache (LunCommand *command)
{
  LunCdbRange range;
  LunResult refusal;

  if (!lun_cdb_range (command->cdb, command->cdb_len, &range))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (!admit_locked (command->nexus, LUN_ACCESS_WRITE, NULL, &refusal))
    return refusal;
  if (!range_is_valid (command->emul, range.lba, range.blocks))
    return lun_result_illegal (LUN_ASC_LBA_OUT_OF_RANGE);
  return flush (command->emul);
}

/* ---- COMPARE AND WRITE ---- */

static uint32_t
first_difference (const uint8_t *a, const uint8_t *b, uint32_t len)
{
  uint32_t i = 0;

  while (i < len && a[i] == b[i])
    i++;
  return i;
}

/* Inside the lock.  The intent comes first: see state.h. */
static void
write_atomically (LunEmul *emul, uint64_t offset, const uint8_t *data, uint32_t len)
{
  LunCawIntent *caw = &emul->state->caw;

  caw->offset = offset;
  memcpy (caw->data, data, len);
  atomic_store (&caw->len, len);
  lun_racy_begin ();
  memcpy (emul->image + offset, data, len);
  lun_racy_end ();
  atomic_store (&caw->len, 0);
}

static LunResult
compare_and_write (LunCommand *command, const LunCdbRange *range, const uint8_t *data,
                   uint32_t len)
{
  LunEmul *emul = command->emul;
  uint64_t offset = range->lba * emul->block_size;
  LunResult refusal;

  if (!lun_command_admit (command->nexus, LUN_ACCESS_WRITE, &refusal))
    return refusal;
  if (emul->read_only)
    return lun_result_check (LUN_SENSE_DATA_PROTECT, LUN_ASC_WRITE_PROTECTED);
  if (!range_is_valid (emul, range->lba, range->blocks))
    return lun_result_illegal (LUN_ASC_LBA_OUT_OF_RANGE);
  lun_racy_begin ();
  uint32_t at = first_difference (emul->image + offset, data, len);
  lun_racy_end ();
  if (at < len)
    return lun_result_miscompare (at);
  write_atomically (emul, offset, data + len, len);
  return lun_result_good (0);
}

LunResult
lun_command_compare_and_write (LunCommand *command)
{
  LunEmul *emul = command->emul;
  LunCdbRange range;

  if (!lun_cdb_range (command->cdb, command->cdb_len, &range) || range.protect)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  uint32_t len = range.blocks * emul->block_size;
  if (len > LUN_STATE_CAW_MAX || command->iov_len != 2 * (size_t) len)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);

  g_autofree uint8_t *data = g_malloc (2 * (size_t) len + 1);
  lun_iov_gather (command->iov, command->n_iov, data, 2 * (size_t) len);
  lun_state_lock (emul);
  LunResult result = compare_and_write (command, &range, data, len);
  lun_state_unlock (emul);
  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;
  lun_wake_range (emul, range.lba * emul->block_size, len);
  return range.fua ? flush (emul) : result;
}
