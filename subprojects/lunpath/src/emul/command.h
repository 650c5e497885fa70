/* command.h - the commands of an emulated LUN, one function each.
 *
 * A command is given its CDB and data buffers and returns how it ended.  Who may execute it (unit
 * attention, reservations) was decided before by admit() in execute.c, inside the lock; commands that
 * change or read `core` run inside the lock, the others outside.
 */
#pragma once

#include "emul/result.h"
#include "emul/state.h"

typedef struct {
  LunEmulNexus *nexus;
  LunEmul *emul;
  const uint8_t *cdb;
  size_t cdb_len;
  const struct iovec *iov; /* data in or data out */
  int n_iov;
  size_t iov_len;
} LunCommand;

/* Sends LEN bytes as data in, cut to the CDB's allocation length and the buffers. */
LunResult lun_command_reply (const LunCommand *command, const void *data, size_t len,
                             size_t alloc_len);

/* inquiry.c: what the LUN is */
LunResult lun_command_test_unit_ready (LunCommand *command);
LunResult lun_command_inquiry (LunCommand *command);
LunResult lun_command_request_sense (LunCommand *command);
LunResult lun_command_maintenance_in (LunCommand *command);
LunResult lun_command_report_luns (LunCommand *command);
LunResult lun_command_mode_sense_6 (LunCommand *command);
LunResult lun_command_read_capacity_10 (LunCommand *command);
LunResult lun_command_service_action_in (LunCommand *command);

/* io.c: the blocks */
LunResult lun_command_read (LunCommand *command);
LunResult lun_command_write (LunCommand *command);
LunResult lun_command_synchronize_cache (LunCommand *command);
LunResult lun_command_compare_and_write (LunCommand *command);

/* reserve.c: reservations */
LunResult lun_command_reserve_6 (LunCommand *command);
LunResult lun_command_release_6 (LunCommand *command);
LunResult lun_command_pr_in (LunCommand *command);
LunResult lun_command_pr_out (LunCommand *command);

/* execute.c: what a port's next command meets before it is executed; takes the unit attention
 * that it reports.  Inside the lock.  Null result pointer content is untouched when true. */
bool lun_command_admit (LunEmulNexus *nexus, LunAccess access, LunResult *refusal);
/* The most urgent pending unit attention of PORT, cleared; LUN_ASC_NONE = none.  Inside the
 * lock. */
LunAsc lun_command_take_attention (LunEmul *emul, unsigned port, uint32_t among);
