/* PERSISTENT RESERVE OUT, rule by rule (SPC-4 5.12, 6.16). */
#include "emul_trio.h"

/* ---- REGISTER ---- */

START_TEST (test_register_asks_for_the_key_one_has)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_conflict (test_pr_out (a, LUN_PR_OUT_REGISTER, 0, KB, KA));
  assert_good (test_pr_out (a, LUN_PR_OUT_REGISTER, 0, 0, KA));
  assert_conflict (test_pr_out (a, LUN_PR_OUT_REGISTER, 0, 0, KB));
  assert_good (test_pr_out (a, LUN_PR_OUT_REGISTER, 0, KA, KB));
  ck_assert (is_registered (a, KB) && !is_registered (a, KA));
}
END_TEST

START_TEST (test_register_and_ignore_replaces_any_key)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_pr_out (a, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, 0x77, KA));
  assert_good (test_pr_out (a, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, 0x88, KB));
  ck_assert_uint_eq (n_keys (a), 1);
  ck_assert (is_registered (a, KB));
}
END_TEST

START_TEST (test_register_with_zero_unregisters)
{
  Trio trio = trio_new (0);

  assert_good (test_pr_out (trio.a, LUN_PR_OUT_REGISTER, 0, KA, 0));
  assert_good (test_pr_out (trio.b, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, 0, 0));
  ck_assert_uint_eq (n_keys (trio.a), 1);
  uint32_t before = generation (trio.a);
  assert_good (test_pr_out (trio.a, LUN_PR_OUT_REGISTER, 0, 0, 0));
  ck_assert_uint_eq (generation (trio.a), before);
  trio_clear (&trio);
}
END_TEST

START_TEST (test_two_ports_may_have_one_key)
{
  g_auto (TestLun) lun = test_lun_new (8);

  assert_good (test_register (test_nexus (&lun, "a1"), KA));
  assert_good (test_register (test_nexus (&lun, "a2"), KA));
  ck_assert_uint_eq (n_keys (test_nexus (&lun, "a1")), 2);
}
END_TEST

START_TEST (test_holder_that_unregisters_releases)
{
  static const struct {
    uint8_t type;
    unsigned asc; /* of the others' unit attention */
  } cases[] = { { 1, 0 }, { 3, 0 }, { 5, 0x2a04 }, { 6, 0x2a04 } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (Trio) trio = trio_new (cases[i].type);
    assert_good (test_register (trio.a, 0));
    ck_assert_uint_eq (test_next_attention (trio.b), cases[i].asc);
    ck_assert_uint_eq (test_next_attention (trio.b), 0);
    ck_assert_uint_eq (test_next_attention (trio.a), 0);
    ck_assert (!test_reservation (trio.b).reserved);
  }
}
END_TEST

START_TEST (test_all_registrants_reservation_ends_with_the_last)
{
  for (uint8_t type = 7; type <= 8; type++) {
    g_auto (Trio) trio = trio_new (type);
    assert_good (test_register (trio.a, 0));
    ck_assert (test_reservation (trio.a).reserved);
    assert_good (test_register (trio.b, 0));
    ck_assert (test_reservation (trio.a).reserved);
    ck_assert_uint_eq (test_next_attention (trio.c), 0);
    assert_good (test_register (trio.c, 0));
    ck_assert (!test_reservation (trio.a).reserved);
  }
}
END_TEST

START_TEST (test_register_options_without_support_are_refused)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  LunPrOut spec = { .service_key = KA, .spec_i_pt = true };
  LunPrOut all = { .service_key = KA, .all_tg_pt = true };

  assert_check (test_pr_out_full (a, LUN_PR_OUT_REGISTER, 0, &spec), 5, 0x2600);
  assert_check (test_pr_out_full (a, LUN_PR_OUT_REGISTER, 0, &all), 5, 0x2600);
  ck_assert_uint_eq (n_keys (a), 0);
}
END_TEST

/* ---- RESERVE ---- */

START_TEST (test_reserve_needs_a_registration_and_its_key)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_conflict (test_reserve (a, 5, KA));
  assert_good (test_register (a, KA));
  assert_conflict (test_reserve (a, 5, KB));
  assert_good (test_reserve (a, 5, KA));
}
END_TEST

START_TEST (test_reserve_again_is_good_for_the_holder_and_the_same_type)
{
  g_auto (Trio) trio = trio_new (5);

  assert_good (test_reserve (trio.a, 5, KA));
  assert_conflict (test_reserve (trio.a, 6, KA));
  assert_conflict (test_reserve (trio.b, 5, KB));
}
END_TEST

