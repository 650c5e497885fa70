#include "suite.h"

#include "path/verdict.h"

#include "base/sense.h"

static void
assert_sense (uint8_t key, uint8_t asc, uint8_t ascq, LunVerdict verdict, LunError code)
{
  LunResult result = lun_result_check_condition (key, asc, ascq);
  LunJudgement judgement = lun_judge (&result);

  ck_assert_msg (judgement.verdict == verdict, "%x/%02x/%02x: verdict %d", key, asc,
                 ascq, judgement.verdict);
  if (verdict != LUN_VERDICT_DONE)
    ck_assert_int_eq (judgement.code, code);
}

static LunJudgement
judge_bare (LunOutcome outcome)
{
  LunResult result = lun_result_bare (outcome, 0);

  return lun_judge (&result);
}

START_TEST (test_outcomes_without_sense)
{
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_GOOD).verdict, LUN_VERDICT_DONE);
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_BUSY).verdict, LUN_VERDICT_LATER);
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_BUSY).code, LUN_ERROR_BUSY);
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_ABORTED).verdict, LUN_VERDICT_AGAIN);
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_TRANSPORT_ERROR).verdict,
                    LUN_VERDICT_ELSEWHERE);
  ck_assert_int_eq (judge_bare (LUN_OUTCOME_TIMEOUT).code, LUN_ERROR_TIMEOUT);
}
END_TEST

START_TEST (test_reservation_conflict_is_final_and_not_the_paths_fault)
{
  LunJudgement judgement = judge_bare (LUN_OUTCOME_RESERVATION_CONFLICT);

  ck_assert_int_eq (judgement.verdict, LUN_VERDICT_CONFLICT);
  ck_assert_int_eq (judgement.code, LUN_ERROR_RESERVED);
  ck_assert (!judgement.maybe_executed);
}
END_TEST

START_TEST (test_sense_keys)
{
  assert_sense (LUN_SENSE_NONE, 0, 0, LUN_VERDICT_DONE, 0);
  assert_sense (LUN_SENSE_RECOVERED, 0x17, 0, LUN_VERDICT_DONE, 0);
  assert_sense (LUN_SENSE_NOT_READY, 0x04, 0x01, LUN_VERDICT_LATER, LUN_ERROR_BUSY);
  assert_sense (LUN_SENSE_NOT_READY, 0x04, 0x0a, LUN_VERDICT_LATER, LUN_ERROR_BUSY);
  assert_sense (LUN_SENSE_NOT_READY, 0x04, 0x0b, LUN_VERDICT_ELSEWHERE,
                LUN_ERROR_NO_PATH);
  assert_sense (LUN_SENSE_NOT_READY, 0x3a, 0, LUN_VERDICT_GIVE_UP, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_MEDIUM_ERROR, 0x11, 0, LUN_VERDICT_GIVE_UP, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_HARDWARE_ERROR, 0x44, 0, LUN_VERDICT_ELSEWHERE, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_ILLEGAL_REQUEST, 0x20, 0, LUN_VERDICT_GIVE_UP,
                LUN_ERROR_UNSUPPORTED);
  assert_sense (LUN_SENSE_ILLEGAL_REQUEST, 0x21, 0, LUN_VERDICT_GIVE_UP,
                LUN_ERROR_RANGE);
  assert_sense (LUN_SENSE_ILLEGAL_REQUEST, 0x24, 0, LUN_VERDICT_GIVE_UP, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_ILLEGAL_REQUEST, 0x25, 0, LUN_VERDICT_ELSEWHERE,
                LUN_ERROR_NO_PATH);
  assert_sense (LUN_SENSE_UNIT_ATTENTION, 0x29, 0, LUN_VERDICT_AGAIN, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_UNIT_ATTENTION, 0x2a, 3, LUN_VERDICT_AGAIN, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_DATA_PROTECT, 0x27, 0, LUN_VERDICT_GIVE_UP, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_ABORTED_COMMAND, 0, 0, LUN_VERDICT_AGAIN, LUN_ERROR_IO);
  assert_sense (LUN_SENSE_MISCOMPARE, 0x1d, 0, LUN_VERDICT_MISMATCH, LUN_ERROR_IO);
}
END_TEST

