#include "path/verdict.h"

#include "base/sense.h"

#define DONE ((LunJudgement){ LUN_VERDICT_DONE, LUN_ERROR_IO, false })
#define GIVE_UP(reason) \
  ((LunJudgement){ LUN_VERDICT_GIVE_UP, LUN_ERROR_##reason, false })
#define AGAIN     ((LunJudgement){ LUN_VERDICT_AGAIN, LUN_ERROR_IO, false })
#define LATER     ((LunJudgement){ LUN_VERDICT_LATER, LUN_ERROR_BUSY, false })
#define ELSEWHERE ((LunJudgement){ LUN_VERDICT_ELSEWHERE, LUN_ERROR_NO_PATH, false })

/* 04h: LOGICAL UNIT NOT READY */
static LunJudgement
judge_not_ready (const LunSense *sense)
{
  if (sense->asc != 0x04)
    return GIVE_UP (IO);
  switch (sense->ascq) {
  case 0x01: /* in process of becoming ready */
  case 0x04: /* these are under way: format, ... */
  case 0x05: /* rebuild */
  case 0x06: /* recalculation */
  case 0x07: /* operation */
  case 0x08: /* long write */
  case 0x09: /* self-test */
  case 0x0a: /* asymmetric access state transition */
  case 0x14: /* space allocation */
  case 0x1a: /* start stop unit command */
  case 0x1b: /* sanitize */
    return LATER;
  case 0x0b: /* target port in standby state */
  case 0x0c: /* target port in unavailable state */
    return ELSEWHERE;
  default:
    return GIVE_UP (IO);
  }
}

static LunJudgement
judge_illegal_request (const LunSense *sense)
{
  switch (sense->asc) {
  case 0x20: /* invalid command operation code */
    return GIVE_UP (UNSUPPORTED);
  case 0x21: /* logical block address out of range */
    return GIVE_UP (RANGE);
  case 0x25: /* logical unit not supported: this path does not lead to it */
    return ELSEWHERE;
  default:
    return GIVE_UP (IO);
  }
}

static LunJudgement
judge_sense (const LunSense *sense)
{
  switch (sense->key) {
  case LUN_SENSE_NONE:
  case LUN_SENSE_RECOVERED:
  case LUN_SENSE_COMPLETED:
    return DONE;
  case LUN_SENSE_NOT_READY:
    return judge_not_ready (sense);
  case LUN_SENSE_HARDWARE_ERROR:
    return (LunJudgement){ LUN_VERDICT_ELSEWHERE, LUN_ERROR_IO, true };
  case LUN_SENSE_ILLEGAL_REQUEST:
    return judge_illegal_request (sense);
  case LUN_SENSE_UNIT_ATTENTION:
    return AGAIN;
  case LUN_SENSE_ABORTED_COMMAND:
    return (LunJudgement){ LUN_VERDICT_AGAIN, LUN_ERROR_IO, true };
  case LUN_SENSE_MISCOMPARE:
    return (LunJudgement){ LUN_VERDICT_MISMATCH, LUN_ERROR_IO, false };
  default: /* medium error, data protect, blank check, volume overflow, reserved */
    return GIVE_UP (IO);
  }
}

LunJudgement
lun_judge (const LunResult *result)
{
  LunSense sense;

  switch (result->outcome) {
  case LUN_OUTCOME_GOOD:
    return DONE;
  case LUN_OUTCOME_CHECK_CONDITION:
    if (lun_result_sense (result, &sense))
      return judge_sense (&sense);
    return (LunJudgement){ LUN_VERDICT_ELSEWHERE, LUN_ERROR_IO, true };
  case LUN_OUTCOME_RESERVATION_CONFLICT:
    return (LunJudgement){ LUN_VERDICT_CONFLICT, LUN_ERROR_RESERVED, false };
  case LUN_OUTCOME_BUSY:
    return LATER;
  case LUN_OUTCOME_ABORTED:
    return (LunJudgement){ LUN_VERDICT_AGAIN, LUN_ERROR_IO, true };
  case LUN_OUTCOME_TRANSPORT_ERROR:
    return (LunJudgement){ LUN_VERDICT_ELSEWHERE, LUN_ERROR_NO_PATH, true };
  case LUN_OUTCOME_TIMEOUT:
    return (LunJudgement){ LUN_VERDICT_ELSEWHERE, LUN_ERROR_TIMEOUT, true };
  }
  return GIVE_UP (IO);
}
