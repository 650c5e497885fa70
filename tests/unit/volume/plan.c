/* Placement, layout and the plan of a new volume: pure functions. */
#include "base/error.h"
#include "volume/device_spec.h"
#include "volume/format.h"
#include "volume/placement.h"

#include "lib/suite.h"

#include <string.h>

static void
check_permutation (const uint64_t *order, uint64_t n)
{
  g_autofree bool *seen = g_new0 (bool, n + 1);

  for (uint64_t i = 0; i < n; i++) {
    ck_assert_uint_ge (order[i], 1);
    ck_assert_uint_le (order[i], n);
    ck_assert (!seen[order[i]]);
    seen[order[i]] = true;
  }
}

START_TEST (test_each_placement_uses_each_segment_once)
{
  const uint64_t shares[] = { 5, 0, 11, 7 };

  for (int p = FTS_PLACE_RANDOM; p <= FTS_PLACE_CHUNKED; p++) {
    g_autofree uint64_t *order = fts_placement_order ((FtsPlacement) p, 42, shares, 4);
    check_permutation (order, 23);
  }
}
END_TEST

START_TEST (test_random_placement_depends_on_the_seed_alone)
{
  const uint64_t shares[] = { 100 };
  g_autofree uint64_t *a = fts_placement_order (FTS_PLACE_RANDOM, 1, shares, 1);
  g_autofree uint64_t *b = fts_placement_order (FTS_PLACE_RANDOM, 1, shares, 1);
  g_autofree uint64_t *c = fts_placement_order (FTS_PLACE_RANDOM, 2, shares, 1);

  ck_assert_mem_eq (a, b, sizeof *a * 100);
  ck_assert_mem_ne (a, c, sizeof *a * 100);
}
END_TEST

/* Fixed for ever: a change would move the segments of existing volumes. */
START_TEST (test_random_placement_never_changes)
{
  static const uint64_t expected[] = { 2, 5, 6, 3, 7, 1, 4, 8 };
  const uint64_t shares[] = { 8 };
  g_autofree uint64_t *order = fts_placement_order (FTS_PLACE_RANDOM, 7, shares, 1);

  for (int i = 0; i < 8; i++)
    ck_assert_uint_eq (order[i], expected[i]);
}
END_TEST

START_TEST (test_striped_placement_goes_round_the_devices)
{
  static const uint64_t expected[] = { 1, 3, 6, 2, 4, 7, 5 };
  const uint64_t shares[] = { 2, 3, 2 };
  g_autofree uint64_t *order = fts_placement_order (FTS_PLACE_STRIPED, 0, shares, 3);

  for (int i = 0; i < 7; i++)
    ck_assert_uint_eq (order[i], expected[i]);
}
END_TEST

START_TEST (test_chunked_placement_keeps_a_connection_together)
{
  const uint64_t shares[] = { 16, 16 };
  g_autofree uint64_t *order = fts_placement_order (FTS_PLACE_CHUNKED, 0, shares, 2);

  for (uint32_t i = 0; i < 8; i++)
    ck_assert_uint_eq (order[fts_placement_index (2, (FtsDirection) (i / 4), i % 4, 4)],
                       9 + i);
}
END_TEST

START_TEST (test_shares_are_as_even_as_the_rooms_allow)
{
  const uint64_t room[] = { 100, 3, 100 };
  uint64_t shares[3];

  ck_assert (fts_placement_share (63, room, 3, shares));
  ck_assert_uint_eq (shares[1], 3);
  ck_assert_uint_eq (shares[0] + shares[2], 60);
  ck_assert_uint_ge (shares[0], 29);
  ck_assert_uint_ge (shares[2], 29);
  ck_assert (fts_placement_share (203, room, 3, shares));
  ck_assert (!fts_placement_share (204, room, 3, shares));
}
END_TEST

static const FtsFormatWish small = {
  .block_size = 512, .lock_method = FTS_LOCK_CAW, .volume_uuid = "uuid", .seed = 99
};

static FtsFormatPlan *
plan (FtsFormatWish wish, uint64_t n_blocks, unsigned n_devices, GError **error)
{
  FtsFormatDevice devices[3];

  for (unsigned i = 0; i < n_devices; i++)
    devices[i] = (FtsFormatDevice){ n_blocks, "id" };
  return fts_format_plan (&wish, devices, n_devices, error);
}

START_TEST (test_a_plan_passes_the_decoder)
{
  for (unsigned n = 1; n <= 3; n++)
    for (uint32_t block_size = 512; block_size <= 4096; block_size *= 8) {
      FtsFormatWish wish = small;
      uint8_t block[4096];
      FtsMcb mcb;
      wish.block_size = block_size;
      uint64_t n_blocks = (64 << 20) / block_size;
      g_autoptr (FtsFormatPlan) p = plan (wish, n_blocks, n, NULL);
      ck_assert_ptr_nonnull (p);
      for (unsigned d = 0; d < n; d++) {
        g_autoptr (GError) error = NULL;
        fts_mcb_encode (&p->mcb[d], block, block_size);
        ck_assert_msg (fts_mcb_decode (block, block_size, n_blocks, &mcb, &error), "%s",
                       error ? error->message : "");
      }
    }
}
END_TEST

