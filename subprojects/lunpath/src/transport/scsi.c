#include "transport/scsi.h"

#include "base/be.h"
#include "base/sense.h"
#include "base/vpd.h"

#include <string.h>

#define PAGE_LEN          1024
#define GROUPS_LEN        1024 /* parameter data about target port groups */
#define DEPTH_DEFAULT     8
#define DEPTH_MAX         16

#define TRIES             5 /* unit attentions come first, one at a time */

/* Others may have reserved the LUN for a moment (swap.h). */
#define CONFLICT_TRIES    100
#define CONFLICT_PAUSE_US 5000

/* ---- commands and results ---- */

LunCdb
lun_scsi_cdb (const LunIo *io)
{
  LunCdb cdb = { .len = io->cdb_len };

  switch (io->op) {
  case LUN_OP_READ:
    return lun_cdb_read_16 (io->lba, io->blocks);
  case LUN_OP_WRITE:
    return lun_cdb_write_16 (io->lba, io->blocks);
  case LUN_OP_FLUSH:
    return lun_cdb_synchronize_cache_16 (0, 0);
  case LUN_OP_COMPARE_AND_WRITE:
    return lun_cdb_compare_and_write (io->lba, (uint8_t) io->blocks);
  case LUN_OP_CDB:
    memcpy (cdb.b, io->cdb, sizeof cdb.b);
    return cdb;
  }
  g_assert_not_reached ();
}

LunDirection
lun_scsi_direction (const LunIo *io)
{
  switch (io->op) {
  case LUN_OP_READ:
    return LUN_DIR_IN;
  case LUN_OP_WRITE:
  case LUN_OP_COMPARE_AND_WRITE:
    return LUN_DIR_OUT;
  case LUN_OP_FLUSH:
    return LUN_DIR_NONE;
  case LUN_OP_CDB:
    return io->n_iov > 0 ? io->direction : LUN_DIR_NONE;
  }
  g_assert_not_reached ();
}

static LunOutcome
outcome_of (uint8_t status)
{
  switch (status) {
  case LUN_SCSI_GOOD:
    return LUN_OUTCOME_GOOD;
  case LUN_SCSI_CHECK_CONDITION:
    return LUN_OUTCOME_CHECK_CONDITION;
  case LUN_SCSI_RESERVATION_CONFLICT:
    return LUN_OUTCOME_RESERVATION_CONFLICT;
  case LUN_SCSI_BUSY:
  case LUN_SCSI_TASK_SET_FULL:
  case LUN_SCSI_ACA_ACTIVE:
    return LUN_OUTCOME_BUSY;
  case LUN_SCSI_TASK_ABORTED:
    return LUN_OUTCOME_ABORTED;
  default:
    return LUN_OUTCOME_TRANSPORT_ERROR;
  }
}

LunResult
lun_scsi_result (uint8_t status, const uint8_t *sense, size_t sense_len)
{
  LunResult result = { .outcome = outcome_of (status), .status = status };

  if (result.outcome == LUN_OUTCOME_CHECK_CONDITION) {
    result.sense_len = (uint8_t) MIN (sense_len, LUN_SENSE_MAX);
    memcpy (result.sense, sense, result.sense_len);
  }
  return result;
}

bool
lun_scsi_depth (const LunPathName *name, uint64_t *depth, GError **error)
{
  static const char *const known[] = { "depth", NULL };

  if (!lun_path_name_only (name, known, error) ||
      !lun_path_name_number (name, "depth", DEPTH_DEFAULT, depth, error))
    return false;
  if (*depth > 0 && *depth <= DEPTH_MAX)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "path name \"%s\": depth=N wants 1 to %d", name->text, DEPTH_MAX);
  return false;
}

/* ---- questions ---- */

static bool
is_attention (const LunResult *result)
{
  LunSense sense;

  return lun_result_sense (result, &sense) && sense.key == LUN_SENSE_UNIT_ATTENTION;
}

static LunResult
ask (void *target, LunScsiRun run, LunCdb cdb, void *data, size_t len)
{
  int attentions = 0, conflicts = 0;

  for (;;) {
    memset (data, 0, len);
    LunResult result = run (target, &cdb, LUN_DIR_IN, data, len);
    if (is_attention (&result) && ++attentions < TRIES)
      continue;
    if (result.outcome != LUN_OUTCOME_RESERVATION_CONFLICT ||
        ++conflicts == CONFLICT_TRIES)
      return result;
    g_usleep (CONFLICT_PAUSE_US);
  }
}

bool
lun_scsi_ask (void *target, LunScsiRun run, LunCdb cdb, void *data, size_t len)
{
  return ask (target, run, cdb, data, len).outcome == LUN_OUTCOME_GOOD;
}

static bool
fail (const LunResult *result, const char *what, const char *where, GError **error)
{
  g_autofree char *why = lun_result_text (result);

  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s: %s", where, what, why);
  return false;
}

