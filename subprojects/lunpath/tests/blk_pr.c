/* Persistent reservations by ioctl: what the kernel is asked, and what its answers mean. */
#include "suite.h"

#include "base/pr.h"
#include "base/sense.h"
#include "transport/blk-pr.h"
#include "transport/sg-io.h"

#include <errno.h>
#include <linux/pr.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- a kernel that writes down what it is asked ---- */

static unsigned long asked;
static union {
  struct pr_registration registration;
  struct pr_reservation reservation;
  struct pr_preempt preempt;
  struct pr_clear clear;
} asked_with;
static int answer, answer_errno;

static int
note_ioctl (int fd, unsigned long request, void *arg)
{
  asked = request;
  memcpy (&asked_with, arg, MIN (_IOC_SIZE (request), sizeof asked_with));
  errno = answer_errno;
  return answer;
}

static const LunSgKernel kernel = { .ioctl = note_ioctl, .sysfs = "/nonexistent" };

static LunResult
send_out (LunPrOutAction action, uint8_t type, LunPrOut param)
{
  uint8_t data[LUN_PR_OUT_LEN];
  struct iovec iov = { data, sizeof data };
  LunCdb cdb = lun_cdb_pr_out (action, type, sizeof data);
  LunIo io = {
    .op = LUN_OP_CDB, .direction = LUN_DIR_OUT, .iov = &iov, .n_iov = 1, .cdb_len = 10
  };

  lun_sg_kernel = &kernel;
  asked = 0;
  lun_pr_out_encode (&param, data);
  memcpy (io.cdb, cdb.b, sizeof io.cdb);
  ck_assert (lun_blk_pr_is_out (&io));
  return lun_blk_pr_execute (-1, &io);
}

static void
answers (int rc, int os_errno)
{
  answer = rc;
  answer_errno = os_errno;
}

START_TEST (test_registering)
{
  answers (0, 0);
  LunResult result =
    send_out (LUN_PR_OUT_REGISTER, 0, (LunPrOut){ .key = 1, .service_key = 2 });
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  ck_assert_uint_eq (asked, IOC_PR_REGISTER);
  ck_assert_uint_eq (asked_with.registration.old_key, 1);
  ck_assert_uint_eq (asked_with.registration.new_key, 2);
  ck_assert_uint_eq (asked_with.registration.flags, 0);

  send_out (LUN_PR_OUT_REGISTER_AND_IGNORE, 0,
            (LunPrOut){ .key = 1, .service_key = 2 });
  ck_assert_uint_eq (asked_with.registration.old_key, 0);
  ck_assert_uint_eq (asked_with.registration.flags, PR_FL_IGNORE_KEY);
}
END_TEST

START_TEST (test_types_have_other_numbers)
{
  static const struct {
    uint8_t scsi;
    uint32_t kernel;
  } types[] = { { 1, 1 }, { 3, 2 }, { 5, 3 }, { 6, 4 }, { 7, 5 }, { 8, 6 } };

  answers (0, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    send_out (LUN_PR_OUT_RESERVE, types[i].scsi, (LunPrOut){ .key = 9 });
    ck_assert_uint_eq (asked, IOC_PR_RESERVE);
    ck_assert_uint_eq (asked_with.reservation.type, types[i].kernel);
    ck_assert_uint_eq (asked_with.reservation.key, 9);
  }
  send_out (LUN_PR_OUT_RELEASE, 6, (LunPrOut){ .key = 9 });
  ck_assert_uint_eq (asked, IOC_PR_RELEASE);
  asked = 0;
  LunResult result = send_out (LUN_PR_OUT_RESERVE, 2, (LunPrOut){ .key = 9 });
  ck_assert_uint_eq (asked, 0);
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_CHECK_CONDITION);
}
END_TEST

START_TEST (test_preempting_names_its_own_key_first)
{
  answers (0, 0);
  send_out (LUN_PR_OUT_PREEMPT, 6, (LunPrOut){ .key = 1, .service_key = 2 });
  ck_assert_uint_eq (asked, IOC_PR_PREEMPT);
  ck_assert_uint_eq (asked_with.preempt.old_key, 1);
  ck_assert_uint_eq (asked_with.preempt.new_key, 2);
  ck_assert_uint_eq (asked_with.preempt.type, PR_EXCLUSIVE_ACCESS_REG_ONLY);
  send_out (LUN_PR_OUT_PREEMPT_AND_ABORT, 7, (LunPrOut){ .key = 1, .service_key = 2 });
  ck_assert_uint_eq (asked, IOC_PR_PREEMPT_ABORT);
  send_out (LUN_PR_OUT_CLEAR, 0, (LunPrOut){ .key = 1 });
  ck_assert_uint_eq (asked, IOC_PR_CLEAR);
  ck_assert_uint_eq (asked_with.clear.key, 1);
}
END_TEST