START_TEST (test_regions_begin_at_4_kib)
{
  FtsRegion regions[FTS_N_REGIONS];
  g_autoptr (FtsFormatPlan) p = plan (small, 131072, 1, NULL);

  fts_layout_regions (&p->mcb[0], regions);
  for (int i = FTS_REGION_LOCK; i <= FTS_REGION_SEGMENTS; i++)
    ck_assert_uint_eq (regions[i].start % 8, 0);
}
END_TEST

START_TEST (test_default_connections_shrink_to_what_fits)
{
  g_autoptr (FtsFormatPlan) p = plan (small, 131072, 1, NULL);
  g_autoptr (FtsFormatPlan) large = plan (small, 131072 * 16, 1, NULL);

  ck_assert (p->is_reduced);
  ck_assert_uint_eq (p->mcb[0].blk5_max_connections, 7);
  ck_assert (!large->is_reduced);
  ck_assert_uint_eq (large->mcb[0].blk5_max_connections, 64);
}
END_TEST

START_TEST (test_connections_asked_for_are_not_reduced)
{
  FtsFormatWish wish = small;
  g_autoptr (GError) error = NULL;

  wish.connections = 8;
  ck_assert_ptr_null (plan (wish, 131072, 1, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TOO_SMALL));
  ck_assert_ptr_nonnull (strstr (error->message, "64.1 MiB"));
}
END_TEST

START_TEST (test_what_does_not_fit_two_connections_is_too_small)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (plan (small, 16384, 1, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TOO_SMALL));
}
END_TEST

START_TEST (test_tiny_devices_are_too_small)
{
  for (uint64_t n = 0; n < 200; n++) {
    g_autoptr (GError) error = NULL;
    ck_assert_ptr_null (plan (small, n, 2, &error));
    ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TOO_SMALL));
  }
}
END_TEST

START_TEST (test_wishes_out_of_range_are_refused)
{
  FtsFormatWish wishes[8];

  for (int i = 0; i < 8; i++)
    wishes[i] = small;
  wishes[0].block_size = 520;
  wishes[1].segment_bytes = 5000;
  wishes[2].entries = 1;
  wishes[3].multi_buffer = 17;
  wishes[4].hosts = 33;
  wishes[5].dead_ms = 1999;
  wishes[6].name = "";
  wishes[7].name = "a name that is longer than it may be";
  for (int i = 0; i < 8; i++) {
    g_autoptr (GError) error = NULL;
    ck_assert_ptr_null (plan (wishes[i], 131072, 1, &error));
    ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
  }
}
END_TEST

START_TEST (test_640_entries_a_table_are_possible)
{
  FtsFormatWish wish = small;

  wish.entries = 640;
  wish.segment_bytes = 8192;
  g_autoptr (FtsFormatPlan) p = plan (wish, 131072, 1, NULL);
  ck_assert_ptr_nonnull (p);
  ck_assert_uint_eq (p->mcb[0].blk5_maxptr, 640);
}
END_TEST

static void
check_paths (const char *spec, const char *first, const char *second)
{
  g_auto (GStrv) paths = fts_device_spec_paths (spec, NULL);

  ck_assert_ptr_nonnull (paths);
  ck_assert_str_eq (paths[0], first);
  if (second != NULL)
    ck_assert_str_eq (paths[1], second);
  ck_assert_ptr_null (paths[second != NULL ? 2 : 1]);
}

START_TEST (test_a_path_without_a_kind_is_a_file)
{
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *expected = g_strconcat ("file:", cwd, "/x.img", NULL);

  check_paths ("/a/x.img", "file:/a/x.img", NULL);
  check_paths ("x.img", expected, NULL);
  check_paths ("file:x.img", expected, NULL);
  check_paths ("file:/a/x.img?path=2", "file:/a/x.img?path=2", NULL);
  check_paths ("iscsi://host/iqn/1", "iscsi://host/iqn/1", NULL);
}
END_TEST

START_TEST (test_wrappers_stay_in_front)
{
  check_paths ("stats+/a", "stats+file:/a", NULL);
  check_paths ("trace(/t|x+y)+stats+file:/a|/b", "trace(/t|x+y)+stats+file:/a",
               "file:/b");
  check_paths ("/a+b.img", "file:/a+b.img", NULL);
}
END_TEST

START_TEST (test_an_empty_path_is_refused)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (fts_device_spec_paths ("/a||/b", &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
}
END_TEST

START_TEST (test_the_image_of_a_path_is_found)
{
  g_autofree char *image = fts_device_spec_image ("stats+file:/a/b.img?path=2");

  ck_assert_str_eq (image, "/a/b.img");
  ck_assert_ptr_null (fts_device_spec_image ("sg:/dev/sg0"));
}
END_TEST

FTS_SUITE ("volume/plan", test_each_placement_uses_each_segment_once,
           test_random_placement_depends_on_the_seed_alone,
           test_random_placement_never_changes,
           test_striped_placement_goes_round_the_devices,
           test_chunked_placement_keeps_a_connection_together,
           test_shares_are_as_even_as_the_rooms_allow, test_a_plan_passes_the_decoder,
           test_regions_begin_at_4_kib, test_default_connections_shrink_to_what_fits,
           test_connections_asked_for_are_not_reduced,
           test_what_does_not_fit_two_connections_is_too_small,
           test_tiny_devices_are_too_small, test_wishes_out_of_range_are_refused,
           test_640_entries_a_table_are_possible, test_a_path_without_a_kind_is_a_file,
           test_wrappers_stay_in_front, test_an_empty_path_is_refused,
           test_the_image_of_a_path_is_found)
