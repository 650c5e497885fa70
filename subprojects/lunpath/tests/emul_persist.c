/* PERSISTENT RESERVE OUT and IN, rule by rule (SPC-4 5.12, 6.15, 6.16). */
#include "emul_lun.h"

#define KA 0xaaaa0001
#define KB 0xbbbb0001
#define KC 0xcccc0001

static uint32_t
generation (LunEmulNexus *nexus)
{
  return test_reservation (nexus).generation;
}

/* Sorted by port; at most MAX. */
static uint32_t
read_keys (LunEmulNexus *nexus, uint64_t *keys, uint32_t max)
{
  uint8_t data[8 + 8 * 16];
  LunPrKeys list;
  LunResult result = test_in (nexus, lun_cdb_pr_in (LUN_PR_IN_READ_KEYS, sizeof data),
                              data, sizeof data);

  assert_good (result);
  ck_assert (lun_pr_keys_decode (data, sizeof data - result.residual, &list));
  for (uint32_t i = 0; i < list.n_keys && i < max; i++)
    keys[i] = list.keys[i];
  g_free (list.keys);
  return list.n_total;
}

static uint32_t
n_keys (LunEmulNexus *nexus)
{
  return read_keys (nexus, NULL, 0);
}

static bool
is_registered (LunEmulNexus *nexus, uint64_t key)
{
  uint64_t keys[16];
  uint32_t n = read_keys (nexus, keys, 16);

  for (uint32_t i = 0; i < n; i++)
    if (keys[i] == key)
      return true;
  return false;
}

typedef struct {
  TestLun lun;
  LunEmulNexus *a, *b, *c;
} Trio;

static void
trio_clear (Trio *trio)
{
  test_lun_clear (&trio->lun);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trio, trio_clear)

/* a, b and c registered with their keys; a reserved with TYPE (0: nobody). */
static Trio
trio_new (uint8_t type)
{
  Trio trio = { .lun = test_lun_new (8) };

  trio.a = test_nexus (&trio.lun, "a");
  trio.b = test_nexus (&trio.lun, "b");
  trio.c = test_nexus (&trio.lun, "c");
  assert_good (test_register (trio.a, KA));
  assert_good (test_register (trio.b, KB));
  assert_good (test_register (trio.c, KC));
  if (type)
    assert_good (test_reserve (trio.a, type, KA));
  return trio;
}

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
  move.relative_port = 2;
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

LUN_SUITE (
  "emul/persist", test_register_asks_for_the_key_one_has,
  test_register_and_ignore_replaces_any_key, test_register_with_zero_unregisters,
  test_two_ports_may_have_one_key, test_holder_that_unregisters_releases,
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
  test_preempt_needs_the_own_key, test_preempt_of_the_holder_takes_the_reservation,
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
  test_fenced_port_meets_conflict_before_its_attention,
  test_move_gives_the_reservation_to_another_port, test_move_may_unregister_the_issuer,
  test_move_is_refused_to_all_but_a_single_holder, test_move_checks_its_parameters,
  test_parameter_list_must_have_24_bytes, test_unknown_actions_are_refused,
  test_generation_counts_what_the_standard_counts,
  test_read_keys_gives_the_full_length_when_truncated,
  test_full_status_tells_which_port_has_which_key,
  test_capabilities_name_every_type_and_aptpl,
  test_attention_spares_inquiry_and_report_luns, test_request_sense_takes_the_attention,
  test_lun_reset_keeps_the_reservation,
  test_power_cycle_without_aptpl_loses_registrations,
  test_power_cycle_with_aptpl_keeps_them, test_last_aptpl_counts_for_the_whole_lun,
  test_scsi2_reservation_shuts_others_out,
  test_scsi2_reservation_shuts_out_persistent_commands,
  test_scsi2_reservation_ends_with_reset_and_with_its_nexus,
  test_reserve_6_among_registrations_follows_crh)
