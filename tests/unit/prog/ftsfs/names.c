/* Names that the kernel was told for long: all of them are found again, and go with their files. */
#include "prog/ftsfs/names.h"

#include "lib/suite.h"
#include "prog/ftsfs/inodes.h"

#include <string.h>

static FtsNames *names;

static gint
compare (gconstpointer a, gconstpointer b)
{
  const FtsKeptName *one = a, *two = b;
  return one->parent == two->parent  ? strcmp (one->name, two->name)
         : one->parent < two->parent ? -1
                                     : 1;
}

/* All names, in order, as "1/a 2/b"; none is left. */
static char *
take (void)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (FtsKeptName));
  GString *text = g_string_new (NULL);

  fts_names_take_all (names, all);
  g_array_sort (all, compare);
  for (guint i = 0; i < all->len; i++) {
    FtsKeptName *kept = &g_array_index (all, FtsKeptName, i);
    g_string_append_printf (text, "%s%d/%s", i ? " " : "", (int) kept->parent,
                            kept->name);
    g_free (kept->name);
  }
  ck_assert_uint_eq (fts_names_count (names), 0);
  return g_string_free (text, FALSE);
}

START_TEST (test_present_and_absent_names_are_found_again)
{
  FtsName *file = NULL;

  names = fts_names_new ();
  ck_assert (fts_names_add (names, 1, "a", &file, 300));
  ck_assert (fts_names_add (names, 2, "a", &file, 300));
  ck_assert (fts_names_add (names, 1, "b", NULL, 300));
  g_autofree char *all = take ();
  ck_assert_str_eq (all, "1/a 1/b 2/a");
  ck_assert_ptr_null (file);
  fts_names_free (names);
}
END_TEST

START_TEST (test_a_file_takes_its_names_along)
{
  FtsName *file = NULL, *other = NULL;

  names = fts_names_new ();
  fts_names_add (names, 1, "a", &file, 300);
  fts_names_add (names, 1, "b", &other, 300);
  fts_names_add (names, 1, "c", &file, 300);
  fts_names_drop_list (names, &file);
  g_autofree char *all = take ();
  ck_assert_str_eq (all, "1/b");
  fts_names_free (names);
}
END_TEST

START_TEST (test_a_name_moves_over_another)
{
  FtsName *file = NULL, *other = NULL;

  names = fts_names_new ();
  fts_names_add (names, 1, "a", &file, 300);
  fts_names_add (names, 2, "b", &other, 300);
  fts_names_move (names, 1, "a", 2, "b");
  ck_assert_ptr_null (other);
  fts_names_drop_list (names, &file);
  g_autofree char *all = take ();
  ck_assert_str_eq (all, "");
  fts_names_free (names);
}
END_TEST

START_TEST (test_exchanged_names_belong_to_the_other_file)
{
  FtsName *file = NULL, *other = NULL;

  names = fts_names_new ();
  fts_names_add (names, 1, "a", &file, 300);
  fts_names_add (names, 2, "b", &other, 300);
  fts_names_exchange (names, 1, "a", 2, "b");
  fts_names_drop_list (names, &file);
  g_autofree char *all = take ();
  ck_assert_str_eq (all, "1/a");
  fts_names_free (names);
}
END_TEST

START_TEST (test_a_name_that_appears_is_absent_no_more)
{
  FtsName *file = NULL;

  names = fts_names_new ();
  fts_names_add (names, 1, "a", NULL, 300);
  fts_names_add (names, 1, "a", &file, 300);
  fts_names_drop_list (names, &file);
  ck_assert_uint_eq (fts_names_count (names), 0);
  fts_names_free (names);
}
END_TEST

START_TEST (test_absent_names_are_bounded)
{
  char name[16];
  bool room = true;

  names = fts_names_new ();
  for (unsigned i = 0; i <= FTS_NAMES_ABSENT; i++) {
    g_snprintf (name, sizeof name, "%u", i);
    room = fts_names_add (names, 1, name, NULL, 300);
  }
  ck_assert (!room);
  ck_assert_uint_eq (fts_names_count (names), FTS_NAMES_ABSENT);
  fts_names_free (names);
}
END_TEST

START_TEST (test_names_of_one_file_are_bounded)
{
  FtsName *file = NULL;
  char name[16];
  unsigned n = 0;

  names = fts_names_new ();
  for (unsigned i = 0; i < 100; i++) {
    g_snprintf (name, sizeof name, "%u", i);
    n += fts_names_add (names, 1, name, &file, 300);
  }
  ck_assert_uint_eq (n, FTS_NAMES_OF_FILE);
  fts_names_free (names);
}
END_TEST

FTS_SUITE ("ftsfs/names", test_present_and_absent_names_are_found_again,
           test_a_file_takes_its_names_along, test_a_name_moves_over_another,
           test_exchanged_names_belong_to_the_other_file,
           test_a_name_that_appears_is_absent_no_more, test_absent_names_are_bounded,
           test_names_of_one_file_are_bounded)
