/* Requests, answers, directory entries and chunks from arbitrary bytes: the first byte chooses
 * the decoder.  What decodes must encode to the same bytes again. */
#include "base/crc.h"
#include "fts/chunks.h"

#include "fuzz/fuzz.h"
#include "lib/wire_samples.h"

#include <stdlib.h>

static void
check_request (const uint8_t *bytes, size_t len)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  FtsRequest request;
  size_t used;

  if (!fts_wire_decode_request (bytes, len, &request, &used))
    return;
  fts_wire_encode_request (&request, again);
  if (used > len || used != again->len || memcmp (bytes, again->data, used) != 0)
    abort ();
}

static void
check_answer (const uint8_t *bytes, size_t len)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  FtsAnswer answer;
  size_t used;

  if (!fts_wire_decode_answer (bytes, len, &answer, &used))
    return;
  fts_wire_encode_answer (&answer, again);
  if (used > len || used != again->len || memcmp (bytes, again->data, used) != 0)
    abort ();
}

static void
check_dirents (const uint8_t *bytes, size_t len)
{
  FtsDirent entry;
  size_t used;

  while (fts_wire_decode_dirent (bytes, len, &entry, &used)) {
    if (used > len || used == 0)
      abort ();
    bytes += used;
    len -= used;
  }
}

static void
check_chunk (const uint8_t *bytes, size_t len)
{
  uint8_t again[FTS_CHUNK_LEN];
  FtsChunk chunk;

  if (!fts_wire_decode_chunk (bytes, len, &chunk))
    return;
  fts_wire_encode_chunk (&chunk, again);
  if (memcmp (bytes, again, sizeof again) != 0)
    abort ();
}

/* What is taken apart of a fragment adds up to it, and so do the checksums. */
static void
check_fragment (const uint8_t *bytes, size_t len)
{
  FtsChunkIn in = { 0 };
  FtsChunk chunk;
  const uint8_t *data;
  uint32_t crc = 0;

  fts_chunk_in_begin (&in, bytes, len, fts_crc32c (bytes, len));
  while (in.len > 0 && fts_chunk_in_next (&in, &chunk, &data)) {
    if (chunk.kind == FTS_CHUNK_DATA)
      crc = fts_crc32c_extend (crc, data, (size_t) chunk.len);
    if (in.bytes + in.len != bytes + len || in.file_crc != crc ||
        in.crc != fts_crc32c (in.bytes, in.len))
      abort ();
  }
}

static void
check_notices (const uint8_t *bytes, size_t len)
{
  FtsNotice notice;
  size_t used;

  while (fts_wire_decode_notice (bytes, len, &notice, &used)) {
    g_autoptr (GByteArray) again = g_byte_array_new ();
    fts_wire_encode_notice (&notice, again);
    if (used > len || used != again->len || memcmp (bytes, again->data, used) != 0)
      abort ();
    bytes += used;
    len -= used;
  }
}

static void
check_opened (const uint8_t *bytes, size_t len)
{
  FtsOpened opened;
  size_t used;

  while (fts_wire_decode_opened (bytes, len, &opened, &used)) {
    g_autoptr (GByteArray) again = g_byte_array_new ();
    fts_wire_encode_opened (&opened, again);
    if (used > len || used != again->len || memcmp (bytes, again->data, used) != 0)
      abort ();
    bytes += used;
    len -= used;
  }
}

static void
check_handles (const uint8_t *bytes, size_t len)
{
  FtsHandle handle;
  size_t used;

  while (fts_wire_decode_handle (bytes, len, &handle, &used)) {
    g_autoptr (GByteArray) again = g_byte_array_new ();
    fts_wire_encode_handle (&handle, again);
    if (used > len || used != again->len || memcmp (bytes, again->data, used) != 0)
      abort ();
    bytes += used;
    len -= used;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  static void (*const checks[]) (const uint8_t *, size_t) = {
    check_request, check_answer,   check_dirents, check_chunk,
    check_notices, check_fragment, check_opened,  check_handles
  };

  if (len > 0)
    checks[bytes[0] % G_N_ELEMENTS (checks)](bytes + 1, len - 1);
  return 0;
}

static size_t
finish (uint8_t which, GByteArray *body, uint8_t *buf)
{
  buf[0] = which;
  memcpy (buf + 1, body->data, body->len);
  return body->len + 1;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  const unsigned n_ops = FTS_OP_N - 1;
  FtsRequest request = sample_request ((FtsOp) (1 + n % n_ops));
  FtsAnswer answer = sample_answer ((FtsOp) (1 + n % n_ops));
  FtsDirent entry = { 9, { "entry", 5 }, sample_handle (20), sample_attr () };
  FtsChunk chunk = { FTS_CHUNK_DATA, 0, 0, 4096, 3 };

  if (n < n_ops) {
    fts_wire_encode_request (&request, body);
    return finish (0, body, buf);
  }
  if (n < 2 * n_ops) {
    fts_wire_encode_answer (&answer, body);
    return finish (1, body, buf);
  }
  if (n == 2 * n_ops) {
    while (body->len < 1000)
      fts_wire_encode_dirent (&entry, body, room - 1);
    return finish (2, body, buf);
  }
  if (n == 2 * n_ops + 1) {
    g_byte_array_set_size (body, FTS_CHUNK_LEN + 3);
    fts_wire_encode_chunk (&chunk, body->data);
    memcpy (body->data + FTS_CHUNK_LEN, "abc", 3);
    return finish (3, body, buf);
  }
  if (n == 2 * n_ops + 2) {
    const FtsNotice name = { FTS_NOTICE_NAME, sample_handle (20), { "name", 4 }, 0 };
    const FtsNotice lock = { .kind = FTS_NOTICE_LOCK, .number = 7 };
    const FtsNotice file = { .kind = FTS_NOTICE_FILE, .handle = sample_handle (1) };
    const FtsNotice all = { .kind = FTS_NOTICE_ALL };
    fts_wire_encode_notice (&name, body);
    fts_wire_encode_notice (&file, body);
    fts_wire_encode_notice (&all, body);
    fts_wire_encode_notice (&lock, body);
    return finish (4, body, buf);
  }
  if (n == 2 * n_ops + 3) {
    FtsChunkOut out = { 0 };
    const FtsChunk hole = { FTS_CHUNK_HOLE, 0, 0, 5, 7 };
    g_byte_array_set_size (body, 3 * FTS_CHUNK_LEN + 10);
    fts_chunk_out_begin (&out, body->data, body->len);
    for (unsigned i = 0; i < 2; i++) {
      memset (fts_chunk_out_data (&out), 'a', 5);
      fts_chunk_out_add_data (&out, 12 * i, 5);
      if (i == 0)
        fts_chunk_out_add (&out, &hole);
    }
    return finish (5, body, buf);
  }
  if (n == 2 * n_ops + 4) {
    const FtsOpened opened = { .open_id = 5,
                               .flags = FTS_ANSWER_EOF,
                               .attr = sample_attr (),
                               .first = (const uint8_t *) "abc",
                               .first_len = 3 };
    const FtsOpened refused = { .status = 2 };
    fts_wire_encode_opened (&opened, body);
    fts_wire_encode_opened (&refused, body);
    return finish (6, body, buf);
  }
  if (n == 2 * n_ops + 5) {
    const FtsHandle handle = sample_handle (20);
    fts_wire_encode_handle (&handle, body);
    return finish (7, body, buf);
  }
  return 0;
}
