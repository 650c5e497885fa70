#include "lun.h"

START_TEST (test_facts)
{
  g_autoptr (LunDevice) device = open_device ("ram:a?size=1M&block=4096");
  const LunFacts *facts = lun_device_facts (device);

  ck_assert_uint_eq (facts->block_size, 4096);
  ck_assert_uint_eq (facts->n_blocks, 256);
  ck_assert_str_eq (facts->identity, "ram:a");
  ck_assert (facts->in_memory);
  ck_assert (!facts->can_wake);
  ck_assert (facts->has_caw);
  ck_assert (!facts->has_pr);
  ck_assert_str_eq (lun_device_name (device), "ram:a?size=1M&block=4096");
}
END_TEST

START_TEST (test_null_has_no_compare_and_write)
{
  g_autoptr (LunDevice) device = open_device ("null:");

  ck_assert (!lun_device_facts (device)->has_caw);
}
END_TEST

START_TEST (test_trial_leaves_the_lun_as_it_was)
{
  g_autoptr (LunDevice) first = open_device ("ram:a?size=4k");
  char data[4096], back[4096];

  memset (data, 'x', sizeof data);
  ck_assert (lun_device_write (first, 0, data, sizeof data, LUN_PRIO_BULK, NULL));
  g_autoptr (LunDevice) second = open_device ("ram:a");
  ck_assert (lun_device_read (second, 0, back, sizeof back, LUN_PRIO_BULK, NULL));
  ck_assert_mem_eq (data, back, sizeof data);
}
END_TEST

START_TEST (test_scatter_gather_of_odd_pieces)
{
  g_autoptr (LunDevice) device = open_device ("ram:a");
  char data[1536], back[1536] = { 0 };
  struct iovec out[] = {
    { data, 1 }, { data, 0 }, { data + 1, 700 }, { data + 701, 835 }
  };
  struct iovec in[] = { { back, 1533 }, { back + 1533, 3 } };

  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (char) (i * 7);
  ck_assert (lun_device_writev (device, 3, out, 4, LUN_PRIO_BULK, NULL));
  ck_assert (lun_device_readv (device, 3, in, 2, LUN_PRIO_BULK, NULL));
  ck_assert_mem_eq (data, back, sizeof data);
}
END_TEST

START_TEST (test_long_transfers_are_split)
{
  g_autoptr (LunDevice) device = open_device ("ram:a?size=8M");
  size_t len = (5 << 20) + 512;
  g_autofree char *data = g_malloc (len), *back = g_malloc0 (len);
  struct iovec pieces[3] = { { back, 3 },
                             { back + 3, (2 << 20) + 1 },
                             { back + (2 << 20) + 4, len - (2 << 20) - 4 } };
  LunStats stats;

  for (size_t i = 0; i < len; i++)
    data[i] = (char) (i % 251);
  ck_assert (lun_device_write (device, 1, data, len, LUN_PRIO_BULK, NULL));
  ck_assert (lun_device_readv (device, 1, pieces, 3, LUN_PRIO_BULK, NULL));
  ck_assert_mem_eq (data, back, len);
  lun_device_get_stats (device, &stats);
  ck_assert_uint_eq (stats.writes, 6);
  ck_assert_uint_eq (stats.written_bytes, len);
  ck_assert_uint_eq (stats.reads, 6);
}
END_TEST

START_TEST (test_beyond_the_end_is_a_range_error)
{
  g_autoptr (LunDevice) device = open_device ("ram:a?size=4k");
  char data[1024];
  g_autoptr (GError) beyond = NULL, odd = NULL, far = NULL;

  ck_assert (!lun_device_read (device, 7, data, 1024, LUN_PRIO_BULK, &beyond));
  ck_assert (g_error_matches (beyond, LUN_ERROR, LUN_ERROR_RANGE));
  ck_assert (!lun_device_read (device, 0, data, 1000, LUN_PRIO_BULK, &odd));
  ck_assert (g_error_matches (odd, LUN_ERROR, LUN_ERROR_RANGE));
  ck_assert (!lun_device_write (device, UINT64_MAX, data, 512, LUN_PRIO_BULK, &far));
  ck_assert (g_error_matches (far, LUN_ERROR, LUN_ERROR_RANGE));
}
END_TEST

