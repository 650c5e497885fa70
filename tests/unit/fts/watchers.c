/* Whom to tell of what: who has it, once, in order, and nobody else; what does not fit becomes one
 * word for all. */
#include "fts/watchers.h"

#include "lib/suite.h"

static FtsWatchers *watchers;
static int one, two;                       /* sessions */
static int one_connection, two_connection; /* theirs */
static unsigned summoned;

static void
count_summons (void *connection, void *user_data)
{
  summoned++;
}

static void
start (void)
{
  const FtsWatchersHooks hooks = { count_summons, NULL, NULL };

  summoned = 0;
  watchers = fts_watchers_new ();
  fts_watchers_set_hooks (watchers, &hooks);
  fts_watchers_begin (watchers, &one, &one_connection);
  fts_watchers_begin (watchers, &two, &two_connection);
}

static void
end (void)
{
  fts_watchers_end (watchers, &one_connection);
  fts_watchers_end (watchers, &two_connection);
  fts_watchers_free (watchers);
}

static FtsWatchResult
keep (const void *session, uint64_t key)
{
  return fts_watchers_add (watchers, session, key, fts_watchers_now (watchers));
}

/* A file that SESSION changed; the number of the last notice that came of it. */
static uint64_t
change (const void *session, uint64_t key)
{
  const FtsNotice notice = { .kind = FTS_NOTICE_FILE,
                             .handle = { .len = 1, .bytes = { (uint8_t) key } } };
  uint64_t number = 0;

  fts_watchers_tell (watchers, session, key, &notice, &number);
  return number;
}

/* What CONNECTION hears after it took in all up to TAKEN_IN: the first bytes of the handles, '*'
 * for anything; NULL when it waits. */
static char *
hear (const void *connection, uint64_t taken_in, uint64_t *last)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GString *heard = g_string_new (NULL);
  FtsNotice notice;
  size_t used;

  if (!fts_watchers_take (watchers, connection, taken_in, bytes, last)) {
    g_string_free (heard, TRUE);
    return NULL;
  }
  for (size_t at = 0; at < bytes->len; at += used) {
    ck_assert (
      fts_wire_decode_notice (bytes->data + at, bytes->len - at, &notice, &used));
    g_string_append_c (
      heard, notice.kind == FTS_NOTICE_ALL ? '*' : (char) notice.handle.bytes[0]);
  }
  return g_string_free (heard, FALSE);
}

START_TEST (test_who_has_it_is_told_once_and_nobody_else)
{
  uint64_t last = 1;

  start ();
  ck_assert_int_eq (keep (&one, 'a'), FTS_WATCH_WATCHED);
  ck_assert_uint_ne (change (NULL, 'a'), 0);
  ck_assert_uint_eq (change (NULL, 'b'), 0);
  g_autofree char *heard = hear (&one_connection, 0, &last);
  ck_assert_str_eq (heard, "a");
  ck_assert_ptr_null (hear (&one_connection, last, &last));
  ck_assert_ptr_null (hear (&two_connection, 0, &last));
  end ();
}
END_TEST

START_TEST (test_a_change_waits_for_the_notice_of_an_earlier_one)
{
  uint64_t last = 1;

  start ();
  keep (&one, 'a');
  uint64_t number = change (NULL, 'a');
  ck_assert_uint_eq (change (&two, 'a'), number);
  g_free (hear (&one_connection, 0, &last));
  ck_assert_uint_eq (change (&two, 'a'), number);
  hear (&one_connection, last, &last);
  ck_assert_uint_eq (change (&two, 'a'), 0);
  keep (&one, 'a');
  fts_watchers_tell_all (watchers);
  ck_assert_uint_gt (change (&two, 'a'), number);
  end ();
}
END_TEST

START_TEST (test_who_changes_it_is_not_told)
{
  start ();
  keep (&one, 'a');
  ck_assert_uint_eq (change (&one, 'a'), 0);
  keep (&two, 'a');
  ck_assert_uint_ne (change (&one, 'a'), 0);
  end ();
}
END_TEST

START_TEST (test_notices_come_in_order_and_wake_who_waits)
{
  uint64_t last = 1;

  start ();
  ck_assert_ptr_null (hear (&one_connection, 0, &last));
  keep (&one, 'a');
  keep (&one, 'b');
  change (NULL, 'b');
  ck_assert_uint_eq (summoned, 1);
  change (NULL, 'a');
  g_autofree char *heard = hear (&one_connection, 0, &last);
  ck_assert_str_eq (heard, "ba");
  end ();
}
END_TEST

START_TEST (test_a_change_during_a_look_is_seen)
{
  start ();
  uint64_t since = fts_watchers_now (watchers);
  change (NULL, 'a');
  ck_assert_int_eq (fts_watchers_add (watchers, &one, 'a', since), FTS_WATCH_CHANGED);
  ck_assert_int_eq (keep (&one, 'a'), FTS_WATCH_WATCHED);
  end ();
}
END_TEST

