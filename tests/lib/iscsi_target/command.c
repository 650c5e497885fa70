/* command.c - a SCSI command: its data out as it comes, its execution, data in and status.
 *
 * Source: RFC 7143 chapters 4.5, 11.2 to 11.4, 11.7, 11.8.  Data comes and goes in order.
 */
#include "lib/iscsi_target/connection.h"

#include "base/cdb.h"
#include "base/sense.h"

#include <string.h>

#define FLAG_FINAL       0x80
#define FLAG_READ        0x40
#define FLAG_WRITE       0x20
#define FLAG_OVERFLOW    0x04
#define FLAG_UNDERFLOW   0x02
#define FLAG_STATUS      0x01

#define AT_EXPECTED      20 /* expected data transfer length */
#define AT_CDB           32

#define ANSWER_ROOM      65536 /* of commands other than READ: more than any answers */

#define INVALID_FIELD    5, 0x24, 0x00
#define NO_SUCH_LUN      5, 0x25, 0x00
#define DATA_PHASE_ERROR 0xb, 0x4b, 0x00
#define TOO_LONG         5, 0x55, 0x03 /* insufficient resources */

void
target_task_free (TargetTask *task)
{
  g_free (task->data);
  g_free (task);
}

/* ---- the end of a command ---- */

typedef struct {
  TargetConnection *connection;
  const uint8_t *request; /* its header */
  LunResult result;
  uint32_t wanted; /* bytes the command would have moved */
  uint32_t n_data; /* Data-In and R2T PDUs sent */
} Ending;

static uint32_t
expected (const uint8_t *request)
{
  return lun_be32_get (request + AT_EXPECTED);
}

static void
put_residual (const Ending *ending, uint8_t bhs[TARGET_BHS_LEN])
{
  uint32_t room = expected (ending->request), wanted = ending->wanted;

  if (wanted > room)
    bhs[1] |= FLAG_OVERFLOW;
  else if (wanted < room)
    bhs[1] |= FLAG_UNDERFLOW;
  lun_be32_put (bhs + TARGET_AT_LENGTH, wanted > room ? wanted - room : room - wanted);
}

static bool
send_status (const Ending *ending)
{
  uint8_t bhs[TARGET_BHS_LEN], sense[2 + LUN_SENSE_MAX];
  uint8_t len = ending->result.sense_len;

  target_response_init (bhs, TARGET_SCSI_RESPONSE, ending->request);
  bhs[3] = ending->result.status;
  put_residual (ending, bhs);
  lun_be32_put (bhs + TARGET_AT_DATA_SN, ending->n_data); /* ExpDataSN */
  lun_be16_put (sense, len);
  memcpy (sense + 2, ending->result.sense, len);
  return target_respond (ending->connection, bhs, sense, len ? len + 2u : 0,
                         TARGET_WITH_STATUS);
}

/* The last PDU carries the status. */
static bool
send_data_in (Ending *ending, const uint8_t *data, uint32_t len)
{
  TargetConnection *connection = ending->connection;
  const TargetParams *params = &connection->params;
  uint32_t burst = params->max_burst;
  bool ok = true;

  for (uint32_t at = 0, part; ok && at < len; at += part) {
    uint8_t bhs[TARGET_BHS_LEN];
    uint32_t burst_left = burst - at % burst;
    part = MIN (MIN (len - at, params->peer_max_receive), burst_left);
    bool last = at + part == len;

    target_response_init (bhs, TARGET_DATA_IN, ending->request);
    bhs[1] = last || part == burst_left ? FLAG_FINAL : 0;
    lun_be32_put (bhs + TARGET_AT_TRANSFER_TAG, TARGET_TAG_NONE);
    lun_be32_put (bhs + TARGET_AT_DATA_SN, ending->n_data++);
    lun_be32_put (bhs + TARGET_AT_OFFSET, at);
    if (last) {
      bhs[1] |= FLAG_STATUS;
      put_residual (ending, bhs);
    }
    ok = target_respond (connection, bhs, data + at, part,
                         last ? TARGET_WITH_STATUS : TARGET_WITHOUT_STATUS);
  }
  return ok;
}

static bool
refuse (TargetConnection *connection, const uint8_t *request, uint8_t key, uint8_t asc,
        uint8_t ascq)
{
  Ending ending = { .connection = connection,
                    .request = request,
                    .result = lun_result_check_condition (key, asc, ascq) };

  return send_status (&ending);
}

/* ---- execution ---- */

