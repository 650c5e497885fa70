/* inquiry.c - commands that ask what the LUN is and how it is. */
#include "base/alua.h"
#include "base/be.h"
#include "base/cdb.h"
#include "base/vpd.h"
#include "emul/command.h"

#include <string.h>

#define VENDOR                 "LUNPATH "
#define PRODUCT                "EMULATED LUN    "
#define REVISION               "0001"

#define OPTIMAL_TRANSFER_BYTES (256 * 1024)

LunResult
lun_command_test_unit_ready (LunCommand *command)
{
  return lun_result_good ((uint32_t) command->iov_len);
}

/* ---- INQUIRY ---- */

static size_t
standard_inquiry (const LunEmulCore *core, uint8_t out[96])
{
  static const uint16_t versions[] = {
    0x00a0, /* SAM-5 */
    0x0460, /* SPC-4 */
    0x04c0, /* SBC-3 */
    0x0960, /* iSCSI */
  };

  memset (out, 0, 96);
  out[2] = 0x06; /* SPC-4 */
  out[3] = 0x12; /* HISUP, response data format 2 */
  out[4] = 96 - 5;
  out[5] = core->has_groups ? 0x10 : 0; /* TPGS: groups that change by themselves */
  out[7] = 0x02;                        /* CMDQUE */
  memcpy (out + 8, VENDOR, 8);
  memcpy (out + 16, PRODUCT, 16);
  memcpy (out + 32, REVISION, 4);
  for (size_t i = 0; i < G_N_ELEMENTS (versions); i++)
    lun_be16_put (out + 58 + 2 * i, versions[i]);
  return 96;
}

static size_t
vpd_page (const LunEmulNexus *nexus, uint8_t page, uint8_t *out)
{
  const LunEmul *emul = nexus->emul;
  uint16_t target_port = emul->state->core.ports[nexus->port].target_port;
  LunBlockLimits limits = {
    .max_caw_blocks = (uint8_t) MIN (LUN_STATE_CAW_MAX / emul->block_size, 255),
    .optimal_transfer_blocks = OPTIMAL_TRANSFER_BYTES / emul->block_size,
  };

  switch (page) {
  case LUN_VPD_SUPPORTED:
    return lun_vpd_supported_encode (out);
  case LUN_VPD_SERIAL:
    return lun_vpd_serial_encode (emul->uuid, out);
  case LUN_VPD_DEVICE_ID:
    return lun_vpd_port_append (
      target_port, target_port, out,
      lun_vpd_device_id_encode (emul->state->uuid, VENDOR, emul->uuid, out));
  case LUN_VPD_BLOCK_LIMITS:
    return lun_vpd_block_limits_encode (&limits, out);
  case LUN_VPD_CHARACTERISTICS:
    return lun_vpd_characteristics_encode (out);
  default:
    return 0;
  }
}

LunResult
lun_command_inquiry (LunCommand *command)
{
  const uint8_t *cdb = command->cdb;
  uint8_t out[LUN_VPD_MAX_LEN];
  bool vpd = cdb[1] & 0x01;

  if ((cdb[1] & ~0x01) || (!vpd && cdb[2] != 0))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  size_t len = vpd ? vpd_page (command->nexus, cdb[2], out)
                   : standard_inquiry (&command->emul->state->core, out);
  if (len == 0)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  return lun_command_reply (command, out, len, lun_be16_get (cdb + 3));
}

/* ---- target port groups ---- */

LunResult
lun_command_maintenance_in (LunCommand *command)
{
  const LunEmulCore *core = &command->emul->state->core;
  uint8_t out[LUN_PORT_GROUPS_BYTES (LUN_EMUL_GROUPS)];

  if (command->cdb[1] != LUN_SCSI_MI_REPORT_TARGET_PORT_GROUPS)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  size_t len = lun_port_groups_encode (core->alua, LUN_EMUL_GROUPS, out);
  return lun_command_reply (command, out, len, lun_be32_get (command->cdb + 6));
}

/* ---- sense, LUNs, modes ---- */

/* A pending unit attention is reported as data, and is gone then. */
LunResult
lun_command_request_sense (LunCommand *command)
{
  uint8_t out[LUN_SENSE_FIXED_LEN];
  bool descriptor = command->cdb[1] & 0x01;
  LunAsc asc =
    lun_command_take_attention (command->emul, command->nexus->port, UINT32_MAX);
  uint8_t key = asc == LUN_ASC_NONE ? 0 : LUN_SENSE_UNIT_ATTENTION;

  return lun_command_reply (command, out, lun_sense_encode (key, asc, descriptor, out),
                            command->cdb[4]);
}

LunResult
lun_command_report_luns (LunCommand *command)
{
  uint8_t out[16] = { 0 }; /* LUN 0 */

  if (command->cdb[2] > 0x02)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  bool well_known_only = command->cdb[2] == 0x01;
  out[3] = well_known_only ? 0 : 8;
  return lun_command_reply (command, out, well_known_only ? 8 : 16,
                            lun_be32_get (command->cdb + 6));
}

static size_t
put_mode_page (uint8_t *p, uint8_t page, uint8_t len)
{
  memset (p, 0, len + 2u);
  p[0] = page;
  p[1] = len;
  return len + 2u;
}

LunResult
lun_command_mode_sense_6 (LunCommand *command)
{
  uint8_t out[64] = { 0 };
  size_t len = 4;
  uint8_t page = command->cdb[2] & 0x3f;
  bool changeable = command->cdb[2] >> 6 == 1; /* nothing is */

  if ((page != 0x08 && page != 0x0a && page != 0x3f) ||
      (command->cdb[3] != 0 && command->cdb[3] != 0xff))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (page != 0x0a) { /* caching */
    len += put_mode_page (out + len, 0x08, 0x12);
    out[len - 0x12] = changeable ? 0 : 0x04; /* WCE */
  }
  if (page != 0x08) /* control */
    len += put_mode_page (out + len, 0x0a, 0x0a);
  out[0] = (uint8_t) (len - 1);
  out[2] = (uint8_t) (0x10 | (command->emul->read_only ? 0x80 : 0)); /* DPOFUA, WP */
  return lun_command_reply (command, out, len, command->cdb[4]);
}

/* ---- capacity ---- */

LunResult
lun_command_read_capacity_10 (LunCommand *command)
{
  uint8_t out[8];
  uint64_t last = command->emul->n_blocks - 1;

  lun_be32_put (out, last > UINT32_MAX ? UINT32_MAX : (uint32_t) last);
  lun_be32_put (out + 4, command->emul->block_size);
  return lun_command_reply (command, out, sizeof out, sizeof out);
}

LunResult
lun_command_service_action_in (LunCommand *command)
{
  LunCapacity capacity = { .n_blocks = command->emul->n_blocks,
                           .block_size = command->emul->block_size };
  uint8_t out[LUN_READ_CAPACITY_16_LEN];

  if ((command->cdb[1] & 0x1f) != LUN_SCSI_SAI_READ_CAPACITY_16)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  lun_capacity_encode (&capacity, out);
  return lun_command_reply (command, out, sizeof out, lun_be32_get (command->cdb + 10));
}