START_TEST (test_every_registrant_holds_types_7_and_8)
{
  for (uint8_t type = 7; type <= 8; type++) {
    g_auto (Trio) trio = trio_new (type);
    assert_good (test_reserve (trio.b, type, KB));
    assert_conflict (test_reserve (trio.b, (uint8_t) (15 - type), KB));
    ck_assert_uint_eq (test_reservation (trio.a).key, 0);
    ck_assert_uint_eq (test_reservation (trio.a).type, type);
  }
}
END_TEST

START_TEST (test_reserve_refuses_types_and_scopes_that_do_not_exist)
{
  static const uint8_t bad[] = { 0x00, 0x02, 0x04, 0x09, 0x0f, 0x15 };
  g_auto (Trio) trio = trio_new (0);

  for (size_t i = 0; i < sizeof bad; i++) {
    uint8_t data[LUN_PR_OUT_LEN];
    LunCdb cdb = lun_cdb_pr_out (LUN_PR_OUT_RESERVE, 0, sizeof data);
    lun_pr_out_encode (&(LunPrOut){ .key = KA }, data);
    cdb.b[2] = bad[i];
    assert_check (test_out (trio.a, cdb, data, sizeof data), 5, 0x2400);
  }
}
END_TEST

START_TEST (test_read_reservation_names_the_holder)
{
  g_auto (Trio) trio = trio_new (6);
  LunPrReservation reservation = test_reservation (trio.c);

  ck_assert (reservation.reserved);
  ck_assert_uint_eq (reservation.key, KA);
  ck_assert_uint_eq (reservation.type, 6);
  ck_assert_uint_eq (reservation.scope, 0);
}
END_TEST

/* ---- RELEASE ---- */

START_TEST (test_release_by_another_is_good_without_effect)
{
  g_auto (Trio) trio = trio_new (5);

  assert_good (test_pr_out (trio.b, LUN_PR_OUT_RELEASE, 5, KB, 0));
  ck_assert (test_reservation (trio.a).reserved);
  assert_conflict (test_pr_out (trio.b, LUN_PR_OUT_RELEASE, 5, KA, 0));
}
END_TEST

START_TEST (test_release_from_the_second_path_is_good_without_effect)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = test_nexus (&lun, "path1"), *two = test_nexus (&lun, "path2");

  assert_good (test_register (one, KA));
  assert_good (test_register (two, KA));
  assert_good (test_reserve (one, 6, KA));
  assert_good (test_pr_out (two, LUN_PR_OUT_RELEASE, 6, KA, 0));
  ck_assert (test_reservation (one).reserved);
}
END_TEST

START_TEST (test_release_of_another_type_is_an_invalid_release)
{
  g_auto (Trio) trio = trio_new (5);

  assert_check (test_pr_out (trio.a, LUN_PR_OUT_RELEASE, 6, KA, 0), 5, 0x2604);
  ck_assert (test_reservation (trio.a).reserved);
}
END_TEST

START_TEST (test_release_tells_registrants_of_types_5_to_8)
{
  static const struct {
    uint8_t type;
    unsigned asc;
  } cases[] = { { 1, 0 },      { 3, 0 },      { 5, 0x2a04 },
                { 6, 0x2a04 }, { 7, 0x2a04 }, { 8, 0x2a04 } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (Trio) trio = trio_new (cases[i].type);
    LunEmulNexus *stranger = test_nexus (&trio.lun, "stranger");
    uint32_t before = generation (trio.a);
    assert_good (test_pr_out (trio.a, LUN_PR_OUT_RELEASE, cases[i].type, KA, 0));
    ck_assert_uint_eq (test_next_attention (trio.b), cases[i].asc);
    ck_assert_uint_eq (test_next_attention (trio.c), cases[i].asc);
    ck_assert_uint_eq (test_next_attention (trio.a), 0);
    ck_assert_uint_eq (test_next_attention (stranger), 0);
    ck_assert_uint_eq (generation (trio.a), before);
    ck_assert (!test_reservation (trio.a).reserved);
  }
}
END_TEST

START_TEST (test_release_without_reservation_is_good)
{
  g_auto (Trio) trio = trio_new (0);

  assert_good (test_pr_out (trio.a, LUN_PR_OUT_RELEASE, 5, KA, 0));
}
END_TEST

/* ---- CLEAR ---- */

START_TEST (test_clear_removes_everything)
{
  g_auto (Trio) trio = trio_new (1);
  uint32_t before = generation (trio.a);

  assert_conflict (test_pr_out (trio.b, LUN_PR_OUT_CLEAR, 0, KA, 0));
  assert_good (test_pr_out (trio.b, LUN_PR_OUT_CLEAR, 0, KB, 0));
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2a03);
  ck_assert_uint_eq (test_next_attention (trio.c), 0x2a03);
  ck_assert_uint_eq (test_next_attention (trio.b), 0);
  ck_assert_uint_eq (n_keys (trio.a), 0);
  ck_assert (!test_reservation (trio.a).reserved);
  ck_assert_uint_eq (generation (trio.a), before + 1);
}
END_TEST

