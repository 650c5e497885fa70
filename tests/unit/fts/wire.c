#include "fts/wire.h"

#include "lib/suite.h"
#include "lib/wire_samples.h"

/* Where the fields of the fixed headers lie. */
#define AT_OP       4
#define AT_VERSION  6
#define AT_N_GROUPS 40

static GByteArray *
encoded_request (FtsOp op)
{
  FtsRequest request = sample_request (op);
  GByteArray *bytes = g_byte_array_new ();
  fts_wire_encode_request (&request, bytes);
  return bytes;
}

static GByteArray *
encoded_answer (FtsOp op)
{
  FtsAnswer answer = sample_answer (op);
  GByteArray *bytes = g_byte_array_new ();
  fts_wire_encode_answer (&answer, bytes);
  return bytes;
}

static void
assert_text (FtsText text, const char *expected)
{
  ck_assert_uint_eq (text.len, strlen (expected));
  ck_assert_mem_eq (text.bytes, expected, text.len);
}

START_TEST (test_every_operation_has_a_row_in_the_command_table)
{
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command ((FtsOp) op);
    ck_assert_ptr_nonnull (command);
    ck_assert_int_eq (command->op, op);
  }
  ck_assert_ptr_null (fts_wire_command ((FtsOp) 0));
  ck_assert_ptr_null (fts_wire_command (FTS_OP_N));
}
END_TEST

START_TEST (test_every_request_comes_back_as_it_was)
{
  for (int op = 1; op < FTS_OP_N; op++) {
    g_autoptr (GByteArray) bytes = encoded_request ((FtsOp) op);
    g_autoptr (GByteArray) again = g_byte_array_new ();
    FtsRequest out;
    size_t used;

    ck_assert (fts_wire_decode_request (bytes->data, bytes->len, &out, &used));
    ck_assert_uint_eq (used, bytes->len);
    ck_assert_int_eq (out.op, op);
    fts_wire_encode_request (&out, again);
    ck_assert_uint_eq (again->len, bytes->len);
    ck_assert_mem_eq (again->data, bytes->data, bytes->len);
  }
}
END_TEST

START_TEST (test_every_answer_comes_back_as_it_was)
{
  for (int op = 1; op < FTS_OP_N; op++) {
    g_autoptr (GByteArray) bytes = encoded_answer ((FtsOp) op);
    g_autoptr (GByteArray) again = g_byte_array_new ();
    FtsAnswer out;
    size_t used;

    ck_assert (fts_wire_decode_answer (bytes->data, bytes->len, &out, &used));
    ck_assert_uint_eq (used, bytes->len);
    fts_wire_encode_answer (&out, again);
    ck_assert_uint_eq (again->len, bytes->len);
    ck_assert_mem_eq (again->data, bytes->data, bytes->len);
  }
}
END_TEST

START_TEST (test_fields_land_where_they_belong)
{
  g_autoptr (GByteArray) bytes = encoded_request (FTS_OP_RENAME);
  FtsRequest expected = sample_request (FTS_OP_RENAME);
  FtsRequest out;
  size_t used;

  ck_assert (fts_wire_decode_request (bytes->data, bytes->len, &out, &used));
  ck_assert_uint_eq (out.tag, 7);
  ck_assert_uint_eq (out.uid, 1000);
  ck_assert_uint_eq (out.gid, 100);
  ck_assert_uint_eq (out.umask, 022);
  ck_assert_uint_eq (out.n_groups, 2);
  ck_assert_uint_eq (out.groups[1], 24);
  ck_assert_uint_eq (out.handle.len, 20);
  ck_assert_mem_eq (out.handle2.bytes, expected.handle2.bytes, FTS_HANDLE_MAX);
  assert_text (out.name, "a \xff name");
  assert_text (out.name2, "");
  ck_assert_uint_eq (out.open_flags, FTS_OPEN_READ | FTS_OPEN_WRITE);
  ck_assert_uint_eq (out.open_id, 0); /* rename has none */
}
END_TEST

