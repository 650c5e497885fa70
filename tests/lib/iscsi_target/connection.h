/* connection.h - one connection, which is one session: its state and what its parts call.
 *
 * Belongs to its thread.  Others look at `initiator`, `isid`, `full_feature` under the target's
 * lock, and may shut the socket down.
 */
#pragma once

#include "lib/iscsi_target/pdu.h"
#include "lib/iscsi_target/target.h"

#include <lunpath/emul.h>

#define TARGET_WINDOW         64 /* commands under way in a session */
#define TARGET_TRANSFER_LIMIT (16u << 20)

/* A command that takes data from the initiator. */
typedef struct {
  uint8_t bhs[TARGET_BHS_LEN];
  uint8_t *data;
  uint32_t len;      /* expected data transfer length */
  uint32_t got;      /* bytes that have come, in order */
  uint32_t end;      /* where the burst under way ends at the latest */
  uint32_t data_sn;  /* of the next Data-Out in this burst */
  uint32_t transfer; /* transfer tag of the R2T; TARGET_TAG_NONE: unsolicited data */
  uint32_t n_r2t;
  uint32_t resets; /* of the target when the command came */
} TargetTask;

struct TargetConnection {
  Target *target;
  int fd;
  TargetParams params;
  char *initiator;
  uint8_t isid[6];
  bool discovery;
  bool full_feature;
  uint16_t tsih;
  uint32_t stat_sn;    /* of the next response with a status */
  uint32_t exp_cmd_sn; /* of the next command */
  uint32_t last_transfer_tag;
  LunEmul *emul;
  LunEmulNexus *nexus;
  GPtrArray *tasks; /* TargetTask, waiting for data */
  uint8_t *buf;     /* for data in */
  size_t buf_len;
};

/* Login until full feature phase; false: the connection ends. */
bool target_login (TargetConnection *connection);

/* Requests until the connection ends. */
void target_connection_run (TargetConnection *connection);

/* Fills in the counters of a response, and sends it.  Status numbers count when WITH_STATUS. */
typedef enum {
  TARGET_WITHOUT_STATUS,
  TARGET_WITH_STATUS,
} TargetStatus;

bool target_respond (TargetConnection *connection, uint8_t bhs[TARGET_BHS_LEN],
                     const void *data, uint32_t len, TargetStatus status);
/* A response to PDU: opcode, final bit, task tag. */
void target_response_init (uint8_t bhs[TARGET_BHS_LEN], TargetOpcode opcode,
                           const uint8_t request[TARGET_BHS_LEN]);
bool target_reject (TargetConnection *connection, const TargetPdu *pdu,
                    TargetRejectReason reason);

/* command.c: false = the connection ends. */
bool target_command (TargetConnection *connection, TargetPdu *pdu);
bool target_data_out (TargetConnection *connection, const TargetPdu *pdu);
void target_task_free (TargetTask *task);
