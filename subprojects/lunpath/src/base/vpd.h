/* vpd.h - vital product data: who a LUN is and how much it takes at once.
 *
 * Pure functions.  Source: SPC-4 7.8 (pages 00h, 80h, 83h), SBC-3 6.6 (pages B0h, B1h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LUN_VPD_SUPPORTED       0x00
#define LUN_VPD_SERIAL          0x80
#define LUN_VPD_DEVICE_ID       0x83
#define LUN_VPD_BLOCK_LIMITS    0xb0
#define LUN_VPD_CHARACTERISTICS 0xb1
#define LUN_VPD_MAX_LEN         256

/* Each returns the page's length.  OUT has room for LUN_VPD_MAX_LEN bytes. */
size_t lun_vpd_supported_encode (uint8_t *out);
/* A medium that does not rotate. */
size_t lun_vpd_characteristics_encode (uint8_t *out);
size_t lun_vpd_serial_encode (const char *serial, uint8_t *out);
/* The LUN named by UUID: NAA 6h with a locally administered company identifier and the first
 * 100 bits, and a T10 vendor designator with all of it. */
size_t lun_vpd_device_id_encode (const uint8_t uuid[16], const char *vendor,
                                 const char *serial, uint8_t *out);

/* Adds to page 83h of LEN bytes in OUT which target port answers: relative port and its group. */
size_t lun_vpd_port_append (uint16_t port, uint16_t group, uint8_t *out, size_t len);

/* Zero = not reported. */
typedef struct {
  uint8_t max_caw_blocks;
  uint32_t max_transfer_blocks;
  uint32_t optimal_transfer_blocks;
} LunBlockLimits;

size_t lun_vpd_block_limits_encode (const LunBlockLimits *limits, uint8_t *out);
bool lun_vpd_block_limits_decode (const uint8_t *page, size_t len, LunBlockLimits *out);

/* The LUN's best designator in page 83h as text: "naa.6..." before "eui..." before "t10..."
 * before a vendor specific one in hex.  NULL when there is none or the page is damaged.  Free
 * with g_free(). */
char *lun_vpd_device_id_decode (const uint8_t *page, size_t len);
