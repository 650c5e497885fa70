/* record.h - what the fuzz targets of all 512-byte records share.
 *
 * Each input is decoded as it is and once more with a right checksum, so that mutations get past
 * it.  What decodes must encode to a record that decodes and encodes to the same bytes again.
 */
#pragma once

#include "fuzz/fuzz.h"
#include "lib/record_samples.h"
#include "volume/record.h"

#include <stdlib.h>
#include <string.h>

typedef bool FuzzDecodeAndEncode (const uint8_t *bytes, size_t len, uint8_t *out);

static inline void
fuzz_record_once (FuzzDecodeAndEncode *step, const uint8_t *bytes, size_t len)
{
  uint8_t first[FTS_RECORD_LEN], second[FTS_RECORD_LEN];

  if (!step (bytes, len, first))
    return;
  if (!step (first, sizeof first, second) || memcmp (first, second, sizeof first) != 0)
    abort ();
}

static inline void
fuzz_record (FuzzDecodeAndEncode *step, const uint8_t *bytes, size_t len)
{
  uint8_t sealed[FTS_RECORD_LEN];

  fuzz_record_once (step, bytes, len);
  if (len < sizeof sealed)
    return;
  memcpy (sealed, bytes, sizeof sealed);
  fts_record_seal (sealed);
  fuzz_record_once (step, sealed, sizeof sealed);
}

#define FUZZ_RECORD                                             \
  int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len) \
  {                                                             \
    fuzz_record (decode_and_encode, bytes, len);                \
    return 0;                                                   \
  }                                                             \
                                                                \
  size_t fuzz_seed (unsigned n, uint8_t *buf, size_t room)      \
  {                                                             \
    if (n > 0 || room < FTS_RECORD_LEN)                         \
      return 0;                                                 \
    encode_sample (buf);                                        \
    return FTS_RECORD_LEN;                                      \
  }
