#include "base/alua.h"

#include "base/be.h"

#include <glib.h>
#include <string.h>

#define PAGE_DEVICE_ID        0x83
#define DESIGNATOR_PORT_GROUP 0x5
#define ASSOCIATION_PORT      0x1

bool
lun_alua_is_active (LunAlua state)
{
  return state == LUN_ALUA_OPTIMIZED || state == LUN_ALUA_NON_OPTIMIZED ||
         state == LUN_ALUA_LBA_DEPENDENT;
}

const char *
lun_alua_name (LunAlua state)
{
  switch (state) {
  case LUN_ALUA_OPTIMIZED:
    return "active/optimized";
  case LUN_ALUA_NON_OPTIMIZED:
    return "active/non-optimized";
  case LUN_ALUA_STANDBY:
    return "standby";
  case LUN_ALUA_UNAVAILABLE:
    return "unavailable";
  case LUN_ALUA_LBA_DEPENDENT:
    return "lba-dependent";
  case LUN_ALUA_OFFLINE:
    return "offline";
  case LUN_ALUA_TRANSITIONING:
    return "transitioning";
  }
  return "unknown";
}

bool
lun_alua_has_groups (const uint8_t *inquiry, size_t len)
{
  return len > 5 && (inquiry[5] & 0x30) != 0;
}

bool
lun_alua_group_decode (const uint8_t *page, size_t len, uint16_t *group)
{
  if (len < 4 || page[1] != PAGE_DEVICE_ID)
    return false;
  size_t end = MIN (len, (size_t) lun_be16_get (page + 2) + 4);
  for (size_t at = 4; at + 4 <= end && at + 4 + page[at + 3] <= end;
       at += 4 + (size_t) page[at + 3]) {
    const uint8_t *d = page + at;
    if ((d[1] & 0x0f) != DESIGNATOR_PORT_GROUP || (d[1] >> 4 & 3) != ASSOCIATION_PORT ||
        d[3] != 4)
      continue;
    *group = lun_be16_get (d + 6);
    return true;
  }
  return false;
}

LunCdb
lun_cdb_report_target_port_groups (uint32_t alloc_len)
{
  LunCdb cdb = { .len = 12 };

  cdb.b[0] = LUN_SCSI_MAINTENANCE_IN;
  cdb.b[1] = LUN_SCSI_MI_REPORT_TARGET_PORT_GROUPS;
  lun_be32_put (cdb.b + 6, alloc_len);
  return cdb;
}

static void
put_group (uint16_t group, LunAlua state, uint16_t port, uint8_t out[12])
{
  memset (out, 0, 12);
  out[0] = (uint8_t) state;
  out[1] =
    0x8f; /* transitioning, unavailable, standby and both active states are known */
  lun_be16_put (out + 2, group);
  out[7] = 1; /* ports */
  lun_be16_put (out + 10, port);
}

size_t
lun_port_groups_encode (const uint8_t *states, unsigned n, uint8_t *out)
{
  lun_be32_put (out, 12 * n);
  for (uint16_t i = 0; i < n; i++)
    put_group ((uint16_t) (i + 1), (LunAlua) states[i], (uint16_t) (i + 1),
               out + 4 + 12 * i);
  return LUN_PORT_GROUPS_BYTES (n);
}

size_t
lun_port_group_encode (uint16_t group, LunAlua state, uint16_t port,
                       uint8_t out[LUN_PORT_GROUPS_LEN])
{
  lun_be32_put (out, LUN_PORT_GROUPS_LEN - 4);
  put_group (group, state, port, out + 4);
  return LUN_PORT_GROUPS_LEN;
}

bool
lun_port_groups_decode (const uint8_t *data, size_t len, uint16_t group, LunAlua *state)
{
  if (len < 4)
    return false;
  size_t end = MIN ((uint64_t) len, (uint64_t) lun_be32_get (data) + 4);
  for (size_t at = 4; at + 8 <= end; at += 8 + 4 * (size_t) data[at + 7]) {
    if (lun_be16_get (data + at + 2) != group)
      continue;
    *state = (LunAlua) (data[at] & 0x0f);
    return true;
  }
  return false;
}