START_TEST (test_answers_differ_between_kernels)
{
  static const struct {
    int rc, os_errno;
    LunOutcome outcome;
  } cases[] = {
    { 0, 0, LUN_OUTCOME_GOOD },
    { 0x18, 0, LUN_OUTCOME_RESERVATION_CONFLICT },
    { 0x118, 0, LUN_OUTCOME_RESERVATION_CONFLICT }, /* Linux 6.1 */
    { 0x4083, 0, LUN_OUTCOME_RESERVATION_CONFLICT },
    { -1, EBADE, LUN_OUTCOME_RESERVATION_CONFLICT },
    { 0xe0000, 0, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x10000, 0, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x02, 0, LUN_OUTCOME_CHECK_CONDITION },
    { -1, EOPNOTSUPP, LUN_OUTCOME_CHECK_CONDITION },
    { -1, ENOTTY, LUN_OUTCOME_CHECK_CONDITION },
    { -1, EIO, LUN_OUTCOME_TRANSPORT_ERROR },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    answers (cases[i].rc, cases[i].os_errno);
    LunResult result = send_out (LUN_PR_OUT_CLEAR, 0, (LunPrOut){ .key = 1 });
    ck_assert_msg (result.outcome == cases[i].outcome, "case %zu", i);
  }
}
END_TEST

/* ---- a kernel that can read them ---- */

typedef struct {
  uint32_t generation, num_keys;
  uint64_t keys_ptr;
} ReadKeys;

typedef struct {
  uint64_t key;
  uint32_t generation, type;
} ReadReservation;

static int
reading_ioctl (int fd, unsigned long request, void *arg)
{
  if (_IOC_NR (request) == 206) {
    ReadKeys *keys = arg;
    ck_assert_uint_ge (keys->num_keys, 2);
    memcpy ((void *) (uintptr_t) keys->keys_ptr, (uint64_t[]){ 0xa, 0xb }, 16);
    keys->generation = 5;
    keys->num_keys = 2;
    return 0;
  }
  ck_assert_uint_eq (_IOC_NR (request), 207);
  *(ReadReservation *) arg = (ReadReservation){ .key = 0xa,
                                                .generation = 5,
                                                .type = PR_EXCLUSIVE_ACCESS_ALL_REGS };
  return 0;
}

static LunResult
send_in (const LunSgKernel *of, LunPrInAction action, uint8_t *data, size_t len)
{
  struct iovec iov = { data, len };
  LunCdb cdb = lun_cdb_pr_in (action, (uint16_t) len);
  LunIo io = {
    .op = LUN_OP_CDB, .direction = LUN_DIR_IN, .iov = &iov, .n_iov = 1, .cdb_len = 10
  };

  lun_sg_kernel = of;
  memcpy (io.cdb, cdb.b, sizeof io.cdb);
  return lun_blk_pr_execute (-1, &io);
}

START_TEST (test_reading)
{
  static const LunSgKernel new = { .ioctl = reading_ioctl, .sysfs = "/nonexistent" };
  uint8_t data[256] = { 0 };
  LunPrKeys keys;
  LunPrReservation reservation;

  LunResult result = send_in (&new, LUN_PR_IN_READ_KEYS, data, sizeof data);
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  ck_assert (lun_pr_keys_decode (data, sizeof data - result.residual, &keys));
  ck_assert_uint_eq (keys.n_keys, 2);
  ck_assert_uint_eq (keys.keys[1], 0xb);
  ck_assert_uint_eq (keys.generation, 5);
  g_free (keys.keys);

  result = send_in (&new, LUN_PR_IN_READ_RESERVATION, data, sizeof data);
  ck_assert (
    lun_pr_reservation_decode (data, sizeof data - result.residual, &reservation));
  ck_assert (reservation.reserved);
  ck_assert_uint_eq (reservation.type, LUN_PR_EXCLUSIVE_ACCESS_ALL);

  result = send_in (&new, LUN_PR_IN_REPORT_CAPABILITIES, data, sizeof data);
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  result = send_in (&new, LUN_PR_IN_READ_FULL_STATUS, data, sizeof data);
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_CHECK_CONDITION);
}
END_TEST

START_TEST (test_a_kernel_that_cannot_read_has_no_reservations)
{
  uint8_t data[64];
  LunSense sense;

  answers (-1, ENOTTY);
  LunResult result =
    send_in (&kernel, LUN_PR_IN_REPORT_CAPABILITIES, data, sizeof data);
  ck_assert (lun_result_sense (&result, &sense));
  ck_assert_uint_eq (sense.key, LUN_SENSE_ILLEGAL_REQUEST);
}
END_TEST

LUN_SUITE ("lunpath/blk-pr", test_registering, test_types_have_other_numbers,
           test_preempting_names_its_own_key_first, test_answers_differ_between_kernels,
           test_reading, test_a_kernel_that_cannot_read_has_no_reservations)
