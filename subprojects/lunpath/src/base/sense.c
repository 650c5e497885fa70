#include "base/sense.h"

#include <scsi/sg_lib.h>
#include <string.h>

enum {
  STATUS_CHECK_CONDITION = 0x02,
  STATUS_BUSY = 0x08,
  STATUS_RESERVATION_CONFLICT = 0x18,
  STATUS_TASK_ABORTED = 0x40,
};

LunResult
lun_result_check_condition (uint8_t key, uint8_t asc, uint8_t ascq)
{
  LunResult result = { .outcome = LUN_OUTCOME_CHECK_CONDITION,
                       .status = STATUS_CHECK_CONDITION,
                       .sense_len = 18 };

  result.sense[0] = 0x70; /* current, fixed */
  result.sense[2] = key;
  result.sense[7] = 10; /* additional length */
  result.sense[12] = asc;
  result.sense[13] = ascq;
  return result;
}

static uint8_t
status_of (LunOutcome outcome)
{
  switch (outcome) {
  case LUN_OUTCOME_CHECK_CONDITION:
    return STATUS_CHECK_CONDITION;
  case LUN_OUTCOME_RESERVATION_CONFLICT:
    return STATUS_RESERVATION_CONFLICT;
  case LUN_OUTCOME_BUSY:
    return STATUS_BUSY;
  case LUN_OUTCOME_ABORTED:
    return STATUS_TASK_ABORTED;
  case LUN_OUTCOME_GOOD:
  case LUN_OUTCOME_TRANSPORT_ERROR:
  case LUN_OUTCOME_TIMEOUT:
    return 0;
  }
  return 0;
}

LunResult
lun_result_bare (LunOutcome outcome, int os_errno)
{
  return (LunResult){ .outcome = outcome,
                      .status = status_of (outcome),
                      .os_errno = os_errno };
}

bool
lun_result_sense (const LunResult *result, LunSense *sense)
{
  struct sg_scsi_sense_hdr header;

  if (result->outcome != LUN_OUTCOME_CHECK_CONDITION)
    return false;
  if (!sg_scsi_normalize_sense (result->sense, MIN (result->sense_len, LUN_SENSE_MAX),
                                &header))
    return false;
  *sense = (LunSense){ header.sense_key, header.asc, header.ascq };
  return true;
}

static char *
sense_text (const LunResult *result)
{
  char key_text[64], asc_text[128];
  LunSense sense;

  if (!lun_result_sense (result, &sense))
    return g_strdup ("check condition without readable sense data");
  sg_get_sense_key_str (sense.key, sizeof key_text, key_text);
  sg_get_asc_ascq_str (sense.asc, sense.ascq, sizeof asc_text, asc_text);
  return g_strdup_printf ("%s, %s", key_text, asc_text);
}

char *
lun_result_text (const LunResult *result)
{
  switch (result->outcome) {
  case LUN_OUTCOME_GOOD:
    return g_strdup ("good");
  case LUN_OUTCOME_CHECK_CONDITION:
    return sense_text (result);
  case LUN_OUTCOME_RESERVATION_CONFLICT:
    return g_strdup ("reservation conflict");
  case LUN_OUTCOME_BUSY:
    return g_strdup ("busy");
  case LUN_OUTCOME_ABORTED:
    return g_strdup ("aborted");
  case LUN_OUTCOME_TRANSPORT_ERROR:
    if (result->os_errno == 0)
      return g_strdup ("transport error");
    return g_strdup_printf ("transport error: %s", g_strerror (result->os_errno));
  case LUN_OUTCOME_TIMEOUT:
    return g_strdup ("no answer in time");
  }
  return g_strdup ("unknown outcome");
}
