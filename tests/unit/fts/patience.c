/* What a call does after a failure, told by time and failure alone. */
#include "fts/patience.h"

#include "base/error.h"
#include "lib/suite.h"

#include <errno.h>
#include <lunpath/error.h>

#define SECOND G_USEC_PER_SEC

static bool
lives (void *user_data)
{
  return true;
}

static bool
is_dead (void *user_data)
{
  return false;
}

START_TEST (test_with_a_grace_a_call_waits_until_it_is_over)
{
  const FtsPatienceConfig config = { 10 * SECOND, FTS_PATIENCE_NEVER };
  FtsPatience patience;
  int64_t now = 100 * SECOND, step;

  fts_patience_begin (&patience, &config, now);
  while ((step = fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, 100 * SECOND,
                                    now, is_dead, NULL)) >= 0)
    now += step + 1;
  ck_assert_int_ge (now, 110 * SECOND);
  ck_assert_int_le (now, 111 * SECOND);
  ck_assert_uint_ge (patience.tries, 40);
}
END_TEST

START_TEST (test_who_comes_after_the_grace_tries_once)
{
  const FtsPatienceConfig config = { 10 * SECOND, FTS_PATIENCE_NEVER };
  FtsPatience patience;

  fts_patience_begin (&patience, &config, 200 * SECOND);
  ck_assert_int_eq (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY,
                                       100 * SECOND, 200 * SECOND, lives, NULL),
                    -1);
}
END_TEST

START_TEST (test_a_grace_for_ever_has_no_end)
{
  const FtsPatienceConfig config = { FTS_PATIENCE_NEVER, FTS_PATIENCE_NEVER };
  FtsPatience patience;

  fts_patience_begin (&patience, &config, SECOND);
  for (int i = 0; i < 1000; i++)
    ck_assert_int_ge (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                         INT64_C (3600) * SECOND * (1 + i), is_dead,
                                         NULL),
                      0);
}
END_TEST

START_TEST (test_the_deadline_ends_a_call_within_the_grace)
{
  const FtsPatienceConfig config = { FTS_PATIENCE_NEVER, 5 * SECOND };
  FtsPatience patience;

  fts_patience_begin (&patience, &config, SECOND);
  ck_assert_int_ge (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                       SECOND, lives, NULL),
                    0);
  ck_assert_int_eq (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                       6 * SECOND, lives, NULL),
                    -1);
}
END_TEST

START_TEST (test_without_a_grace_only_a_live_peer_is_tried_again)
{
  const FtsPatienceConfig config = { 0, FTS_PATIENCE_NEVER };
  FtsPatience patience;

  fts_patience_begin (&patience, &config, SECOND);
  ck_assert_int_eq (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                       SECOND, is_dead, NULL),
                    -1);
  fts_patience_begin (&patience, &config, SECOND);
  for (unsigned i = 1; i < FTS_PATIENCE_TRIES; i++)
    ck_assert_int_ge (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                         SECOND, lives, NULL),
                      0);
  ck_assert_int_eq (fts_patience_next (&patience, &config, FTS_FAILURE_AWAY, SECOND,
                                       SECOND, lives, NULL),
                    -1);
}
END_TEST

START_TEST (test_damage_is_tried_a_few_times_whatever_the_grace)
{
  const FtsPatienceConfig config = { FTS_PATIENCE_NEVER, FTS_PATIENCE_NEVER };
  FtsPatience patience;
  unsigned n = 1;

  fts_patience_begin (&patience, &config, SECOND);
  while (fts_patience_next (&patience, &config, FTS_FAILURE_DAMAGE, 0, SECOND, is_dead,
                            NULL) >= 0)
    n++;
  ck_assert_uint_eq (n, FTS_PATIENCE_TRIES);
}
END_TEST

START_TEST (test_errors_are_told_apart)
{
  static const struct {
    bool is_lun;
    int code;
    FtsFailure failure;
  } table[] = {
    { false, FTS_ERROR_PEER_DEAD, FTS_FAILURE_AWAY },
    { false, FTS_ERROR_NOT_FOUND, FTS_FAILURE_AWAY },
    { false, FTS_ERROR_FENCED, FTS_FAILURE_FINAL },
    { false, FTS_ERROR_CORRUPT, FTS_FAILURE_DAMAGE },
    { false, FTS_ERROR_DENIED, FTS_FAILURE_FINAL },
    { false, FTS_ERROR_PROTOCOL, FTS_FAILURE_FINAL },
    { true, LUN_ERROR_NO_PATH, FTS_FAILURE_AWAY },
    { true, LUN_ERROR_IO, FTS_FAILURE_DAMAGE },
    { true, LUN_ERROR_FENCED, FTS_FAILURE_FINAL },
    { true, LUN_ERROR_CONFIG, FTS_FAILURE_FINAL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (table); i++) {
    g_autoptr (GError) error =
      g_error_new_literal (table[i].is_lun ? LUN_ERROR : FTS_ERROR, table[i].code, "x");
    ck_assert_int_eq (fts_patience_classify (error), table[i].failure);
  }
  g_autoptr (GError) answer = g_error_new_literal (FTS_ERRNO, ENOENT, "x");
  ck_assert_int_eq (fts_patience_classify (answer), FTS_FAILURE_FINAL);
}
END_TEST

FTS_SUITE ("fts/patience", test_with_a_grace_a_call_waits_until_it_is_over,
           test_who_comes_after_the_grace_tries_once, test_a_grace_for_ever_has_no_end,
           test_the_deadline_ends_a_call_within_the_grace,
           test_without_a_grace_only_a_live_peer_is_tried_again,
           test_damage_is_tried_a_few_times_whatever_the_grace,
           test_errors_are_told_apart)
