/* trust.c - writes that must not land twice, and LUNs that are not what they were. */
#include "puppet.h"

/* ---- stuck writes ---- */

/* Puppet A is stuck; the paths in RESETS can reset the LUN. */
static void
settle_by_reset (const char *resets, unsigned n_resets_a, unsigned n_resets_b)
{
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ .try_ms = 20 });
  uint8_t block[BLOCK] = { 5 };

  for (const char *p = resets; *p != '\0'; p++) {
    LUN_LOCKED (&lock);
    strings[*p - 'A'].resets = true;
  }
  set_stuck (0, true);
  ck_assert (lun_device_write_settled (device, 1, block, BLOCK, NULL));
  ck_assert_uint_eq (get (0).n_resets, n_resets_a);
  ck_assert_uint_eq (get (1).n_resets, n_resets_b);
  ck_assert_uint_eq (get (1).n_writes, 1); /* only when the first one had ended */
  ck_assert_int_eq (read_byte (device, 1), 5);
}

START_TEST (test_a_stuck_write_is_settled_by_a_reset)
{
  settle_by_reset ("AB", 1, 0);
}
END_TEST

START_TEST (test_a_stuck_write_is_settled_by_a_reset_over_another_path)
{
  settle_by_reset ("B", 1, 1);
}
END_TEST

/* The fault layer holds the write back, and can give it up. */
START_TEST (test_a_write_that_hangs_is_aborted_where_that_is_possible)
{
  g_autoptr (LunDevice) device =
    open_device ("fault(delay-ms=3600000:op=write:count=1)+ram:hang?threaded=1|"
                 "ram:hang?threaded=1|?policy=basic-failover&try-ms=30");
  uint8_t block[BLOCK] = { 5 };

  ck_assert (lun_device_write_settled (device, 1, block, BLOCK, NULL));
  ck_assert_int_eq (read_byte (device, 1), 5);
}
END_TEST

START_TEST (test_a_write_that_need_not_settle_resets_nothing)
{
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ .try_ms = 20 });

  {
    LUN_LOCKED (&lock);
    strings[0].resets = strings[1].resets = true;
  }
  set_stuck (0, true);
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (get (0).n_resets + get (1).n_resets, 0);
  set_stuck (0, false);
}
END_TEST

/* ---- another LUN in the place of ours ---- */

static const uint16_t replaced[] = { 0x2a09, 0x3f03, 0x3f0e, 0x2900 };

static void
replace_lun (uint16_t attention)
{
  g_autoptr (LunDevice) device = open_puppets (A, (LunDeviceConfig){ 0 });
  g_autoptr (GError) error = NULL;

  {
    LUN_LOCKED (&lock);
    strings[0].other = true;
    strings[0].attention = attention;
  }
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_NO_PATH));
  ck_assert_msg (strstr (error->message, "leads to naa.another instead of ram:p"), "%s",
                 error->message);
  ck_assert_uint_eq (get (0).n_writes, 1); /* the one that met the attention */
  ck_assert_int_eq (state_of (device, A), LUN_PATH_REFUSED);
}

START_TEST (test_no_data_goes_to_a_lun_that_was_replaced)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (replaced); i++)
    replace_lun (replaced[i]);
}
END_TEST

START_TEST (test_a_lun_that_shrinks_is_noticed_before_the_next_write)
{
  g_autoptr (LunDevice) device = open_puppets (A, (LunDeviceConfig){ 0 });
  g_autoptr (GError) error = NULL;

  {
    LUN_LOCKED (&lock);
    strings[0].shrunken = true;
    strings[0].attention = 0x2a09;
  }
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert_msg (strstr (error->message, "the LUN has 7 blocks"), "%s", error->message);
  ck_assert_uint_eq (get (0).n_writes, 1);
}
END_TEST

START_TEST (test_after_an_attention_the_same_lun_goes_on)
{
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ 0 });

  for (unsigned i = 0; i < G_N_ELEMENTS (replaced); i++) {
    {
      LUN_LOCKED (&lock);
      strings[0].attention = strings[1].attention = replaced[i];
    }
    ck_assert (write_byte (device, 1, (int) i, NULL));
    ck_assert_int_eq (read_byte (device, 1), (int) i);
  }
  ck_assert_int_eq (state_of (device, A), LUN_PATH_UP);
}
END_TEST

LUN_SUITE ("lunpath/trust", test_a_stuck_write_is_settled_by_a_reset,
           test_a_stuck_write_is_settled_by_a_reset_over_another_path,
           test_a_write_that_hangs_is_aborted_where_that_is_possible,
           test_a_write_that_need_not_settle_resets_nothing,
           test_no_data_goes_to_a_lun_that_was_replaced,
           test_a_lun_that_shrinks_is_noticed_before_the_next_write,
           test_after_an_attention_the_same_lun_goes_on)