/* ---- PREEMPT ---- */

START_TEST (test_preempt_needs_the_own_key)
{
  g_auto (Trio) trio = trio_new (5);
  LunEmulNexus *stranger = test_nexus (&trio.lun, "stranger");

  assert_conflict (test_pr_out (stranger, LUN_PR_OUT_PREEMPT, 5, 0, KA));
  assert_conflict (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 5, KA, KA));
  ck_assert_uint_eq (n_keys (trio.a), 3);
}
END_TEST

START_TEST (test_preempt_of_the_holder_takes_the_reservation)
{
  static const uint8_t types[] = { 1, 3, 5, 6 };

  for (size_t i = 0; i < sizeof types; i++) {
    g_auto (Trio) trio = trio_new (types[i]);
    uint32_t before = generation (trio.b);
    assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, types[i], KB, KA));
    LunPrReservation now = test_reservation (trio.b);
    ck_assert_uint_eq (now.key, KB);
    ck_assert_uint_eq (now.type, types[i]);
    ck_assert_uint_eq (now.generation, before + 1);
    ck_assert (!is_registered (trio.b, KA));
    ck_assert_uint_eq (test_next_attention (trio.a), 0x2a05);
    ck_assert_uint_eq (test_next_attention (trio.c), 0);
  }
}
END_TEST

START_TEST (test_preempt_with_another_type_tells_the_remaining)
{
  g_auto (Trio) trio = trio_new (5);

  assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 6, KB, KA));
  ck_assert_uint_eq (test_reservation (trio.b).type, 6);
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2a05);
  ck_assert_uint_eq (test_next_attention (trio.a), 0);
  ck_assert_uint_eq (test_next_attention (trio.c), 0x2a04);
}
END_TEST

START_TEST (test_preempt_of_a_mere_registrant_leaves_the_reservation)
{
  g_auto (Trio) trio = trio_new (5);

  /* type and scope are ignored then */
  assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 0x0f, KB, KC));
  ck_assert_uint_eq (test_reservation (trio.b).key, KA);
  ck_assert_uint_eq (test_reservation (trio.b).type, 5);
  ck_assert (!is_registered (trio.b, KC));
  ck_assert_uint_eq (test_next_attention (trio.c), 0x2a05);
  ck_assert_uint_eq (test_next_attention (trio.a), 0);
}
END_TEST

START_TEST (test_preempt_of_an_unknown_key_conflicts)
{
  g_auto (Trio) trio = trio_new (5);
  uint32_t before = generation (trio.a);

  assert_conflict (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 5, KB, 0x1234));
  ck_assert_uint_eq (generation (trio.a), before);
}
END_TEST

START_TEST (test_preempt_with_zero_is_for_all_registrants_types_only)
{
  static const uint8_t types[] = { 0, 1, 3, 5, 6 };

  for (size_t i = 0; i < sizeof types; i++) {
    g_auto (Trio) trio = trio_new (types[i]);
    assert_check (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 5, KB, 0), 5, 0x2600);
  }
}
END_TEST

START_TEST (test_preempt_with_zero_removes_all_others_under_types_7_and_8)
{
  for (uint8_t type = 7; type <= 8; type++) {
    g_auto (Trio) trio = trio_new (type);
    assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 5, KB, 0));
    ck_assert_uint_eq (n_keys (trio.b), 1);
    ck_assert_uint_eq (test_reservation (trio.b).key, KB);
    ck_assert_uint_eq (test_reservation (trio.b).type, 5);
    ck_assert_uint_eq (test_next_attention (trio.a), 0x2a05);
    ck_assert_uint_eq (test_next_attention (trio.c), 0x2a05);
  }
}
END_TEST

START_TEST (test_preempt_of_one_key_leaves_types_7_and_8_alone)
{
  for (uint8_t type = 7; type <= 8; type++) {
    g_auto (Trio) trio = trio_new (type);
    assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, type, KB, KA));
    ck_assert_uint_eq (n_keys (trio.b), 2);
    ck_assert_uint_eq (test_reservation (trio.b).type, type);
    ck_assert_uint_eq (test_next_attention (trio.a), 0x2a05);
    ck_assert_uint_eq (test_next_attention (trio.c), 0);
    assert_conflict (test_write_byte (trio.a, 0, 1));
    assert_good (test_write_byte (trio.c, 0, 1));
  }
}
END_TEST

