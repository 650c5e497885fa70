/* What an emulated LUN answers when nothing is reserved. */
#include "base/vpd.h"
#include "emul_lun.h"

START_TEST (test_what_was_written_is_read)
{
  g_auto (TestLun) lun = test_lun_new (64);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t block[512];

  assert_good (test_write_byte (a, 63, 0x5a));
  assert_good (test_read (a, 63, block, 1));
  for (int i = 0; i < 512; i++)
    ck_assert_uint_eq (block[i], 0x5a);
  ck_assert_uint_eq (lun_emul_map (lun.emul, 63, 1)[511], 0x5a);
}
END_TEST

START_TEST (test_scattered_buffers_are_filled_in_order)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t out[1024], in[1024] = { 0 };
  struct iovec iov[3] = { { in, 7 }, { in + 7, 512 }, { in + 519, 505 } };

  for (size_t i = 0; i < sizeof out; i++)
    out[i] = (uint8_t) (i * 7 + i / 256);
  assert_good (test_write (a, 3, out, 2));
  LunResult result = lun_emul_read (a, 3, 2, iov, 3);
  assert_good (result);
  ck_assert_uint_eq (result.residual, 0);
  ck_assert_mem_eq (in, out, sizeof out);
}
END_TEST

START_TEST (test_short_transfer_leaves_a_residual)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t buf[2048];

  LunResult result = test_in (a, lun_cdb_read_16 (0, 1), buf, sizeof buf);
  assert_good (result);
  ck_assert_uint_eq (result.residual, 1536);
  result = test_in (a, lun_cdb_read_capacity_16 (32), buf, sizeof buf);
  ck_assert_uint_eq (result.residual, 2048 - 32);
}
END_TEST

START_TEST (test_beyond_the_end_is_lba_out_of_range)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t buf[1024] = { 0 };

  assert_check (test_read (a, 8, buf, 1), 5, 0x2100);
  assert_check (test_read (a, 7, buf, 2), 5, 0x2100);
  assert_check (test_write (a, 7, buf, 2), 5, 0x2100);
  assert_check (test_write (a, UINT64_MAX, buf, 2), 5, 0x2100);
  assert_check (test_in (a, lun_cdb_read_16 (8, 0), buf, 0), 5, 0x2100);
  assert_check (test_caw (a, 8, 0, 1), 5, 0x2100);
  ck_assert_ptr_null (lun_emul_map (lun.emul, 7, 2));
}
END_TEST

START_TEST (test_every_read_and_write_opcode_reaches_the_same_blocks)
{
  static const struct {
    uint8_t write[16], read[16];
    uint8_t len;
  } kinds[] = {
    { { 0x0a, 0, 0, 5, 1 }, { 0x08, 0, 0, 5, 1 }, 6 },
    { { 0x2a, 0, 0, 0, 0, 5, 0, 0, 1 }, { 0x28, 0, 0, 0, 0, 5, 0, 0, 1 }, 10 },
    { { 0xaa, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, { 0xa8, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, 12 },
    { { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1 },
      { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1 },
      16 },
  };
  g_auto (TestLun) lun = test_lun_new (300);
  LunEmulNexus *a = test_nexus (&lun, "a");

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    uint8_t out[512], in[512];
    LunCdb write = { .len = kinds[i].len }, read = { .len = kinds[i].len };
    memcpy (write.b, kinds[i].write, 16);
    memcpy (read.b, kinds[i].read, 16);
    memset (out, (int) i + 1, sizeof out);
    assert_good (test_out (a, write, out, sizeof out));
    assert_good (test_in (a, read, in, sizeof in));
    ck_assert_mem_eq (in, out, sizeof out);
    ck_assert_uint_eq (lun_emul_map (lun.emul, 5, 1)[0], i + 1);
  }
}
END_TEST

START_TEST (test_read_6_of_zero_blocks_means_256)
{
  g_auto (TestLun) lun = test_lun_new (300);
  LunEmulNexus *a = test_nexus (&lun, "a");
  g_autofree uint8_t *buf = g_malloc (256 * 512);
  LunCdb cdb = { .b = { 0x08 }, .len = 6 };

  LunResult result = test_in (a, cdb, buf, 256 * 512);
  assert_good (result);
  ck_assert_uint_eq (result.residual, 0);
}
END_TEST

START_TEST (test_inquiry_names_a_disk)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[96];

  assert_good (test_in (a, lun_cdb_inquiry (96), data, sizeof data));
  ck_assert_uint_eq (data[0], 0);
  ck_assert_uint_eq (data[4], 91);
  ck_assert_mem_eq (data + 8, "LUNPATH EMULATED LUN    0001", 28);
}
END_TEST

