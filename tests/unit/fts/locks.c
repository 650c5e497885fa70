#include "fts/locks.h"

#include "lib/suite.h"

#include <errno.h>

static const FtsLockKey file = { 1, 2 };
static const char one, two; /* holders */
static FtsLocks *locks;

static int
set (const void *holder, uint64_t owner, FtsLockType type, uint64_t start, uint64_t end)
{
  const FtsLock lock = { type, FTS_LOCK_POSIX, start, end, owner, 77 };
  bool changed;

  return fts_locks_set (locks, file, holder, &lock, NULL, &changed);
}

static int
flock_as (const void *holder, uint64_t owner, FtsLockType type)
{
  const FtsLock lock = { type, FTS_LOCK_FLOCK, 0, INT64_MAX, owner, 77 };
  bool changed;

  return fts_locks_set (locks, file, holder, &lock, NULL, &changed);
}

static guint
count (void)
{
  g_autoptr (GArray) all = fts_locks_list (locks);
  return all->len;
}

static void
start (void)
{
  locks = fts_locks_new ();
}

static void
end (void)
{
  fts_locks_free (locks);
}

START_TEST (test_readers_share_and_a_writer_is_alone)
{
  start ();
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_READ, 0, 9), 0);
  ck_assert_int_eq (set (&one, 2, FTS_LOCK_READ, 0, 9), 0);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 5, 5), EAGAIN);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 10, 19), 0);
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_READ, 9, 10), EAGAIN);
  end ();
}
END_TEST

START_TEST (test_the_same_owner_number_of_another_client_is_another_owner)
{
  start ();
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_WRITE, 0, 9), 0);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 0, 9), EAGAIN);
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_WRITE, 0, 99), 0);
  end ();
}
END_TEST

START_TEST (test_unlocking_the_middle_leaves_two_locks)
{
  start ();
  set (&one, 1, FTS_LOCK_WRITE, 0, 99);
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_NONE, 40, 59), 0);
  ck_assert_uint_eq (count (), 2);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 40, 59), 0);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 39, 39), EAGAIN);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 60, 60), EAGAIN);
  end ();
}
END_TEST

START_TEST (test_neighbours_of_one_type_become_one)
{
  start ();
  set (&one, 1, FTS_LOCK_WRITE, 0, 9);
  set (&one, 1, FTS_LOCK_WRITE, 20, INT64_MAX);
  set (&one, 1, FTS_LOCK_WRITE, 10, 19);
  ck_assert_uint_eq (count (), 1);
  end ();
}
END_TEST

START_TEST (test_a_part_changes_its_type)
{
  start ();
  set (&one, 1, FTS_LOCK_READ, 0, 99);
  set (&one, 1, FTS_LOCK_WRITE, 10, 19);
  ck_assert_uint_eq (count (), 3);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_READ, 0, 9), 0);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_READ, 0, 10), EAGAIN);
  end ();
}
END_TEST

START_TEST (test_a_lock_held_already_is_no_change)
{
  const FtsLock lock = { FTS_LOCK_WRITE, FTS_LOCK_POSIX, 5, 9, 1, 0 };
  bool changed;

  start ();
  fts_locks_set (locks, file, &one, &lock, NULL, &changed);
  ck_assert (changed);
  ck_assert_int_eq (fts_locks_set (locks, file, &one, &lock, NULL, &changed), 0);
  ck_assert (!changed);
  end ();
}
END_TEST

START_TEST (test_who_is_in_the_way_is_told)
{
  const FtsLock wish = { FTS_LOCK_READ, FTS_LOCK_POSIX, 0, INT64_MAX, 2, 0 };
  FtsLock found;

  start ();
  fts_locks_test (locks, file, &one, &wish, &found);
  ck_assert_uint_eq (found.type, FTS_LOCK_NONE);
  set (&one, 1, FTS_LOCK_WRITE, 5, 9);
  fts_locks_test (locks, file, &one, &wish, &found);
  ck_assert_uint_eq (found.type, FTS_LOCK_WRITE);
  ck_assert_uint_eq (found.start, 5);
  ck_assert_uint_eq (found.end, 9);
  ck_assert_uint_eq (found.pid, 77);
  fts_locks_test (locks, file, &two, &wish, &found);
  ck_assert_uint_eq (found.pid, 0);
  end ();
}
END_TEST

START_TEST (test_the_two_kinds_do_not_meet)
{
  start ();
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_WRITE, 0, INT64_MAX), 0);
  ck_assert_int_eq (flock_as (&two, 1, FTS_LOCK_WRITE), 0);
  end ();
}
END_TEST

