/* blk_move.c - bytes on their way to a block device: memory, short calls, what errno means. */
#include "suite.h"

#include "base/sense.h"
#include "transport/blk-move.h"

#include <errno.h>
#include <string.h>

#define BLOCK 512

typedef struct {
  LunIo io;
  struct iovec iov[3];
  char *memory; /* four blocks, at a page */
} Fixture;

static Fixture
fixture (LunOp op, unsigned n_blocks)
{
  Fixture this = { .io = { .op = op, .lba = 7, .blocks = n_blocks, .n_iov = 1 } };

  ck_assert_int_eq (posix_memalign ((void **) &this.memory, 4096, 4 * BLOCK), 0);
  for (int i = 0; i < 4 * BLOCK; i++)
    this.memory[i] = (char) (i * 7 >> 3);
  this.iov[0] = (struct iovec){ this.memory, n_blocks * BLOCK };
  return this;
}

static LunBlkMove
begin (Fixture *this)
{
  LunBlkMove move;

  this->io.iov = this->iov;
  lun_blk_move_begin (&move, &this->io, BLOCK);
  ck_assert_int_eq (move.at, 7 * BLOCK);
  return move;
}

START_TEST (test_aligned_memory_is_used_as_it_is)
{
  Fixture this = fixture (LUN_OP_WRITE, 2);
  LunBlkMove move = begin (&this);

  ck_assert_ptr_eq (move.data, this.memory);
  ck_assert_ptr_null (move.own);
  ck_assert (!lun_blk_move_go_on (&move, 2 * BLOCK));
  ck_assert_int_eq (this.io.result.outcome, LUN_OUTCOME_GOOD);
  free (this.memory);
}
END_TEST

START_TEST (test_other_memory_is_copied_before_a_write)
{
  Fixture this = fixture (LUN_OP_WRITE, 2);

  this.iov[0] = (struct iovec){ this.memory + 8, 2 * BLOCK };
  LunBlkMove move = begin (&this);
  ck_assert_uint_eq ((uintptr_t) move.data % BLOCK, 0);
  ck_assert_mem_eq (move.data, this.memory + 8, 2 * BLOCK);
  ck_assert (!lun_blk_move_go_on (&move, 2 * BLOCK));
  free (this.memory);
}
END_TEST

START_TEST (test_pieces_are_filled_after_a_read)
{
  Fixture this = fixture (LUN_OP_READ, 2);
  char found[2 * BLOCK];

  memset (found, 'f', sizeof found);
  memset (this.memory, 0, 4 * BLOCK);
  this.iov[0] = (struct iovec){ this.memory, 1 };
  this.iov[1] = (struct iovec){ this.memory + 1, BLOCK };
  this.iov[2] = (struct iovec){ this.memory + 1 + BLOCK, BLOCK - 1 };
  this.io.n_iov = 3;
  LunBlkMove move = begin (&this);
  memcpy (move.data, found, BLOCK);
  ck_assert (lun_blk_move_go_on (&move, BLOCK));
  memcpy (move.data, found, BLOCK);
  ck_assert (!lun_blk_move_go_on (&move, BLOCK));
  ck_assert_mem_eq (this.memory, found, sizeof found);
  ck_assert_int_eq (this.memory[2 * BLOCK], 0);
  free (this.memory);
}
END_TEST

START_TEST (test_a_failed_read_leaves_the_memory_alone)
{
  Fixture this = fixture (LUN_OP_READ, 1);
  g_autofree char *before = g_malloc (BLOCK);

  this.iov[0].iov_base = this.memory + 1;
  memcpy (before, this.memory + 1, BLOCK);
  LunBlkMove move = begin (&this);
  memset (move.data, 'x', BLOCK);
  ck_assert (!lun_blk_move_go_on (&move, -EREMOTEIO));
  ck_assert_mem_eq (this.memory + 1, before, BLOCK);
  free (this.memory);
}
END_TEST

START_TEST (test_what_was_moved_short_goes_on)
{
  Fixture this = fixture (LUN_OP_WRITE, 3);
  LunBlkMove move = begin (&this);

  ck_assert (lun_blk_move_go_on (&move, BLOCK));
  ck_assert (lun_blk_move_go_on (&move, -EINTR));
  ck_assert_ptr_eq (move.data, this.memory + BLOCK);
  ck_assert_uint_eq (move.left, 2 * BLOCK);
  ck_assert_int_eq (move.at, 8 * BLOCK);
  ck_assert (!lun_blk_move_go_on (&move, 2 * BLOCK));
  ck_assert_int_eq (this.io.result.outcome, LUN_OUTCOME_GOOD);
  free (this.memory);
}
END_TEST

START_TEST (test_the_end_of_the_device_is_an_error)
{
  Fixture this = fixture (LUN_OP_READ, 3);
  LunBlkMove move = begin (&this);

  ck_assert (lun_blk_move_go_on (&move, BLOCK));
  ck_assert (!lun_blk_move_go_on (&move, 0));
  ck_assert_int_eq (this.io.result.outcome, LUN_OUTCOME_TRANSPORT_ERROR);
  ck_assert_int_eq (this.io.result.os_errno, EIO);
  free (this.memory);
}
END_TEST

START_TEST (test_what_the_block_layer_says)
{
  static const struct {
    int os_errno;
    LunOutcome outcome;
    uint8_t key;
  } cases[] = {
    { EBADE, LUN_OUTCOME_RESERVATION_CONFLICT, 0 },
    { ENODATA, LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_MEDIUM_ERROR },
    { EILSEQ, LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_MEDIUM_ERROR },
    { EREMOTEIO, LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_HARDWARE_ERROR },
    { EPERM, LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_DATA_PROTECT },
    { EROFS, LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_DATA_PROTECT },
    { EAGAIN, LUN_OUTCOME_BUSY, 0 },
    { ENOMEM, LUN_OUTCOME_BUSY, 0 },
    { ETIMEDOUT, LUN_OUTCOME_TIMEOUT, 0 },
    { EIO, LUN_OUTCOME_TRANSPORT_ERROR, 0 },
    { ENOLINK, LUN_OUTCOME_TRANSPORT_ERROR, 0 },
    { ENODEV, LUN_OUTCOME_TRANSPORT_ERROR, 0 },
    { ENXIO, LUN_OUTCOME_TRANSPORT_ERROR, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Fixture this = fixture (LUN_OP_READ, 1);
    LunBlkMove move = begin (&this);
    LunSense sense = { 0 };
    ck_assert (!lun_blk_move_go_on (&move, -cases[i].os_errno));
    ck_assert_msg (this.io.result.outcome == cases[i].outcome, "case %zu", i);
    if (cases[i].key)
      ck_assert (lun_result_sense (&this.io.result, &sense));
    ck_assert_uint_eq (sense.key, cases[i].key);
    free (this.memory);
  }
}
END_TEST

LUN_SUITE ("lunpath/blk-move", test_aligned_memory_is_used_as_it_is,
           test_other_memory_is_copied_before_a_write,
           test_pieces_are_filled_after_a_read,
           test_a_failed_read_leaves_the_memory_alone,
           test_what_was_moved_short_goes_on, test_the_end_of_the_device_is_an_error,
           test_what_the_block_layer_says)
