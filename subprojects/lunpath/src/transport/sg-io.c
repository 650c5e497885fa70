#include "transport/sg-io.h"

#include "transport/scsi.h"

#include "base/iov.h"
#include "base/sense.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define DEFAULT_TIMEOUT_MS 30000

/* include/scsi/scsi_status.h of the kernel: host_status */
enum {
  DID_OK = 0x00,
  DID_NO_CONNECT = 0x01,
  DID_BUS_BUSY = 0x02,
  DID_TIME_OUT = 0x03,
  DID_BAD_TARGET = 0x04,
  DID_SOFT_ERROR = 0x0b,
  DID_IMM_RETRY = 0x0c,
  DID_REQUEUE = 0x0d,
  DID_TRANSPORT_DISRUPTED = 0x0e,
  DID_TRANSPORT_FAILFAST = 0x0f,
  DID_TARGET_FAILURE = 0x10, /* these four: the middle layer's view of a SCSI status */
  DID_NEXUS_FAILURE = 0x11,
  DID_ALLOC_FAILURE = 0x12,
  DID_MEDIUM_ERROR = 0x13,
};

/* driver_status, low four bits; gone from newer kernels but for SENSE */
enum {
  DRIVER_OK = 0x0,
  DRIVER_BUSY = 0x1,
  DRIVER_TIMEOUT = 0x6,
  DRIVER_SENSE = 0x8,
};

static int
call_ioctl (int fd, unsigned long request, void *arg)
{
  return ioctl (fd, request, arg);
}

static const LunSgKernel real_kernel = { .ioctl = call_ioctl, .sysfs = "/sys" };

const LunSgKernel *lun_sg_kernel = &real_kernel;

/* ---- pure ---- */

static int
direction_code (LunDirection direction)
{
  switch (direction) {
  case LUN_DIR_NONE:
    return SG_DXFER_NONE;
  case LUN_DIR_IN:
    return SG_DXFER_FROM_DEV;
  case LUN_DIR_OUT:
    return SG_DXFER_TO_DEV;
  }
  return SG_DXFER_NONE;
}

void
lun_sg_fill (const LunIo *io, sg_io_hdr_t *header, uint8_t *cdb, uint8_t *sense)
{
  LunCdb made = lun_scsi_cdb (io);
  LunDirection direction = lun_scsi_direction (io);

  memcpy (cdb, made.b, made.len);
  *header = (sg_io_hdr_t){
    .interface_id = 'S',
    .dxfer_direction = direction_code (direction),
    .cmd_len = made.len,
    .mx_sb_len = LUN_SENSE_MAX,
    .cmdp = cdb,
    .sbp = sense,
    .timeout = io->timeout_ms > 0 ? io->timeout_ms : DEFAULT_TIMEOUT_MS,
  };
  if (direction == LUN_DIR_NONE)
    return;
  header->dxfer_len = (unsigned) lun_iov_len (io->iov, io->n_iov);
  if (header->dxfer_len == 0) {
    header->dxfer_direction = SG_DXFER_NONE;
    return;
  }
  header->iovec_count = io->n_iov > 1 ? (unsigned short) io->n_iov : 0;
  header->dxferp = io->n_iov > 1 ? (void *) io->iov : io->iov[0].iov_base;
}

static LunResult
host_failure (unsigned host_status)
{
  switch (host_status) {
  case DID_BUS_BUSY:
  case DID_SOFT_ERROR:
  case DID_IMM_RETRY:
  case DID_REQUEUE:
  case DID_ALLOC_FAILURE:
    return lun_result_bare (LUN_OUTCOME_BUSY, 0);
  case DID_TIME_OUT:
    return lun_result_bare (LUN_OUTCOME_TIMEOUT, 0);
  case DID_NO_CONNECT:
  case DID_BAD_TARGET:
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENOTCONN);
  case DID_TRANSPORT_DISRUPTED:
  case DID_TRANSPORT_FAILFAST:
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENOLINK);
  default:
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, EIO);
  }
}

/* The LUN did answer, whatever the layers above say about its answer. */
static bool
is_answer (const sg_io_hdr_t *header)
{
  switch (header->host_status) {
  case DID_OK:
    return true;
  case DID_TARGET_FAILURE:
  case DID_NEXUS_FAILURE:
  case DID_ALLOC_FAILURE:
  case DID_MEDIUM_ERROR:
    return header->status != 0;
  default:
    return false;
  }
}

LunResult
lun_sg_result (const sg_io_hdr_t *header)
{
  LunResult result = lun_scsi_result (header->status, header->sbp, header->sb_len_wr);
  unsigned driver = header->driver_status & 0x0f;

  if (!is_answer (header))
    result = host_failure (header->host_status);
  else if (driver == DRIVER_TIMEOUT)
    result = lun_result_bare (LUN_OUTCOME_TIMEOUT, 0);
  else if (driver == DRIVER_BUSY)
    result = lun_result_bare (LUN_OUTCOME_BUSY, 0);
  else if (driver == DRIVER_SENSE && header->status == 0 && header->sb_len_wr > 0)
    result = lun_scsi_result (LUN_SCSI_CHECK_CONDITION, header->sbp, header->sb_len_wr);
  else if (driver != DRIVER_OK && driver != DRIVER_SENSE)
    result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, EIO);
  result.residual = header->resid > 0 ? (uint32_t) header->resid : 0;
  return result;
}

LunResult
lun_sg_failure (int os_errno)
{
  switch (os_errno) {
  case EAGAIN:
  case EBUSY:
  case EDOM: /* the driver's queue is full */
  case ENOMEM:
    return lun_result_bare (LUN_OUTCOME_BUSY, os_errno);
  case ETIMEDOUT:
    return lun_result_bare (LUN_OUTCOME_TIMEOUT, os_errno);
  default:
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, os_errno);
  }
}

/* ---- doing it ---- */

static bool
moves_blocks (const LunIo *io)
{
  return io->op == LUN_OP_READ || io->op == LUN_OP_WRITE ||
         io->op == LUN_OP_COMPARE_AND_WRITE;
}

LunResult
lun_sg_execute (int fd, const LunIo *io)
{
  uint8_t cdb[LUN_CDB_MAX], sense[LUN_SENSE_MAX];
  sg_io_hdr_t header;
  LunResult result;

  lun_sg_fill (io, &header, cdb, sense);
  if (lun_sg_kernel->ioctl (fd, SG_IO, &header) != 0)
    return lun_sg_failure (errno);
  result = lun_sg_result (&header);
  if (result.outcome == LUN_OUTCOME_GOOD && moves_blocks (io) && result.residual > 0)
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, EIO); /* the rest is missing */
  return result;
}

int
lun_sg_reset (int fd)
{
  int what = 0x101; /* SG_SCSI_RESET_DEVICE, SG_SCSI_RESET_NO_ESCALATE */

  return lun_sg_kernel->ioctl (fd, SG_SCSI_RESET, &what);
}
