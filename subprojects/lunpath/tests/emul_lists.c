/* REGISTER AND MOVE, parameter lists, and what PERSISTENT RESERVE IN reports (SPC-4 6.15). */
#include "emul_trio.h"

/* ---- REGISTER AND MOVE ---- */

static LunResult
send_move (LunEmulNexus *nexus, const LunPrMove *move)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  lun_pr_move_encode (move, data);
  return test_out (nexus, lun_cdb_pr_out (LUN_PR_OUT_REGISTER_AND_MOVE, 0, data->len),
                   data->data, data->len);
}

#define PORT_D ((char *) "iqn.2026-01.test:d,i,0x1")

START_TEST (test_move_gives_the_reservation_to_another_port)
{
  g_auto (Trio) trio = trio_new (5);
  LunPrMove move = {
    .key = KA, .service_key = 0xdd, .relative_port = 1, .port = PORT_D
  };
  uint32_t before = generation (trio.a);

  assert_good (send_move (trio.a, &move));
  ck_assert_uint_eq (test_reservation (trio.a).key, 0xdd);
  ck_assert_uint_eq (generation (trio.a), before + 1);
  ck_assert (is_registered (trio.a, KA));
  assert_good (test_reserve (test_nexus (&trio.lun, "d"), 5, 0xdd));
  assert_conflict (test_reserve (trio.a, 5, KA));
}
END_TEST

START_TEST (test_move_may_unregister_the_issuer)
{
  g_auto (Trio) trio = trio_new (5);
  LunPrMove move = { .key = KA,
                     .service_key = 0xdd,
                     .unregister = true,
                     .relative_port = 1,
                     .port = PORT_D };

  assert_good (send_move (trio.a, &move));
  ck_assert (!is_registered (trio.b, KA));
  assert_conflict (test_write_byte (trio.a, 0, 1));
}
END_TEST

START_TEST (test_move_is_refused_to_all_but_a_single_holder)
{
  LunPrMove move = {
    .key = KB, .service_key = 0xdd, .relative_port = 1, .port = PORT_D
  };
  g_auto (Trio) held = trio_new (5);
  g_auto (Trio) shared = trio_new (7);
  g_auto (Trio) open_lun = trio_new (0);

  assert_conflict (send_move (held.b, &move));
  assert_conflict (send_move (shared.b, &move));
  assert_check (send_move (open_lun.b, &move), 5, 0x2400);
  move.key = KC;
  assert_conflict (send_move (held.b, &move));
}
END_TEST

START_TEST (test_move_checks_its_parameters)
{
  g_auto (Trio) trio = trio_new (5);
  LunPrMove good = {
    .key = KA, .service_key = 0xdd, .relative_port = 1, .port = PORT_D
  };
  LunPrMove move = good;
  uint8_t data[24] = { 0 };

  move.service_key = 0;
  assert_check (send_move (trio.a, &move), 5, 0x2600);
  move = good;
  move.relative_port = 5; /* there are 4 */
  assert_check (send_move (trio.a, &move), 5, 0x2600);
  move = good;
  move.port = (char *) "iqn.2026-01.test:a,i,0x1";
  assert_check (send_move (trio.a, &move), 5, 0x2600);
  assert_check (
    test_out (trio.a, lun_cdb_pr_out (LUN_PR_OUT_REGISTER_AND_MOVE, 0, 24), data, 24),
    5, 0x2600);
  assert_check (
    test_out (trio.a, lun_cdb_pr_out (LUN_PR_OUT_REGISTER_AND_MOVE, 0, 8), data, 24), 5,
    0x1a00);
}
END_TEST

/* ---- lists and generation ---- */

START_TEST (test_parameter_list_must_have_24_bytes)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t data[32] = { 0 };

  assert_check (test_out (a, lun_cdb_pr_out (LUN_PR_OUT_REGISTER, 0, 16), data, 32), 5,
                0x1a00);
  assert_check (test_out (a, lun_cdb_pr_out (LUN_PR_OUT_REGISTER, 0, 32), data, 32), 5,
                0x1a00);
  assert_check (test_out (a, lun_cdb_pr_out (LUN_PR_OUT_REGISTER, 0, 24), data, 16), 5,
                0x1a00);
}
END_TEST