/* What each of the sixteen keys means when the additional sense says nothing. */
START_TEST (test_every_sense_key)
{
  static const struct {
    LunVerdict verdict;
    LunError code;
  } keys[16] = {
    { LUN_VERDICT_DONE, 0 },                 /* no sense */
    { LUN_VERDICT_DONE, 0 },                 /* recovered error */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* not ready */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* medium error */
    { LUN_VERDICT_ELSEWHERE, LUN_ERROR_IO }, /* hardware error */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* illegal request */
    { LUN_VERDICT_AGAIN, LUN_ERROR_IO },     /* unit attention */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* data protect */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* blank check */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* vendor specific */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* copy aborted */
    { LUN_VERDICT_AGAIN, LUN_ERROR_IO },     /* aborted command */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* reserved */
    { LUN_VERDICT_GIVE_UP, LUN_ERROR_IO },   /* volume overflow */
    { LUN_VERDICT_MISMATCH, LUN_ERROR_IO },  /* miscompare */
    { LUN_VERDICT_DONE, 0 },                 /* completed */
  };

  for (uint8_t key = 0; key < 16; key++)
    assert_sense (key, 0, 0, keys[key].verdict, keys[key].code);
}
END_TEST

START_TEST (test_what_is_under_way_is_waited_for)
{
  static const uint8_t waits[] = { 0x01, 0x04, 0x05, 0x06, 0x07, 0x08,
                                   0x09, 0x0a, 0x14, 0x1a, 0x1b };

  for (unsigned i = 0; i < sizeof waits; i++)
    assert_sense (LUN_SENSE_NOT_READY, 0x04, waits[i], LUN_VERDICT_LATER,
                  LUN_ERROR_BUSY);
  assert_sense (LUN_SENSE_NOT_READY, 0x04, 0x0c, LUN_VERDICT_ELSEWHERE,
                LUN_ERROR_NO_PATH);
  for (uint8_t by_hand = 0x02; by_hand <= 0x03; by_hand++)
    assert_sense (LUN_SENSE_NOT_READY, 0x04, by_hand, LUN_VERDICT_GIVE_UP,
                  LUN_ERROR_IO);
}
END_TEST

START_TEST (test_descriptor_format_is_read_too)
{
  LunResult result = { .outcome = LUN_OUTCOME_CHECK_CONDITION,
                       .sense_len = 8,
                       .sense = { 0x72, LUN_SENSE_UNIT_ATTENTION, 0x29, 0x03 } };

  ck_assert_int_eq (lun_judge (&result).verdict, LUN_VERDICT_AGAIN);
}
END_TEST

START_TEST (test_only_an_open_end_may_have_been_executed)
{
  LunResult attention = lun_result_check_condition (LUN_SENSE_UNIT_ATTENTION, 0x29, 0);
  LunResult aborted = lun_result_check_condition (LUN_SENSE_ABORTED_COMMAND, 0, 0);

  ck_assert (!lun_judge (&attention).maybe_executed);
  ck_assert (lun_judge (&aborted).maybe_executed);
  ck_assert (judge_bare (LUN_OUTCOME_TRANSPORT_ERROR).maybe_executed);
  ck_assert (judge_bare (LUN_OUTCOME_TIMEOUT).maybe_executed);
  ck_assert (!judge_bare (LUN_OUTCOME_BUSY).maybe_executed);
}
END_TEST

START_TEST (test_total_over_all_sense)
{
  for (int key = 0; key < 16; key++)
    for (int asc = 0; asc < 256; asc++) {
      LunResult result = lun_result_check_condition ((uint8_t) key, (uint8_t) asc, 0);
      ck_assert_int_le (lun_judge (&result).verdict, LUN_VERDICT_GIVE_UP);
    }
  LunResult unreadable = { .outcome = LUN_OUTCOME_CHECK_CONDITION };
  ck_assert_int_eq (lun_judge (&unreadable).verdict, LUN_VERDICT_ELSEWHERE);
}
END_TEST

LUN_SUITE ("lunpath/verdict", test_outcomes_without_sense,
           test_reservation_conflict_is_final_and_not_the_paths_fault, test_sense_keys,
           test_every_sense_key, test_what_is_under_way_is_waited_for,
           test_descriptor_format_is_read_too,
           test_only_an_open_end_may_have_been_executed, test_total_over_all_sense)
