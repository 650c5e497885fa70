/* What a client changed itself of late is told to it later, and once. */
#include "fts/lately.h"

#include "lib/suite.h"

#define T 1000000000

static FtsLately *lately;

static bool
put_off (uint64_t key, int64_t now_us)
{
  g_autoptr (GByteArray) notice = g_byte_array_new ();
  uint8_t byte = (uint8_t) key;

  g_byte_array_append (notice, &byte, 1);
  return fts_lately_put_off (lately, key, notice, now_us);
}

/* The key that is to be told, 0 = none. */
static uint64_t
take (int64_t now_us)
{
  g_autoptr (GByteArray) notice = NULL;
  uint64_t key = 0;

  if (!fts_lately_take (lately, now_us, &key, &notice))
    return 0;
  ck_assert_uint_eq (notice->len, 1);
  ck_assert_uint_eq (notice->data[0], key);
  return key;
}

START_TEST (test_own_changes_are_told_later_and_once)
{
  lately = fts_lately_new ();
  ck_assert_int_eq (fts_lately_due (lately), 0);
  fts_lately_note (lately, 1, T);
  ck_assert (put_off (1, T + 10));
  ck_assert (put_off (1, T + 20));
  ck_assert_int_eq (fts_lately_due (lately), T + 10 + FTS_LATELY_US);
  ck_assert_uint_eq (take (T + 9 + FTS_LATELY_US), 0);
  ck_assert_uint_eq (take (T + 10 + FTS_LATELY_US), 1);
  ck_assert_uint_eq (take (T + 10 + FTS_LATELY_US), 0);
  fts_lately_free (lately);
}
END_TEST

START_TEST (test_others_changes_are_told_at_once)
{
  lately = fts_lately_new ();
  fts_lately_note (lately, 1, T);
  ck_assert (!put_off (2, T));
  ck_assert (!put_off (1, T + FTS_LATELY_US));
  fts_lately_free (lately);
}
END_TEST

START_TEST (test_whoever_changes_without_end_is_told_all_the_same)
{
  unsigned told = 0;

  lately = fts_lately_new ();
  for (int64_t us = T; us < T + 5 * FTS_LATELY_US; us += 1000) {
    fts_lately_note (lately, 1, us);
    ck_assert (put_off (1, us));
    told += take (us) == 1;
  }
  ck_assert_uint_ge (told, 4);
  fts_lately_free (lately);
}
END_TEST

START_TEST (test_what_does_not_fit_is_told_at_once)
{
  lately = fts_lately_new ();
  for (uint64_t key = 1; key <= FTS_LATELY_MOST; key++)
    fts_lately_note (lately, key, T);
  fts_lately_note (lately, FTS_LATELY_MOST + 1, T);
  ck_assert (put_off (FTS_LATELY_MOST, T));
  ck_assert (!put_off (FTS_LATELY_MOST + 1, T));
  fts_lately_note (lately, FTS_LATELY_MOST + 1, T + FTS_LATELY_US);
  ck_assert (put_off (FTS_LATELY_MOST + 1, T + FTS_LATELY_US));
  fts_lately_free (lately);
}
END_TEST

FTS_SUITE ("fts/lately", test_own_changes_are_told_later_and_once,
           test_others_changes_are_told_at_once,
           test_whoever_changes_without_end_is_told_all_the_same,
           test_what_does_not_fit_is_told_at_once)
