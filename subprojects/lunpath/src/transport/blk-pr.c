#include "transport/blk-pr.h"

#include "transport/scsi.h"
#include "transport/sg-io.h"

#include "base/iov.h"
#include "base/pr.h"
#include "base/sense.h"

#include <errno.h>
#include <linux/pr.h>
#include <sys/ioctl.h>

#define KEYS_MAX          1024
#define NVME_CONFLICT     0x83
#define PATH_FAILURES_MIN 0x10000 /* PR_STS_PATH_FAILED and what is above it */

#ifndef IOC_PR_READ_KEYS /* newer than Debian 12's headers */
struct pr_read_keys {
  __u32 generation;
  __u32 num_keys;
  __u64 keys_ptr;
};

struct pr_read_reservation {
  __u64 key;
  __u32 generation;
  __u32 type;
};

#define IOC_PR_READ_KEYS        _IOWR ('p', 206, struct pr_read_keys)
#define IOC_PR_READ_RESERVATION _IOR ('p', 207, struct pr_read_reservation)
#endif

static const uint8_t scsi_types[] = {
  [PR_WRITE_EXCLUSIVE] = LUN_PR_WRITE_EXCLUSIVE,
  [PR_EXCLUSIVE_ACCESS] = LUN_PR_EXCLUSIVE_ACCESS,
  [PR_WRITE_EXCLUSIVE_REG_ONLY] = LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS,
  [PR_EXCLUSIVE_ACCESS_REG_ONLY] = LUN_PR_EXCLUSIVE_ACCESS_REGISTRANTS,
  [PR_WRITE_EXCLUSIVE_ALL_REGS] = LUN_PR_WRITE_EXCLUSIVE_ALL,
  [PR_EXCLUSIVE_ACCESS_ALL_REGS] = LUN_PR_EXCLUSIVE_ACCESS_ALL,
};

/* 0 for what is no type. */
static uint32_t
kernel_type (uint8_t scsi_type)
{
  for (uint32_t i = 1; i < G_N_ELEMENTS (scsi_types); i++)
    if (scsi_types[i] == scsi_type)
      return i;
  return 0;
}

static LunResult
good (void)
{
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

static LunResult
no_such_field (void)
{
  return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x24, 0x00);
}

static LunResult
no_such_command (void)
{
  return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x20, 0x00);
}

/* ---- results: 0, -1 with errno, or a status of the device, which differs between kernels ---- */

static LunResult
result_of_errno (int os_errno)
{
  switch (os_errno) {
  case EBADE:
    return lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
  case EOPNOTSUPP:
  case ENOTTY:
    return no_such_command ();
  case EINVAL:
    return no_such_field ();
  default:
    return lun_sg_failure (os_errno);
  }
}

static LunResult
result_of (int rc, int os_errno)
{
  if (rc == 0)
    return good ();
  if (rc < 0)
    return result_of_errno (os_errno);
  if (rc >= PATH_FAILURES_MIN)
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, EIO);
  if ((rc & 0xff) == LUN_SCSI_RESERVATION_CONFLICT || (rc & 0xff) == NVME_CONFLICT)
    return lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
  return no_such_field (); /* refused; its sense is lost */
}

static LunResult
call (int fd, unsigned long request, void *arg)
{
  int rc = lun_sg_kernel->ioctl (fd, request, arg);

  return result_of (rc, errno);
}

/* ---- out ---- */

static LunResult
do_register (int fd, const LunPrOut *param, bool ignore)
{
  struct pr_registration arg = { .old_key = ignore ? 0 : param->key,
                                 .new_key = param->service_key,
                                 .flags = ignore ? PR_FL_IGNORE_KEY : 0 };

  return call (fd, IOC_PR_REGISTER, &arg);
}

static LunResult
do_reserve (int fd, unsigned long request, const LunPrOut *param, uint32_t type)
{
  struct pr_reservation arg = { .key = param->key, .type = type };

  return type > 0 ? call (fd, request, &arg) : no_such_field ();
}

static LunResult
do_preempt (int fd, unsigned long request, const LunPrOut *param, uint32_t type)
{
  struct pr_preempt arg = { .old_key = param->key,
                            .new_key = param->service_key,
                            .type = type };

  return type > 0 ? call (fd, request, &arg) : no_such_field ();
}

static LunResult
do_clear (int fd, const LunPrOut *param)
{
  struct pr_clear arg = { .key = param->key };

  return call (fd, IOC_PR_CLEAR, &arg);
}