START_TEST (test_attributes_keep_negative_times_and_nanoseconds)
{
  g_autoptr (GByteArray) bytes = encoded_answer (FTS_OP_GETATTR);
  FtsAnswer out;
  size_t used;

  ck_assert (fts_wire_decode_answer (bytes->data, bytes->len, &out, &used));
  ck_assert_int_eq (out.attr.mtime.sec, -1);
  ck_assert_uint_eq (out.attr.mtime.nsec, 999999999);
  ck_assert_uint_eq (out.attr.ino, 0x0102030405060708);
  ck_assert_uint_eq (out.attr.rdev, 0x0801);
  ck_assert_uint_eq (out.attr.blocks, 16);
}
END_TEST

START_TEST (test_golden_read_request)
{
  static const uint8_t golden[] = {
    0x58, 0,    0,    0,    9,    0,    1,    0,    /* length 88, READ, version */
    7,    0,    0,    0,    0,    0,    0,    0,    /* tag, flags */
    3,    0,    0,    0,    3,    2,    0,    0,    /* slot, sequence */
    0,    0,    0,    0,                            /* its rest */
    0xe8, 3,    0,    0,    100,  0,    0,    0,    /* uid, gid */
    0x12, 0,    0,    0,    1,    0,    0,    0,    /* umask, one group */
    4,    0,    0,    0,    1,    0,    0,    0,    /* group, one to close */
    0x55, 0,    0,    0,    0,    0,    0,    0,    /* which */
    2,    0,    0xaa, 0xbb,                         /* handle of 2 */
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* open_id */
    0,    0,    16,   0,    0,    0,    0,    0,    /* offset */
    0,    16,   0,    0,    0,    0,    0,    0,    /* length */
  };
  FtsRequest request = sample_request (FTS_OP_READ);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  request.n_groups = 1;
  request.handle = (FtsHandle){ .len = 2, .bytes = { 0xaa, 0xbb } };
  fts_wire_encode_request (&request, bytes);
  ck_assert_uint_eq (bytes->len, sizeof golden);
  ck_assert_mem_eq (bytes->data, golden, sizeof golden);
}
END_TEST

START_TEST (test_golden_write_answer)
{
  static const uint8_t front[] = {
    0x84, 0, 0, 0, 10, 0, 1, 0, /* length 132, WRITE, version */
    7,    0, 0, 0, 0,  0, 0, 0, /* tag, status */
    1,    0, 0, 0,              /* flags: EOF */
    0,    2, 0, 0, 0,  0, 0, 0, /* length 512 */
    8,    7, 6, 5, 4,  3, 2, 1, /* attr begins: ino */
  };
  g_autoptr (GByteArray) bytes = encoded_answer (FTS_OP_WRITE);

  ck_assert_mem_eq (bytes->data, front, sizeof front);
  ck_assert_uint_eq (bytes->len, 20 + 8 + 104);
}
END_TEST

START_TEST (test_golden_error_answer)
{
  static const uint8_t golden[] = {
    20, 0, 0, 0, 2, 0, 1, 0, 9, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
  };
  FtsAnswer answer = { .op = FTS_OP_LOOKUP, .tag = 9, .status = 3 };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  fts_wire_encode_answer (&answer, bytes);
  ck_assert_uint_eq (bytes->len, sizeof golden);
  ck_assert_mem_eq (bytes->data, golden, sizeof golden);
}
END_TEST

START_TEST (test_every_truncation_is_refused)
{
  for (int op = 1; op < FTS_OP_N; op++) {
    g_autoptr (GByteArray) request = encoded_request ((FtsOp) op);
    g_autoptr (GByteArray) answer = encoded_answer ((FtsOp) op);
    FtsRequest r;
    FtsAnswer a;
    size_t used;

    for (size_t cut = 0; cut < request->len; cut++)
      ck_assert (!fts_wire_decode_request (request->data, cut, &r, &used));
    for (size_t cut = 0; cut < answer->len; cut++)
      ck_assert (!fts_wire_decode_answer (answer->data, cut, &a, &used));
  }
}
END_TEST

