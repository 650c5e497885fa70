/* A pointer-table entry from arbitrary bytes: as it is, and with a right checksum. */
#include "base/crc.h"
#include "fuzz/fuzz.h"
#include "lib/record_samples.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH 7

static void
check (const FtsEntryDisk *disk)
{
  FtsEntryDisk again;
  FtsEntry entry;

  if (!fts_entry_decode (disk, EPOCH, SAMPLE_TAG, &entry))
    return;
  fts_entry_encode (&entry, EPOCH, SAMPLE_TAG, &again);
  if (memcmp (disk, &again, sizeof again) != 0)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  const FtsLe64 bound[2] = { fts_le64 (EPOCH), fts_le64 (SAMPLE_TAG) };
  FtsEntryDisk disk;

  if (len < sizeof disk)
    return 0;
  memcpy (&disk, bytes, sizeof disk);
  check (&disk);
  disk.crc = fts_le32 (fts_crc32c_extend (
    fts_crc32c (&disk, offsetof (FtsEntryDisk, crc)), bound, sizeof bound));
  check (&disk);
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  FtsEntry entry = sample_entry ();

  if (n > 0 || room < sizeof (FtsEntryDisk))
    return 0;
  fts_entry_encode (&entry, EPOCH, SAMPLE_TAG, (FtsEntryDisk *) buf);
  return sizeof (FtsEntryDisk);
}