static bool
check_is_disk (void *target, LunScsiRun run, const char *where, GError **error)
{
  uint8_t data[36];
  LunResult result =
    ask (target, run, lun_cdb_inquiry (sizeof data), data, sizeof data);

  if (result.outcome != LUN_OUTCOME_GOOD)
    return fail (&result, "INQUIRY", where, error);
  if (data[0] == 0) /* qualifier: connected; type: direct access */
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
               "%s: is no disk (SCSI peripheral qualifier %u, type %02xh)", where,
               data[0] >> 5, data[0] & 0x1f);
  return false;
}

/* Leaves OUT as it is when the target does not tell. */
static bool
ask_capacity (void *target, LunScsiRun run, const char *where, LunScsiLun *out,
              GError **error)
{
  uint8_t data[LUN_READ_CAPACITY_16_LEN];
  LunCapacity capacity;
  LunResult result =
    ask (target, run, lun_cdb_read_capacity_16 (sizeof data), data, sizeof data);

  if (result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    return true;
  if (result.outcome != LUN_OUTCOME_GOOD)
    return fail (&result, "READ CAPACITY(16)", where, error);
  if (!lun_capacity_decode (data, sizeof data, &capacity)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO,
                 "%s: READ CAPACITY(16) answers what makes no sense", where);
    return false;
  }
  out->block_size = capacity.block_size;
  out->n_blocks = capacity.n_blocks;
  return true;
}

bool
lun_scsi_probe (void *target, LunScsiRun run, const char *where, LunScsiLun *out,
                GError **error)
{
  uint8_t page[64];
  LunBlockLimits limits;

  *out = (LunScsiLun){ 0 };
  if (!check_is_disk (target, run, where, error) ||
      !ask_capacity (target, run, where, out, error))
    return false;
  LunResult result =
    ask (target, run, lun_cdb_inquiry_vpd (LUN_VPD_BLOCK_LIMITS, sizeof page), page,
         sizeof page);
  if (result.outcome == LUN_OUTCOME_GOOD &&
      lun_vpd_block_limits_decode (page, sizeof page, &limits))
    out->max_transfer_blocks = limits.max_transfer_blocks;
  return true;
}

/* ---- identity ---- */

static char *
ask_serial (void *target, LunScsiRun run)
{
  char page[LUN_VPD_MAX_LEN] = { 0 };
  LunResult result =
    ask (target, run, lun_cdb_inquiry_vpd (LUN_VPD_SERIAL, sizeof page - 1), page,
         sizeof page - 1);
  size_t len;

  if (result.outcome != LUN_OUTCOME_GOOD || (uint8_t) page[1] != LUN_VPD_SERIAL)
    return NULL;
  len = MIN (lun_be16_get ((const uint8_t *) page + 2), sizeof page - 5);
  g_autofree char *text = g_strndup (page + 4, len);
  g_strdelimit (text, "|&?%\t", '_');
  return *g_strstrip (text) ? g_steal_pointer (&text) : NULL;
}

/* Given out by an authority, so that no two LUNs of the world have it. */
static bool
is_worldwide (const char *designator)
{
  return g_str_has_prefix (designator, "naa.6") ||
         g_str_has_prefix (designator, "naa.5") ||
         g_str_has_prefix (designator, "naa.2") ||
         g_str_has_prefix (designator, "eui.");
}

char *
lun_scsi_identify (void *target, LunScsiRun run, const char *where, GError **error)
{
  uint8_t page[PAGE_LEN];
  LunResult result =
    ask (target, run, lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, sizeof page), page,
         sizeof page);
  g_autofree char *designator = NULL, *serial = NULL;

  if (result.outcome == LUN_OUTCOME_GOOD)
    designator = lun_vpd_device_id_decode (page, sizeof page);
  if (designator && is_worldwide (designator))
    return g_steal_pointer (&designator);
  if (result.outcome == LUN_OUTCOME_GOOD ||
      result.outcome == LUN_OUTCOME_CHECK_CONDITION)
    serial = ask_serial (target, run);
  if (serial)
    return designator ? g_strdup_printf ("%s:%s", designator, serial)
                      : g_strdup_printf ("serial.%s", serial);
  if (designator)
    return g_steal_pointer (&designator);
  g_autofree char *why = lun_result_text (&result);
  g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
               "%s: the LUN does not say who it is (VPD pages 83h and 80h: %s)", where,
               why);
  return NULL;
}

/* ---- target port groups ---- */

bool
lun_scsi_group_state (void *target, LunScsiRun run, LunAlua *state)
{
  uint8_t data[GROUPS_LEN];
  uint16_t group;

  return lun_scsi_ask (target, run, lun_cdb_inquiry (96), data, 96) &&
         lun_alua_has_groups (data, 96) &&
         lun_scsi_ask (target, run, lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, 252), data,
                       252) &&
         lun_alua_group_decode (data, 252, &group) &&
         lun_scsi_ask (target, run, lun_cdb_report_target_port_groups (sizeof data),
                       data, sizeof data) &&
         lun_port_groups_decode (data, sizeof data, group, state);
}