/* A LUN that is not there says so itself to INQUIRY and REQUEST SENSE. */
static LunResult
execute_elsewhere (TargetConnection *connection, const uint8_t *cdb,
                   const struct iovec *iov)
{
  LunResult result = lun_result_bare (LUN_OUTCOME_GOOD, 0);
  uint8_t data[36] = { 0 };
  size_t len;

  if (cdb[0] == LUN_SCSI_REPORT_LUNS)
    return lun_emul_execute (connection->nexus, cdb, LUN_CDB_MAX, LUN_DIR_IN, iov, 1);
  if (cdb[0] == LUN_SCSI_INQUIRY && !(cdb[1] & 1)) {
    data[0] = 0x7f; /* no device, and there can be none */
    data[2] = 0x06;
    data[3] = 0x02;
    data[4] = sizeof data - 5;
    len = MIN (sizeof data, lun_be16_get (cdb + 3));
  } else if (cdb[0] == LUN_SCSI_REQUEST_SENSE) {
    LunResult sense = lun_result_check_condition (NO_SUCH_LUN);
    memcpy (data, sense.sense, sense.sense_len);
    len = MIN (sense.sense_len, cdb[4]);
  } else {
    return lun_result_check_condition (NO_SUCH_LUN);
  }
  memcpy (iov->iov_base, data, MIN (len, iov->iov_len));
  result.residual = (uint32_t) (iov->iov_len - len);
  return result;
}

static LunResult
execute (TargetConnection *connection, const uint8_t *request, LunDirection dir,
         const struct iovec *iov)
{
  const uint8_t *cdb = request + AT_CDB;

  if (lun_be64_get (request + TARGET_AT_LUN) != 0)
    return execute_elsewhere (connection, cdb, iov);
  return lun_emul_execute (connection->nexus, cdb, LUN_CDB_MAX, dir, iov, 1);
}

/* Bytes of a READ or WRITE; 0 for other commands. */
static uint64_t
block_bytes (const TargetConnection *connection, const uint8_t *cdb)
{
  LunCdbRange range;

  if (cdb[0] == LUN_SCSI_SYNCHRONIZE_CACHE_10 ||
      cdb[0] == LUN_SCSI_SYNCHRONIZE_CACHE_16 ||
      !lun_cdb_range (cdb, LUN_CDB_MAX, &range))
    return 0;
  uint64_t len = (uint64_t) range.blocks * lun_emul_block_size (connection->emul);
  return cdb[0] == LUN_SCSI_COMPARE_AND_WRITE ? 2 * len : len;
}

static void
make_room (TargetConnection *connection, size_t len)
{
  if (connection->buf_len >= len)
    return;
  connection->buf = g_realloc (connection->buf, len);
  connection->buf_len = len;
}

/* The emulation gets room for all that the command can answer; what the initiator has no room
 * for is residual overflow. */
static bool
run_in (TargetConnection *connection, const uint8_t *request)
{
  uint64_t blocks = block_bytes (connection, request + AT_CDB);
  uint64_t len = MAX (MAX (blocks, expected (request)), ANSWER_ROOM);
  Ending ending = { .connection = connection, .request = request };

  if (expected (request) > TARGET_TRANSFER_LIMIT || len > TARGET_TRANSFER_LIMIT)
    return refuse (connection, request, TOO_LONG);
  make_room (connection, (size_t) len);
  struct iovec iov = { connection->buf, (size_t) len };
  ending.result = execute (connection, request, LUN_DIR_IN, &iov);
  if (ending.result.outcome != LUN_OUTCOME_GOOD)
    return send_status (&ending);
  ending.wanted = (uint32_t) len - MIN (ending.result.residual, (uint32_t) len);
  uint32_t moved = MIN (ending.wanted, expected (request));
  return moved > 0 && (request[1] & FLAG_READ)
           ? send_data_in (&ending, connection->buf, moved)
           : send_status (&ending);
}

static bool
run_out (TargetConnection *connection, const TargetTask *task)
{
  uint64_t blocks = block_bytes (connection, task->bhs + AT_CDB);
  struct iovec iov = { task->data, task->len };
  Ending ending = { .connection = connection,
                    .request = task->bhs,
                    .n_data = task->n_r2t };

  ending.result = execute (connection, task->bhs, LUN_DIR_OUT, &iov);
  if (ending.result.outcome == LUN_OUTCOME_GOOD && blocks > task->len)
    ending.wanted = (uint32_t) MIN (blocks, UINT32_MAX);
  else if (ending.result.outcome == LUN_OUTCOME_GOOD)
    ending.wanted = task->len - MIN (ending.result.residual, task->len);
  return send_status (&ending);
}

/* ---- data out ---- */

static bool
send_r2t (TargetConnection *connection, TargetTask *task)
{
  uint8_t bhs[TARGET_BHS_LEN];

  task->end = task->got + MIN (task->len - task->got, connection->params.max_burst);
  task->data_sn = 0;
  task->transfer = connection->last_transfer_tag++ & 0x7fffffff;
  target_response_init (bhs, TARGET_R2T, task->bhs);
  memcpy (bhs + TARGET_AT_LUN, task->bhs + TARGET_AT_LUN, 8);
  lun_be32_put (bhs + TARGET_AT_TRANSFER_TAG, task->transfer);
  lun_be32_put (bhs + TARGET_AT_DATA_SN, task->n_r2t++);
  lun_be32_put (bhs + TARGET_AT_OFFSET, task->got);
  lun_be32_put (bhs + TARGET_AT_LENGTH, task->end - task->got);
  return target_respond (connection, bhs, NULL, 0, TARGET_WITHOUT_STATUS);
}

