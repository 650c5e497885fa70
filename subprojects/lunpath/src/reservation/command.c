/* reservation/command.c - one PERSISTENT RESERVE command over one path.
 *
 * A unit attention is noted and the command sent again, a busy target is asked again until the
 * configured time is over.  What an end means for the procedure is its business.
 */
#include "reservation/reservation.h"

#include "base/sense.h"

#include <string.h>

/* A reset, a preempt and a changed type can be queued for one path at once. */
#define ATTENTIONS_MAX     6
#define PAUSE_MIN_US       1000
#define PAUSE_MAX_US       (200 * 1000)
#define DEFAULT_TIMEOUT_MS 10000

static void
note_attention (LunReservation *r, unsigned path, const LunSense *sense)
{
  g_info ("%s: unit attention %02x/%02x", r->port.ops->path_name (r->port.data, path),
          sense->asc, sense->ascq);
  if (sense->asc == 0x29)
    r->saw_reset = true;
  if (sense->asc == 0x29 && sense->ascq == 0x01)
    r->saw_power_on = true;
  if (sense->asc == 0x2a && (sense->ascq == 0x03 || sense->ascq == 0x05))
    r->saw_preempted = true;
}

typedef enum {
  END_GOOD,
  END_CONFLICT,
  END_REFUSED,
  END_LOST,
  END_ATTENTION,
  END_BUSY,
} End;

static End
sort_sense (const LunSense *sense)
{
  switch (sense->key) {
  case LUN_SENSE_NONE:
  case LUN_SENSE_RECOVERED:
  case LUN_SENSE_COMPLETED:
    return END_GOOD;
  case LUN_SENSE_UNIT_ATTENTION:
    return END_ATTENTION;
  case LUN_SENSE_ILLEGAL_REQUEST:
    return END_REFUSED;
  case LUN_SENSE_NOT_READY:
    if (sense->asc == 0x04 && (sense->ascq == 0x01 || sense->ascq == 0x0a))
      return END_BUSY;
    /* LIO's answer to a RESERVE of a path that is not registered: 08h, communication failure */
    return sense->asc == 0x08 ? END_CONFLICT : END_LOST;
  default:
    return END_LOST;
  }
}

static End
sort (LunReservation *r, unsigned path, const LunResult *result)
{
  LunSense sense;

  switch (result->outcome) {
  case LUN_OUTCOME_GOOD:
    return END_GOOD;
  case LUN_OUTCOME_RESERVATION_CONFLICT:
    return END_CONFLICT;
  case LUN_OUTCOME_BUSY:
    return END_BUSY;
  case LUN_OUTCOME_CHECK_CONDITION:
    if (!lun_result_sense (result, &sense))
      return END_LOST;
    if (sort_sense (&sense) == END_ATTENTION)
      note_attention (r, path, &sense);
    return sort_sense (&sense);
  case LUN_OUTCOME_ABORTED:
  case LUN_OUTCOME_TRANSPORT_ERROR:
  case LUN_OUTCOME_TIMEOUT:
    return END_LOST;
  }
  return END_LOST;
}

static LunResvAnswer
answer_of (End end)
{
  switch (end) {
  case END_GOOD:
    return LUN_RESV_DONE;
  case END_CONFLICT:
    return LUN_RESV_CONFLICT;
  case END_REFUSED:
    return LUN_RESV_REFUSED;
  case END_LOST:
  case END_ATTENTION:
  case END_BUSY:
    break;
  }
  return LUN_RESV_LOST;
}

static LunResvAnswer
execute (LunReservation *r, unsigned path, const LunCdb *cdb, LunDirection direction,
         void *buf, size_t len)
{
  uint32_t timeout_ms =
    r->config.timeout_ms > 0 ? r->config.timeout_ms : DEFAULT_TIMEOUT_MS;
  int64_t until_us = g_get_monotonic_time () + (int64_t) timeout_ms * 1000;
  gulong pause_us = PAUSE_MIN_US;

  for (int attentions = 0;;) {
    r->last = r->port.ops->execute (r->port.data, path, cdb, direction, buf, len);
    End end = sort (r, path, &r->last);
    if (end == END_ATTENTION && ++attentions < ATTENTIONS_MAX)
      continue;
    if (end != END_BUSY || g_get_monotonic_time () + (int64_t) pause_us > until_us)
      return answer_of (end);
    g_usleep (pause_us);
    pause_us = MIN (pause_us * 2, PAUSE_MAX_US);
  }
}

static bool
registers (LunPrOutAction action)
{
  return action == LUN_PR_OUT_REGISTER || action == LUN_PR_OUT_REGISTER_AND_IGNORE;
}

LunResvAnswer
lun_resv_out_typed (LunReservation *r, unsigned path, LunPrOutAction action,
                    LunPrType type, uint64_t key, uint64_t service_key)
{
  LunPrOut param = { .key = key == r->config.key ? lun_resv_own_key (r, path) : key,
                     .service_key = service_key,
                     .aptpl = registers (action) && r->config.survives_power_loss };
  uint8_t data[LUN_PR_OUT_LEN];
  LunCdb cdb = lun_cdb_pr_out (action, (uint8_t) type, sizeof data);

  if (action == LUN_PR_OUT_REGISTER_AND_IGNORE && service_key == r->config.key)
    param.service_key = lun_resv_own_key (r, path);
  lun_pr_out_encode (&param, data);
  return execute (r, path, &cdb, LUN_DIR_OUT, data, sizeof data);
}

static bool
has_type (LunPrOutAction action)
{
  return action == LUN_PR_OUT_RESERVE || action == LUN_PR_OUT_RELEASE ||
         action == LUN_PR_OUT_PREEMPT || action == LUN_PR_OUT_PREEMPT_AND_ABORT;
}

LunResvAnswer
lun_resv_out (LunReservation *r, unsigned path, LunPrOutAction action, uint64_t key,
              uint64_t service_key)
{
  return lun_resv_out_typed (r, path, action,
                             has_type (action) ? lun_resv_type (r) : (LunPrType) 0, key,
                             service_key);
}

LunResvAnswer
lun_resv_in (LunReservation *r, unsigned path, LunPrInAction action, void *buf,
             size_t len, size_t *got)
{
  LunCdb cdb = lun_cdb_pr_in (action, (uint16_t) len);

  memset (buf, 0, len);
  LunResvAnswer answer = execute (r, path, &cdb, LUN_DIR_IN, buf, len);
  *got = len - MIN (len, r->last.residual);
  return answer;
}

LunResvAnswer
lun_resv_bare (LunReservation *r, unsigned path, LunCdb cdb)
{
  return execute (r, path, &cdb, LUN_DIR_NONE, NULL, 0);
}

bool
lun_resv_is_unknown_command (const LunReservation *r)
{
  LunSense sense;

  return r->last.outcome == LUN_OUTCOME_CHECK_CONDITION &&
         lun_result_sense (&r->last, &sense) &&
         sense.key == LUN_SENSE_ILLEGAL_REQUEST && sense.asc == 0x20;
}
