#include "prog/ftsfs/absent.h"

#include "fts/namehash.h"
#include "lib/suite.h"

#include <glib.h>
#include <string.h>

#define LONG_US (INT64_C (1000) * G_USEC_PER_SEC)
#define DIR     7u

static uint64_t
hash (const char *name)
{
  return fts_namehash (name, strlen (name));
}

static FtsAbsentVerdict
judge (FtsAbsent *absent, const char *name)
{
  int64_t left_us;
  FtsAbsentVerdict verdict = fts_absent_judge (
    absent, DIR, name, &(FtsAbsentTrust){ LONG_US, LONG_US, LONG_US }, &left_us);

  if (verdict == FTS_ABSENT_YES) {
    ck_assert_int_gt (left_us, 0);
    ck_assert_int_le (left_us, LONG_US);
  }
  return verdict;
}

static void
miss (FtsAbsent *absent, unsigned n)
{
  while (n-- > 0)
    fts_absent_note_miss (absent, DIR);
}

/* A directory of "a" and "b" whose names were asked for. */
static FtsAbsent *
with_names (void)
{
  FtsAbsent *absent = fts_absent_new (1000);
  uint64_t names[] = { hash ("a"), hash ("b") };

  miss (absent, 3);
  FtsAbsentAsking asking = fts_absent_begin (absent, DIR);
  fts_absent_publish (absent, &asking, names, 2, false);
  return absent;
}