START_TEST (test_unknown_actions_are_refused)
{
  g_auto (Trio) trio = trio_new (0);
  uint8_t data[64];

  for (int action = 8; action < 32; action++)
    assert_check (test_pr_out (trio.a, (LunPrOutAction) action, 5, KA, 0), 5, 0x2400);
  for (int action = 4; action < 32; action++)
    assert_check (
      test_in (trio.a, lun_cdb_pr_in ((LunPrInAction) action, 64), data, 64), 5,
      0x2400);
}
END_TEST

START_TEST (test_generation_counts_what_the_standard_counts)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");

  ck_assert_uint_eq (generation (a), 0);
  assert_good (test_register (a, KA));
  assert_good (test_pr_out (b, LUN_PR_OUT_REGISTER, 0, 0, KB));
  ck_assert_uint_eq (generation (a), 2);
  assert_good (test_reserve (a, 5, KA));
  assert_good (test_pr_out (a, LUN_PR_OUT_RELEASE, 5, KA, 0));
  ck_assert_uint_eq (generation (a), 2);
  assert_conflict (test_reserve (a, 5, KB));
  assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT, 5, KA, KB));
  ck_assert_uint_eq (generation (a), 3);
  assert_good (test_pr_out (a, LUN_PR_OUT_CLEAR, 0, KA, 0));
  ck_assert_uint_eq (generation (a), 4);
}
END_TEST

START_TEST (test_read_keys_gives_the_full_length_when_truncated)
{
  g_auto (Trio) trio = trio_new (0);
  uint8_t data[32] = { 0 };
  LunPrKeys list;

  LunResult result =
    test_in (trio.a, lun_cdb_pr_in (LUN_PR_IN_READ_KEYS, 16), data, sizeof data);
  assert_good (result);
  ck_assert_uint_eq (result.residual, 16);
  ck_assert_uint_eq (lun_be32_get (data + 4), 24);
  ck_assert (lun_pr_keys_decode (data, 16, &list));
  ck_assert_uint_eq (list.n_total, 3);
  ck_assert_uint_eq (list.n_keys, 1);
  ck_assert_uint_eq (list.keys[0], KA);
  g_free (list.keys);
}
END_TEST

START_TEST (test_full_status_tells_which_port_has_which_key)
{
  g_auto (Trio) trio = trio_new (5);
  uint8_t data[1024];
  LunPrFullStatus full;

  LunResult result = test_in (
    trio.c, lun_cdb_pr_in (LUN_PR_IN_READ_FULL_STATUS, sizeof data), data, sizeof data);
  assert_good (result);
  ck_assert (lun_pr_full_status_decode (data, sizeof data - result.residual, &full));
  ck_assert_uint_eq (full.registrations->len, 3);
  const LunPrStatus *status = (const LunPrStatus *) full.registrations->data;
  ck_assert_uint_eq (status[0].key, KA);
  ck_assert (status[0].holder && !status[1].holder && !status[2].holder);
  ck_assert_uint_eq (status[0].type, 5);
  ck_assert_str_eq (status[1].port, "iqn.2026-01.test:b,i,0x1");
  ck_assert_uint_eq (status[2].relative_port, 1);
  lun_pr_full_status_clear (&full);
}
END_TEST

START_TEST (test_capabilities_name_every_type_and_aptpl)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  static const uint8_t expect[8] = { 0, 8, 0x11, 0x90, 0xea, 0x01 };
  LunPrOut aptpl = { .service_key = KA, .aptpl = true };
  uint8_t data[8];
  LunCdb cdb = lun_cdb_pr_in (LUN_PR_IN_REPORT_CAPABILITIES, 8);

  assert_good (test_in (a, cdb, data, sizeof data));
  ck_assert_mem_eq (data, expect, 8);
  assert_good (test_pr_out_full (a, LUN_PR_OUT_REGISTER, 0, &aptpl));
  assert_good (test_in (a, cdb, data, sizeof data));
  ck_assert_uint_eq (data[3], 0x91);
}
END_TEST

LUN_SUITE ("emul/lists", test_move_gives_the_reservation_to_another_port,
           test_move_may_unregister_the_issuer,
           test_move_is_refused_to_all_but_a_single_holder,
           test_move_checks_its_parameters, test_parameter_list_must_have_24_bytes,
           test_unknown_actions_are_refused,
           test_generation_counts_what_the_standard_counts,
           test_read_keys_gives_the_full_length_when_truncated,
           test_full_status_tells_which_port_has_which_key,
           test_capabilities_name_every_type_and_aptpl)
