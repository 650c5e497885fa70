/* A Secondary Device Table entry from arbitrary bytes. */
#include "fuzz/record.h"

static bool
decode_and_encode (const uint8_t *bytes, size_t len, uint8_t *out)
{
  FtsDev value;

  if (!fts_dev_decode (bytes, len, SAMPLE_TAG, &value))
    return false;
  fts_dev_encode (&value, SAMPLE_TAG, out, FTS_RECORD_LEN);
  return true;
}

static void
encode_sample (uint8_t *out)
{
  FtsDev value = sample_dev ();

  fts_dev_encode (&value, SAMPLE_TAG, out, FTS_RECORD_LEN);
}

FUZZ_RECORD
