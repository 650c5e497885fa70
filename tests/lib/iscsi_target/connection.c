/* connection.c - full feature phase: numbers, and every request that is no SCSI command.
 *
 * Source: RFC 7143 chapters 4.2.2 (numbering), 11.
 */
#include "lib/iscsi_target/connection.h"

#include <string.h>

/* ---- responses ---- */

void
target_response_init (uint8_t bhs[TARGET_BHS_LEN], TargetOpcode opcode,
                      const uint8_t request[TARGET_BHS_LEN])
{
  memset (bhs, 0, TARGET_BHS_LEN);
  bhs[0] = (uint8_t) opcode;
  bhs[1] = 0x80;
  memcpy (bhs + TARGET_AT_TASK_TAG, request + TARGET_AT_TASK_TAG, 4);
}

bool
target_respond (TargetConnection *connection, uint8_t bhs[TARGET_BHS_LEN],
                const void *data, uint32_t len, TargetStatus status)
{
  uint32_t free = TARGET_WINDOW - MIN (connection->tasks->len, TARGET_WINDOW);

  lun_be32_put (bhs + TARGET_AT_CMD_SN, connection->stat_sn);
  lun_be32_put (bhs + TARGET_AT_EXP_STAT_SN, connection->exp_cmd_sn);
  lun_be32_put (bhs + TARGET_AT_MAX_CMD_SN, connection->exp_cmd_sn + free - 1);
  if (status == TARGET_WITH_STATUS)
    connection->stat_sn++;
  return target_pdu_send (connection->fd, bhs, data, len);
}

bool
target_reject (TargetConnection *connection, const TargetPdu *pdu,
               TargetRejectReason reason)
{
  uint8_t bhs[TARGET_BHS_LEN];

  target_response_init (bhs, TARGET_REJECT, pdu->bhs);
  bhs[2] = (uint8_t) reason;
  lun_be32_put (bhs + TARGET_AT_TASK_TAG, TARGET_TAG_NONE);
  return target_respond (connection, bhs, pdu->bhs, TARGET_BHS_LEN, TARGET_WITH_STATUS);
}

/* ---- NOP, text, logout ---- */

static bool
nop_out (TargetConnection *connection, const TargetPdu *pdu)
{
  uint8_t bhs[TARGET_BHS_LEN];

  if (target_pdu_u32 (pdu, TARGET_AT_TASK_TAG) == TARGET_TAG_NONE)
    return true; /* wants no answer */
  target_response_init (bhs, TARGET_NOP_IN, pdu->bhs);
  memcpy (bhs + TARGET_AT_LUN, pdu->bhs + TARGET_AT_LUN, 8);
  lun_be32_put (bhs + TARGET_AT_TRANSFER_TAG, TARGET_TAG_NONE);
  return target_respond (connection, bhs, pdu->data,
                         MIN (pdu->data_len, connection->params.peer_max_receive),
                         TARGET_WITH_STATUS);
}

static void
add_portals (const Target *target, GByteArray *answer)
{
  target_text_add (answer, "TargetName", target->iqn);
  for (int i = 0; i < target->n_portals; i++) {
    g_autofree char *address = g_strdup_printf ("%s,1", target->portals[i]);
    target_text_add (answer, "TargetAddress", address);
  }
}

static bool
text_request (TargetConnection *connection, const TargetPdu *pdu)
{
  g_autoptr (GPtrArray) pairs =
    target_text_parse ((const char *) pdu->data, pdu->data_len);
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  TargetParams ignored = connection->params;
  uint8_t bhs[TARGET_BHS_LEN];

  if (pairs == NULL || !(pdu->bhs[1] & 0x80))
    return target_reject (connection, pdu, TARGET_REJECT_NOT_SUPPORTED);
  if (!target_text_negotiate (pairs, &ignored, answer))
    return target_reject (connection, pdu, TARGET_REJECT_INVALID_FIELD);
  g_byte_array_set_size (answer, 0);
  const char *wanted = target_text_value (pairs, "SendTargets");
  if (wanted && (strcmp (wanted, "All") == 0 || *wanted == '\0' ||
                 strcmp (wanted, connection->target->iqn) == 0))
    add_portals (connection->target, answer);

  target_response_init (bhs, TARGET_TEXT_RESPONSE, pdu->bhs);
  lun_be32_put (bhs + TARGET_AT_TRANSFER_TAG, TARGET_TAG_NONE);
  return target_respond (connection, bhs, answer->data, answer->len,
                         TARGET_WITH_STATUS);
}

/* The connection ends after the answer. */
static bool
logout (TargetConnection *connection, const TargetPdu *pdu)
{
  uint8_t bhs[TARGET_BHS_LEN];

  /* The nexus ends before the initiator knows, so that whatever he does next finds it gone. */
  connection->nexus = NULL;
  g_clear_pointer (&connection->emul, lun_emul_close);
  target_response_init (bhs, TARGET_LOGOUT_RESPONSE, pdu->bhs);
  (void) target_respond (connection, bhs, NULL, 0, TARGET_WITH_STATUS);
  return false;
}

/* ---- task management ---- */

typedef enum {
  TASK_ABORT = 1,
  TASK_ABORT_SET = 2,
  TASK_CLEAR_ACA = 3,
  TASK_CLEAR_SET = 4,
  TASK_LUN_RESET = 5,
  TASK_TARGET_WARM_RESET = 6,
  TASK_TARGET_COLD_RESET = 7,
  TASK_REASSIGN = 8,
} TaskFunction;

