#include "emul/persist.h"

#include <string.h>

static void
attention_registered (LunEmulCore *core, uint32_t attention, unsigned except)
{
  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++)
    if (core->ports[i].registered && i != except)
      core->ports[i].attentions |= attention;
}

static bool
has_key (const LunEmulCore *core, unsigned port, uint64_t key)
{
  return core->ports[port].registered && core->ports[port].key == key;
}

/* ---- REGISTER, REGISTER AND IGNORE EXISTING KEY ---- */

/* 5.12.11.2: the holder's registration ends. */
static void
unregister (LunEmulCore *core, unsigned port)
{
  bool holder = lun_core_is_holder (core, port);

  core->ports[port].registered = false;
  core->ports[port].key = 0;
  if (!holder)
    return;
  if (lun_pr_type_is_all_registrants (core->res_type)) {
    if (lun_core_n_registered (core) == 0)
      core->res_type = 0;
    return;
  }
  if (lun_pr_type_serves_registrants (core->res_type))
    attention_registered (core, LUN_UA_RESERVATIONS_RELEASED, port);
  core->res_type = 0;
}

static LunResult
do_register (LunEmulCore *core, unsigned issuer, const LunPrOut *param, bool ignore_key)
{
  LunEmulPort *port = &core->ports[issuer];
  uint64_t old_key = port->registered ? port->key : 0;

  if (!ignore_key && param->key != old_key)
    return lun_result_conflict ();
  if (param->spec_i_pt || param->all_tg_pt)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_PARAMETERS);
  if (!port->registered && param->service_key == 0)
    return lun_result_good (0);

  if (param->service_key == 0) {
    unregister (core, issuer);
  } else {
    port->key = param->service_key;
    port->registered = true;
  }
  core->aptpl = param->aptpl;
  core->generation++;
  return lun_result_good (0);
}

/* ---- RESERVE, RELEASE, CLEAR ---- */

static LunResult
reserve (LunEmulCore *core, unsigned issuer, const LunPersistOut *out)
{
  if (out->scope != 0 || !lun_pr_type_is_valid (out->type))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (core->res_type == 0) {
    core->res_type = out->type;
    core->holder = (uint16_t) issuer;
    return lun_result_good (0);
  }
  if (!lun_core_is_holder (core, issuer) || core->res_type != out->type)
    return lun_result_conflict ();
  return lun_result_good (0);
}

static LunResult
release (LunEmulCore *core, unsigned issuer, const LunPersistOut *out)
{
  if (!lun_core_is_holder (core, issuer))
    return lun_result_good (0);
  if (out->scope != 0 || out->type != core->res_type)
    return lun_result_illegal (LUN_ASC_INVALID_RELEASE);
  if (lun_pr_type_serves_registrants (core->res_type))
    attention_registered (core, LUN_UA_RESERVATIONS_RELEASED, issuer);
  core->res_type = 0;
  return lun_result_good (0);
}

static LunResult
clear (LunEmulCore *core, unsigned issuer)
{
  attention_registered (core, LUN_UA_RESERVATIONS_PREEMPTED, issuer);
  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++) {
    core->ports[i].registered = false;
    core->ports[i].key = 0;
  }
  core->res_type = 0;
  core->generation++;
  return lun_result_good (0);
}

/* ---- PREEMPT, PREEMPT AND ABORT ---- */

typedef enum {
  PREEMPT_KEY, /* registrations with the service action key */
  PREEMPT_ALL, /* every registration */
} PreemptWhom;

/* Removes registrations but KEEP's (-1: of anybody); true when there were any. */
static bool
remove_registrations (LunEmulCore *core, unsigned issuer, PreemptWhom whom,
                      uint64_t key, int keep, LunPortSet *preempted)
{
  bool any = false;

  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++) {
    LunEmulPort *port = &core->ports[i];
    if (!port->registered || (int) i == keep ||
        (whom == PREEMPT_KEY && port->key != key))
      continue;
    port->registered = false;
    port->key = 0;
    if (i != issuer)
      port->attentions |= LUN_UA_REGISTRATIONS_PREEMPTED;
    preempted->bits[i / 8] |= (uint8_t) (1 << i % 8);
    any = true;
  }
  return any;
}

/* 5.12.11.4.4: the reservation goes to the issuer, with the type of the command. */
static LunResult
preempt_reservation (LunEmulCore *core, unsigned issuer, const LunPersistOut *out,
                     PreemptWhom whom, LunPortSet *preempted)
{
  if (out->scope != 0 || !lun_pr_type_is_valid (out->type))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);

  remove_registrations (core, issuer, whom, out->param.service_key, (int) issuer,
                        preempted);
  if (core->res_type != out->type)
    attention_registered (core, LUN_UA_RESERVATIONS_RELEASED, issuer);
  core->res_type = out->type;
  core->holder = (uint16_t) issuer;
  core->generation++;
  return lun_result_good (0);
}

/* 5.12.11.4.3: registrations go, a reservation of somebody else stays.  An all-registrants
 * reservation ends with its last registrant. */
static LunResult
preempt_registrations (LunEmulCore *core, unsigned issuer, uint64_t key,
                       LunPortSet *preempted)
{
  if (!remove_registrations (core, issuer, PREEMPT_KEY, key, -1, preempted))
    return lun_result_conflict ();
  if (lun_core_n_registered (core) == 0)
    core->res_type = 0;
  core->generation++;
  return lun_result_good (0);
}

