#include "base/crc.h"

#include "lib/suite.h"

#include <string.h>

START_TEST (test_known_values)
{
  uint8_t zeros[32] = { 0 };
  uint8_t ones[32];

  memset (ones, 0xff, sizeof ones);
  /* RFC 3720, B.4 */
  ck_assert_uint_eq (fts_crc32c (zeros, 32), 0x8a9136aa);
  ck_assert_uint_eq (fts_crc32c (ones, 32), 0x62a8ab43);
  ck_assert_uint_eq (fts_crc32c ("123456789", 9), 0xe3069283);
}
END_TEST

START_TEST (test_extending_equals_one_run)
{
  const char text[] = "a segment header and its payload";

  for (size_t cut = 0; cut <= sizeof text; cut++) {
    uint32_t crc = fts_crc32c_extend (0, text, cut);
    ck_assert_uint_eq (fts_crc32c_extend (crc, text + cut, sizeof text - cut),
                       fts_crc32c (text, sizeof text));
  }
}
END_TEST

START_TEST (test_table_equals_library)
{
  uint8_t bytes[1027];

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) (i * 31 + (i >> 3));
  for (size_t len = 0; len <= sizeof bytes; len += 13)
    ck_assert_uint_eq (fts_crc32c_table (0, bytes, len), fts_crc32c (bytes, len));
}
END_TEST

START_TEST (test_joining_equals_one_run_and_leaving_undoes_it)
{
  uint8_t bytes[70000];

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) (i * 7 + (i >> 5));
  uint32_t whole = fts_crc32c (bytes, sizeof bytes);
  for (size_t cut = 0; cut <= sizeof bytes; cut += cut < 40 ? 1 : 4997) {
    size_t back_len = sizeof bytes - cut;
    uint32_t front = fts_crc32c (bytes, cut);
    uint32_t back = fts_crc32c (bytes + cut, back_len);
    ck_assert_uint_eq (fts_crc32c_join (front, back, back_len), whole);
    ck_assert_uint_eq (fts_crc32c_leave (front, whole, back_len), back);
  }
  ck_assert_uint_eq (fts_crc32c_join (whole, 0, 0), whole);
}
END_TEST

FTS_SUITE ("base/crc", test_known_values, test_extending_equals_one_run,
           test_table_equals_library, test_joining_equals_one_run_and_leaving_undoes_it)
