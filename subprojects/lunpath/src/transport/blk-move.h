/* transport/blk-move.h - the bytes of one READ or WRITE on their way to a block device.
 *
 * O_DIRECT wants memory that begins at a multiple of the block, in one piece.  What a caller has
 * elsewhere goes through memory of the move's own.  A system call may move less than it was asked to,
 * or be interrupted: the move says what is left.  Pure but for that memory: who makes the calls, and
 * on which thread, is not known here.
 */
#pragma once

#include <lunpath/transport.h>

#include <sys/types.h>

typedef struct {
  LunIo *io;
  char *data; /* where the next byte is, or goes */
  size_t left;
  off_t at; /* on the device */
  void *own;
} LunBlkMove;

/* IO is a READ or WRITE and stays until the end. */
void lun_blk_move_begin (LunBlkMove *move, LunIo *io, uint32_t block_size);

/* A call moved N bytes, or failed with -N.  True: the next one, with what is left.  False: the move is
 * over; io->result is set, what was read is where it belongs, io->done() is not called. */
bool lun_blk_move_go_on (LunBlkMove *move, ssize_t n);

/* Over before its bytes have moved. */
void lun_blk_move_end (LunBlkMove *move, LunResult result);

/* What the block layer makes of a device's status (its blk_errors[]). */
LunResult lun_blk_result (int os_errno);
