/* resv_trouble.c - what goes wrong while a reservation is open, as exact commands. */
#include "resv_script.h"

static const Step open_held[] = {
  { "0 ignore 0>K", GOOD },
  { "1 ignore 0>K", GOOD },
  { "0 keys", KEYS (2, KEY_K, KEY_K) },
  { "0 reservation", HELD_BY_NOBODY },
  { "0 reserve K t6", GOOD },
};
static const Step open_shared_7[] = {
  { "0 ignore 0>K", GOOD },
  { "1 ignore 0>K", GOOD },
  { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
  { "0 reservation", HELD_BY (0, 7) },
};
static const Step open_shared_5[] = {
  { "0 ignore 0>K", GOOD },
  { "1 ignore 0>K", GOOD },
  { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
  { "0 reservation", HELD_BY (KEY_M, 5) },
};

static void
open_with_steps (Script *script, LunReservation *r, LunResvOption option,
                 const Step *steps, size_t n)
{
  script_set (script, steps, n);
  ck_assert (lun_reservation_open (r, option, NULL));
}

#define OPEN_HELD                                                 \
  Script script = { .n_paths = 2 };                               \
  g_autoptr (LunReservation) r = script_reservation (&script, 0); \
  open_with_steps (&script, r, LUN_RESV_DEFAULT, open_held, G_N_ELEMENTS (open_held))
#define OPEN_SHARED(kind, steps)                                     \
  Script script = { .n_paths = 2 };                                  \
  g_autoptr (LunReservation) r = script_reservation (&script, kind); \
  open_with_steps (&script, r, LUN_RESV_SHARED, steps, G_N_ELEMENTS (steps))

static void
assert_error (bool ok, const GError *error, LunError code)
{
  ck_assert (!ok);
  ck_assert_msg (g_error_matches (error, LUN_ERROR, (int) code), "%s", error->message);
}

/* CALL, which sets the variable `error`, comes first. */
#define assert_fails(call, error, code)  \
  do {                                   \
    bool call_ok = (call);               \
    assert_error (call_ok, error, code); \
  } while (0)

/* ---- the holder's path dies ---- */

START_TEST (test_reservation_moves_when_the_holders_path_dies)
{
  OPEN_HELD;

  script.is_down[0] = true;
  EXPECT (&script, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4, KEY_K) });
  ck_assert (lun_reservation_path_down (r, "p0", NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
  ck_assert (!script.is_held);
}
END_TEST

START_TEST (test_other_paths_are_registered_again_after_the_move)
{
  Script script = { .n_paths = 3 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", GOOD }, { "1 ignore 0>K", GOOD },
          { "2 ignore 0>K", GOOD }, { "0 keys", KEYS (3, KEY_K, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  script.is_down[0] = true;
  EXPECT (&script, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4, KEY_K) },
          { "1 keys", KEYS (4, KEY_K) }, { "2 ignore 0>K", GOOD },
          { "1 keys", KEYS (5, KEY_K, KEY_K) });
  ck_assert (lun_reservation_path_down (r, "p0", NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_a_path_that_preempted_its_own_registration_registers_again)
{
  OPEN_HELD;

  script.is_down[0] = true;
  EXPECT (&script, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4) },
          { "1 ignore 0>K", GOOD });
  ck_assert (lun_reservation_path_down (r, "p0", NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_the_moving_preempt_is_sent_again)
{
  OPEN_HELD;

  script.is_down[0] = true;
  EXPECT (&script, { "1 preempt K>K t6 (held)", LOST },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4, KEY_K) });
  ck_assert (lun_reservation_path_down (r, "p0", NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_a_stranger_who_took_it_meanwhile_fences_us)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  script.is_down[0] = true;
  EXPECT (&script, { "1 preempt K>K t6 (held)", CONFLICT },
          { "1 keys", KEYS (4, KEY_V) }, { "1 keys", KEYS (4, KEY_V) });
  assert_fails (lun_reservation_path_down (r, "p0", &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
  ck_assert (script.is_stopped);
}
END_TEST

START_TEST (test_another_path_dying_sends_nothing)
{
  OPEN_HELD;

  script.is_down[1] = true;
  FINISH (&script);
  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_no_path_left_holds_data_until_one_returns)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  script.is_down[0] = script.is_down[1] = true;
  FINISH (&script);
  assert_fails (lun_reservation_path_down (r, "p0", &error), error, LUN_ERROR_NO_PATH);
  ck_assert (script.is_held);
  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  script.is_down[1] = false;
  EXPECT (&script, { "1 keys", KEYS (2, KEY_K, KEY_K) }, { "1 ignore 0>K", GOOD },
          { "1 keys", KEYS (3, KEY_K, KEY_K) }, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4, KEY_K) });
  ck_assert (lun_reservation_path_up (r, "p1", NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
  ck_assert (!script.is_held);
}
END_TEST

START_TEST (test_under_type_7_no_path_is_the_holder)
{
  OPEN_SHARED (7, open_shared_7);

  script.is_down[0] = true;
  FINISH (&script);
  ck_assert (lun_reservation_path_down (r, "p0", NULL));
}
END_TEST

/* ---- a path returns ---- */

START_TEST (test_a_returned_path_is_registered_and_verified)
{
  OPEN_HELD;

  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  EXPECT (&script, { "0 keys", KEYS (2, KEY_K, KEY_K) }, { "1 ignore 0>K", GOOD },
          { "0 keys", KEYS (3, KEY_K, KEY_K) });
  ck_assert (lun_reservation_path_up (r, "p1", NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_registering_does_not_undo_a_fence)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  EXPECT (&script, { "0 keys", KEYS (3, KEY_V) }, { "0 keys", KEYS (3, KEY_V) });
  assert_fails (lun_reservation_path_up (r, "p1", &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
}
END_TEST

START_TEST (test_preempt_while_a_path_registers_is_noticed)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  EXPECT (&script, { "0 keys", KEYS (2, KEY_K) }, { "1 ignore 0>K", GOOD },
          { "0 keys", KEYS (4, KEY_V, KEY_K) }, { "1 register K>0", GOOD },
          { "0 keys", KEYS (5, KEY_V) }, { "0 keys", KEYS (5, KEY_V) });
  assert_fails (lun_reservation_path_up (r, "p1", &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
}
END_TEST

/* ---- doubt ---- */

START_TEST (test_check_goes_on_when_all_is_well)
{
  OPEN_HELD;

  EXPECT (&script, { "0 keys", KEYS (2, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_K, 6) });
  ck_assert (lun_reservation_check (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_key_gone_is_a_fence)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 keys", KEYS (3, KEY_V) });
  assert_fails (lun_reservation_check (r, &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
  ck_assert (script.is_stopped);
  ck_assert (!lun_reservation_open (r, LUN_RESV_FORCED, NULL)); /* sticky */
  ck_assert (lun_reservation_close (r, NULL));
}
END_TEST

START_TEST (test_power_loss_registers_and_reserves_again)
{
  OPEN_HELD;

  EXPECT (&script, { "0 keys", ATTENTION (0x29, 0x01) }, { "0 keys", KEYS (0) },
          { "0 ignore 0>K", GOOD }, { "1 ignore 0>K", ATTENTION (0x29, 0x01) },
          { "1 ignore 0>K", GOOD }, { "0 keys", KEYS (2, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t6", GOOD });
  ck_assert (lun_reservation_check (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_power_on_is_no_fence_though_others_were_faster)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", ATTENTION (0x29, 0x01) }, { "0 keys", KEYS (9, KEY_M) },
          { "0 ignore 0>K", GOOD }, { "1 ignore 0>K", GOOD },
          { "0 keys", KEYS (11, KEY_M, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_check (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_power_loss_after_which_another_owner_was_faster_is_a_fence)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 keys", KEYS (1, KEY_V) }, { "0 ignore 0>K", GOOD },
          { "1 ignore 0>K", GOOD }, { "0 keys", KEYS (3, KEY_V, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, 6) });
  assert_fails (lun_reservation_check (r, &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
}
END_TEST

START_TEST (test_preempt_attention_beats_a_low_generation)
{
  OPEN_HELD;
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 keys", ATTENTION (0x2a, 0x05) }, { "0 keys", KEYS (1, KEY_V) });
  assert_fails (lun_reservation_check (r, &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
}
END_TEST

START_TEST (test_after_a_session_loss_each_path_registers_again)
{
  OPEN_HELD;

  EXPECT (&script, { "0 keys", ATTENTION (0x29, 0x07) },
          { "0 keys", KEYS (2, KEY_K, KEY_K) }, { "0 keys", KEYS (2, KEY_K, KEY_K) },
          { "0 ignore 0>K", GOOD }, { "0 keys", KEYS (3, KEY_K, KEY_K) },
          { "0 keys", KEYS (3, KEY_K, KEY_K) }, { "1 ignore 0>K", GOOD },
          { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (KEY_K, 6) });
  ck_assert (lun_reservation_check (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_reservation_that_was_released_is_made_again)
{
  OPEN_HELD;

  EXPECT (&script, { "0 keys", ATTENTION (0x2a, 0x04) },
          { "0 keys", KEYS (2, KEY_K, KEY_K) }, { "0 reservation", HELD_BY_NOBODY },
          { "0 reserve K t6", GOOD });
  ck_assert (lun_reservation_check (r, NULL));
  FINISH (&script);
}
END_TEST

/* ---- sharing ---- */

START_TEST (test_member_takes_over_when_the_holder_left)
{
  OPEN_SHARED (5, open_shared_5);

  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_REGISTERED);
  EXPECT (&script, { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t5", GOOD });
  ck_assert (lun_reservation_takeover (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_HELD);
}
END_TEST

START_TEST (test_member_who_is_slower_stays_registered)
{
  OPEN_SHARED (5, open_shared_5);

  EXPECT (&script, { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t5", CONFLICT },
          { "0 reservation", HELD_BY (KEY_M, 5) },
          { "0 reservation", HELD_BY (KEY_M, 5) });
  ck_assert (lun_reservation_takeover (r, NULL));
  FINISH (&script);
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_REGISTERED);
}
END_TEST

START_TEST (test_shared_open_refuses_a_strangers_reservation)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 5);
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 ignore 0>K", GOOD }, { "0 keys", KEYS (2, KEY_V, KEY_K) },
          { "0 reservation", HELD_BY (KEY_V, 5) }, { "0 register K>0", GOOD });
  assert_fails (lun_reservation_open (r, LUN_RESV_SHARED, &error), error,
                LUN_ERROR_RESERVED);
  FINISH (&script);
}
END_TEST

START_TEST (test_a_shared_lun_is_left_without_release)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 register K>0", GOOD }, { "1 register K>0", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_a_lost_sessions_key_is_not_left_behind)
{
  OPEN_SHARED (7, open_shared_7);

  ck_assert (lun_reservation_path_down (r, "p1", NULL));
  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "1 ignore 0>K", GOOD }, { "0 keys", KEYS (4, KEY_M, KEY_K, KEY_K, KEY_K) });
  ck_assert (lun_reservation_path_up (r, "p1", NULL));
  EXPECT (&script, { "0 keys", KEYS (4, KEY_M, KEY_K, KEY_K, KEY_K) },
          { "0 release K t7", GOOD }, { "0 reserve K t7", GOOD },
          { "0 preempt K>K t7 (held)", GOOD }, { "0 register K>0", GOOD },
          { "1 register K>0", CONFLICT });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

/* ---- fencing ---- */

START_TEST (test_fence_preempts_aborts_and_proves)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "0 abort K>M t7", GOOD }, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_fence (r, KEY_M, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_fence_without_abort_drains_by_lun_reset)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "0 abort K>M t7", ILLEGAL (0x24, 0) }, { "0 release K t7", GOOD },
          { "0 reserve K t7", GOOD }, { "0 preempt K>M t7", GOOD }, { "0 reset", GOOD },
          { "0 keys", ATTENTION (0x29, 0) }, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_fence (r, KEY_M, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_fence_of_who_is_gone_sends_nothing)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", KEYS (4, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_fence (r, KEY_M, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_fence_whose_answer_was_lost_is_resolved_by_keys)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "0 abort K>M t7", LOST }, { "1 keys", KEYS (4, KEY_K, KEY_K) },
          { "1 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_fence (r, KEY_M, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_two_who_fence_each_other_leave_one_fenced)
{
  OPEN_SHARED (7, open_shared_7);
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "0 abort K>M t7", CONFLICT }, { "0 keys", KEYS (4, KEY_M) });
  assert_fails (lun_reservation_fence (r, KEY_M, &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
  ck_assert (script.is_stopped);
}
END_TEST

START_TEST (test_key_zero_and_our_own_are_never_fenced)
{
  OPEN_SHARED (7, open_shared_7);

  FINISH (&script);
  ck_assert (!lun_reservation_fence (r, 0, NULL));
  ck_assert (!lun_reservation_fence (r, KEY_K, NULL));
}
END_TEST

/* ---- paths taken away in order ---- */

START_TEST (test_removing_the_holders_path_moves_the_reservation_first)
{
  OPEN_HELD;

  EXPECT (&script, { "1 preempt K>K t6 (held)", GOOD },
          { "1 reservation", HELD_BY (KEY_K, 6) }, { "1 keys", KEYS (4, KEY_K) });
  ck_assert (lun_reservation_remove_path (r, "p0", NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_removing_another_path_unregisters_it)
{
  OPEN_HELD;

  EXPECT (&script, { "1 register K>0", GOOD });
  ck_assert (lun_reservation_remove_path (r, "p1", NULL));
  FINISH (&script);
}
END_TEST

/* ---- single commands ---- */

START_TEST (test_attention_and_busy_are_asked_again)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", ATTENTION (0x29, 0) },
          { "0 ignore 0>K", ATTENTION (0x2a, 4) }, { "0 ignore 0>K", BUSY },
          { "0 ignore 0>K", GOOD }, { "0 keys", ATTENTION (0x2a, 3) },
          { "0 keys", KEYS (1, KEY_K) });
  ck_assert (lun_reservation_register (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_communication_failure_of_reserve_is_a_conflict)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", GOOD }, { "0 keys", KEYS (1, KEY_K) },
          { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t6", CHECK (2, 8, 0) },
          { "0 reservation", HELD_BY (KEY_V, 6) }, { "0 register K>0", GOOD });
  ck_assert (!lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  FINISH (&script);
}
END_TEST

/* ---- lost answers: found out by reading, service action by service action ---- */

/* RESERVE: resv_figures.  PREEMPT of our own key, PREEMPT AND ABORT: above. */

START_TEST (test_lost_answer_of_register_and_ignore_is_sent_again)
{
  Script script = { .n_paths = 2 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", LOST }, { "0 ignore 0>K", GOOD },
          { "1 ignore 0>K", GOOD }, { "0 keys", KEYS (3, KEY_K, KEY_K) },
          { "0 reservation", HELD_BY_NOBODY }, { "0 reserve K t6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_release_is_read_back)
{
  OPEN_HELD;

  EXPECT (&script, { "1 register K>0", GOOD }, { "0 release K t6", LOST },
          { "0 reservation", HELD_BY_NOBODY }, { "0 register K>0", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_release_is_sent_again_by_the_holder)
{
  OPEN_HELD;

  EXPECT (&script, { "1 register K>0", GOOD }, { "0 release K t6", LOST },
          { "0 reservation", HELD_BY (KEY_K, 6) }, { "0 preempt K>K t6 (held)", GOOD },
          { "0 release K t6", GOOD }, { "0 reservation", HELD_BY_NOBODY },
          { "0 register K>0", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_register_with_zero_is_read_back)
{
  OPEN_HELD;

  EXPECT (&script, { "1 register K>0", GOOD }, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, { "0 register K>0", LOST },
          { "0 keys", KEYS (5, 0) });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_register_with_zero_is_sent_again)
{
  OPEN_HELD;

  EXPECT (&script, { "1 register K>0", GOOD }, { "0 release K t6", GOOD },
          { "0 reservation", HELD_BY_NOBODY }, { "0 register K>0", LOST },
          { "0 keys", KEYS (5, KEY_K) }, { "0 register K>0", GOOD },
          { "1 register K>0", CONFLICT });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_clear_is_read_back)
{
  OPEN_HELD;

  EXPECT (&script, { "0 clear K", LOST }, { "1 keys", KEYS (5, 0) });
  ck_assert (lun_reservation_clear (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_clear_is_sent_again_over_another_path)
{
  OPEN_HELD;

  EXPECT (&script, { "0 clear K", LOST }, { "1 keys", KEYS (5, KEY_K, KEY_K) },
          { "1 clear K", GOOD }, { "1 keys", KEYS (6, 0) });
  ck_assert (lun_reservation_clear (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answer_of_preempt_still_drains)
{
  OPEN_SHARED (7, open_shared_7);

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M, KEY_K, KEY_K) },
          { "0 abort K>M t7", ILLEGAL (0x24, 0) }, { "0 release K t7", GOOD },
          { "0 reserve K t7", GOOD }, { "0 preempt K>M t7", LOST }, { "0 reset", LOST },
          { "1 reset", GOOD }, { "1 keys", KEYS (4, KEY_K, KEY_K) },
          { "1 reservation", HELD_BY (0, 7) });
  ck_assert (lun_reservation_fence (r, KEY_M, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_lost_answers_of_reserve_6_and_release_6_are_sent_again)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", ILLEGAL (0x20, 0) }, { "0 reserve6", LOST },
          { "0 reserve6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  EXPECT (&script, { "0 release6", LOST }, { "0 release6", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_a_key_that_may_be_ours_is_not_taken_for_a_strangers)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);
  g_autoptr (GError) error = NULL;
  const uint64_t candidates[] = { KEY_M };
  uint64_t found;

  EXPECT (&script, { "0 keys", KEYS (3, KEY_M) }, { "0 register M>M", LOST },
          { "0 register M>M", GOOD });
  ck_assert (lun_reservation_find_own_key (r, candidates, 1, &found, NULL));
  ck_assert_uint_eq (found, KEY_M);
  EXPECT (&script, { "0 keys", KEYS (3, KEY_M) }, { "0 register M>M", LOST },
          { "0 register M>M", LOST });
  assert_fails (lun_reservation_find_own_key (r, candidates, 1, &found, &error), error,
                LUN_ERROR_NO_PATH);
  FINISH (&script);
}
END_TEST

/* ---- no persistent reservations ---- */

START_TEST (test_a_device_without_pr_gets_one_path_and_reserve_6)
{
  Script script = { .n_paths = 2 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", ILLEGAL (0x20, 0) }, { "1 fail", GOOD },
          { "0 reserve6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  ck_assert_int_eq (lun_reservation_state (r), LUN_RESV_COMPAT);
  ck_assert (!lun_reservation_path_up (r, "p1", NULL));
  EXPECT (&script, { "0 reserve6", GOOD });
  ck_assert (lun_reservation_check (r, NULL));
  EXPECT (&script, { "0 release6", GOOD });
  ck_assert (lun_reservation_close (r, NULL));
  FINISH (&script);
}
END_TEST

START_TEST (test_reserve_6_lost_to_another_host_is_a_fence)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);
  g_autoptr (GError) error = NULL;

  EXPECT (&script, { "0 ignore 0>K", ILLEGAL (0x20, 0) }, { "0 reserve6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_DEFAULT, NULL));
  EXPECT (&script, { "0 reserve6", CONFLICT });
  assert_fails (lun_reservation_check (r, &error), error, LUN_ERROR_FENCED);
  FINISH (&script);
}
END_TEST

START_TEST (test_forced_open_without_pr_resets_the_lun)
{
  Script script = { .n_paths = 1 };
  g_autoptr (LunReservation) r = script_reservation (&script, 0);

  EXPECT (&script, { "0 ignore 0>K", ILLEGAL (0x20, 0) }, { "0 reserve6", CONFLICT },
          { "0 reset", GOOD }, { "0 reserve6", ATTENTION (0x29, 0) },
          { "0 reserve6", GOOD });
  ck_assert (lun_reservation_open (r, LUN_RESV_FORCED, NULL));
  FINISH (&script);
}
END_TEST

LUN_SUITE (
  "lunpath/resv_trouble", test_reservation_moves_when_the_holders_path_dies,
  test_other_paths_are_registered_again_after_the_move,
  test_a_path_that_preempted_its_own_registration_registers_again,
  test_lost_answer_of_the_moving_preempt_is_sent_again,
  test_a_stranger_who_took_it_meanwhile_fences_us,
  test_another_path_dying_sends_nothing, test_no_path_left_holds_data_until_one_returns,
  test_under_type_7_no_path_is_the_holder,
  test_a_returned_path_is_registered_and_verified,
  test_registering_does_not_undo_a_fence,
  test_preempt_while_a_path_registers_is_noticed, test_check_goes_on_when_all_is_well,
  test_key_gone_is_a_fence, test_power_on_is_no_fence_though_others_were_faster,
  test_power_loss_registers_and_reserves_again,
  test_power_loss_after_which_another_owner_was_faster_is_a_fence,
  test_preempt_attention_beats_a_low_generation,
  test_after_a_session_loss_each_path_registers_again,
  test_reservation_that_was_released_is_made_again,
  test_member_takes_over_when_the_holder_left,
  test_member_who_is_slower_stays_registered,
  test_shared_open_refuses_a_strangers_reservation,
  test_a_shared_lun_is_left_without_release,
  test_a_lost_sessions_key_is_not_left_behind, test_fence_preempts_aborts_and_proves,
  test_fence_without_abort_drains_by_lun_reset, test_fence_of_who_is_gone_sends_nothing,
  test_fence_whose_answer_was_lost_is_resolved_by_keys,
  test_two_who_fence_each_other_leave_one_fenced,
  test_key_zero_and_our_own_are_never_fenced,
  test_removing_the_holders_path_moves_the_reservation_first,
  test_removing_another_path_unregisters_it, test_attention_and_busy_are_asked_again,
  test_communication_failure_of_reserve_is_a_conflict,
  test_a_device_without_pr_gets_one_path_and_reserve_6,
  test_reserve_6_lost_to_another_host_is_a_fence,
  test_forced_open_without_pr_resets_the_lun,
  test_lost_answer_of_register_and_ignore_is_sent_again,
  test_lost_answer_of_release_is_read_back,
  test_lost_release_is_sent_again_by_the_holder,
  test_lost_answer_of_register_with_zero_is_read_back,
  test_lost_register_with_zero_is_sent_again, test_lost_answer_of_clear_is_read_back,
  test_lost_clear_is_sent_again_over_another_path,
  test_lost_answer_of_preempt_still_drains,
  test_lost_answers_of_reserve_6_and_release_6_are_sent_again,
  test_a_key_that_may_be_ours_is_not_taken_for_a_strangers)
