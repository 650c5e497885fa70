/* result.h - how a command of the emulation ends: status and sense data as a LunResult. */
#pragma once

#include "base/sense.h"

/* Additional sense codes and qualifiers, ASC << 8 | ASCQ (SPC-4 annex F). */
typedef enum {
  LUN_ASC_NONE = 0x0000,
  LUN_ASC_NOT_READY = 0x0400, /* and a qualifier */
  LUN_ASC_WRITE_ERROR = 0x0c00,
  LUN_ASC_PARAMETER_LIST_LENGTH = 0x1a00,
  LUN_ASC_MISCOMPARE = 0x1d00,
  LUN_ASC_INVALID_OPCODE = 0x2000,
  LUN_ASC_LBA_OUT_OF_RANGE = 0x2100,
  LUN_ASC_INVALID_FIELD_IN_CDB = 0x2400,
  LUN_ASC_LUN_NOT_SUPPORTED = 0x2500,
  LUN_ASC_INVALID_FIELD_IN_PARAMETERS = 0x2600,
  LUN_ASC_INVALID_RELEASE = 0x2604,
  LUN_ASC_WRITE_PROTECTED = 0x2700,
  LUN_ASC_POWER_ON = 0x2901,
  LUN_ASC_DEVICE_RESET = 0x2903,
  LUN_ASC_NEXUS_LOSS = 0x2907,
  LUN_ASC_RESERVATIONS_PREEMPTED = 0x2a03,
  LUN_ASC_RESERVATIONS_RELEASED = 0x2a04,
  LUN_ASC_REGISTRATIONS_PREEMPTED = 0x2a05,
  LUN_ASC_ALUA_CHANGED = 0x2a06,
  LUN_ASC_INTERNAL_TARGET_FAILURE = 0x4400,
  LUN_ASC_NO_REGISTRATION_RESOURCES = 0x5504,
} LunAsc;

#define LUN_SENSE_FIXED_LEN      18
#define LUN_SENSE_DESCRIPTOR_LEN 8

LunResult lun_result_good (uint32_t residual);
LunResult lun_result_conflict (void);
LunResult lun_result_check (uint8_t key, LunAsc asc);
LunResult lun_result_illegal (LunAsc asc);
/* COMPARE AND WRITE found a difference at OFFSET bytes. */
LunResult lun_result_miscompare (uint32_t offset);

/* Sense data without information field, fixed (18 bytes) or descriptor format (8 bytes);
 * returns the length. */
uint8_t lun_sense_encode (uint8_t key, LunAsc asc, bool descriptor,
                          uint8_t out[LUN_SENSE_FIXED_LEN]);
