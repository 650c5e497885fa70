/* Which small files are opened ahead, and who may have them. */
#include "prog/ftsfs/ahead.h"

#include "lib/suite.h"

#define T   1000000000
#define DIR 7

static FtsAhead *ahead;
static GArray *closed; /* open_ids */

static const FtsCaller anna = { .uid = 1, .gid = 1 };

static void
on_close (uint64_t open_id, void *user_data)
{
  g_array_append_val (closed, open_id);
}

static void
start (void)
{
  closed = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  ahead = fts_ahead_new (on_close, NULL);
}

static void
end (void)
{
  fts_ahead_free (ahead);
  g_array_unref (closed);
}

/* Files FIRST, FIRST + 1, ... in the directory. */
static void
list (uint64_t dir, uint64_t first, unsigned n, uint64_t size)
{
  fts_ahead_list (ahead, dir);
  for (unsigned i = 0; i < n; i++)
    fts_ahead_add (ahead, dir, first + i, size);
}

/* The number of files to open with FILE; *NEXT is the first. */
static unsigned
guess (uint64_t file, uint64_t *first)
{
  uint64_t next[FTS_AHEAD_MOST];
  unsigned n = fts_ahead_guess (ahead, file, next);

  *first = n > 0 ? next[0] : 0;
  return n;
}

static void
put (uint64_t file, const FtsCaller *caller, int64_t now_us)
{
  const FtsAheadFile opened = { .open_id = file, .first = g_byte_array_new () };
  fts_ahead_put (ahead, file, caller, &opened, now_us);
}

static bool
take (uint64_t file, const FtsCaller *caller, int64_t now_us)
{
  FtsAheadFile out;

  if (!fts_ahead_take (ahead, file, caller, now_us, &out))
    return false;
  ck_assert_uint_eq (out.open_id, file);
  g_byte_array_unref (out.first);
  return true;
}

START_TEST (test_two_in_a_row_make_the_next_likely)
{
  uint64_t first;

  start ();
  list (DIR, 100, 1000, 10);
  ck_assert_uint_eq (guess (100, &first), 0);
  ck_assert_uint_eq (guess (101, &first), 7);
  ck_assert_uint_eq (first, 102);
  for (uint64_t file = 102; file <= 108; file++) {
    put (file, &anna, T);
    ck_assert (take (file, &anna, T));
  }
  ck_assert_uint_eq (guess (109, &first), 15);
  ck_assert_uint_eq (first, 110);
  ck_assert_uint_eq (guess (110, &first), 31);
  ck_assert_uint_eq (guess (111, &first), FTS_AHEAD_MOST - 1);
  end ();
}
END_TEST

/* As guess() for a FILE that was there. */
static unsigned
guess_on (uint64_t file, uint64_t *first)
{
  uint64_t next[FTS_AHEAD_MOST];
  unsigned n = fts_ahead_guess_on (ahead, file, next);

  *first = n > 0 ? next[0] : 0;
  return n;
}

START_TEST (test_more_is_opened_before_the_last_is_read)
{
  uint64_t first;

  start ();
  list (DIR, 100, 50, 10);
  ck_assert_uint_eq (guess_on (100, &first), 0);
  guess (100, &first);
  ck_assert_uint_eq (guess (101, &first), 7); /* up to 108 */
  ck_assert_uint_eq (guess_on (103, &first), 0);
  ck_assert_uint_eq (guess_on (104, &first), 16);
  ck_assert_uint_eq (first, 109);
  ck_assert_uint_eq (guess_on (105, &first), 0);
  ck_assert_uint_eq (guess_on (120, &first), 25); /* what is left */
  ck_assert_uint_eq (first, 125);
  ck_assert_uint_eq (guess_on (149, &first), 0);
  end ();
}
END_TEST

START_TEST (test_nothing_is_likely_out_of_order)
{
  uint64_t first;

  start ();
  list (DIR, 100, 1000, 10);
  guess (100, &first);
  ck_assert_uint_eq (guess (102, &first), 0);
  ck_assert_uint_eq (guess (101, &first), 1); /* backwards */
  ck_assert_uint_eq (first, 100);
  ck_assert_uint_eq (guess (500, &first), 0);
  ck_assert_uint_eq (guess (50, &first), 0); /* not listed */
  end ();
}
END_TEST

