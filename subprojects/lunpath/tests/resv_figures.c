/* resv_figures.c - the figures of the document as exact commands over two paths. */
#include "resv_script.h"

#define EARO 6
#define REGISTER_BOTH       \
  { "0 ignore 0>K", GOOD }, \
  {                         \
    "1 ignore 0>K", GOOD    \
  }
#define ONLY_OURS                    \
  {                                  \
    "0 keys", KEYS (2, KEY_K, KEY_K) \
  }
#define UNREGISTER_BOTH       \
  { "0 register K>0", GOOD }, \
  {                           \
    "1 register K>0", GOOD    \
  }

static bool
opens (LunReservation *r, LunResvOption option)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_open (r, option, &error);

  ck_assert (ok == (error == NULL));
  return ok;
}

static void
assert_refused (LunReservation *r, LunResvOption option, LunError code, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!lun_reservation_open (r, option, &error));
  ck_assert_msg (g_error_matches (error, LUN_ERROR, (int) code), "%s", error->message);
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

#define TWO_PATHS                   \
  Script script = { .n_paths = 2 }; \
  g_autoptr (LunReservation) r = script_reservation (&script, 0)

/* ---- Figure 11 ---- */

START_TEST (test_default_open_of_a_free_lun)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
  ck_assert (!script.is_held);
}
END_TEST

START_TEST (test_default_open_of_a_lun_that_is_ours_already)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS,
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_default_open_refuses_a_strangers_lun_with_his_key)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, EARO) }, UNREGISTER_BOTH);
  assert_refused (r, LUN_RESV_DEFAULT, LUN_ERROR_RESERVED, "0x00000000deadbeef");
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_NONE);
}
END_TEST

START_TEST (test_default_open_refuses_our_key_with_another_type)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY (KEY_K, 5) },
          UNREGISTER_BOTH);
  assert_refused (r, LUN_RESV_DEFAULT, LUN_ERROR_RESERVED, "type 5");
  FINISH (&script);
}
END_TEST

START_TEST (test_reserve_lost_to_somebody_faster)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", CONFLICT }, { "0 reservation", HELD_BY (KEY_V, EARO) },
          UNREGISTER_BOTH);
  assert_refused (r, LUN_RESV_DEFAULT, LUN_ERROR_RESERVED, "deadbeef");
  FINISH (&script);
}
END_TEST

START_TEST (test_reserve_that_conflicts_though_we_hold_is_success)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", CONFLICT }, { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_reserve_is_resolved_by_reading)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", LOST }, { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

START_TEST (test_reserve_that_never_arrived_takes_another_path)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", LOST }, { "0 reservation", LOST },
          { "1 reservation", HELD_BY_NOBODY }, { "0 fail", GOOD },
          { "1 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

START_TEST (test_orphan_of_ours_is_preempted_with_its_own_key)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_O, KEY_K, KEY_K) },
          { "0 keys", KEYS (3, KEY_O, KEY_K, KEY_K) },
          { "0 abort K>O t6 (held)", GOOD }, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

/* ---- Figure 5 ---- */

START_TEST (test_a_path_registers_at_the_second_try)
{
  TWO_PATHS;

  EXPECT (&script, { "0 ignore 0>K", LOST }, { "0 ignore 0>K", GOOD },
          { "1 ignore 0>K", GOOD }, { "0 keys", KEYS (2, KEY_K, KEY_K) });
  ck_assert (lun_reservation_register (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_REGISTERED);
}
END_TEST

START_TEST (test_two_failures_mark_the_path_dead)
{
  TWO_PATHS;

  EXPECT (&script, { "0 ignore 0>K", LOST }, { "0 ignore 0>K", LOST },
          { "0 fail", GOOD }, { "1 ignore 0>K", GOOD }, { "1 keys", KEYS (1, KEY_K) },
          { "1 reservation", HELD_BY_NOBODY }, { "1 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

START_TEST (test_no_path_at_all_fails_the_open)
{
  TWO_PATHS;

  EXPECT (&script, { "0 ignore 0>K", LOST }, { "0 ignore 0>K", LOST },
          { "0 fail", GOOD }, { "1 ignore 0>K", LOST }, { "1 ignore 0>K", LOST },
          { "1 fail", GOOD });
  assert_refused (r, LUN_RESV_DEFAULT, LUN_ERROR_NO_PATH, "no path");
  FINISH (&script);
}
END_TEST

START_TEST (test_registered_at_configuration_and_again_at_open)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS);
  ck_assert (lun_reservation_register (r, NULL));
  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  FINISH (&script);
}
END_TEST

/* ---- Figure 8 ---- */

START_TEST (test_forced_open_of_our_own_lun_sends_nothing_more)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS,
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_FORCED));
  FINISH (&script);
}
END_TEST

START_TEST (test_forced_open_of_a_free_lun_reserves)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_FORCED));
  FINISH (&script);
}
END_TEST