static LunResult
preempt (LunEmulCore *core, unsigned issuer, const LunPersistOut *out,
         LunPortSet *preempted)
{
  uint64_t key = out->param.service_key;
  bool all = lun_pr_type_is_all_registrants (core->res_type);

  if (key == 0 && !all)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_PARAMETERS);
  if (key == 0)
    return preempt_reservation (core, issuer, out, PREEMPT_ALL, preempted);
  if (core->res_type != 0 && !all && has_key (core, core->holder, key))
    return preempt_reservation (core, issuer, out, PREEMPT_KEY, preempted);
  return preempt_registrations (core, issuer, key, preempted);
}

LunResult
lun_persist_out (LunEmulCore *core, unsigned issuer, const LunPersistOut *out,
                 LunPortSet *preempted)
{
  memset (preempted, 0, sizeof *preempted);
  if (out->action == LUN_PR_OUT_REGISTER)
    return do_register (core, issuer, &out->param, false);
  if (out->action == LUN_PR_OUT_REGISTER_AND_IGNORE)
    return do_register (core, issuer, &out->param, true);
  if (out->action > LUN_PR_OUT_PREEMPT_AND_ABORT)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (!has_key (core, issuer, out->param.key))
    return lun_result_conflict ();

  switch (out->action) {
  case LUN_PR_OUT_RESERVE:
    return reserve (core, issuer, out);
  case LUN_PR_OUT_RELEASE:
    return release (core, issuer, out);
  case LUN_PR_OUT_CLEAR:
    return clear (core, issuer);
  default:
    return preempt (core, issuer, out, preempted);
  }
}

/* ---- REGISTER AND MOVE ---- */

LunResult
lun_persist_check_move (const LunEmulCore *core, unsigned issuer, const LunPrMove *move)
{
  if (!has_key (core, issuer, move->key))
    return lun_result_conflict ();
  if (core->res_type == 0)
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_CDB);
  if (!lun_core_is_holder (core, issuer) ||
      lun_pr_type_is_all_registrants (core->res_type))
    return lun_result_conflict ();
  if (move->service_key == 0 || move->relative_port == 0 ||
      move->relative_port > LUN_EMUL_GROUPS ||
      strlen (move->port) >= LUN_EMUL_NAME_MAX ||
      (strcmp (move->port, core->ports[issuer].name) == 0 &&
       move->relative_port == core->ports[issuer].target_port))
    return lun_result_illegal (LUN_ASC_INVALID_FIELD_IN_PARAMETERS);
  return lun_result_good (0);
}

void
lun_persist_move (LunEmulCore *core, unsigned issuer, unsigned to,
                  const LunPrMove *move)
{
  core->ports[to].registered = true;
  core->ports[to].key = move->service_key;
  core->holder = (uint16_t) to;
  if (move->unregister) {
    core->ports[issuer].registered = false;
    core->ports[issuer].key = 0;
  }
  core->aptpl = move->aptpl;
  core->generation++;
}

/* ---- PERSISTENT RESERVE IN ---- */

static void
read_keys (const LunEmulCore *core, GByteArray *out)
{
  uint64_t keys[LUN_EMUL_PORTS];
  LunPrKeys list = { .generation = core->generation, .keys = keys };

  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++)
    if (core->ports[i].registered)
      keys[list.n_keys++] = core->ports[i].key;
  lun_pr_keys_encode (&list, out);
}

static void
read_reservation (const LunEmulCore *core, GByteArray *out)
{
  LunPrReservation reservation = { .generation = core->generation,
                                   .reserved = core->res_type != 0,
                                   .type = core->res_type };

  if (reservation.reserved && !lun_pr_type_is_all_registrants (core->res_type))
    reservation.key = core->ports[core->holder].key;
  lun_pr_reservation_encode (&reservation, out);
}

static void
report_capabilities (const LunEmulCore *core, GByteArray *out)
{
  LunPrCapabilities capabilities = {
    .compatible_reserve = true,
    .aptpl_capable = true,
    .aptpl_active = core->aptpl,
    .types_valid = true,
    .allow_commands = 1, /* TEST UNIT READY passes every type */
    .types = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
  };
  uint8_t bytes[LUN_PR_CAPABILITIES_LEN];

  lun_pr_capabilities_encode (&capabilities, bytes);
  g_byte_array_append (out, bytes, sizeof bytes);
}

static void
read_full_status (const LunEmulCore *core, GByteArray *out)
{
  LunPrStatus status[LUN_EMUL_PORTS];
  size_t n = 0;

  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++)
    if (core->ports[i].registered)
      status[n++] = (LunPrStatus){ .key = core->ports[i].key,
                                   .holder = lun_core_is_holder (core, i),
                                   .type = core->res_type,
                                   .relative_port = core->ports[i].target_port,
                                   .port = (char *) core->ports[i].name };
  lun_pr_full_status_encode (core->generation, status, n, out);
}

bool
lun_persist_in (const LunEmulCore *core, uint8_t action, GByteArray *out)
{
  switch (action) {
  case LUN_PR_IN_READ_KEYS:
    read_keys (core, out);
    return true;
  case LUN_PR_IN_READ_RESERVATION:
    read_reservation (core, out);
    return true;
  case LUN_PR_IN_REPORT_CAPABILITIES:
    report_capabilities (core, out);
    return true;
  case LUN_PR_IN_READ_FULL_STATUS:
    read_full_status (core, out);
    return true;
  default:
    return false;
  }
}

/* ---- RESERVE(6), RELEASE(6) ---- */

bool
lun_persist_tolerates_scsi2 (const LunEmulCore *core, unsigned port)
{
  return lun_core_is_holder (core, port) ||
         (core->ports[port].registered && core->res_type != 0 &&
          lun_pr_type_serves_registrants (core->res_type));
}
