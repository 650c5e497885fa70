#include "transport/blk-move.h"

#include "transport/sg-io.h"

#include "base/iov.h"
#include "base/sense.h"

#include <errno.h>
#include <stdlib.h>

LunResult
lun_blk_result (int os_errno)
{
  switch (os_errno) {
  case EBADE:
    return lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
  case ENODATA:
  case EILSEQ:
    return lun_result_check_condition (LUN_SENSE_MEDIUM_ERROR, 0x11, 0x00);
  case EREMOTEIO:
    return lun_result_check_condition (LUN_SENSE_HARDWARE_ERROR, 0x44, 0x00);
  case EPERM:
  case EROFS:
    return lun_result_check_condition (LUN_SENSE_DATA_PROTECT, 0x27, 0x00);
  default:
    return lun_sg_failure (os_errno);
  }
}

static bool
fits_as_it_is (const LunIo *io, uint32_t block_size)
{
  return io->n_iov == 1 && (uintptr_t) io->iov[0].iov_base % block_size == 0;
}

void
lun_blk_move_begin (LunBlkMove *move, LunIo *io, uint32_t block_size)
{
  *move = (LunBlkMove){ .io = io,
                        .left = (size_t) io->blocks * block_size,
                        .at = (off_t) (io->lba * block_size) };
  if (fits_as_it_is (io, block_size)) {
    move->data = io->iov[0].iov_base;
    return;
  }
  g_assert (posix_memalign (&move->own, 4096, move->left) == 0);
  move->data = move->own;
  if (io->op == LUN_OP_WRITE)
    lun_iov_gather (io->iov, io->n_iov, move->own, move->left);
}

void
lun_blk_move_end (LunBlkMove *move, LunResult result)
{
  LunIo *io = move->io;

  if (move->own && io->op == LUN_OP_READ && result.outcome == LUN_OUTCOME_GOOD)
    lun_iov_scatter (io->iov, io->n_iov, move->own,
                     (size_t) (move->data - (char *) move->own));
  g_clear_pointer (&move->own, free);
  io->result = result;
}

bool
lun_blk_move_go_on (LunBlkMove *move, ssize_t n)
{
  if (n == -EINTR)
    return true;
  if (n <= 0) { /* 0: the device ends here, whatever its size was */
    lun_blk_move_end (move, lun_blk_result (n == 0 ? EIO : (int) -n));
    return false;
  }
  move->data += n;
  move->at += n;
  move->left -= MIN ((size_t) n, move->left);
  if (move->left > 0)
    return true;
  lun_blk_move_end (move, lun_result_bare (LUN_OUTCOME_GOOD, 0));
  return false;
}
