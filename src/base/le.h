/* le.h - little-endian integers as they lie on the LUN and in messages.
 *
 * Each type is a struct of bytes: it cannot be mixed with a host integer by accident, has
 * alignment 1 and needs no packing.  Byte order is known here and nowhere else.
 */
#pragma once

#include <stdint.h>

typedef struct {
  uint8_t b[2];
} FtsLe16;

typedef struct {
  uint8_t b[4];
} FtsLe32;

typedef struct {
  uint8_t b[8];
} FtsLe64;

static inline uint16_t
fts_le16_get (FtsLe16 v)
{
  return (uint16_t) (v.b[0] | v.b[1] << 8);
}

static inline uint32_t
fts_le32_get (FtsLe32 v)
{
  return (uint32_t) v.b[0] | (uint32_t) v.b[1] << 8 | (uint32_t) v.b[2] << 16 |
         (uint32_t) v.b[3] << 24;
}

static inline uint64_t
fts_le64_get (FtsLe64 v)
{
  uint64_t x = 0;
  for (int i = 7; i >= 0; i--)
    x = x << 8 | v.b[i];
  return x;
}

static inline FtsLe16
fts_le16 (uint16_t x)
{
  return (FtsLe16){ { (uint8_t) x, (uint8_t) (x >> 8) } };
}

static inline FtsLe32
fts_le32 (uint32_t x)
{
  return (FtsLe32){ { (uint8_t) x, (uint8_t) (x >> 8), (uint8_t) (x >> 16),
                      (uint8_t) (x >> 24) } };
}

static inline FtsLe64
fts_le64 (uint64_t x)
{
  FtsLe64 v;
  for (int i = 0; i < 8; i++, x >>= 8)
    v.b[i] = (uint8_t) x;
  return v;
}