START_TEST (test_data_behind_the_operands_is_left_alone)
{
  g_autoptr (GByteArray) bytes = encoded_request (FTS_OP_WRITE);
  guint header = bytes->len;
  FtsRequest out;
  size_t used;

  g_byte_array_append (bytes, (const guint8 *) "data", 4);
  ck_assert (fts_wire_decode_request (bytes->data, bytes->len, &out, &used));
  ck_assert_uint_eq (used, header);
}
END_TEST

START_TEST (test_a_length_beyond_the_operands_is_refused)
{
  g_autoptr (GByteArray) bytes = encoded_request (FTS_OP_CLOSE);
  FtsRequest out;
  size_t used;

  g_byte_array_append (bytes, (const guint8 *) "data", 4);
  bytes->data[0] = (uint8_t) (bytes->data[0] + 4);
  ck_assert (!fts_wire_decode_request (bytes->data, bytes->len, &out, &used));
}
END_TEST

static bool
decodes_with (FtsOp op, size_t at, uint8_t value)
{
  g_autoptr (GByteArray) bytes = encoded_request (op);
  FtsRequest out;
  size_t used;

  bytes->data[at] = value;
  return fts_wire_decode_request (bytes->data, bytes->len, &out, &used);
}

START_TEST (test_another_version_is_refused)
{
  ck_assert (!decodes_with (FTS_OP_STATFS, AT_VERSION, FTS_WIRE_VERSION + 1));
}
END_TEST

START_TEST (test_an_unknown_operation_is_refused)
{
  ck_assert (!decodes_with (FTS_OP_STATFS, AT_OP, 0));
  ck_assert (!decodes_with (FTS_OP_STATFS, AT_OP, FTS_OP_N));
  ck_assert (!decodes_with (FTS_OP_STATFS, AT_OP + 1, 1));
}
END_TEST

START_TEST (test_too_many_groups_are_refused)
{
  ck_assert (!decodes_with (FTS_OP_STATFS, AT_N_GROUPS, FTS_GROUPS_MAX + 1));
}
END_TEST

START_TEST (test_a_text_with_a_nul_is_refused)
{
  FtsRequest request = sample_request (FTS_OP_LOOKUP);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  size_t used;

  request.name = (FtsText){ "a\0b", 3 };
  fts_wire_encode_request (&request, bytes);
  ck_assert (!fts_wire_decode_request (bytes->data, bytes->len, &request, &used));
}
END_TEST

START_TEST (test_the_longest_request_fits_the_header_limit)
{
  g_autofree char *text = g_strnfill (FTS_TEXT_MAX, 'x');
  FtsRequest request = sample_request (FTS_OP_RENAME);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  size_t used;

  request.n_groups = FTS_GROUPS_MAX;
  request.handle = sample_handle (FTS_HANDLE_MAX);
  request.name = request.name2 = (FtsText){ text, FTS_TEXT_MAX };
  fts_wire_encode_request (&request, bytes);
  ck_assert_uint_le (bytes->len, FTS_WIRE_HEADER_MAX);
  ck_assert (fts_wire_decode_request (bytes->data, bytes->len, &request, &used));
}
END_TEST

START_TEST (test_a_page_of_entries_comes_back_and_respects_its_limit)
{
  g_autoptr (GByteArray) page = g_byte_array_new ();
  FtsDirent entry = { 1, { "n\xf6n-utf8", 8 }, sample_handle (24), sample_attr () };
  FtsDirent out;
  unsigned n = 0;
  size_t used;

  while (fts_wire_encode_dirent (&entry, page, 1000) > 0)
    entry.cookie++;
  ck_assert_uint_le (page->len, 1000);
  for (size_t at = 0; at < page->len; at += used) {
    ck_assert (fts_wire_decode_dirent (page->data + at, page->len - at, &out, &used));
    ck_assert_uint_eq (out.cookie, ++n);
    assert_text (out.name, "n\xf6n-utf8");
    ck_assert_uint_eq (out.handle.len, 24);
    ck_assert_uint_eq (out.attr.size, 4097);
  }
  ck_assert_uint_eq (n, entry.cookie - 1);
}
END_TEST

