/* A segment header from arbitrary bytes. */
#include "fuzz/record.h"

static bool
decode_and_encode (const uint8_t *bytes, size_t len, uint8_t *out)
{
  FtsSeg value;

  if (!fts_segment_decode (bytes, len, 1 << 20, &value))
    return false;
  fts_segment_encode (&value, out, FTS_RECORD_LEN);
  return true;
}

static void
encode_sample (uint8_t *out)
{
  FtsSeg value = sample_segment ();

  fts_segment_encode (&value, out, FTS_RECORD_LEN);
}

FUZZ_RECORD
