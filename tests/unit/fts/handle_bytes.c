#include "fts/handle_bytes.h"

#include "lib/suite.h"

#include <string.h>

static const FtsSeal seal = { { 7 }, 0x0a0b0c0d };

static FtsHandle
make (const FtsWhere *where)
{
  FtsHandle handle;

  fts_handle_identify (&seal, where, &handle);
  fts_handle_prove (&seal, &handle);
  return handle;
}

static FtsWhere
kernel_where (unsigned len)
{
  FtsWhere where = { .kind = FTS_WHERE_KERNEL };

  where.kernel.handle.handle_type = 0x81;
  where.kernel.handle.handle_bytes = len;
  memset (where.kernel.handle.f_handle, 'k', len);
  return where;
}

START_TEST (test_golden_identity)
{
  static const uint8_t golden[] = { 2,    1, 7, 0, 0x0d, 0x0c, 0x0b, 0x0a,
                                    0x81, 0, 0, 0, 'k',  'k',  'k' };
  FtsWhere where = kernel_where (3);
  FtsHandle handle;

  fts_handle_identify (&seal, &where, &handle);
  ck_assert_uint_eq (handle.len, sizeof golden);
  ck_assert_mem_eq (handle.bytes, golden, sizeof golden);
  fts_handle_prove (&seal, &handle);
  ck_assert_uint_eq (fts_handle_identity_len (&handle), sizeof golden);
}
END_TEST

START_TEST (test_a_handle_comes_back_as_it_was)
{
  const FtsWhere file = { .kind = FTS_WHERE_FILE, .file = { 1, UINT64_MAX, -5, 999 } };
  FtsWhere kernel = kernel_where (MAX_HANDLE_SZ);
  FtsHandle handle = make (&file);
  FtsWhere out;

  ck_assert (fts_handle_unseal (&seal, &handle, &out));
  ck_assert_int_eq (out.kind, FTS_WHERE_FILE);
  ck_assert (fts_file_id_equal (&out.file, &file.file));
  ck_assert (!fts_handle_is_root (&handle));
  handle = make (&kernel);
  ck_assert (fts_handle_unseal (&seal, &handle, &out));
  ck_assert_int_eq (out.kind, FTS_WHERE_KERNEL);
  ck_assert_int_eq (out.kernel.handle.handle_type, 0x81);
  ck_assert_uint_eq (out.kernel.handle.handle_bytes, MAX_HANDLE_SZ);
  ck_assert_mem_eq (&out.kernel, &kernel.kernel, sizeof kernel.kernel);
}
END_TEST

START_TEST (test_any_flipped_bit_is_noticed)
{
  FtsWhere kernel = kernel_where (12);
  FtsHandle handle = make (&kernel);
  FtsWhere out;

  for (unsigned bit = 0; bit < handle.len * 8u; bit++) {
    handle.bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
    ck_assert_msg (!fts_handle_unseal (&seal, &handle, &out), "bit %u", bit);
    handle.bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
  }
  ck_assert (fts_handle_unseal (&seal, &handle, &out));
}
END_TEST

START_TEST (test_another_length_is_refused)
{
  FtsWhere kernel = kernel_where (12);
  FtsHandle whole = make (&kernel), handle = whole;
  FtsWhere out;

  for (unsigned len = 0; len < FTS_HANDLE_MAX; len++) {
    handle.len = (uint16_t) len;
    ck_assert (fts_handle_unseal (&seal, &handle, &out) == (len == whole.len));
  }
}
END_TEST

START_TEST (test_another_seal_opens_the_root_alone)
{
  const FtsSeal other_key = { { 8 }, 0x0a0b0c0d };
  const FtsSeal other_export = { { 7 }, 1 };
  const FtsWhere root = { .kind = FTS_WHERE_ROOT };
  const FtsWhere file = { .kind = FTS_WHERE_FILE };
  FtsHandle of_root = make (&root), of_file = make (&file);
  FtsWhere out;

  ck_assert (fts_handle_unseal (&other_key, &of_root, &out));
  ck_assert_int_eq (out.kind, FTS_WHERE_ROOT);
  ck_assert (fts_handle_is_root (&of_root));
  ck_assert (!fts_handle_unseal (&other_key, &of_file, &out));
  ck_assert (!fts_handle_unseal (&other_export, &of_root, &out));
  ck_assert (fts_handle_is_of (&other_key, &of_file));
  ck_assert (!fts_handle_is_of (&other_export, &of_file));
}
END_TEST

FTS_SUITE ("fts/handle_bytes", test_golden_identity, test_a_handle_comes_back_as_it_was,
           test_any_flipped_bit_is_noticed, test_another_length_is_refused,
           test_another_seal_opens_the_root_alone)
