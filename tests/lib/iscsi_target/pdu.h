/* pdu.h - one iSCSI protocol data unit: bytes of a socket to header and data, and back.
 *
 * Knows the frame only: 48 bytes of header, additional header segments (skipped), data padded
 * to four bytes, no digests.  A peer may send anything; a frame longer than allowed is refused
 * before memory is taken for it.  Source: RFC 7143 chapter 11.
 */
#pragma once

#include "base/be.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define TARGET_BHS_LEN     48
#define TARGET_TAG_NONE    0xffffffffu
#define TARGET_LOGIN_BYTES 8192 /* of text in a PDU before anything is negotiated */

typedef enum {
  TARGET_NOP_OUT = 0x00,
  TARGET_SCSI_COMMAND = 0x01,
  TARGET_TASK_REQUEST = 0x02,
  TARGET_LOGIN_REQUEST = 0x03,
  TARGET_TEXT_REQUEST = 0x04,
  TARGET_DATA_OUT = 0x05,
  TARGET_LOGOUT_REQUEST = 0x06,
  TARGET_NOP_IN = 0x20,
  TARGET_SCSI_RESPONSE = 0x21,
  TARGET_TASK_RESPONSE = 0x22,
  TARGET_LOGIN_RESPONSE = 0x23,
  TARGET_TEXT_RESPONSE = 0x24,
  TARGET_DATA_IN = 0x25,
  TARGET_LOGOUT_RESPONSE = 0x26,
  TARGET_R2T = 0x31,
  TARGET_REJECT = 0x3f,
} TargetOpcode;

typedef enum {
  TARGET_REJECT_PROTOCOL_ERROR = 0x04,
  TARGET_REJECT_NOT_SUPPORTED = 0x05,
  TARGET_REJECT_INVALID_FIELD = 0x09,
} TargetRejectReason;

/* Fields that several kinds share, by offset. */
enum {
  TARGET_AT_LUN = 8,
  TARGET_AT_TASK_TAG = 16,
  TARGET_AT_TRANSFER_TAG = 20, /* requests: expected length, or the task to manage */
  TARGET_AT_CMD_SN = 24,       /* responses: StatSN */
  TARGET_AT_EXP_STAT_SN = 28,  /* responses: ExpCmdSN */
  TARGET_AT_MAX_CMD_SN = 32,   /* responses */
  TARGET_AT_DATA_SN = 36,
  TARGET_AT_OFFSET = 40,
  TARGET_AT_LENGTH = 44, /* residual count, or desired length */
};

typedef struct {
  uint8_t bhs[TARGET_BHS_LEN];
  uint8_t *data; /* ends with a NUL that is not counted */
  uint32_t data_len;
} TargetPdu;

void target_pdu_clear (TargetPdu *pdu);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TargetPdu, target_pdu_clear)

static inline uint8_t
target_pdu_opcode (const TargetPdu *pdu)
{
  return pdu->bhs[0] & 0x3f;
}

static inline bool
target_pdu_is_immediate (const TargetPdu *pdu)
{
  return pdu->bhs[0] & 0x40;
}

static inline uint32_t
target_pdu_u32 (const TargetPdu *pdu, unsigned at)
{
  return lun_be32_get (pdu->bhs + at);
}

/* False when the peer is gone or sends more than MAX_DATA bytes of data. */
bool target_pdu_receive (int fd, uint32_t max_data, TargetPdu *pdu);

/* Puts the length into BHS.  False when the peer is gone. */
bool target_pdu_send (int fd, uint8_t bhs[TARGET_BHS_LEN], const void *data,
                      uint32_t len);