START_TEST (test_who_does_not_watch_is_not_promised_anything)
{
  start ();
  ck_assert_int_eq (keep (&end, 'a'), FTS_WATCH_NONE);
  ck_assert (!fts_watchers_has (watchers, &end));
  fts_watchers_end (watchers, &one_connection);
  ck_assert_int_eq (keep (&one, 'a'), FTS_WATCH_NONE);
  end ();
}
END_TEST

START_TEST (test_settling_ends_when_all_have_taken_it_in)
{
  uint64_t last = 1;

  start ();
  keep (&one, 'a');
  uint64_t number = change (&two, 'a');
  g_autofree char *heard = hear (&one_connection, 0, &last);
  hear (&one_connection, last, &last);
  int64_t begin = g_get_monotonic_time ();
  fts_watchers_settle (watchers, number);
  ck_assert_int_lt (g_get_monotonic_time () - begin, FTS_WATCHERS_MS * 1000);
  ck_assert_int_eq (keep (&one, 'a'), FTS_WATCH_WATCHED);
  end ();
}
END_TEST

START_TEST (test_who_is_late_is_promised_nothing_until_it_dropped_all)
{
  uint64_t last = 1;

  start ();
  keep (&one, 'a');
  keep (&one, 'b');
  fts_watchers_settle (watchers, change (NULL, 'a')); /* nobody takes it in */
  ck_assert_int_eq (keep (&one, 'c'), FTS_WATCH_NONE);
  g_autofree char *heard = hear (&one_connection, 0, &last);
  ck_assert_str_eq (heard, "*");
  ck_assert_ptr_null (hear (&one_connection, last, &last));
  ck_assert_int_eq (keep (&one, 'c'), FTS_WATCH_WATCHED);
  ck_assert_uint_eq (change (NULL, 'b'), 0);
  end ();
}
END_TEST

START_TEST (test_too_many_notices_become_one)
{
  uint64_t last = 1;

  start ();
  for (uint64_t i = 0; i <= FTS_WATCHERS_NOTICES; i++)
    keep (&one, 1000 + i);
  for (uint64_t i = 0; i <= FTS_WATCHERS_NOTICES; i++)
    change (NULL, 1000 + i);
  g_autofree char *heard = hear (&one_connection, 0, &last);
  ck_assert_str_eq (heard, "*");
  end ();
}
END_TEST

START_TEST (test_too_many_keys_are_dropped_and_that_is_told)
{
  FtsWatchersStats stats;
  uint64_t last = 1;

  start ();
  for (uint64_t i = 1; i <= FTS_WATCHERS_KEYS + 10; i++)
    keep (&one, i);
  fts_watchers_get_stats (watchers, &stats);
  ck_assert_uint_le (stats.keys, FTS_WATCHERS_KEYS);
  g_autofree char *heard = hear (&one_connection, 0, &last);
  ck_assert_str_eq (heard, "*");
  end ();
}
END_TEST

START_TEST (test_a_batch_is_bounded)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  uint64_t last = 1;

  start ();
  for (uint64_t i = 0; i < FTS_WATCHERS_NOTICES; i++) {
    keep (&one, 1000 + i);
    change (NULL, 1000 + i);
  }
  ck_assert (fts_watchers_take (watchers, &one_connection, 0, bytes, &last));
  ck_assert_uint_le (bytes->len, FTS_WATCHERS_BATCH);
  end ();
}
END_TEST

START_TEST (test_a_name_has_a_key_of_its_own_in_each_directory)
{
  const FtsHandle a = { .len = 20, .bytes = "aaaaaaaaaaaaaaaaaaaa" };
  const FtsHandle b = { .len = 20, .bytes = "bbbbbbbbbbbbbbbbbbbb" };

  start ();
  uint64_t key_a = fts_watchers_file_key (watchers, &a);
  uint64_t key_b = fts_watchers_file_key (watchers, &b);
  ck_assert_uint_ne (key_a, key_b);
  ck_assert_uint_ne (fts_watchers_name_key (watchers, key_a, "n", 1),
                     fts_watchers_name_key (watchers, key_b, "n", 1));
  ck_assert_uint_ne (fts_watchers_name_key (watchers, key_a, "n", 1),
                     fts_watchers_name_key (watchers, key_a, "m", 1));
  end ();
}
END_TEST

FTS_SUITE ("fts/watchers", test_who_has_it_is_told_once_and_nobody_else,
           test_a_change_waits_for_the_notice_of_an_earlier_one,
           test_who_changes_it_is_not_told,
           test_notices_come_in_order_and_wake_who_waits,
           test_a_change_during_a_look_is_seen,
           test_who_does_not_watch_is_not_promised_anything,
           test_settling_ends_when_all_have_taken_it_in,
           test_who_is_late_is_promised_nothing_until_it_dropped_all,
           test_too_many_notices_become_one,
           test_too_many_keys_are_dropped_and_that_is_told, test_a_batch_is_bounded,
           test_a_name_has_a_key_of_its_own_in_each_directory)