START_TEST (test_it_ends_with_the_listing_and_goes_backwards)
{
  uint64_t first;

  start ();
  list (DIR, 100, 5, 10);
  guess (104, &first);
  ck_assert_uint_eq (guess (103, &first), 3);
  ck_assert_uint_eq (first, 102);
  list (DIR, 200, 5, 10); /* anew */
  ck_assert_uint_eq (guess (102, &first), 0);
  guess (203, &first);
  ck_assert_uint_eq (guess (204, &first), 0);
  end ();
}
END_TEST

START_TEST (test_long_files_are_no_small_ones_and_bytes_are_bounded)
{
  uint64_t first;

  start ();
  fts_ahead_list (ahead, DIR);
  fts_ahead_add (ahead, DIR, 1, 10);
  fts_ahead_add (ahead, DIR, 2, FTS_AHEAD_SMALL + 1);
  fts_ahead_add (ahead, DIR, 3, 10);
  fts_ahead_add (ahead, DIR, 4, 10);
  guess (1, &first);
  ck_assert_uint_eq (guess (3, &first), 1);
  ck_assert_uint_eq (first, 4);
  list (DIR, 100, 100, FTS_AHEAD_SMALL);
  guess (100, &first);
  guess (101, &first);
  guess (102, &first);
  ck_assert_uint_eq (guess (103, &first), FTS_AHEAD_BATCH / FTS_AHEAD_SMALL - 1);
  end ();
}
END_TEST

START_TEST (test_listings_are_bounded)
{
  uint64_t first;

  start ();
  list (1, 1, 100, 10);
  list (2, 1000, FTS_AHEAD_LISTED, 10);
  guess (1, &first);
  ck_assert_uint_eq (guess (2, &first), 0); /* the first one went */
  guess (1000, &first);
  ck_assert_uint_gt (guess (1001, &first), 0);
  fts_ahead_add (ahead, 2, 999999, 10); /* there is no room */
  guess (999998, &first);
  ck_assert_uint_eq (guess (999999, &first), 0);
  end ();
}
END_TEST

START_TEST (test_only_the_same_caller_takes_a_file_and_in_time)
{
  const uint32_t groups[] = { 5, 6 };
  const FtsCaller others[] = {
    { .uid = 2, .gid = 1 },
    { .uid = 1, .gid = 2 },
    { .uid = 1, .gid = 1, .n_groups = 2, .groups = groups }
  };

  start ();
  put (9, &anna, T);
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    ck_assert (!take (9, &others[i], T));
  ck_assert (take (9, &anna, T));
  ck_assert (!take (9, &anna, T));
  put (9, &others[2], T);
  ck_assert (take (9, &others[2], T + 999999));
  put (9, &anna, T);
  ck_assert (!take (9, &anna, T + FTS_AHEAD_MS * 1000));
  end ();
}
END_TEST

START_TEST (test_what_is_not_taken_is_closed)
{
  start ();
  put (1, &anna, T);
  put (2, &anna, T);
  fts_ahead_drop (ahead, 1);
  ck_assert_uint_eq (closed->len, 1);
  ck_assert_uint_eq (g_array_index (closed, uint64_t, 0), 1);
  put (3, &anna, T + 2000000); /* 2 is old */
  ck_assert_uint_eq (closed->len, 2);
  put (3, &anna, T + 2000000);
  ck_assert_uint_eq (closed->len, 3);
  for (uint64_t file = 10; file < 10 + FTS_AHEAD_FILES; file++)
    put (file, &anna, T + 2000000);
  ck_assert_uint_eq (closed->len, 4);
  fts_ahead_drop (ahead, 0);
  ck_assert_uint_eq (closed->len, 4 + FTS_AHEAD_FILES);
  end ();
}
END_TEST

FTS_SUITE ("ftsfs/ahead", test_two_in_a_row_make_the_next_likely,
           test_more_is_opened_before_the_last_is_read,
           test_nothing_is_likely_out_of_order,
           test_it_ends_with_the_listing_and_goes_backwards,
           test_long_files_are_no_small_ones_and_bytes_are_bounded,
           test_listings_are_bounded,
           test_only_the_same_caller_takes_a_file_and_in_time,
           test_what_is_not_taken_is_closed)
