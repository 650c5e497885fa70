/* execute.c - one command from CDB to result: the table of commands and the way in.
 *
 * Order in which a refusal is chosen (SAM-5 5.3.3): unit attention 29h, RESERVATION CONFLICT,
 * other unit attentions, the state of the target port (ALUA), then whatever the command itself finds
 * wrong.
 */
#include "base/cdb.h"
#include "base/iov.h"
#include "emul/command.h"

typedef LunResult (*CommandRun) (LunCommand *command);

typedef struct {
  uint8_t opcode;
  LunAccess access;
  bool inside_lock; /* admitted and run inside the lock; else the command sees to it */
  CommandRun run;
} CommandKind;

static const CommandKind kinds[] = {
  { LUN_SCSI_READ_16, LUN_ACCESS_READ, false, lun_command_read },
  { LUN_SCSI_WRITE_16, LUN_ACCESS_WRITE, false, lun_command_write },
  { LUN_SCSI_COMPARE_AND_WRITE, LUN_ACCESS_WRITE, false,
    lun_command_compare_and_write },
  { LUN_SCSI_SYNCHRONIZE_CACHE_16, LUN_ACCESS_WRITE, false,
    lun_command_synchronize_cache },
  { LUN_SCSI_SYNCHRONIZE_CACHE_10, LUN_ACCESS_WRITE, false,
    lun_command_synchronize_cache },
  { LUN_SCSI_READ_6, LUN_ACCESS_READ, false, lun_command_read },
  { LUN_SCSI_READ_10, LUN_ACCESS_READ, false, lun_command_read },
  { LUN_SCSI_READ_12, LUN_ACCESS_READ, false, lun_command_read },
  { LUN_SCSI_WRITE_6, LUN_ACCESS_WRITE, false, lun_command_write },
  { LUN_SCSI_WRITE_10, LUN_ACCESS_WRITE, false, lun_command_write },
  { LUN_SCSI_WRITE_12, LUN_ACCESS_WRITE, false, lun_command_write },
  { LUN_SCSI_TEST_UNIT_READY, LUN_ACCESS_READY, true, lun_command_test_unit_ready },
  { LUN_SCSI_REQUEST_SENSE, LUN_ACCESS_ALWAYS, true, lun_command_request_sense },
  { LUN_SCSI_INQUIRY, LUN_ACCESS_ALWAYS, true, lun_command_inquiry },
  { LUN_SCSI_MAINTENANCE_IN, LUN_ACCESS_ALWAYS, true, lun_command_maintenance_in },
  { LUN_SCSI_REPORT_LUNS, LUN_ACCESS_ALWAYS, true, lun_command_report_luns },
  { LUN_SCSI_MODE_SENSE_6, LUN_ACCESS_MODE, true, lun_command_mode_sense_6 },
  { LUN_SCSI_READ_CAPACITY_10, LUN_ACCESS_STATE, true, lun_command_read_capacity_10 },
  { LUN_SCSI_SERVICE_ACTION_IN_16, LUN_ACCESS_STATE, true,
    lun_command_service_action_in },
  { LUN_SCSI_RESERVE_6, LUN_ACCESS_RESERVE_6, true, lun_command_reserve_6 },
  { LUN_SCSI_RELEASE_6, LUN_ACCESS_RESERVE_6, true, lun_command_release_6 },
  { LUN_SCSI_PERSISTENT_RESERVE_IN, LUN_ACCESS_PR, true, lun_command_pr_in },
  { LUN_SCSI_PERSISTENT_RESERVE_OUT, LUN_ACCESS_PR, false, lun_command_pr_out },
};

static const CommandKind *
find_kind (uint8_t opcode)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].opcode == opcode)
      return &kinds[i];
  return NULL;
}

/* ---- admission ---- */

static LunAsc
attention_asc (uint32_t bit)
{
  switch ((LunUnitAttention) bit) {
  case LUN_UA_POWER_ON:
    return LUN_ASC_POWER_ON;
  case LUN_UA_RESET:
    return LUN_ASC_DEVICE_RESET;
  case LUN_UA_NEXUS_LOSS:
    return LUN_ASC_NEXUS_LOSS;
  case LUN_UA_RESERVATIONS_PREEMPTED:
    return LUN_ASC_RESERVATIONS_PREEMPTED;
  case LUN_UA_RESERVATIONS_RELEASED:
    return LUN_ASC_RESERVATIONS_RELEASED;
  case LUN_UA_REGISTRATIONS_PREEMPTED:
    return LUN_ASC_REGISTRATIONS_PREEMPTED;
  case LUN_UA_ALUA_CHANGED:
    return LUN_ASC_ALUA_CHANGED;
  }
  return LUN_ASC_NONE;
}

