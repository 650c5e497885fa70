/* Unit attentions, reset, loss of power, and RESERVE(6). */
#include "emul_trio.h"

/* ---- unit attentions, reset, power ---- */

START_TEST (test_attention_spares_inquiry_and_report_luns)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[96];

  lun_emul_lun_reset (lun.emul);
  assert_good (test_in (a, lun_cdb_inquiry (96), data, 96));
  assert_good (test_in (a, lun_cdb_report_luns (16), data, 16));
  assert_check (test_read (a, 0, (uint8_t[512]){ 0 }, 1), 6, 0x2903);
  assert_good (test_read (a, 0, (uint8_t[512]){ 0 }, 1));
}
END_TEST

START_TEST (test_request_sense_takes_the_attention)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[18] = { 0 };
  LunCdb descriptor = lun_cdb_request_sense (18);

  lun_emul_lun_reset (lun.emul);
  assert_good (test_in (a, lun_cdb_request_sense (18), data, 18));
  ck_assert_uint_eq (data[0], 0x70);
  ck_assert_uint_eq (data[2], 6);
  ck_assert_uint_eq (lun_be16_get (data + 12), 0x2903);
  ck_assert_uint_eq (test_next_attention (a), 0);
  descriptor.b[1] = 1;
  LunResult result = test_in (a, descriptor, data, 18);
  ck_assert_uint_eq (result.residual, 10);
  ck_assert_uint_eq (data[0], 0x72);
  ck_assert_uint_eq (data[1], 0);
}
END_TEST

START_TEST (test_lun_reset_keeps_the_reservation)
{
  g_auto (Trio) trio = trio_new (6);
  LunEmulNexus *stranger = test_nexus (&trio.lun, "stranger");

  lun_emul_lun_reset (trio.lun.emul);
  /* 29h goes before the conflict */
  assert_check (test_write_byte (stranger, 0, 1), 6, 0x2903);
  assert_conflict (test_write_byte (stranger, 0, 1));
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2903);
  ck_assert_uint_eq (test_reservation (trio.a).key, KA);
}
END_TEST

START_TEST (test_power_cycle_without_aptpl_loses_registrations)
{
  g_auto (Trio) trio = trio_new (6);

  lun_emul_power_cycle (trio.lun.emul);
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2901);
  ck_assert_uint_eq (test_next_attention (trio.b), 0x2901);
  ck_assert_uint_eq (n_keys (trio.a), 0);
  ck_assert (!test_reservation (trio.a).reserved);
  ck_assert_uint_eq (generation (trio.a), 0);
}
END_TEST

START_TEST (test_power_cycle_with_aptpl_keeps_them)
{
  g_auto (Trio) trio = trio_new (6);
  LunPrOut aptpl = { .key = KC, .service_key = KC, .aptpl = true };

  assert_good (test_pr_out_full (trio.c, LUN_PR_OUT_REGISTER, 0, &aptpl));
  lun_emul_power_cycle (trio.lun.emul);
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2901);
  ck_assert_uint_eq (n_keys (trio.a), 3);
  ck_assert_uint_eq (test_reservation (trio.a).key, KA);
  ck_assert_uint_eq (generation (trio.a), 0);
}
END_TEST

START_TEST (test_last_aptpl_counts_for_the_whole_lun)
{
  g_auto (Trio) trio = trio_new (0);
  LunPrOut with = { .key = KA, .service_key = KA, .aptpl = true };
  LunPrOut without = { .key = KB, .service_key = KB };

  assert_good (test_pr_out_full (trio.a, LUN_PR_OUT_REGISTER, 0, &with));
  assert_good (test_pr_out_full (trio.b, LUN_PR_OUT_REGISTER, 0, &without));
  lun_emul_power_cycle (trio.lun.emul);
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2901);
  ck_assert_uint_eq (n_keys (trio.a), 0);
}
END_TEST

/* ---- RESERVE(6) ---- */

START_TEST (test_scsi2_reservation_shuts_others_out)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");
  uint8_t data[96];

  assert_good (test_none (a, lun_cdb_reserve_6 ()));
  assert_good (test_none (a, lun_cdb_reserve_6 ()));
  assert_good (test_write_byte (a, 0, 1));
  assert_conflict (test_write_byte (b, 0, 1));
  assert_conflict (test_read (b, 0, (uint8_t[512]){ 0 }, 1));
  assert_conflict (test_none (b, lun_cdb_test_unit_ready ()));
  assert_conflict (test_none (b, lun_cdb_reserve_6 ()));
  assert_good (test_in (b, lun_cdb_inquiry (96), data, 96));
  assert_good (test_none (b, lun_cdb_release_6 ())); /* without effect */
  assert_conflict (test_write_byte (b, 0, 1));
  assert_good (test_none (a, lun_cdb_release_6 ()));
  assert_good (test_write_byte (b, 0, 1));
}
END_TEST

START_TEST (test_scsi2_reservation_shuts_out_persistent_commands)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");

  assert_good (test_none (a, lun_cdb_reserve_6 ()));
  assert_conflict (test_register (a, KA));
  assert_conflict (test_register (b, KB));
}
END_TEST

START_TEST (test_scsi2_reservation_ends_with_reset_and_with_its_nexus)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *b = test_nexus (&lun, "b");
  LunEmul *other = test_lun_reopen (lun.image);

  assert_good (test_none (test_nexus (&lun, "a"), lun_cdb_reserve_6 ()));
  lun_emul_lun_reset (lun.emul);
  ck_assert_uint_eq (test_next_attention (b), 0x2903);
  assert_good (test_write_byte (b, 0, 1));

  assert_good (test_none (test_nexus_of (other, "c"), lun_cdb_reserve_6 ()));
  assert_conflict (test_write_byte (b, 0, 1));
  lun_emul_close (other);
  assert_good (test_write_byte (b, 0, 1));
}
END_TEST

START_TEST (test_reserve_6_among_registrations_follows_crh)
{
  static const struct {
    uint8_t type;
    bool holder, registered;
  } cases[] = { { 0, false, false }, { 1, true, false }, { 3, true, false },
                { 5, true, true },   { 6, true, true },  { 7, true, true },
                { 8, true, true } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (Trio) trio = trio_new (cases[i].type);
    LunEmulNexus *stranger = test_nexus (&trio.lun, "stranger");
    for (int release = 0; release < 2; release++) {
      LunCdb cdb = release ? lun_cdb_release_6 () : lun_cdb_reserve_6 ();
      ck_assert_int_eq (test_none (trio.a, cdb).outcome == LUN_OUTCOME_GOOD,
                        cases[i].holder);
      ck_assert_int_eq (test_none (trio.b, cdb).outcome == LUN_OUTCOME_GOOD,
                        cases[i].registered);
      assert_conflict (test_none (stranger, cdb));
    }
  }
}
END_TEST

LUN_SUITE ("emul/attention", test_attention_spares_inquiry_and_report_luns,
           test_request_sense_takes_the_attention, test_lun_reset_keeps_the_reservation,
           test_power_cycle_without_aptpl_loses_registrations,
           test_power_cycle_with_aptpl_keeps_them,
           test_last_aptpl_counts_for_the_whole_lun,
           test_scsi2_reservation_shuts_others_out,
           test_scsi2_reservation_shuts_out_persistent_commands,
           test_scsi2_reservation_ends_with_reset_and_with_its_nexus,
           test_reserve_6_among_registrations_follows_crh)
