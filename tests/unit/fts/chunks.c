#include "fts/chunks.h"

#include "base/crc.h"
#include "lib/suite.h"

#include <string.h>

#define ROOM 1000u

static uint8_t memory[ROOM];

static void
add_data (FtsChunkOut *out, uint64_t offset, char byte, size_t len)
{
  memset (fts_chunk_out_data (out), byte, len);
  fts_chunk_out_add_data (out, offset, len);
}

/* "front", 5 data, a hole of 7, 300 data. */
static void
fill (FtsChunkOut *out)
{
  const FtsChunk hole = { .kind = FTS_CHUNK_HOLE, .offset = 5, .len = 7 };

  fts_chunk_out_begin (out, memory, ROOM);
  fts_chunk_out_add_bytes (out, "front", 5);
  add_data (out, 0, 'a', 5);
  fts_chunk_out_add (out, &hole);
  add_data (out, 12, 'b', 300);
}

START_TEST (test_a_filled_fragment_is_summed)
{
  FtsChunkOut out = { 0 };

  ck_assert_uint_eq (fts_chunk_out_left (&out), 0);
  fill (&out);
  ck_assert_uint_eq (out.used, 5 + 3 * FTS_CHUNK_LEN + 305);
  ck_assert_uint_eq (fts_chunk_out_left (&out), ROOM - out.used);
  ck_assert_uint_eq (out.crc, fts_crc32c (memory, out.used));
}
END_TEST

START_TEST (test_the_sum_of_a_file_goes_over_its_data_alone_and_over_fragments)
{
  FtsChunkOut out = { 0 };
  uint8_t data[610];

  fill (&out);
  fts_chunk_out_begin (&out, memory, ROOM);
  add_data (&out, 312, 'b', 305);
  memset (data, 'a', 5);
  memset (data + 5, 'b', 605);
  ck_assert_uint_eq (out.file_crc, fts_crc32c (data, sizeof data));
  ck_assert_uint_eq (out.crc, fts_crc32c (memory, out.used));
}
END_TEST

START_TEST (test_what_was_filled_is_taken_apart_again)
{
  static const struct {
    FtsChunkKind kind;
    uint64_t offset, len;
  } expected[] = { { FTS_CHUNK_DATA, 0, 5 },
                   { FTS_CHUNK_HOLE, 5, 7 },
                   { FTS_CHUNK_DATA, 12, 300 } };
  FtsChunkOut out = { 0 };
  FtsChunkIn in = { 0 };
  FtsChunk chunk;
  const uint8_t *data;

  fill (&out);
  fts_chunk_in_begin (&in, memory + 5, out.used - 5,
                      fts_crc32c_leave (fts_crc32c (memory, 5), out.crc, out.used - 5));
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
    ck_assert (fts_chunk_in_next (&in, &chunk, &data));
    ck_assert_uint_eq (chunk.kind, expected[i].kind);
    ck_assert_uint_eq (chunk.offset, expected[i].offset);
    ck_assert_uint_eq (chunk.len, expected[i].len);
    if (chunk.kind == FTS_CHUNK_DATA)
      ck_assert_uint_eq (data[chunk.len - 1], chunk.len == 5 ? 'a' : 'b');
    ck_assert_uint_eq (in.crc, fts_crc32c (in.bytes, in.len));
  }
  ck_assert_uint_eq (in.len, 0);
  ck_assert_uint_eq (in.file_crc, out.file_crc);
}
END_TEST

START_TEST (test_a_chunk_that_goes_on_behind_its_fragment_is_refused)
{
  FtsChunkOut out = { 0 };
  FtsChunkIn in = { 0 };
  FtsChunk chunk;
  const uint8_t *data;

  fts_chunk_out_begin (&out, memory, ROOM);
  add_data (&out, 0, 'a', 10);
  for (size_t len = 1; len < out.used; len++) {
    fts_chunk_in_begin (&in, memory, len, fts_crc32c (memory, len));
    ck_assert (!fts_chunk_in_next (&in, &chunk, &data));
  }
}
END_TEST

FTS_SUITE ("fts/chunks", test_a_filled_fragment_is_summed,
           test_the_sum_of_a_file_goes_over_its_data_alone_and_over_fragments,
           test_what_was_filled_is_taken_apart_again,
           test_a_chunk_that_goes_on_behind_its_fragment_is_refused)