static TargetTask *
find_task (const TargetConnection *connection, const uint8_t *bhs)
{
  for (guint i = 0; i < connection->tasks->len; i++) {
    TargetTask *task = connection->tasks->pdata[i];
    if (memcmp (task->bhs + TARGET_AT_TASK_TAG, bhs + TARGET_AT_TASK_TAG, 4) == 0)
      return task;
  }
  return NULL;
}

/* All data is here: the command leaves the list before its status is sent, which frees its
 * place in the window. */
static bool
finish (TargetConnection *connection, TargetTask *task)
{
  guint index;

  g_ptr_array_find (connection->tasks, task, &index);
  g_ptr_array_steal_index (connection->tasks, index);
  bool gone = task->resets != atomic_load (&connection->target->resets);
  bool ok = gone || run_out (connection, task);
  target_task_free (task);
  return ok;
}

/* A part is missing, or is not where it should be: the command fails, what comes of it still
 * finds no task. */
static bool
fail_task (TargetConnection *connection, TargetTask *task)
{
  bool ok = refuse (connection, task->bhs, DATA_PHASE_ERROR);

  g_ptr_array_remove (connection->tasks, task);
  return ok;
}

/* After a part has come that may have been the last of its burst. */
static bool
go_on (TargetConnection *connection, TargetTask *task, bool final)
{
  if (!final)
    return task->got < task->end || fail_task (connection, task);
  if (task->transfer != TARGET_TAG_NONE && task->got < task->end)
    return fail_task (connection, task); /* less than asked for */
  return task->got == task->len ? finish (connection, task)
                                : send_r2t (connection, task);
}

bool
target_data_out (TargetConnection *connection, const TargetPdu *pdu)
{
  TargetTask *task = find_task (connection, pdu->bhs);

  if (task == NULL)
    return true; /* of an aborted task */
  if (target_pdu_u32 (pdu, TARGET_AT_TRANSFER_TAG) != task->transfer ||
      target_pdu_u32 (pdu, TARGET_AT_DATA_SN) != task->data_sn ||
      target_pdu_u32 (pdu, TARGET_AT_OFFSET) != task->got ||
      pdu->data_len > task->end - task->got)
    return fail_task (connection, task);
  memcpy (task->data + task->got, pdu->data, pdu->data_len);
  task->got += pdu->data_len;
  task->data_sn++;
  return go_on (connection, task, pdu->bhs[1] & FLAG_FINAL);
}

/* ---- the command ---- */

static TargetTask *
new_task (TargetConnection *connection, const TargetPdu *pdu)
{
  TargetTask *task = g_new0 (TargetTask, 1);

  memcpy (task->bhs, pdu->bhs, TARGET_BHS_LEN);
  task->len = expected (pdu->bhs);
  task->data = g_malloc (task->len + 1);
  task->got = pdu->data_len;
  task->end = MIN (task->len, connection->params.first_burst);
  task->transfer = TARGET_TAG_NONE;
  task->resets = atomic_load (&connection->target->resets);
  memcpy (task->data, pdu->data, pdu->data_len);
  g_ptr_array_add (connection->tasks, task);
  return task;
}

static bool
begin_out (TargetConnection *connection, TargetPdu *pdu)
{
  const TargetParams *params = &connection->params;
  uint32_t len = expected (pdu->bhs);
  bool final = pdu->bhs[1] & FLAG_FINAL;

  if (pdu->data_len > MIN (len, params->first_burst) ||
      (pdu->data_len > 0 && !params->immediate_data) ||
      (!final && params->initial_r2t) || find_task (connection, pdu->bhs) ||
      connection->tasks->len >= 2 * TARGET_WINDOW)
    return false;
  if (len > TARGET_TRANSFER_LIMIT) /* what comes unasked for finds no task */
    return refuse (connection, pdu->bhs, TOO_LONG);
  return go_on (connection, new_task (connection, pdu), final);
}

bool
target_command (TargetConnection *connection, TargetPdu *pdu)
{
  uint8_t direction = pdu->bhs[1] & (FLAG_READ | FLAG_WRITE);

  if (direction == (FLAG_READ | FLAG_WRITE))
    return refuse (connection, pdu->bhs, INVALID_FIELD);
  if (direction == FLAG_WRITE)
    return begin_out (connection, pdu);
  return pdu->data_len == 0 && run_in (connection, pdu->bhs);
}
