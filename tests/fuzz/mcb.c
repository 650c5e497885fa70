/* The Master Control Block from arbitrary bytes. */
#include "fuzz/record.h"

static bool
decode_and_encode (const uint8_t *bytes, size_t len, uint8_t *out)
{
  FtsMcb value;

  if (!fts_mcb_decode (bytes, len, SAMPLE_DEVICE_BLOCKS, &value, NULL))
    return false;
  fts_mcb_encode (&value, out, FTS_RECORD_LEN);
  return true;
}

static void
encode_sample (uint8_t *out)
{
  FtsMcb value = sample_mcb ();

  fts_mcb_encode (&value, out, FTS_RECORD_LEN);
}

FUZZ_RECORD
