/* alua.h - asymmetric logical unit access: which target ports serve a LUN well.
 *
 * Pure functions.  Source: SPC-4 5.16 (states), 6.37 (REPORT TARGET PORT GROUPS), 7.8.6 (designators
 * of page 83h), 6.6.2 (TPGS in standard INQUIRY data).
 */
#pragma once

#include "base/cdb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  LUN_ALUA_OPTIMIZED = 0x0,
  LUN_ALUA_NON_OPTIMIZED = 0x1,
  LUN_ALUA_STANDBY = 0x2,
  LUN_ALUA_UNAVAILABLE = 0x3,
  LUN_ALUA_LBA_DEPENDENT = 0x4,
  LUN_ALUA_OFFLINE = 0xe,
  LUN_ALUA_TRANSITIONING = 0xf,
} LunAlua;

/* Data goes over a port in this state. */
bool lun_alua_is_active (LunAlua state);

/* "active/optimized", "standby", ... */
const char *lun_alua_name (LunAlua state);

/* True when the standard INQUIRY data says that there are target port groups. */
bool lun_alua_has_groups (const uint8_t *inquiry, size_t len);

/* The group of the port that answered, from page 83h; false when the page does not tell. */
bool lun_alua_group_decode (const uint8_t *page, size_t len, uint16_t *group);

LunCdb lun_cdb_report_target_port_groups (uint32_t alloc_len);

/* N groups, numbered from 1, each with the one port of its number: in STATES (LunAlua). */
#define LUN_PORT_GROUPS_BYTES(n) (4 + 12 * (n))
size_t lun_port_groups_encode (const uint8_t *states, unsigned n, uint8_t *out);

/* One group and its only port as parameter data of REPORT TARGET PORT GROUPS; its length. */
#define LUN_PORT_GROUPS_LEN 16
size_t lun_port_group_encode (uint16_t group, LunAlua state, uint16_t port,
                              uint8_t out[LUN_PORT_GROUPS_LEN]);

/* The state of GROUP; false when the data does not tell it. */
bool lun_port_groups_decode (const uint8_t *data, size_t len, uint16_t group,
                             LunAlua *state);
