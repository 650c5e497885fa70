#include "volume/record.h"

#include "base/crc.h"

#include <string.h>

#define MAGIC_LEN 8

void *
fts_record_begin (void *block, size_t block_size)
{
  return memset (block, 0, block_size);
}

void
fts_record_seal (void *block)
{
  FtsLe32 crc = fts_le32 (fts_crc32c (block, FTS_RECORD_CRC_OFFSET));

  memcpy ((uint8_t *) block + FTS_RECORD_CRC_OFFSET, &crc, sizeof crc);
}

bool
fts_record_is_sound (const void *block, size_t len, const char *magic)
{
  FtsLe32 crc;

  if (len < FTS_RECORD_LEN || memcmp (block, magic, MAGIC_LEN) != 0)
    return false;
  memcpy (&crc, (const uint8_t *) block + FTS_RECORD_CRC_OFFSET, sizeof crc);
  return fts_le32_get (crc) == fts_crc32c (block, FTS_RECORD_CRC_OFFSET);
}

void
fts_record_put_text (char *field, size_t len, const char *text)
{
  size_t n = strnlen (text, len - 1);

  memcpy (field, text, n);
  memset (field + n, 0, len - n);
}

bool
fts_record_get_text (char *out, const char *field, size_t len)
{
  size_t n = strnlen (field, len);

  if (n == len)
    return false;
  memcpy (out, field, n);
  memset (out + n, 0, len - n);
  return true;
}