START_TEST (test_identity_is_the_same_for_every_nexus_and_opener)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (LunEmul) again = test_lun_reopen (lun.image);
  uint8_t one[256], two[256];

  LunResult r1 = test_in (test_nexus (&lun, "a"),
                          lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, 256), one, 256);
  LunResult r2 = test_in (test_nexus_of (again, "b"),
                          lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, 256), two, 256);
  assert_good (r1);
  assert_good (r2);
  ck_assert_uint_eq (r1.residual, r2.residual);
  ck_assert_mem_eq (one, two, 256 - r1.residual);
  g_autofree char *id = lun_vpd_device_id_decode (one, 256 - r1.residual);
  ck_assert (g_str_has_prefix (id, "naa.6024654"));
  ck_assert_uint_eq (strlen (id), 4 + 32);
  ck_assert_str_eq (lun_emul_uuid (lun.emul), lun_emul_uuid (again));
}
END_TEST

START_TEST (test_vpd_pages_are_those_listed)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[256];
  static const uint8_t expect[] = { 0, 0, 0, 5, 0x00, 0x80, 0x83, 0xb0, 0xb1 };

  assert_good (test_in (a, lun_cdb_inquiry_vpd (0x00, 256), data, 256));
  ck_assert_mem_eq (data, expect, sizeof expect);
  for (int i = 4; i < 9; i++) {
    uint8_t page[256];
    assert_good (test_in (a, lun_cdb_inquiry_vpd (expect[i], 256), page, 256));
    ck_assert_uint_eq (page[1], expect[i]);
  }
  assert_check (test_in (a, lun_cdb_inquiry_vpd (0xb2, 256), data, 256), 5, 0x2400);
  assert_good (test_in (a, lun_cdb_inquiry_vpd (0x80, 256), data, 256));
  ck_assert_mem_eq (data + 4, lun_emul_uuid (lun.emul), 36);
  assert_good (test_in (a, lun_cdb_inquiry_vpd (0xb0, 256), data, 256));
  ck_assert_uint_eq (data[5], 32);
}
END_TEST

START_TEST (test_capacity_is_that_of_the_image)
{
  g_auto (TestLun) lun = test_lun_new (1234);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[32];
  LunCapacity capacity;

  assert_good (test_in (a, lun_cdb_read_capacity_16 (32), data, 32));
  ck_assert (lun_capacity_decode (data, 32, &capacity));
  ck_assert_uint_eq (capacity.n_blocks, 1234);
  ck_assert_uint_eq (capacity.block_size, 512);
  assert_good (test_in (a, lun_cdb_read_capacity_10 (), data, 8));
  ck_assert_uint_eq (lun_be32_get (data), 1233);
  ck_assert_uint_eq (lun_be32_get (data + 4), 512);
}
END_TEST

START_TEST (test_unknown_commands_are_refused)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  LunCdb format = { .b = { 0x04 }, .len = 6 };
  LunCdb short_read = { .b = { 0x88 }, .len = 10 };
  LunCdb protected_read = lun_cdb_read_16 (0, 1);
  LunCdb service_action = { .b = { 0x9e, 0x12 }, .len = 16 };

  protected_read.b[1] = 0x20;
  assert_check (test_none (a, format), 5, 0x2000);
  assert_check (test_none (a, short_read), 5, 0x2400);
  assert_check (test_none (a, protected_read), 5, 0x2400);
  assert_check (test_none (a, service_action), 5, 0x2400);
  assert_check (lun_emul_execute (a, NULL, 0, LUN_DIR_NONE, NULL, 0), 5, 0x2000);
}
END_TEST

START_TEST (test_buffers_of_the_wrong_direction_stay_untouched)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t buf[512];

  memset (buf, 0xee, sizeof buf);
  LunResult result = test_out (a, lun_cdb_read_16 (0, 1), buf, sizeof buf);
  ck_assert_uint_eq (buf[0], 0xee);
  assert_good (result);
  ck_assert_uint_eq (result.residual, sizeof buf);
}
END_TEST

START_TEST (test_report_luns_gives_lun_0)
{
  g_auto (TestLun) lun = test_lun_new (8);
  uint8_t data[16];
  static const uint8_t expect[16] = { 0, 0, 0, 8 };

  assert_good (test_in (test_nexus (&lun, "a"), lun_cdb_report_luns (16), data, 16));
  ck_assert_mem_eq (data, expect, 16);
}
END_TEST

