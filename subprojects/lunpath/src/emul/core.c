#include "emul/core.h"

#include <string.h>

bool
lun_core_is_holder (const LunEmulCore *core, unsigned port)
{
  if (core->res_type == 0)
    return false;
  if (lun_pr_type_is_all_registrants (core->res_type))
    return core->ports[port].registered;
  return core->holder == port;
}

static bool
persistent_permits (const LunEmulCore *core, unsigned port, LunAccess access)
{
  if (core->res_type == 0 || lun_core_is_holder (core, port))
    return true;
  if (core->ports[port].registered && lun_pr_type_serves_registrants (core->res_type))
    return true;

  switch (access) {
  case LUN_ACCESS_READ:
    return lun_pr_type_is_write_exclusive (core->res_type);
  case LUN_ACCESS_MODE:
    return core->ports[port].registered ||
           lun_pr_type_is_write_exclusive (core->res_type);
  case LUN_ACCESS_WRITE:
    return false;
  case LUN_ACCESS_ALWAYS:
  case LUN_ACCESS_STATE:
  case LUN_ACCESS_READY:
  case LUN_ACCESS_RESERVE_6:
  case LUN_ACCESS_PR:
    return true;
  }
  return false;
}

bool
lun_core_permits (const LunEmulCore *core, unsigned port, LunAccess access)
{
  if (access == LUN_ACCESS_ALWAYS || access == LUN_ACCESS_RESERVE_6)
    return true;
  if (core->scsi2)
    return core->scsi2_holder == port && access != LUN_ACCESS_PR;
  return persistent_permits (core, port, access);
}

/* Only what is always answered is answered while the port is neither active nor in standby. */
static bool
standby_serves (LunAccess access)
{
  switch (access) {
  case LUN_ACCESS_ALWAYS:
  case LUN_ACCESS_STATE:
  case LUN_ACCESS_MODE:
  case LUN_ACCESS_PR:
    return true;
  case LUN_ACCESS_READY:
  case LUN_ACCESS_READ:
  case LUN_ACCESS_WRITE:
  case LUN_ACCESS_RESERVE_6:
    return false;
  }
  return false;
}

uint8_t
lun_core_not_ready (const LunEmulCore *core, unsigned port, LunAccess access)
{
  unsigned target_port = core->ports[port].target_port;
  LunAlua state =
    target_port > 0 ? (LunAlua) core->alua[target_port - 1] : LUN_ALUA_OPTIMIZED;

  if (access == LUN_ACCESS_ALWAYS || lun_alua_is_active (state))
    return 0;
  if (state == LUN_ALUA_TRANSITIONING)
    return 0x0a;
  if (state == LUN_ALUA_STANDBY)
    return standby_serves (access) ? 0 : 0x0b;
  return 0x0c;
}

void
lun_core_set_alua (LunEmulCore *core, unsigned target_port, LunAlua state)
{
  core->has_groups = true;
  core->alua[target_port - 1] = (uint8_t) state;
  lun_core_attention_all (core, LUN_UA_ALUA_CHANGED, -1);
}

int
lun_core_find_port (const LunEmulCore *core, const char *name, unsigned target_port)
{
  for (int i = 0; i < LUN_EMUL_PORTS; i++)
    if (core->ports[i].name[0] && core->ports[i].target_port == target_port &&
        strncmp (core->ports[i].name, name, LUN_EMUL_NAME_MAX) == 0)
      return i;
  return -1;
}

unsigned
lun_core_n_registered (const LunEmulCore *core)
{
  unsigned n = 0;

  for (int i = 0; i < LUN_EMUL_PORTS; i++)
    n += core->ports[i].registered != 0;
  return n;
}

void
lun_core_attention_all (LunEmulCore *core, uint32_t attention, int except)
{
  for (int i = 0; i < LUN_EMUL_PORTS; i++)
    if (core->ports[i].name[0] && i != except)
      core->ports[i].attentions |= attention;
}

void
lun_core_power_cycle (LunEmulCore *core)
{
  core->scsi2 = false;
  core->generation = 0;
  for (int i = 0; i < LUN_EMUL_PORTS; i++) {
    core->ports[i].attentions = 0;
    if (!core->aptpl)
      core->ports[i].registered = false;
  }
  if (!core->aptpl)
    core->res_type = 0;
  lun_core_attention_all (core, LUN_UA_POWER_ON, -1);
}

void
lun_core_reset (LunEmulCore *core)
{
  core->scsi2 = false;
  lun_core_attention_all (core, LUN_UA_RESET, -1);
}
