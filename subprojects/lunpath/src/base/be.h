/* be.h - big-endian integers in SCSI command blocks and parameter data. */
#pragma once

#include <stdint.h>

static inline uint16_t
lun_be16_get (const uint8_t *p)
{
  return (uint16_t) (p[0] << 8 | p[1]);
}

static inline uint32_t
lun_be24_get (const uint8_t *p)
{
  return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}

static inline uint32_t
lun_be32_get (const uint8_t *p)
{
  return (uint32_t) p[0] << 24 | lun_be24_get (p + 1);
}

static inline uint64_t
lun_be64_get (const uint8_t *p)
{
  return (uint64_t) lun_be32_get (p) << 32 | lun_be32_get (p + 4);
}

static inline void
lun_be16_put (uint8_t *p, uint16_t x)
{
  p[0] = (uint8_t) (x >> 8);
  p[1] = (uint8_t) x;
}

static inline void
lun_be24_put (uint8_t *p, uint32_t x)
{
  p[0] = (uint8_t) (x >> 16);
  lun_be16_put (p + 1, (uint16_t) x);
}

static inline void
lun_be32_put (uint8_t *p, uint32_t x)
{
  lun_be16_put (p, (uint16_t) (x >> 16));
  lun_be16_put (p + 2, (uint16_t) x);
}

static inline void
lun_be64_put (uint8_t *p, uint64_t x)
{
  lun_be32_put (p, (uint32_t) (x >> 32));
  lun_be32_put (p + 4, (uint32_t) x);
}