typedef enum {
  TASK_COMPLETE = 0,
  TASK_DOES_NOT_EXIST = 1,
  TASK_NO_LUN = 2,
  TASK_NO_REASSIGNMENT = 4,
  TASK_NOT_SUPPORTED = 5,
} TaskResponse;

static TaskResponse
abort_task (TargetConnection *connection, const TargetPdu *pdu)
{
  for (guint i = 0; i < connection->tasks->len; i++) {
    const TargetTask *task = connection->tasks->pdata[i];
    if (memcmp (task->bhs + TARGET_AT_TASK_TAG, pdu->bhs + TARGET_AT_TRANSFER_TAG, 4) !=
        0)
      continue;
    g_ptr_array_remove_index (connection->tasks, i);
    return TASK_COMPLETE;
  }
  return TASK_DOES_NOT_EXIST;
}

/* Every session has one LUN, so that its tasks are the task set. */
static TaskResponse
abort_all (TargetConnection *connection)
{
  g_ptr_array_set_size (connection->tasks, 0);
  return TASK_COMPLETE;
}

/* Tasks of other sessions end when their next data comes. */
static TaskResponse
clear_all (TargetConnection *connection)
{
  atomic_fetch_add (&connection->target->resets, 1);
  return abort_all (connection);
}

static TaskResponse
reset (TargetConnection *connection)
{
  lun_emul_lun_reset (connection->emul);
  return clear_all (connection);
}

static TaskResponse
manage (TargetConnection *connection, const TargetPdu *pdu)
{
  TaskFunction function = (TaskFunction) (pdu->bhs[1] & 0x7f);
  bool of_target =
    function == TASK_TARGET_WARM_RESET || function == TASK_TARGET_COLD_RESET;

  if (!of_target && lun_be64_get (pdu->bhs + TARGET_AT_LUN) != 0)
    return TASK_NO_LUN;
  switch (function) {
  case TASK_ABORT:
    return abort_task (connection, pdu);
  case TASK_ABORT_SET:
    return abort_all (connection);
  case TASK_CLEAR_SET:
    return clear_all (connection);
  case TASK_LUN_RESET:
  case TASK_TARGET_WARM_RESET:
  case TASK_TARGET_COLD_RESET:
    return reset (connection);
  case TASK_REASSIGN:
    return TASK_NO_REASSIGNMENT;
  case TASK_CLEAR_ACA:
    return TASK_NOT_SUPPORTED;
  }
  return TASK_NOT_SUPPORTED;
}

static bool
task_request (TargetConnection *connection, const TargetPdu *pdu)
{
  uint8_t bhs[TARGET_BHS_LEN];

  target_response_init (bhs, TARGET_TASK_RESPONSE, pdu->bhs);
  bhs[2] = (uint8_t) manage (connection, pdu);
  return target_respond (connection, bhs, NULL, 0, TARGET_WITH_STATUS);
}

/* ---- numbering ---- */

typedef enum {
  NUMBER_EXPECTED,
  NUMBER_OUTSIDE, /* of the window: as if it had not come */
  NUMBER_GAP,     /* lost commands: beyond error recovery level 0 */
} Number;

static Number
take_number (TargetConnection *connection, const TargetPdu *pdu)
{
  uint32_t ahead = target_pdu_u32 (pdu, TARGET_AT_CMD_SN) - connection->exp_cmd_sn;
  uint32_t free = TARGET_WINDOW - MIN (connection->tasks->len, TARGET_WINDOW);

  if (target_pdu_opcode (pdu) == TARGET_DATA_OUT || target_pdu_is_immediate (pdu))
    return NUMBER_EXPECTED;
  if (ahead >= free)
    return NUMBER_OUTSIDE;
  if (ahead > 0)
    return NUMBER_GAP;
  connection->exp_cmd_sn++;
  return NUMBER_EXPECTED;
}

static bool
handle_scsi (TargetConnection *connection, TargetPdu *pdu)
{
  switch ((TargetOpcode) target_pdu_opcode (pdu)) {
  case TARGET_SCSI_COMMAND:
    return target_command (connection, pdu);
  case TARGET_DATA_OUT:
    return target_data_out (connection, pdu);
  case TARGET_TASK_REQUEST:
    return task_request (connection, pdu);
  default:
    return target_reject (connection, pdu, TARGET_REJECT_NOT_SUPPORTED);
  }
}

static bool
handle (TargetConnection *connection, TargetPdu *pdu)
{
  TargetOpcode opcode = (TargetOpcode) target_pdu_opcode (pdu);

  if (opcode == TARGET_NOP_OUT)
    return nop_out (connection, pdu);
  if (opcode == TARGET_TEXT_REQUEST)
    return text_request (connection, pdu);
  if (opcode == TARGET_LOGOUT_REQUEST)
    return logout (connection, pdu);
  if (connection->discovery)
    return target_reject (connection, pdu, TARGET_REJECT_PROTOCOL_ERROR);
  return handle_scsi (connection, pdu);
}

void
target_connection_run (TargetConnection *connection)
{
  g_auto (TargetPdu) pdu = { 0 };
  bool ok = true;

  while (ok &&
         target_pdu_receive (connection->fd, connection->params.max_receive, &pdu)) {
    Number number = take_number (connection, &pdu);
    if (number == NUMBER_GAP)
      g_printerr ("emul-target: %s: CmdSN %u came before %u\n", connection->initiator,
                  target_pdu_u32 (&pdu, TARGET_AT_CMD_SN), connection->exp_cmd_sn);
    ok = number == NUMBER_OUTSIDE ||
         (number == NUMBER_EXPECTED && handle (connection, &pdu));
  }
}
