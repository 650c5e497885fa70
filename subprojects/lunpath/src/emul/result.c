#include "emul/result.h"

#include "base/be.h"
#include "base/cdb.h"

#include <string.h>

LunResult
lun_result_good (uint32_t residual)
{
  return (LunResult){ .outcome = LUN_OUTCOME_GOOD,
                      .status = LUN_SCSI_GOOD,
                      .residual = residual };
}

LunResult
lun_result_conflict (void)
{
  return (LunResult){ .outcome = LUN_OUTCOME_RESERVATION_CONFLICT,
                      .status = LUN_SCSI_RESERVATION_CONFLICT };
}

uint8_t
lun_sense_encode (uint8_t key, LunAsc asc, bool descriptor,
                  uint8_t out[LUN_SENSE_FIXED_LEN])
{
  memset (out, 0, LUN_SENSE_FIXED_LEN);
  if (descriptor) {
    out[0] = 0x72;
    out[1] = key;
    lun_be16_put (out + 2, (uint16_t) asc);
    return LUN_SENSE_DESCRIPTOR_LEN;
  }
  out[0] = 0x70;
  out[2] = key;
  out[7] = LUN_SENSE_FIXED_LEN - 8;
  lun_be16_put (out + 12, (uint16_t) asc);
  return LUN_SENSE_FIXED_LEN;
}

LunResult
lun_result_check (uint8_t key, LunAsc asc)
{
  LunResult result = { .outcome = LUN_OUTCOME_CHECK_CONDITION,
                       .status = LUN_SCSI_CHECK_CONDITION };

  result.sense_len = lun_sense_encode (key, asc, false, result.sense);
  return result;
}

LunResult
lun_result_illegal (LunAsc asc)
{
  return lun_result_check (LUN_SENSE_ILLEGAL_REQUEST, asc);
}

LunResult
lun_result_miscompare (uint32_t offset)
{
  LunResult result = lun_result_check (LUN_SENSE_MISCOMPARE, LUN_ASC_MISCOMPARE);

  result.sense[0] |= 0x80; /* VALID: the information field */
  lun_be32_put (result.sense + 3, offset);
  return result;
}