START_TEST (test_own_key_moves_the_reservation_and_removes_the_other_paths)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = test_nexus (&lun, "path1"), *two = test_nexus (&lun, "path2");
  LunEmulNexus *three = test_nexus (&lun, "path3");

  assert_good (test_register (one, KA));
  assert_good (test_register (two, KA));
  assert_good (test_register (three, KA));
  assert_good (test_reserve (one, 6, KA));
  assert_good (test_pr_out (two, LUN_PR_OUT_PREEMPT, 6, KA, KA));
  ck_assert_uint_eq (n_keys (two), 1);
  ck_assert_uint_eq (test_next_attention (two), 0);
  ck_assert_uint_eq (test_next_attention (one), 0x2a05);
  ck_assert_uint_eq (test_next_attention (three), 0x2a05);
  assert_good (test_write_byte (two, 0, 1));
  assert_conflict (test_write_byte (one, 0, 1));
  /* registered again, the old holder path works and does not hold */
  assert_good (test_register (one, KA));
  assert_good (test_write_byte (one, 0, 1));
  assert_conflict (test_reserve (one, 6, KA));
  assert_good (test_reserve (two, 6, KA));
}
END_TEST

START_TEST (test_own_key_of_a_non_holder_removes_oneself)
{
  g_auto (Trio) trio = trio_new (5);

  assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT, 5, KB, KB));
  ck_assert (!is_registered (trio.a, KB));
  ck_assert_uint_eq (test_next_attention (trio.b), 0);
  ck_assert_uint_eq (test_reservation (trio.a).key, KA);
}
END_TEST

START_TEST (test_last_registrant_preempting_itself_ends_types_7_and_8)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_register (a, KA));
  assert_good (test_reserve (a, 7, KA));
  assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT, 7, KA, KA));
  ck_assert_uint_eq (n_keys (a), 0);
  ck_assert (!test_reservation (a).reserved);
  assert_good (test_write_byte (test_nexus (&lun, "b"), 0, 1));
}
END_TEST

START_TEST (test_preempt_and_abort_follows_the_same_rules)
{
  g_auto (Trio) trio = trio_new (7);

  assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KB, KA));
  ck_assert (!is_registered (trio.b, KA));
  assert_conflict (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KB, KA));
}
END_TEST

START_TEST (test_fenced_port_meets_conflict_before_its_attention)
{
  g_auto (Trio) trio = trio_new (7);

  assert_good (test_pr_out (trio.b, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KB, KA));
  assert_conflict (test_write_byte (trio.a, 0, 1));
  ck_assert_uint_eq (test_next_attention (trio.a), 0x2a05);
  assert_conflict (test_write_byte (trio.a, 0, 1));
  assert_conflict (test_pr_out (trio.a, LUN_PR_OUT_PREEMPT, 7, KA, KB));
}
END_TEST

LUN_SUITE ("emul/persist", test_register_asks_for_the_key_one_has,
           test_register_and_ignore_replaces_any_key,
           test_register_with_zero_unregisters, test_two_ports_may_have_one_key,
           test_holder_that_unregisters_releases,
           test_all_registrants_reservation_ends_with_the_last,
           test_register_options_without_support_are_refused,
           test_reserve_needs_a_registration_and_its_key,
           test_reserve_again_is_good_for_the_holder_and_the_same_type,
           test_every_registrant_holds_types_7_and_8,
           test_reserve_refuses_types_and_scopes_that_do_not_exist,
           test_read_reservation_names_the_holder,
           test_release_by_another_is_good_without_effect,
           test_release_from_the_second_path_is_good_without_effect,
           test_release_of_another_type_is_an_invalid_release,
           test_release_tells_registrants_of_types_5_to_8,
           test_release_without_reservation_is_good, test_clear_removes_everything,
           test_preempt_needs_the_own_key,
           test_preempt_of_the_holder_takes_the_reservation,
           test_preempt_with_another_type_tells_the_remaining,
           test_preempt_of_a_mere_registrant_leaves_the_reservation,
           test_preempt_of_an_unknown_key_conflicts,
           test_preempt_with_zero_is_for_all_registrants_types_only,
           test_preempt_with_zero_removes_all_others_under_types_7_and_8,
           test_preempt_of_one_key_leaves_types_7_and_8_alone,
           test_own_key_moves_the_reservation_and_removes_the_other_paths,
           test_own_key_of_a_non_holder_removes_oneself,
           test_last_registrant_preempting_itself_ends_types_7_and_8,
           test_preempt_and_abort_follows_the_same_rules,
           test_fenced_port_meets_conflict_before_its_attention)