START_TEST (test_mode_sense_shows_write_protection)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (LunEmul) ro = lun_emul_open (lun.image, true, NULL);
  uint8_t data[64];

  assert_good (
    test_in (test_nexus (&lun, "a"), lun_cdb_mode_sense_6 (0x3f, 64), data, 64));
  ck_assert_uint_eq (data[0], 4 + 20 + 12 - 1);
  ck_assert_uint_eq (data[2] & 0x80, 0);
  ck_assert_uint_eq (data[4], 0x08);
  ck_assert_uint_eq (data[6], 0x04);
  assert_good (
    test_in (test_nexus_of (ro, "b"), lun_cdb_mode_sense_6 (0x08, 64), data, 64));
  ck_assert_uint_eq (data[2] & 0x80, 0x80);
}
END_TEST

START_TEST (test_read_only_opener_reads_and_cannot_write)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (LunEmul) ro = lun_emul_open (lun.image, true, NULL);
  LunEmulNexus *b = test_nexus_of (ro, "b");
  uint8_t block[512];

  assert_good (test_write_byte (test_nexus (&lun, "a"), 1, 7));
  assert_good (test_read (b, 1, block, 1));
  ck_assert_uint_eq (block[0], 7);
  assert_check (test_write_byte (b, 1, 8), 7, 0x2700);
  assert_check (test_caw (b, 1, 7, 8), 7, 0x2700);
}
END_TEST

START_TEST (test_compare_and_write_replaces_what_is_expected)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_caw (a, 2, 0, 9));
  ck_assert_uint_eq (lun_emul_map (lun.emul, 2, 1)[511], 9);
  ck_assert_uint_eq (lun_emul_map (lun.emul, 3, 1)[0], 0);
}
END_TEST

START_TEST (test_compare_and_write_tells_where_the_blocks_differ)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[1024] = { 0 };

  data[77] = 1;
  LunResult result = test_out (a, lun_cdb_compare_and_write (2, 1), data, sizeof data);
  assert_check (result, 0x0e, 0x1d00);
  ck_assert_uint_eq (result.sense[0], 0xf0);
  ck_assert_uint_eq (lun_be32_get (result.sense + 3), 77);
  ck_assert_uint_eq (lun_emul_map (lun.emul, 2, 1)[77], 0);
}
END_TEST

START_TEST (test_compare_and_write_refuses_what_it_cannot_do)
{
  g_auto (TestLun) lun = test_lun_new (128);
  LunEmulNexus *a = test_nexus (&lun, "a");
  g_autofree uint8_t *data = g_malloc0 (2 * 33 * 512);

  assert_good (test_out (a, lun_cdb_compare_and_write (0, 0), data, 0));
  assert_good (test_out (a, lun_cdb_compare_and_write (0, 32), data, 2 * 32 * 512));
  assert_check (test_out (a, lun_cdb_compare_and_write (0, 33), data, 2 * 33 * 512), 5,
                0x2400);
  assert_check (test_out (a, lun_cdb_compare_and_write (0, 1), data, 512), 5, 0x2400);
  assert_check (test_out (a, lun_cdb_compare_and_write (0, 1), data, 1536), 5, 0x2400);
  assert_check (test_out (a, lun_cdb_compare_and_write (0, 0), data, 1024), 5, 0x2400);
}
END_TEST

START_TEST (test_synchronize_cache_is_good_inside_the_lun)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_none (a, lun_cdb_synchronize_cache_16 (0, 0)));
  assert_check (test_none (a, lun_cdb_synchronize_cache_16 (9, 0)), 5, 0x2100);
}
END_TEST

LUN_SUITE ("emul/commands", test_what_was_written_is_read,
           test_scattered_buffers_are_filled_in_order,
           test_short_transfer_leaves_a_residual,
           test_beyond_the_end_is_lba_out_of_range,
           test_every_read_and_write_opcode_reaches_the_same_blocks,
           test_read_6_of_zero_blocks_means_256, test_inquiry_names_a_disk,
           test_identity_is_the_same_for_every_nexus_and_opener,
           test_vpd_pages_are_those_listed, test_capacity_is_that_of_the_image,
           test_unknown_commands_are_refused,
           test_buffers_of_the_wrong_direction_stay_untouched,
           test_report_luns_gives_lun_0, test_mode_sense_shows_write_protection,
           test_read_only_opener_reads_and_cannot_write,
           test_compare_and_write_replaces_what_is_expected,
           test_compare_and_write_tells_where_the_blocks_differ,
           test_compare_and_write_refuses_what_it_cannot_do,
           test_synchronize_cache_is_good_inside_the_lun)
