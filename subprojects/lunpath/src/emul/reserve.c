/* reserve.c - reservation commands: parameter lists in and out around persist.h's rules. */
#include "base/be.h"
#include "base/iov.h"
#include "emul/command.h"
#include "emul/persist.h"

#include <string.h>

#define PARAMETERS_MAX 1024 /* REGISTER AND MOVE with the longest name is far shorter */

/* ---- RESERVE(6), RELEASE(6) ---- */

static LunResult
set_scsi2 (LunEmul *emul, bool reserved, unsigned holder)
{
  lun_state_begin (emul);
  emul->state->core.scsi2 = reserved;
  emul->state->core.scsi2_holder = (uint16_t) holder;
  lun_state_commit (emul);
  return lun_result_good (0);
}

/* Someone else's SCSI-2 reservation, and he is still there. */
static bool
scsi2_is_foreign (LunEmul *emul, unsigned port)
{
  const LunEmulCore *core = &emul->state->core;

  return core->scsi2 && core->scsi2_holder != port &&
         lun_state_port_is_open (emul, core->scsi2_holder);
}

static LunResult
command_6 (LunCommand *command, bool reserve)
{
  LunEmul *emul = command->emul;
  const LunEmulCore *core = &emul->state->core;
  unsigned port = command->nexus->port;

  if ((command->cdb[1] & 0x1f) != 0) /* third party and extents */
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (lun_core_n_registered (core) > 0)
    return lun_persist_tolerates_scsi2 (core, port) ? lun_result_good (0)
                                                    : lun_result_conflict ();
  if (scsi2_is_foreign (emul, port))
    return reserve ? lun_result_conflict () : lun_result_good (0);
  return set_scsi2 (emul, reserve, port);
}

LunResult
lun_command_reserve_6 (LunCommand *command)
{
  return command_6 (command, true);
}

LunResult
lun_command_release_6 (LunCommand *command)
{
  return command_6 (command, false);
}

/* ---- PERSISTENT RESERVE IN ---- */

LunResult
lun_command_pr_in (LunCommand *command)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  if (!lun_persist_in (&command->emul->state->core, command->cdb[1] & 0x1f, out))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  return lun_command_reply (command, out->data, out->len,
                            lun_be16_get (command->cdb + 7));
}

/* ---- PERSISTENT RESERVE OUT ---- */

static LunResult
move (LunCommand *command, const uint8_t *data, size_t len)
{
  LunEmul *emul = command->emul;
  LunEmulCore *core = &emul->state->core;
  LunPrMove list;

  if (len < 24)
    return lun_result_illegal (LUN_ASC_PARAMETER_LIST_LENGTH);
  if (!lun_pr_move_decode (data, len, &list))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_PARAMETERS);
  g_autofree char *name = list.port;
  LunResult result = lun_persist_check_move (core, command->nexus->port, &list);
  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;

  lun_state_begin (emul);
  int to = lun_state_make_port (emul, name, list.relative_port);
  if (to >= 0)
    lun_persist_move (core, command->nexus->port, (unsigned) to, &list);
  lun_state_commit (emul);
  return to >= 0 ? result : lun_result_illegal (LUN_ASC_NO_REGISTRATION_RESOURCES);
}

static LunResult
other_action (LunCommand *command, const uint8_t *data, size_t len,
              LunPortSet *preempted)
{
  LunEmul *emul = command->emul;
  LunPersistOut out = { .action = command->cdb[1] & 0x1f,
                        .scope = command->cdb[2] >> 4,
                        .type = command->cdb[2] & 0x0f };

  if (len != LUN_PR_OUT_LEN || !lun_pr_out_decode (data, len, &out.param))
    return lun_result_illegal (LUN_ASC_PARAMETER_LIST_LENGTH);
  lun_state_begin (emul);
  LunResult result =
    lun_persist_out (&emul->state->core, command->nexus->port, &out, preempted);
  lun_state_commit (emul);
  return result;
}

static LunResult
pr_out_locked (LunCommand *command, const uint8_t *data, size_t len,
               LunPortSet *preempted)
{
  LunResult refusal;

  if (!lun_command_admit (command->nexus, LUN_ACCESS_PR, &refusal))
    return refusal;
  if ((command->cdb[1] & 0x1f) == LUN_PR_OUT_REGISTER_AND_MOVE)
    return move (command, data, len);
  return other_action (command, data, len, preempted);
}

LunResult
lun_command_pr_out (LunCommand *command)
{
  uint8_t data[PARAMETERS_MAX];
  LunPortSet preempted = { { 0 } };
  uint32_t len = lun_be32_get (command->cdb + 5);

  if (len > sizeof data || len > command->iov_len)
    return lun_result_illegal (LUN_ASC_PARAMETER_LIST_LENGTH);
  lun_iov_gather (command->iov, command->n_iov, data, len);

  lun_state_lock (command->emul);
  LunResult result = pr_out_locked (command, data, len, &preempted);
  lun_state_unlock (command->emul);
  if (result.outcome != LUN_OUTCOME_GOOD)
    return result;
  result.residual = (uint32_t) (command->iov_len - len);

  /* The change is made; only writes under way are left. */
  if ((command->cdb[1] & 0x1f) == LUN_PR_OUT_PREEMPT_AND_ABORT &&
      !lun_state_drain (command->emul, preempted.bits))
    return lun_result_check (LUN_SENSE_HARDWARE_ERROR, LUN_ASC_INTERNAL_TARGET_FAILURE);
  return result;
}
