/* File handles from arbitrary bytes.  What is believed was made with the seal: made again it has the
 * same bytes, proof included. */
#include "fts/handle_bytes.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const FtsSeal seal = { { 1, 2, 3 }, 0x01020304 };

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  FtsHandle handle = { 0 };
  FtsHandle again;
  FtsWhere where;

  if (len > FTS_HANDLE_MAX)
    return 0;
  handle.len = (uint16_t) len;
  memcpy (handle.bytes, bytes, len);
  if (!fts_handle_unseal (&seal, &handle, &where))
    return 0;
  fts_handle_identify (&seal, &where, &again);
  if (again.len != fts_handle_identity_len (&handle) ||
      memcmp (again.bytes, handle.bytes, again.len) != 0)
    abort ();
  fts_handle_prove (&seal, &again);
  if (where.kind != FTS_WHERE_ROOT &&
      memcmp (again.bytes, handle.bytes, handle.len) != 0)
    abort ();
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  FtsWhere where = { .kind = FTS_WHERE_ROOT, .file = { 1, 2, 3, 4 } };
  FtsHandle handle;

  if (n > 2)
    return 0;
  where.kind = (FtsWhereKind) n;
  where.kernel.handle.handle_type = 1;
  where.kernel.handle.handle_bytes = 8;
  memset (where.kernel.handle.f_handle, 'h', 8);
  fts_handle_identify (&seal, &where, &handle);
  fts_handle_prove (&seal, &handle);
  memcpy (buf, handle.bytes, handle.len);
  return handle.len;
}