START_TEST (test_names_are_asked_for_when_look_ups_find_nothing)
{
  FtsAbsent *absent = fts_absent_new (1000);

  ck_assert_int_eq (judge (absent, "x"), FTS_ABSENT_ASK);
  miss (absent, 2);
  ck_assert_int_eq (judge (absent, "x"), FTS_ABSENT_ASK);
  miss (absent, 1);
  ck_assert_int_eq (judge (absent, "x"), FTS_ABSENT_ASK_NAMES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_what_is_not_among_the_names_is_absent)
{
  FtsAbsent *absent = with_names ();

  ck_assert_int_eq (judge (absent, "a"), FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "b"), FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_YES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_names_of_a_watched_directory_hold_until_something_changes_there)
{
  const FtsAbsentTrust trust = { 1, LONG_US, LONG_US };
  FtsAbsent *absent = fts_absent_new (1000);
  int64_t left_us = 1;

  fts_absent_set_empty (absent, DIR, g_get_monotonic_time () - 1000, true);
  ck_assert_int_eq (fts_absent_judge (absent, DIR, "c", &trust, &left_us),
                    FTS_ABSENT_YES);
  ck_assert_int_eq (left_us, 0);
  fts_absent_forget (absent, DIR);
  ck_assert_int_ne (fts_absent_judge (absent, DIR, "c", &trust, &left_us),
                    FTS_ABSENT_YES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_names_asked_for_while_somebody_changed_them_are_worth_nothing)
{
  FtsAbsent *absent = fts_absent_new (1000);
  FtsAbsentAsking asking = fts_absent_begin (absent, DIR);

  fts_absent_forget (absent, DIR);
  fts_absent_publish (absent, &asking, &(uint64_t){ hash ("a") }, 1, true);
  ck_assert_int_ne (judge (absent, "c"), FTS_ABSENT_YES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_a_name_that_is_made_is_absent_no_more)
{
  FtsAbsent *absent = with_names ();

  fts_absent_add (absent, DIR, "c");
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "d"), FTS_ABSENT_YES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_a_name_made_while_names_are_asked_for_spoils_the_answer)
{
  FtsAbsent *absent = fts_absent_new (1000);

  miss (absent, 3);
  FtsAbsentAsking asking = fts_absent_begin (absent, DIR);
  ck_assert_int_eq (judge (absent, "x"), FTS_ABSENT_ASK); /* one asks */
  fts_absent_add (absent, DIR, "c");
  fts_absent_publish (absent, &asking, &(uint64_t){ hash ("a") }, 1, false);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK_NAMES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_an_answer_for_a_forgotten_directory_is_dropped)
{
  FtsAbsent *absent = fts_absent_new (1000);

  miss (absent, 3);
  FtsAbsentAsking asking = fts_absent_begin (absent, DIR);
  fts_absent_clear (absent);
  fts_absent_add (absent, DIR, "c");
  miss (absent, 1);
  fts_absent_publish (absent, &asking, &(uint64_t){ hash ("a") }, 1, false);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_names_are_trusted_for_the_timeout)
{
  FtsAbsent *absent = with_names ();
  int64_t left_us;

  ck_assert_int_eq (
    fts_absent_judge (absent, DIR, "c", &(FtsAbsentTrust){ 0, 0, LONG_US }, &left_us),
    FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_YES);
  g_usleep (2000);
  ck_assert_int_eq (fts_absent_judge (absent, DIR, "c",
                                      &(FtsAbsentTrust){ 1000, 1000, LONG_US },
                                      &left_us),
                    FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK); /* forgotten by now */
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_names_that_paid_are_asked_for_at_once)
{
  FtsAbsent *absent = with_names ();
  int64_t left_us;

  for (int i = 0; i < 3; i++)
    ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_YES);
  g_usleep (2000);
  ck_assert_int_eq (fts_absent_judge (absent, DIR, "c",
                                      &(FtsAbsentTrust){ 1000, 1000, LONG_US },
                                      &left_us),
                    FTS_ABSENT_ASK_NAMES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_after_a_pause_names_are_not_used)
{
  FtsAbsent *absent = with_names ();
  int64_t left_us;

  for (int i = 0; i < 3; i++)
    ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_YES);
  g_usleep (2000);
  ck_assert_int_eq (fts_absent_judge (absent, DIR, "c",
                                      &(FtsAbsentTrust){ LONG_US, LONG_US, 1000 },
                                      &left_us),
                    FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK);
  fts_absent_note_miss (absent, DIR);
  ck_assert_int_eq (judge (absent, "c"), FTS_ABSENT_ASK_NAMES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_a_directory_whose_names_cannot_be_had_is_left_alone)
{
  FtsAbsent *absent = fts_absent_new (1000);

  miss (absent, 3);
  FtsAbsentAsking asking = fts_absent_begin (absent, DIR);
  fts_absent_publish (absent, &asking, NULL, 0, false);
  miss (absent, 100);
  ck_assert_int_eq (judge (absent, "x"), FTS_ABSENT_ASK);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_a_new_directory_has_no_names)
{
  FtsAbsent *absent = fts_absent_new (1000);

  fts_absent_set_empty (absent, DIR, g_get_monotonic_time (), false);
  ck_assert_int_eq (judge (absent, "a"), FTS_ABSENT_YES);
  fts_absent_add (absent, DIR, "a");
  ck_assert_int_eq (judge (absent, "a"), FTS_ABSENT_ASK);
  ck_assert_int_eq (judge (absent, "b"), FTS_ABSENT_YES);
  fts_absent_free (absent);
}
END_TEST

START_TEST (test_memory_is_bounded_and_the_oldest_go_first)
{
  FtsAbsent *absent = fts_absent_new (1000);
  int64_t left_us;
  char name[32];

  fts_absent_set_empty (absent, 1, g_get_monotonic_time (), false);
  fts_absent_add (absent, 1, "a");
  fts_absent_set_empty (absent, 2, g_get_monotonic_time (), false);
  for (int i = 0; i < 3000; i++) {
    g_snprintf (name, sizeof name, "name-%d", i);
    fts_absent_add (absent, 2, name);
  }
  ck_assert_int_eq (fts_absent_judge (absent, 1, "b",
                                      &(FtsAbsentTrust){ LONG_US, LONG_US, LONG_US },
                                      &left_us),
                    FTS_ABSENT_ASK);
  ck_assert_int_eq (fts_absent_judge (absent, 2, "b",
                                      &(FtsAbsentTrust){ LONG_US, LONG_US, LONG_US },
                                      &left_us),
                    FTS_ABSENT_YES);
  for (int i = 0; i < 3000; i++) {
    g_snprintf (name, sizeof name, "name-%d", i);
    ck_assert_int_eq (fts_absent_judge (absent, 2, name,
                                        &(FtsAbsentTrust){ LONG_US, LONG_US, LONG_US },
                                        &left_us),
                      FTS_ABSENT_ASK);
  }
  for (uint64_t dir = 10; dir < 10 + FTS_ABSENT_DIRS; dir++)
    fts_absent_note_miss (absent, dir);
  ck_assert_int_eq (fts_absent_judge (absent, 2, "b",
                                      &(FtsAbsentTrust){ LONG_US, LONG_US, LONG_US },
                                      &left_us),
                    FTS_ABSENT_ASK);
  fts_absent_free (absent);
}
END_TEST

FTS_SUITE ("ftsfs/absent", test_names_are_asked_for_when_look_ups_find_nothing,
           test_what_is_not_among_the_names_is_absent,
           test_names_of_a_watched_directory_hold_until_something_changes_there,
           test_names_asked_for_while_somebody_changed_them_are_worth_nothing,
           test_a_name_that_is_made_is_absent_no_more,
           test_a_name_made_while_names_are_asked_for_spoils_the_answer,
           test_an_answer_for_a_forgotten_directory_is_dropped,
           test_names_are_trusted_for_the_timeout,
           test_names_that_paid_are_asked_for_at_once,
           test_after_a_pause_names_are_not_used,
           test_a_directory_whose_names_cannot_be_had_is_left_alone,
           test_a_new_directory_has_no_names,
           test_memory_is_bounded_and_the_oldest_go_first)