/* One word changes, and the gate follows from it: no undo copy needed, recovery recomputes the
 * gates. */
LunAsc
lun_command_take_attention (LunEmul *emul, unsigned port, uint32_t among)
{
  LunEmulState *state = emul->state;
  uint32_t *attentions = &state->core.ports[port].attentions;
  uint32_t bit = *attentions & among & -(*attentions & among);

  if (bit == 0)
    return LUN_ASC_NONE;
  *attentions &= ~bit;
  if (*attentions == 0)
    atomic_fetch_and (&state->gates[port], ~(uint32_t) LUN_GATE_ATTENTION);
  return attention_asc (bit);
}

static bool
report_attention (LunEmulNexus *nexus, uint32_t among, LunResult *refusal)
{
  LunAsc asc = lun_command_take_attention (nexus->emul, nexus->port, among);

  if (asc == LUN_ASC_NONE)
    return false;
  *refusal = lun_result_check (LUN_SENSE_UNIT_ATTENTION, asc);
  return true;
}

/* A SCSI-2 reservation ends with the I_T nexus: its process may have died. */
static bool
drop_orphaned_scsi2 (LunEmul *emul)
{
  LunEmulCore *core = &emul->state->core;

  if (!core->scsi2 || lun_state_port_is_open (emul, core->scsi2_holder))
    return false;
  lun_state_begin (emul);
  core->scsi2 = false;
  lun_state_commit (emul);
  return true;
}

bool
lun_command_admit (LunEmulNexus *nexus, LunAccess access, LunResult *refusal)
{
  LunEmul *emul = nexus->emul;
  const LunEmulCore *core = &emul->state->core;

  if (access == LUN_ACCESS_ALWAYS)
    return true;
  if (report_attention (nexus, LUN_UA_RESETS, refusal))
    return false;
  if (!lun_core_permits (core, nexus->port, access) &&
      !(drop_orphaned_scsi2 (emul) && lun_core_permits (core, nexus->port, access))) {
    *refusal = lun_result_conflict ();
    return false;
  }
  if (report_attention (nexus, UINT32_MAX, refusal))
    return false;
  uint8_t ascq = lun_core_not_ready (core, nexus->port, access);
  if (ascq != 0)
    *refusal =
      lun_result_check (LUN_SENSE_NOT_READY, (LunAsc) (LUN_ASC_NOT_READY | ascq));
  return ascq == 0;
}

/* ---- execution ---- */

LunResult
lun_command_reply (const LunCommand *command, const void *data, size_t len,
                   size_t alloc_len)
{
  size_t moved =
    lun_iov_scatter (command->iov, command->n_iov, data, MIN (len, alloc_len));

  return lun_result_good ((uint32_t) (command->iov_len - moved));
}

static LunResult
run_inside_lock (const CommandKind *kind, LunCommand *command)
{
  LunResult result;

  lun_state_lock (command->emul);
  if (lun_command_admit (command->nexus, kind->access, &result))
    result = kind->run (command);
  lun_state_unlock (command->emul);
  return result;
}

static LunDirection
kind_direction (const CommandKind *kind)
{
  bool out = kind->opcode == LUN_SCSI_PERSISTENT_RESERVE_OUT ||
             kind->run == lun_command_write ||
             kind->run == lun_command_compare_and_write;

  return out ? LUN_DIR_OUT : LUN_DIR_IN;
}

/* Buffers of the wrong direction stay untouched. */
static LunResult
run_without_data (const CommandKind *kind, LunCommand *command, const struct iovec *iov,
                  int n_iov)
{
  LunResult result =
    kind->inside_lock ? run_inside_lock (kind, command) : kind->run (command);

  if (result.outcome == LUN_OUTCOME_GOOD)
    result.residual = (uint32_t) lun_iov_len (iov, n_iov);
  return result;
}

LunResult
lun_emul_execute (LunEmulNexus *nexus, const uint8_t *cdb, size_t cdb_len,
                  LunDirection dir, const struct iovec *iov, int n_iov)
{
  LunCommand command = {
    .nexus = nexus, .emul = nexus->emul, .cdb = cdb, .cdb_len = cdb_len
  };
  const CommandKind *kind = cdb_len > 0 ? find_kind (cdb[0]) : NULL;

  if (kind == NULL)
    return lun_result_illegal (LUN_ASC_INVALID_OPCODE);
  if (cdb_len < lun_cdb_len (cdb[0]))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (dir != kind_direction (kind))
    return run_without_data (kind, &command, iov, n_iov);
  command.iov = iov;
  command.n_iov = n_iov;
  command.iov_len = lun_iov_len (iov, n_iov);
  return kind->inside_lock ? run_inside_lock (kind, &command) : kind->run (&command);
}