START_TEST (test_forced_open_preempts_and_aborts_a_stranger)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, EARO) },
          { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 abort K>V t6 (held)", GOOD }, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_FORCED));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_forced_open_that_was_preempted_itself_is_fenced)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, EARO) },
          { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 abort K>V t6 (held)", CONFLICT }, { "0 keys", KEYS (4, KEY_V) });
  assert_refused (r, LUN_RESV_FORCED, LUN_ERROR_FENCED, "another host");
  FINISH (&script);
  ck_assert (script.is_stopped);
}
END_TEST

START_TEST (test_forced_open_under_type_7_preempts_each_key_and_never_zero)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (0, 7) }, { "0 release K t7", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t6", GOOD },
          { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 abort K>V t6 (held)", GOOD }, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_FORCED));
  FINISH (&script);
}
END_TEST

/* ---- Figure 9 ---- */

START_TEST (test_retained_reservation_stays_at_close)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_RETAIN));
  FINISH (&script);
  ck_assert (lun_reservation_close (r, NULL));
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_NONE);
}
END_TEST

START_TEST (test_retained_reservation_is_found_again)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS,
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_RETAIN));
  FINISH (&script);
}
END_TEST

START_TEST (test_retain_refuses_a_strangers_lun)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, EARO) }, UNREGISTER_BOTH);
  assert_refused (r, LUN_RESV_RETAIN, LUN_ERROR_RESERVED, "deadbeef");
  FINISH (&script);
}
END_TEST

/* ---- Figure 10 ---- */

START_TEST (test_no_reserve_only_registers)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY });
  ck_assert (opens (r, LUN_RESV_NO_RESERVE));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_REGISTERED);
}
END_TEST

START_TEST (test_no_reserve_releases_what_was_retained)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY (KEY_K, EARO) },
          { "0 release K t6", GOOD }, { "0 reservation", HELD_BY_NOBODY });
  ck_assert (opens (r, LUN_RESV_NO_RESERVE));
  FINISH (&script);
}
END_TEST

START_TEST (test_no_reserve_refuses_a_strangers_lun)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, EARO) }, UNREGISTER_BOTH);
  assert_refused (r, LUN_RESV_NO_RESERVE, LUN_ERROR_RESERVED, "deadbeef");
  FINISH (&script);
}
END_TEST

/* ---- Figures 12 and 6 ---- */

static void
open_default (Script *script, LunReservation *r)
{
  EXPECT (script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
}

START_TEST (test_close_closes_the_others_first_and_releases_over_the_holder)
{
  TWO_PATHS;

  open_default (&script, r);
  EXPECT (&script, { "1 register K>0", GOOD }, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, { "0 register K>0", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_NONE);
}
END_TEST

START_TEST (test_close_without_a_reservation_is_ignored_and_good)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY });
  ck_assert (opens (r, LUN_RESV_NO_RESERVE));
  EXPECT (&script, UNREGISTER_BOTH);
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_release_over_the_wrong_path_is_noticed)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS,
          { "0 reservation", HELD_BY (KEY_K, EARO) });
  ck_assert (opens (r, LUN_RESV_DEFAULT));
  EXPECT (&script, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY (KEY_K, EARO) },
          { "0 preempt K>K t6 (held)", GOOD }, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, UNREGISTER_BOTH);
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_remove_releases_a_retained_reservation_first)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, ONLY_OURS, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (opens (r, LUN_RESV_RETAIN));
  EXPECT (&script, { "0 reservation", HELD_BY (KEY_K, EARO) },
          { "1 register K>0", GOOD }, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, { "0 register K>0", GOOD });
  ck_assert (lun_reservation_remove (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_remove_by_a_later_process_finds_what_was_retained)
{
  TWO_PATHS;

  EXPECT (&script, REGISTER_BOTH, { "0 reservation", HELD_BY (KEY_K, EARO) },
          { "0 release K t6", GOOD }, { "0 reservation", HELD_BY_NOBODY },
          UNREGISTER_BOTH);
  ck_assert (lun_reservation_remove (r, NULL));
  FINISH (&script);
}
END_TEST

LUN_SUITE ("lunpath/resv_figures", test_default_open_of_a_free_lun,
           test_default_open_of_a_lun_that_is_ours_already,
           test_default_open_refuses_a_strangers_lun_with_his_key,
           test_default_open_refuses_our_key_with_another_type,
           test_reserve_lost_to_somebody_faster,
           test_reserve_that_conflicts_though_we_hold_is_success,
           test_lost_answer_of_reserve_is_resolved_by_reading,
           test_reserve_that_never_arrived_takes_another_path,
           test_orphan_of_ours_is_preempted_with_its_own_key,
           test_a_path_registers_at_the_second_try,
           test_two_failures_mark_the_path_dead, test_no_path_at_all_fails_the_open,
           test_registered_at_configuration_and_again_at_open,
           test_forced_open_of_our_own_lun_sends_nothing_more,
           test_forced_open_of_a_free_lun_reserves,
           test_forced_open_preempts_and_aborts_a_stranger,
           test_forced_open_that_was_preempted_itself_is_fenced,
           test_forced_open_under_type_7_preempts_each_key_and_never_zero,
           test_retained_reservation_stays_at_close,
           test_retained_reservation_is_found_again,
           test_retain_refuses_a_strangers_lun, test_no_reserve_only_registers,
           test_no_reserve_releases_what_was_retained,
           test_no_reserve_refuses_a_strangers_lun,
           test_close_closes_the_others_first_and_releases_over_the_holder,
           test_close_without_a_reservation_is_ignored_and_good,
           test_release_over_the_wrong_path_is_noticed,
           test_remove_releases_a_retained_reservation_first,
           test_remove_by_a_later_process_finds_what_was_retained)