START_TEST (test_compare_and_write)
{
  g_autoptr (LunDevice) device = open_device ("ram:a");
  char zero[512] = { 0 }, one[512] = { 1 }, two[512] = { 2 }, back[512];

  ck_assert_int_eq (lun_device_compare_and_write (device, 5, zero, one, NULL),
                    LUN_CAW_DONE);
  ck_assert_int_eq (lun_device_compare_and_write (device, 5, zero, two, NULL),
                    LUN_CAW_MISMATCH);
  ck_assert (lun_device_read (device, 5, back, 512, LUN_PRIO_CONTROL, NULL));
  ck_assert_mem_eq (back, one, 512);
}
END_TEST

START_TEST (test_statistics_are_exact)
{
  g_autoptr (LunDevice) device = open_device ("ram:a");
  char data[1024] = { 0 };
  LunStats stats;

  lun_device_get_stats (device, &stats);
  ck_assert_uint_eq (stats.reads + stats.caws + stats.cdbs + stats.errors, 0);
  lun_device_read (device, 0, data, 1024, LUN_PRIO_BULK, NULL);
  lun_device_read (device, 0, data, 512, LUN_PRIO_BULK, NULL);
  lun_device_write (device, 0, data, 512, LUN_PRIO_BULK, NULL);
  lun_device_flush (device, NULL);
  lun_device_compare_and_write (device, 0, data, data, NULL);
  lun_device_get_stats (device, &stats);
  ck_assert_uint_eq (stats.reads, 2);
  ck_assert_uint_eq (stats.read_bytes, 1536);
  ck_assert_uint_eq (stats.writes, 1);
  ck_assert_uint_eq (stats.written_bytes, 512);
  ck_assert_uint_eq (stats.flushes, 1);
  ck_assert_uint_eq (stats.caws, 1);
  ck_assert_uint_eq (stats.errors + stats.retries, 0);
}
END_TEST

START_TEST (test_read_only_never_writes)
{
  const char *const paths[] = { "ram:a", NULL };
  g_autoptr (LunDevice) device =
    lun_device_open (&(LunDeviceConfig){ .paths = paths, .read_only = true }, NULL);
  g_autoptr (GError) error = NULL;
  char data[512] = { 1 };

  ck_assert (!lun_device_write (device, 0, data, 512, LUN_PRIO_BULK, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_IO));
  ck_assert (lun_device_read (device, 0, data, 512, LUN_PRIO_BULK, NULL));
  ck_assert_int_eq (data[0], 0);
}
END_TEST

START_TEST (test_paths_to_different_luns_are_refused)
{
  ck_assert_int_eq (open_fails ("ram:a|ram:b", "ram:b"), LUN_ERROR_IDENTITY);
}
END_TEST

START_TEST (test_bad_names_are_refused)
{
  ck_assert_int_eq (open_fails ("rom:a", "\"rom\""), LUN_ERROR_CONFIG);
  ck_assert_int_eq (open_fails ("fast+ram:a", "\"fast\""), LUN_ERROR_CONFIG);
  ck_assert_int_eq (open_fails ("ram:a?sise=1", "\"sise\""), LUN_ERROR_CONFIG);
  ck_assert_int_eq (open_fails ("ram:a?block=100", "block"), LUN_ERROR_CONFIG);
}
END_TEST

static void
count_done (LunIo *io)
{
  (*(int *) io->user_data)++;
}

START_TEST (test_submit_calls_done_once)
{
  g_autoptr (LunDevice) device = open_device ("ram:a");
  char data[512];
  struct iovec iov = { data, 512 };
  int n_done = 0;
  LunIo good = { .op = LUN_OP_READ,
                 .blocks = 1,
                 .iov = &iov,
                 .n_iov = 1,
                 .done = count_done,
                 .user_data = &n_done };
  LunIo bad = good;

  bad.blocks = 2;
  lun_device_submit (device, &good);
  ck_assert_int_eq (n_done, 1);
  ck_assert (lun_device_check (device, &good, NULL));
  lun_device_submit (device, &bad);
  ck_assert_int_eq (n_done, 2);
  ck_assert (!lun_device_check (device, &bad, NULL));
}
END_TEST

LUN_SUITE ("lunpath/device", test_facts, test_null_has_no_compare_and_write,
           test_trial_leaves_the_lun_as_it_was, test_scatter_gather_of_odd_pieces,
           test_long_transfers_are_split, test_beyond_the_end_is_a_range_error,
           test_compare_and_write, test_statistics_are_exact,
           test_read_only_never_writes, test_paths_to_different_luns_are_refused,
           test_bad_names_are_refused, test_submit_calls_done_once)
