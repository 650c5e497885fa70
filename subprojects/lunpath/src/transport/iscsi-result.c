#include "transport/iscsi-result.h"

#include "base/be.h"
#include "base/cdb.h"
#include "base/sense.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <string.h>

/* Sense comes as the data-in of the command: its length in two bytes, then itself. */
static LunResult
check_condition (const struct scsi_task *task)
{
  LunResult result = { .outcome = LUN_OUTCOME_CHECK_CONDITION,
                       .status = LUN_SCSI_CHECK_CONDITION };
  size_t there = task && task->datain.size > 2 ? (size_t) task->datain.size - 2 : 0;
  size_t len = there > 0 ? lun_be16_get (task->datain.data) : 0;

  result.sense_len = (uint8_t) MIN (MIN (len, there), sizeof result.sense);
  if (result.sense_len > 0)
    memcpy (result.sense, task->datain.data + 2, result.sense_len);
  return result;
}

/* A READ or WRITE that ended well but moved less than asked did not end well. */
static LunResult
good (const struct scsi_task *task, const LunIo *io)
{
  LunResult result = { .outcome = LUN_OUTCOME_GOOD, .status = LUN_SCSI_GOOD };

  if (!task || task->residual_status != SCSI_RESIDUAL_UNDERFLOW)
    return result;
  result.residual = (uint32_t) task->residual;
  if (io->op == LUN_OP_READ || io->op == LUN_OP_WRITE) {
    result.outcome = LUN_OUTCOME_TRANSPORT_ERROR;
    result.os_errno = EIO;
  }
  return result;
}

bool
lun_iscsi_result (int status, const struct scsi_task *task, const LunIo *io,
                  LunResult *out)
{
  *out = (LunResult){ .status = (uint8_t) status };
  switch (status) {
  case SCSI_STATUS_GOOD:
  case SCSI_STATUS_CONDITION_MET:
    *out = good (task, io);
    return true;
  case SCSI_STATUS_CHECK_CONDITION:
    *out = check_condition (task);
    return true;
  case SCSI_STATUS_RESERVATION_CONFLICT:
    out->outcome = LUN_OUTCOME_RESERVATION_CONFLICT;
    return true;
  case SCSI_STATUS_BUSY:
  case SCSI_STATUS_TASK_SET_FULL:
  case SCSI_STATUS_ACA_ACTIVE:
    out->outcome = LUN_OUTCOME_BUSY;
    return true;
  case SCSI_STATUS_TASK_ABORTED:
    out->outcome = LUN_OUTCOME_ABORTED;
    return true;
  default: /* libiscsi's own: cancelled, error, time-out */
    return false;
  }
}

/* ---- words ---- */

/* RFC 7143 11.13.5; libiscsi's text ends with the number in parentheses. */
static unsigned
login_status (const char *said)
{
  const char *at = strrchr (said, '(');

  return at ? (unsigned) g_ascii_strtoull (at + 1, NULL, 10) : 0;
}

char *
lun_iscsi_login_text (const char *said, const LunIscsiTarget *target, bool *is_wanted)
{
  unsigned status = login_status (said);

  *is_wanted = status >> 8 != 0x02; /* class 2: the initiator's mistake */
  switch (status) {
  case 0x0201:
  case 0x0202:
    if (target->user)
      return g_strdup_printf (
        "login refused: user \"%s\" with this CHAP secret is not let in", target->user);
    return g_strdup ("login refused: the target asks for a CHAP user and secret");
  case 0x0203:
    return g_strdup_printf ("login refused: no target \"%s\" there, or none for this "
                            "initiator",
                            target->iqn);
  case 0x0204:
    return g_strdup_printf ("login refused: target \"%s\" was removed", target->iqn);
  default:
    return g_strdup_printf ("login failed: %s", said);
  }
}

const char *
lun_iscsi_connect_text (const char *said)
{
  static const char before_cause[] = "socket error ";
  const char *at = strstr (said, before_cause);

  return at ? at + strlen (before_cause) : said;
}