START_TEST (test_a_flock_that_cannot_be_converted_is_lost)
{
  start ();
  flock_as (&one, 1, FTS_LOCK_READ);
  flock_as (&two, 1, FTS_LOCK_READ);
  ck_assert_int_eq (flock_as (&one, 1, FTS_LOCK_WRITE), EAGAIN);
  ck_assert_int_eq (flock_as (&two, 1, FTS_LOCK_WRITE), 0);
  end ();
}
END_TEST

START_TEST (test_what_another_table_gave_is_so_here)
{
  const FtsLock part = { FTS_LOCK_WRITE, FTS_LOCK_POSIX, 5, 9, 2, 77 };
  const FtsLock all = { FTS_LOCK_READ, FTS_LOCK_FLOCK, 0, INT64_MAX, 2, 77 };
  const FtsLock none = { FTS_LOCK_NONE, FTS_LOCK_POSIX, 0, INT64_MAX, 2, 77 };

  start ();
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_WRITE, 0, 9), 0);
  ck_assert_int_eq (flock_as (&one, 1, FTS_LOCK_WRITE), 0);
  fts_locks_note (locks, file, &one, &part, NULL);
  fts_locks_note (locks, file, &one, &all, NULL);
  /* Its unlocking is heard of only now. */
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_NONE, 5, 9), 0);
  ck_assert_int_eq (flock_as (&one, 1, FTS_LOCK_NONE), 0);
  ck_assert_uint_eq (count (), 3);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_READ, 5, 5), EAGAIN);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_READ, 4, 4), EAGAIN);
  ck_assert_int_eq (flock_as (&two, 1, FTS_LOCK_WRITE), EAGAIN);
  fts_locks_note (locks, file, &one, &none, NULL);
  ck_assert_uint_eq (count (), 2);
  end ();
}
END_TEST

START_TEST (test_a_holder_that_is_gone_leaves_nothing)
{
  start ();
  set (&one, 1, FTS_LOCK_WRITE, 0, 9);
  set (&two, 1, FTS_LOCK_WRITE, 10, 19);
  flock_as (&one, 3, FTS_LOCK_WRITE);
  fts_locks_drop_holder (locks, &one);
  ck_assert_uint_eq (count (), 1);
  ck_assert_int_eq (set (&two, 1, FTS_LOCK_WRITE, 0, 9), 0);
  end ();
}
END_TEST

START_TEST (test_there_is_an_end_to_the_number_of_locks)
{
  FtsLock lock = { FTS_LOCK_WRITE, FTS_LOCK_POSIX, 0, 0, 1, 0 };
  bool changed;
  int failed = 0;

  start ();
  for (uint64_t i = 0; i < 70000 && !failed; i++) {
    lock.start = lock.end = 2 * i;
    failed =
      fts_locks_set (locks, (FtsLockKey){ 1, i % 5000 }, &one, &lock, NULL, &changed);
  }
  ck_assert_int_eq (failed, ENOLCK);
  fts_locks_drop_holder (locks, &one);
  ck_assert_int_eq (set (&one, 1, FTS_LOCK_WRITE, 0, 9), 0);
  end ();
}
END_TEST

/* ---- who waits ---- */

static GString *given; /* tickets, in order */

static void
note_given (const void *holder, uint64_t ticket, void *user_data)
{
  g_string_append_printf (given, "%c%d ", holder == &one ? 'a' : 'b', (int) ticket);
}

static void
start_with_queue (void)
{
  start ();
  given = g_string_new (NULL);
  fts_locks_on_grant (locks, note_given, NULL);
}

static void
end_with_queue (const char *wanted)
{
  ck_assert_str_eq (given->str, wanted);
  g_string_free (given, TRUE);
  end ();
}

static int
wait_at (const void *holder, uint64_t ino, uint64_t owner, FtsLockType type,
         uint64_t ticket)
{
  const FtsLock lock = { type, FTS_LOCK_POSIX, 0, 9, owner, 0 };
  bool changed;
  return fts_locks_wait (locks, (FtsLockKey){ 1, ino }, holder, &lock, ticket,
                         &changed);
}

static int
set_at (const void *holder, uint64_t ino, uint64_t owner, FtsLockType type)
{
  const FtsLock lock = { type, FTS_LOCK_POSIX, 0, 9, owner, 0 };
  bool changed;
  return fts_locks_set (locks, (FtsLockKey){ 1, ino }, holder, &lock, NULL, &changed);
}

START_TEST (test_who_waits_gets_it_in_order_of_arrival)
{
  start_with_queue ();
  ck_assert_int_eq (wait_at (&one, 1, 1, FTS_LOCK_WRITE, 1), 0);
  ck_assert_int_eq (wait_at (&two, 1, 2, FTS_LOCK_WRITE, 2), EAGAIN);
  ck_assert_int_eq (wait_at (&one, 1, 3, FTS_LOCK_WRITE, 3), EAGAIN);
  ck_assert_int_eq (wait_at (&two, 1, 2, FTS_LOCK_WRITE, 2), EAGAIN); /* asks again */
  set_at (&one, 1, 1, FTS_LOCK_NONE);
  ck_assert_str_eq (given->str, "b2 ");
  ck_assert_int_eq (wait_at (&two, 1, 2, FTS_LOCK_WRITE, 2), 0);
  fts_locks_drop_holder (locks, &two);
  end_with_queue ("b2 a3 ");
}
END_TEST

