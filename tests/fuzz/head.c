/* A head block from arbitrary bytes: as it is, and with a right checksum. */
#include "base/crc.h"
#include "fuzz/fuzz.h"
#include "lib/record_samples.h"

#include <stdlib.h>
#include <string.h>

static void
check (const uint8_t *bytes, size_t len)
{
  uint8_t first[4096], second[4096];
  const uint8_t *text;
  FtsHead head;

  if (!fts_head_decode (bytes, len, &head, &text))
    return;
  if (text + head.inline_len > bytes + len)
    abort ();
  fts_head_encode (&head, text, first, len);
  if (!fts_head_decode (first, len, &head, &text))
    abort ();
  fts_head_encode (&head, text, second, len);
  if (memcmp (first, second, len) != 0)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  uint8_t sealed[4096];
  FtsHeadDisk *disk = (FtsHeadDisk *) sealed;
  uint32_t inline_len;

  if (len > sizeof sealed)
    return 0;
  check (bytes, len);
  if (len < FTS_RECORD_LEN)
    return 0;
  memcpy (sealed, bytes, len);
  inline_len = fts_le32_get (disk->inline_len);
  if (inline_len <= len - FTS_HEAD_FIXED)
    disk->crc = fts_le32 (fts_crc32c_extend (
      fts_crc32c (sealed, offsetof (FtsHeadDisk, crc)), disk->inline_area, inline_len));
  check (sealed, len);
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  FtsHead head = sample_head ();
  size_t len = n == 0 ? 512 : 4096;

  if (n > 1 || room < len)
    return 0;
  fts_head_encode (&head, SAMPLE_INLINE, buf, len);
  return len;
}
