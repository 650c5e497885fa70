/* fuzz_bytes.c - libFuzzer target of the decoders of SCSI bytes (-Dfuzz=true, clang). */
#include "fuzz_decoders.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t len)
{
  fuzz_decoders (data, len);
  return 0;
}
