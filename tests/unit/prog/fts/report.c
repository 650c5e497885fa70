/* What fts prints: sizes, the progress bar, listings, JSON members. */
#include "prog/fts/report.h"

#include "lib/suite.h"
#include "lib/wire_samples.h"
#include "prog/fts/progress.h"

static void
assert_size (uint64_t bytes, const char *expected)
{
  g_autofree char *text = fts_report_size (bytes);
  ck_assert_str_eq (text, expected);
}

START_TEST (test_sizes_have_few_digits_and_a_unit)
{
  assert_size (0, "0 B");
  assert_size (1023, "1023 B");
  assert_size (1536, "1.5 KiB");
  assert_size (200 * 1024, "200 KiB");
  assert_size (3ull << 30, "3.0 GiB");
  assert_size (UINT64_MAX, "16.0 EiB");
}
END_TEST

START_TEST (test_the_bar_fits_the_terminal)
{
  for (int width = 1; width < 200; width++) {
    g_autofree char *text =
      fts_progress_format ("some-name", 512 << 20, 1 << 30, 256 << 20, width);
    if (width >= 60)
      ck_assert_int_eq ((int) strlen (text), width - 1);
  }
}
END_TEST

START_TEST (test_the_bar_tells_share_rate_and_time_left)
{
  g_autofree char *text =
    fts_progress_format ("file", 512 << 20, 1 << 30, 256 << 20, 80);

  ck_assert_ptr_nonnull (strstr (text, "file  50% [=="));
  ck_assert_ptr_nonnull (strstr (text, "512 MiB"));
  ck_assert_ptr_nonnull (strstr (text, "256 MiB/s"));
  ck_assert_ptr_nonnull (strstr (text, "0:02"));
}
END_TEST

START_TEST (test_a_bar_without_a_rate_or_a_size_is_no_division_by_zero)
{
  g_autofree char *empty = fts_progress_format ("file", 0, 0, 0, 80);
  g_autofree char *start = fts_progress_format ("file", 0, 1000, 0, 80);

  ck_assert_ptr_nonnull (strstr (empty, "100%"));
  ck_assert_ptr_nonnull (strstr (start, "--:--"));
}
END_TEST

START_TEST (test_a_line_looks_like_ls)
{
  FtsAttr attr = sample_attr ();
  attr.mode = 0104755;
  g_autofree char *file = fts_report_line ("n\a", &attr, NULL, true);
  attr.mode = 0120777;
  g_autofree char *link = fts_report_line ("l", &attr, "to", false);

  ck_assert (g_str_has_prefix (file, "-rwsr-xr-x   3  1000   100         4097 "));
  ck_assert (g_str_has_suffix (file, " n?"));
  ck_assert (g_str_has_prefix (link, "lrwxrwxrwx"));
  ck_assert (g_str_has_suffix (link, " l -> to"));
}
END_TEST

START_TEST (test_a_name_that_is_no_utf8_keeps_its_bytes_in_json)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();

  json_builder_begin_object (builder);
  fts_report_add_name (builder, "name", "a\xff");
  fts_report_add_name (builder, "other", "b\n");
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  ck_assert_ptr_nonnull (strstr (text, "\"name_base64\":\"Yf8=\""));
  ck_assert_ptr_nonnull (strstr (text, "\"other\":\"b\\n\""));
}
END_TEST

FTS_SUITE ("prog/fts", test_sizes_have_few_digits_and_a_unit,
           test_the_bar_fits_the_terminal, test_the_bar_tells_share_rate_and_time_left,
           test_a_bar_without_a_rate_or_a_size_is_no_division_by_zero,
           test_a_line_looks_like_ls,
           test_a_name_that_is_no_utf8_keeps_its_bytes_in_json)
