/* What each watch covers, and which watch goes first. */
#include "fts/marks.h"

#include "lib/suite.h"

#include <string.h>

static FtsMarks *marks;
static GString *heard; /* "H" or "H/NAME" and a blank for all that was told */

static FtsHandle
handle_of (char letter)
{
  return (FtsHandle){ .len = 1, .bytes = { (uint8_t) letter } };
}

static bool
cover (int watch, char letter)
{
  const FtsHandle handle = handle_of (letter);
  return fts_marks_cover (marks, watch, &handle);
}

static bool
cover_name (int watch, const char *name)
{
  return fts_marks_cover_name (marks, watch, name, strlen (name));
}

static void
hear (const FtsHandle *handle, const char *name, void *user_data)
{
  g_string_append_printf (heard, "%c%s%s ", handle->bytes[0], name ? "/" : "",
                          name ? name : "");
}

static void
start (unsigned most, unsigned most_names)
{
  marks = fts_marks_new (most, most_names);
  heard = g_string_new (NULL);
}

static void
end (void)
{
  fts_marks_free (marks);
  g_string_free (heard, TRUE);
}

START_TEST (test_a_watch_covers_a_file_under_each_handle)
{
  start (10, 10);
  ck_assert (cover (1, 'a'));
  ck_assert (!cover (1, 'a'));
  ck_assert (cover (1, 'b'));
  ck_assert_uint_eq (fts_marks_count (marks), 1);
  fts_marks_tell (marks, 1, NULL, hear, NULL);
  fts_marks_tell (marks, 1, "n", hear, NULL);
  fts_marks_tell (marks, 2, NULL, hear, NULL);
  ck_assert_str_eq (heard->str, "a b a/n b/n ");
  end ();
}
END_TEST

START_TEST (test_the_longest_unneeded_goes_first)
{
  start (2, 10);
  cover (1, 'a');
  cover (2, 'b');
  ck_assert_int_eq (fts_marks_surplus (marks), -1);
  cover (1, 'a'); /* needed again */
  cover (3, 'c');
  ck_assert_int_eq (fts_marks_surplus (marks), 2);
  fts_marks_drop (marks, 2, hear, NULL);
  ck_assert_str_eq (heard->str, "b ");
  ck_assert_int_eq (fts_marks_surplus (marks), -1);
  ck_assert_int_eq (fts_marks_oldest (marks), 1);
  end ();
}
END_TEST

START_TEST (test_a_directory_goes_with_its_names)
{
  start (10, 10);
  cover (1, 'd');
  ck_assert (cover_name (1, "x"));
  ck_assert (cover_name (1, "y"));
  fts_marks_forget_name (marks, 1, "x");
  fts_marks_drop (marks, 1, hear, NULL);
  ck_assert_str_eq (heard->str, "d/y d ");
  ck_assert_uint_eq (fts_marks_count (marks), 0);
  ck_assert (cover (1, 'd')); /* it is new again */
  end ();
}
END_TEST

START_TEST (test_names_without_a_watch_or_room_are_not_covered)
{
  start (10, 2);
  ck_assert (!cover_name (1, "x"));
  cover (1, 'd');
  cover (2, 'e');
  ck_assert (cover_name (1, "x"));
  ck_assert (cover_name (1, "x"));
  ck_assert (cover_name (2, "x"));
  ck_assert (!cover_name (2, "y"));
  fts_marks_drop (marks, 1, hear, NULL);
  ck_assert (cover_name (2, "y"));
  fts_marks_forget_names (marks);
  ck_assert (cover_name (2, "p") && cover_name (2, "q"));
  end ();
}
END_TEST

FTS_SUITE ("fts/marks", test_a_watch_covers_a_file_under_each_handle,
           test_the_longest_unneeded_goes_first, test_a_directory_goes_with_its_names,
           test_names_without_a_watch_or_room_are_not_covered)
