#include "base/vpd.h"

#include "base/be.h"

#include <glib.h>
#include <string.h>

#define CODE_SET_BINARY          1
#define CODE_SET_ASCII           2

#define DESIGNATOR_VENDOR        0
#define DESIGNATOR_T10           1
#define DESIGNATOR_EUI           2
#define DESIGNATOR_NAA           3
#define DESIGNATOR_RELATIVE_PORT 4
#define DESIGNATOR_PORT_GROUP    5
#define ASSOCIATION_PORT         0x10

static size_t
finish_page (uint8_t *out, uint8_t page, size_t body_len)
{
  out[0] = 0; /* direct access, connected */
  out[1] = page;
  lun_be16_put (out + 2, (uint16_t) body_len);
  return 4 + body_len;
}

size_t
lun_vpd_supported_encode (uint8_t *out)
{
  static const uint8_t pages[] = { LUN_VPD_SUPPORTED, LUN_VPD_SERIAL, LUN_VPD_DEVICE_ID,
                                   LUN_VPD_BLOCK_LIMITS, LUN_VPD_CHARACTERISTICS };

  memcpy (out + 4, pages, sizeof pages);
  return finish_page (out, LUN_VPD_SUPPORTED, sizeof pages);
}

size_t
lun_vpd_serial_encode (const char *serial, uint8_t *out)
{
  size_t len = strnlen (serial, LUN_VPD_MAX_LEN - 4);

  memcpy (out + 4, serial, len);
  return finish_page (out, LUN_VPD_SERIAL, len);
}

/* 6h, company identifier 02-46-54 (locally administered), 100 bits of UUID */
static void
naa_from_uuid (const uint8_t uuid[16], uint8_t naa[16])
{
  static const uint8_t company[3] = { 0x02, 0x46, 0x54 };

  naa[0] = (uint8_t) (0x60 | company[0] >> 4);
  naa[1] = (uint8_t) (company[0] << 4 | company[1] >> 4);
  naa[2] = (uint8_t) (company[1] << 4 | company[2] >> 4);
  naa[3] = (uint8_t) (company[2] << 4 | uuid[0] >> 4);
  for (int i = 4; i < 16; i++)
    naa[i] = (uint8_t) (uuid[i - 4] << 4 | uuid[i - 3] >> 4);
}

static size_t
put_designator (uint8_t *p, uint8_t code_set, uint8_t type, size_t len)
{
  p[0] = code_set;
  p[1] = type; /* association: logical unit */
  p[2] = 0;
  p[3] = (uint8_t) len;
  return 4 + len;
}

size_t
lun_vpd_device_id_encode (const uint8_t uuid[16], const char *vendor,
                          const char *serial, uint8_t *out)
{
  size_t serial_len = strnlen (serial, 64);
  uint8_t *p = out + 4;

  naa_from_uuid (uuid, p + 4);
  p += put_designator (p, CODE_SET_BINARY, DESIGNATOR_NAA, 16);

  memset (p + 4, ' ', 8);
  memcpy (p + 4, vendor, strnlen (vendor, 8));
  memcpy (p + 12, serial, serial_len);
  p += put_designator (p, CODE_SET_ASCII, DESIGNATOR_T10, 8 + serial_len);
  return finish_page (out, LUN_VPD_DEVICE_ID, (size_t) (p - out) - 4);
}

static size_t
put_port_designator (uint8_t *p, uint8_t type, uint16_t value)
{
  lun_be16_put (p + 4, 0);
  lun_be16_put (p + 6, value);
  return put_designator (p, CODE_SET_BINARY, (uint8_t) (ASSOCIATION_PORT | type), 4);
}

size_t
lun_vpd_port_append (uint16_t port, uint16_t group, uint8_t *out, size_t len)
{
  len += put_port_designator (out + len, DESIGNATOR_RELATIVE_PORT, port);
  len += put_port_designator (out + len, DESIGNATOR_PORT_GROUP, group);
  return finish_page (out, LUN_VPD_DEVICE_ID, len - 4);
}

size_t
lun_vpd_block_limits_encode (const LunBlockLimits *limits, uint8_t *out)
{
  memset (out, 0, 64);
  out[5] = limits->max_caw_blocks;
  lun_be32_put (out + 8, limits->max_transfer_blocks);
  lun_be32_put (out + 12, limits->optimal_transfer_blocks);
  return finish_page (out, LUN_VPD_BLOCK_LIMITS, 60);
}

size_t
lun_vpd_characteristics_encode (uint8_t *out)
{
  memset (out, 0, 64);
  lun_be16_put (out + 4, 1); /* medium rotation rate: none */
  return finish_page (out, LUN_VPD_CHARACTERISTICS, 60);
}

bool
lun_vpd_block_limits_decode (const uint8_t *page, size_t len, LunBlockLimits *out)
{
  if (len < 16 || page[1] != LUN_VPD_BLOCK_LIMITS)
    return false;
  *out = (LunBlockLimits){ .max_caw_blocks = page[5],
                           .max_transfer_blocks = lun_be32_get (page + 8),
                           .optimal_transfer_blocks = lun_be32_get (page + 12) };
  return true;
}

static char *
hex_with_prefix (const char *prefix, const uint8_t *bytes, size_t len)
{
  GString *text = g_string_new (prefix);

  for (size_t i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

static char *
ascii_with_prefix (const char *prefix, const uint8_t *bytes, size_t len)
{
  GString *text = g_string_new (prefix);

  for (size_t i = 0; i < len; i++)
    if (bytes[i] > ' ' && bytes[i] < 0x7f)
      g_string_append_c (text, (char) bytes[i]);
    else if (text->str[text->len - 1] != '_')
      g_string_append_c (text, '_');
  return g_string_free (text, FALSE);
}

static char *
designator_text (const uint8_t *d, size_t len)
{
  switch (d[1] & 0x0f) {
  case DESIGNATOR_NAA:
    return hex_with_prefix ("naa.", d + 4, len);
  case DESIGNATOR_EUI:
    return hex_with_prefix ("eui.", d + 4, len);
  case DESIGNATOR_T10:
    return ascii_with_prefix ("t10.", d + 4, len);
  default:
    return hex_with_prefix ("vendor.", d + 4, len);
  }
}

/* Higher is better; 0 = names no LUN. */
static int
designator_rank (const uint8_t *d, size_t len)
{
  static const uint8_t by_type[] = { [DESIGNATOR_VENDOR] = 1,
                                     [DESIGNATOR_T10] = 2,
                                     [DESIGNATOR_EUI] = 3,
                                     [DESIGNATOR_NAA] = 4 };
  uint8_t type = d[1] & 0x0f;
  uint8_t association = d[1] >> 4 & 3;

  if (association != 0 || len == 0 || type >= sizeof by_type)
    return 0;
  if (type == DESIGNATOR_NAA && d[4] >> 4 == 6)
    return 5;
  return by_type[type];
}

char *
lun_vpd_device_id_decode (const uint8_t *page, size_t len)
{
  if (len < 4 || page[1] != LUN_VPD_DEVICE_ID)
    return NULL;

  const uint8_t *best = NULL;
  int best_rank = 0;
  size_t end = MIN (len, (size_t) lun_be16_get (page + 2) + 4);
  for (size_t at = 4; at + 4 <= end && at + 4 + page[at + 3] <= end;
       at += 4 + (size_t) page[at + 3]) {
    int rank = designator_rank (page + at, page[at + 3]);
    if (rank > best_rank) {
      best = page + at;
      best_rank = rank;
    }
  }
  return best ? designator_text (best, best[3]) : NULL;
}