START_TEST (test_truncated_entries_are_refused)
{
  g_autoptr (GByteArray) page = g_byte_array_new ();
  FtsDirent entry = { 1, { "name", 4 }, sample_handle (24), sample_attr () };
  FtsDirent out;
  size_t used;

  fts_wire_encode_dirent (&entry, page, 1000);
  for (size_t cut = 0; cut < page->len; cut++)
    ck_assert (!fts_wire_decode_dirent (page->data, cut, &out, &used));
}
END_TEST

START_TEST (test_golden_chunk)
{
  static const uint8_t golden[FTS_CHUNK_LEN] = {
    2, 0, 0, 0, 0, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde, 0, 0, 0, 0,
    0, 0, 1, 0, 0, 0, 0, 0, 0,    0x10, 0,    0,    0, 0, 0, 0,
  };
  FtsChunk chunk = { FTS_CHUNK_HOLE, 0, 0xdeadbeef, 65536, 4096 };
  FtsChunk out;
  uint8_t bytes[FTS_CHUNK_LEN];

  fts_wire_encode_chunk (&chunk, bytes);
  ck_assert_mem_eq (bytes, golden, sizeof golden);
  ck_assert (fts_wire_decode_chunk (bytes, sizeof bytes, &out));
  ck_assert_int_eq (out.kind, FTS_CHUNK_HOLE);
  ck_assert_uint_eq (out.crc, 0xdeadbeef);
  ck_assert_uint_eq (out.offset, 65536);
  ck_assert_uint_eq (out.len, 4096);
}
END_TEST

START_TEST (test_a_data_chunk_needs_its_bytes)
{
  FtsChunk chunk = { FTS_CHUNK_DATA, 0, 0, 0, 3 };
  uint8_t bytes[FTS_CHUNK_LEN + 3] = { 0 };

  fts_wire_encode_chunk (&chunk, bytes);
  ck_assert (fts_wire_decode_chunk (bytes, sizeof bytes, &chunk));
  ck_assert (!fts_wire_decode_chunk (bytes, sizeof bytes - 1, &chunk));
}
END_TEST

START_TEST (test_a_chunk_beyond_the_largest_file_is_refused)
{
  FtsChunk chunk = { FTS_CHUNK_HOLE, 0, 0, INT64_MAX, 1 };
  uint8_t bytes[FTS_CHUNK_LEN];

  fts_wire_encode_chunk (&chunk, bytes);
  ck_assert (!fts_wire_decode_chunk (bytes, sizeof bytes, &chunk));
}
END_TEST

START_TEST (test_a_partial_name_tells_sources_apart_and_fits)
{
  FtsAttr one = sample_attr (), other = one;
  g_autofree char *long_name = g_strnfill (255, 'n');
  g_autofree char *a = fts_wire_partial_name ("file", &one);
  g_autofree char *b = NULL, *c = NULL;

  other.mtime.nsec--;
  b = fts_wire_partial_name ("file", &other);
  c = fts_wire_partial_name (long_name, &one);
  ck_assert (g_str_has_prefix (a, ".file.fts-"));
  ck_assert_str_ne (a, b);
  ck_assert_uint_le (strlen (c), 255);
}
END_TEST

FTS_SUITE ("fts/wire", test_every_operation_has_a_row_in_the_command_table,
           test_every_request_comes_back_as_it_was,
           test_every_answer_comes_back_as_it_was, test_fields_land_where_they_belong,
           test_attributes_keep_negative_times_and_nanoseconds,
           test_golden_read_request, test_golden_write_answer, test_golden_error_answer,
           test_every_truncation_is_refused,
           test_data_behind_the_operands_is_left_alone,
           test_a_length_beyond_the_operands_is_refused,
           test_another_version_is_refused, test_an_unknown_operation_is_refused,
           test_too_many_groups_are_refused, test_a_text_with_a_nul_is_refused,
           test_the_longest_request_fits_the_header_limit,
           test_a_page_of_entries_comes_back_and_respects_its_limit,
           test_truncated_entries_are_refused, test_golden_chunk,
           test_a_data_chunk_needs_its_bytes,
           test_a_chunk_beyond_the_largest_file_is_refused,
           test_a_partial_name_tells_sources_apart_and_fits)