START_TEST (test_readers_do_not_pass_by_a_writer_that_waits)
{
  start_with_queue ();
  ck_assert_int_eq (wait_at (&one, 1, 1, FTS_LOCK_READ, 1), 0);
  ck_assert_int_eq (wait_at (&two, 1, 2, FTS_LOCK_WRITE, 2), EAGAIN);
  ck_assert_int_eq (wait_at (&one, 1, 3, FTS_LOCK_READ, 3), EAGAIN);
  /* but who has something may have more: the writer waits for just that */
  ck_assert_int_eq (wait_at (&one, 1, 1, FTS_LOCK_READ, 4), 0);
  set_at (&one, 1, 1, FTS_LOCK_NONE);
  set_at (&two, 1, 2, FTS_LOCK_NONE);
  end_with_queue ("b2 a3 ");
}
END_TEST

START_TEST (test_who_gives_up_lets_those_behind_go_on)
{
  start_with_queue ();
  wait_at (&one, 1, 1, FTS_LOCK_READ, 1);
  ck_assert_int_eq (wait_at (&two, 1, 2, FTS_LOCK_WRITE, 2), EAGAIN);
  ck_assert_int_eq (wait_at (&one, 1, 3, FTS_LOCK_READ, 3), EAGAIN);
  ck_assert (fts_locks_cancel (locks, &two, 2));
  ck_assert (!fts_locks_cancel (locks, &two, 2));
  end_with_queue ("a3 ");
}
END_TEST

START_TEST (test_a_circle_of_waiting_is_refused)
{
  start_with_queue ();
  wait_at (&one, 1, 1, FTS_LOCK_WRITE, 1);
  wait_at (&two, 2, 2, FTS_LOCK_WRITE, 2);
  wait_at (&two, 3, 3, FTS_LOCK_WRITE, 3);
  ck_assert_int_eq (wait_at (&one, 2, 1, FTS_LOCK_WRITE, 4), EAGAIN);
  ck_assert_int_eq (wait_at (&two, 3, 2, FTS_LOCK_WRITE, 5), EAGAIN);
  ck_assert_int_eq (wait_at (&two, 1, 3, FTS_LOCK_READ, 6), EDEADLK);
  ck_assert_int_eq (wait_at (&two, 1, 4, FTS_LOCK_READ, 7), EAGAIN);
  end_with_queue ("");
}
END_TEST

START_TEST (test_in_grace_only_what_was_held_is_given)
{
  const FtsLock old = { FTS_LOCK_WRITE, FTS_LOCK_POSIX, 0, 9, 2, 0 };
  bool changed;

  start_with_queue ();
  fts_locks_set_grace (locks, true);
  ck_assert_int_eq (set_at (&one, 1, 1, FTS_LOCK_WRITE), EAGAIN);
  ck_assert_int_eq (wait_at (&one, 1, 1, FTS_LOCK_WRITE, 1), EAGAIN);
  ck_assert_int_eq (wait_at (&one, 2, 1, FTS_LOCK_WRITE, 2), EAGAIN);
  ck_assert_int_eq (
    fts_locks_reclaim (locks, (FtsLockKey){ 1, 1 }, &two, &old, &changed), 0);
  ck_assert (changed);
  fts_locks_set_grace (locks, false);
  ck_assert_str_eq (given->str, "a2 ");
  set_at (&two, 1, 2, FTS_LOCK_NONE);
  end_with_queue ("a2 a1 ");
}
END_TEST

FTS_SUITE ("fts/locks", test_readers_share_and_a_writer_is_alone,
           test_the_same_owner_number_of_another_client_is_another_owner,
           test_unlocking_the_middle_leaves_two_locks,
           test_neighbours_of_one_type_become_one, test_a_part_changes_its_type,
           test_a_lock_held_already_is_no_change, test_who_is_in_the_way_is_told,
           test_the_two_kinds_do_not_meet,
           test_a_flock_that_cannot_be_converted_is_lost,
           test_what_another_table_gave_is_so_here,
           test_a_holder_that_is_gone_leaves_nothing,
           test_there_is_an_end_to_the_number_of_locks,
           test_who_waits_gets_it_in_order_of_arrival,
           test_readers_do_not_pass_by_a_writer_that_waits,
           test_who_gives_up_lets_those_behind_go_on,
           test_a_circle_of_waiting_is_refused,
           test_in_grace_only_what_was_held_is_given)
