/* base/sense.h - results and their sense data, made and read.  Pure.
 *
 * Sense is read by sg_lib (fixed and descriptor format); what we make is fixed format.
 */
#pragma once

#include <lunpath/io.h>

#include <glib.h>

/* Sense keys (SPC-4 table 48). */
enum {
  LUN_SENSE_NONE = 0x0,
  LUN_SENSE_RECOVERED = 0x1,
  LUN_SENSE_NOT_READY = 0x2,
  LUN_SENSE_MEDIUM_ERROR = 0x3,
  LUN_SENSE_HARDWARE_ERROR = 0x4,
  LUN_SENSE_ILLEGAL_REQUEST = 0x5,
  LUN_SENSE_UNIT_ATTENTION = 0x6,
  LUN_SENSE_DATA_PROTECT = 0x7,
  LUN_SENSE_ABORTED_COMMAND = 0xb,
  LUN_SENSE_MISCOMPARE = 0xe,
  LUN_SENSE_COMPLETED = 0xf,
};

typedef struct {
  uint8_t key, asc, ascq;
} LunSense;

LunResult lun_result_check_condition (uint8_t key, uint8_t asc, uint8_t ascq);
/* OUTCOME without sense; OS_ERRNO where the system knows a cause, else 0. */
LunResult lun_result_bare (LunOutcome outcome, int os_errno);

/* False when RESULT carries no sense that can be read. */
bool lun_result_sense (const LunResult *result, LunSense *sense);
/* One line for people: "medium error: unrecovered read error". */
char *lun_result_text (const LunResult *result);