static LunResult
execute_out (int fd, const LunIo *io)
{
  uint8_t data[LUN_PR_OUT_LEN] = { 0 };
  size_t len = lun_iov_gather (io->iov, io->n_iov, data, sizeof data);
  uint32_t type = kernel_type (io->cdb[2] & 0x0f);
  LunPrOut param;

  if (!lun_pr_out_decode (data, len, &param) || param.spec_i_pt || param.all_tg_pt)
    return no_such_field ();
  switch (io->cdb[1] & 0x1f) {
  case LUN_PR_OUT_REGISTER:
    return do_register (fd, &param, false);
  case LUN_PR_OUT_REGISTER_AND_IGNORE:
    return do_register (fd, &param, true);
  case LUN_PR_OUT_RESERVE:
    return do_reserve (fd, IOC_PR_RESERVE, &param, type);
  case LUN_PR_OUT_RELEASE:
    return do_reserve (fd, IOC_PR_RELEASE, &param, type);
  case LUN_PR_OUT_CLEAR:
    return do_clear (fd, &param);
  case LUN_PR_OUT_PREEMPT:
    return do_preempt (fd, IOC_PR_PREEMPT, &param, type);
  case LUN_PR_OUT_PREEMPT_AND_ABORT:
    return do_preempt (fd, IOC_PR_PREEMPT_ABORT, &param, type);
  default:
    return no_such_field ();
  }
}

bool
lun_blk_pr_is_out (const LunIo *io)
{
  return io->op == LUN_OP_CDB && io->cdb[0] == LUN_SCSI_PERSISTENT_RESERVE_OUT &&
         (io->cdb[1] & 0x1f) != LUN_PR_OUT_REGISTER_AND_MOVE;
}

/* ---- in ---- */

static LunResult
answer (const LunIo *io, const GByteArray *data)
{
  LunResult result = good ();
  size_t done = lun_iov_scatter (io->iov, io->n_iov, data->data, data->len);

  result.residual = (uint32_t) (lun_iov_len (io->iov, io->n_iov) - done);
  return result;
}

static LunResult
read_keys (int fd, struct pr_read_keys *arg, uint64_t keys[KEYS_MAX])
{
  *arg =
    (struct pr_read_keys){ .num_keys = KEYS_MAX, .keys_ptr = (__u64) (uintptr_t) keys };
  return call (fd, IOC_PR_READ_KEYS, arg);
}

static LunResult
answer_keys (int fd, const LunIo *io)
{
  g_autofree uint64_t *list = g_new0 (uint64_t, KEYS_MAX);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  struct pr_read_keys arg;
  LunResult result = read_keys (fd, &arg, list);

  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;
  LunPrKeys keys = { .generation = arg.generation,
                     .n_total = arg.num_keys,
                     .n_keys = MIN (arg.num_keys, KEYS_MAX),
                     .keys = list };
  lun_pr_keys_encode (&keys, data);
  return answer (io, data);
}

static LunResult
answer_reservation (int fd, const LunIo *io)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  struct pr_read_reservation arg = { 0 };
  LunResult result = call (fd, IOC_PR_READ_RESERVATION, &arg);

  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;
  bool reserved = arg.type > 0 && arg.type < G_N_ELEMENTS (scsi_types);
  LunPrReservation reservation = { .generation = arg.generation,
                                   .reserved = reserved,
                                   .key = arg.key,
                                   .type = reserved ? scsi_types[arg.type] : 0 };
  lun_pr_reservation_encode (&reservation, data);
  return answer (io, data);
}

/* Reservations that cannot be read are no use: then there are none. */
static LunResult
answer_capabilities (int fd, const LunIo *io)
{
  g_autofree uint64_t *list = g_new0 (uint64_t, KEYS_MAX);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  LunPrCapabilities capabilities = { 0 };
  struct pr_read_keys arg;
  LunResult result = read_keys (fd, &arg, list);

  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;
  g_byte_array_set_size (data, LUN_PR_CAPABILITIES_LEN);
  lun_pr_capabilities_encode (&capabilities, data->data);
  return answer (io, data);
}

LunResult
lun_blk_pr_execute (int fd, const LunIo *io)
{
  if (io->cdb[0] == LUN_SCSI_PERSISTENT_RESERVE_OUT)
    return execute_out (fd, io);
  switch (io->cdb[1] & 0x1f) {
  case LUN_PR_IN_READ_KEYS:
    return answer_keys (fd, io);
  case LUN_PR_IN_READ_RESERVATION:
    return answer_reservation (fd, io);
  case LUN_PR_IN_REPORT_CAPABILITIES:
    return answer_capabilities (fd, io);
  default:
    return no_such_field ();
  }
}
