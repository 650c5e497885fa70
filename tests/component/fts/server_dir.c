#include "fts/namehash.h"
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const FtsServerConfig configs[] = { { .by_path = false }, { .by_path = true } };

static Rig rig;

static int
read_page (const FtsHandle *dir, uint64_t cookie, uint64_t max, const char *glob)
{
  FtsRequest request = { .op = FTS_OP_DIR,
                         .handle = *dir,
                         .cookie = cookie,
                         .length = max,
                         .name = rig_text (glob) };
  return rig_run (&rig, &request, NULL, 0);
}

/* Names of the page into SET; each may come once. */
static unsigned
take_names (GHashTable *set)
{
  unsigned n = 0;
  size_t at = 0;

  while (at < rig.data->len) {
    FtsDirent entry;
    size_t used;
    ck_assert (
      fts_wire_decode_dirent (rig.data->data + at, rig.data->len - at, &entry, &used));
    char *name = g_strndup (entry.name.bytes, entry.name.len);
    ck_assert_msg (g_hash_table_add (set, name), "%s came twice", name);
    at += used;
    n++;
  }
  return n;
}

/* All names by pages of MAX bytes. */
static unsigned
take_all (const FtsHandle *dir, uint64_t max, const char *glob, GHashTable *set)
{
  uint64_t cookie = 0;
  unsigned pages = 0;

  do {
    ck_assert_int_eq (read_page (dir, cookie, max, glob), 0);
    ck_assert_uint_le (rig.data->len, max);
    take_names (set);
    cookie = rig.answer.cookie;
    pages++;
  } while (!(rig.answer.flags & FTS_ANSWER_EOF));
  return pages;
}

static void
make_files (unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("file-%04u.%s", i, i % 2 ? "odd" : "even");
    rig_write_file (&rig, name, "");
  }
}

static GHashTable *
new_set (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

START_TEST (test_pages_of_any_size_give_each_name_once)
{
  const uint64_t sizes[] = { 512, 4096, 65536, 1u << 20 };

  rig_open (&rig, "", &configs[_i]);
  make_files (1000);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GHashTable) set = new_set ();
    take_all (&rig.root, sizes[i], "", set);
    ck_assert_uint_eq (g_hash_table_size (set), 1000);
    ck_assert (g_hash_table_contains (set, "file-0007.odd"));
    ck_assert (!g_hash_table_contains (set, "."));
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_thousand_entries_take_few_pages)
{
  g_autoptr (GHashTable) set = new_set ();

  rig_open (&rig, "", &configs[_i]);
  make_files (1000);
  ck_assert_uint_le (take_all (&rig.root, 256u << 10, "", set), 2);
  rig_close (&rig);
}
END_TEST

START_TEST (test_entries_have_attributes_and_handles_that_work)
{
  FtsDirent entry;
  size_t used;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "12345");
  ck_assert_int_eq (read_page (&rig.root, 0, 65536, ""), 0);
  ck_assert (fts_wire_decode_dirent (rig.data->data, rig.data->len, &entry, &used));
  ck_assert_uint_eq (used, rig.data->len);
  ck_assert_uint_eq (entry.attr.size, 5);
  uint64_t ino = entry.attr.ino;
  FtsHandle handle = entry.handle;
  ck_assert_int_eq (rig_getattr (&rig, &handle), 0);
  ck_assert_uint_eq (rig.answer.attr.ino, ino);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_pattern_chooses_names)
{
  g_autoptr (GHashTable) set = new_set ();

  rig_open (&rig, "", &configs[_i]);
  make_files (100);
  rig_write_file (&rig, ".hidden.odd", "");
  take_all (&rig.root, 4096, "*.odd", set);
  ck_assert_uint_eq (g_hash_table_size (set), 50);
  ck_assert (!g_hash_table_contains (set, ".hidden.odd"));
  rig_close (&rig);
}
END_TEST

START_TEST (test_an_empty_directory_ends_at_once)
{
  rig_open (&rig, "", &configs[_i]);
  ck_assert_int_eq (read_page (&rig.root, 0, 65536, ""), 0);
  ck_assert_uint_eq (rig.data->len, 0);
  ck_assert (rig.answer.flags & FTS_ANSWER_EOF);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_page_too_small_for_one_entry_and_a_file_are_refused)
{
  FtsHandle file;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "");
  ck_assert_int_eq (read_page (&rig.root, 0, 10, ""), EINVAL);
  rig_lookup (&rig, &rig.root, "f", &file);
  ck_assert_int_eq (read_page (&file, 0, 65536, ""), ENOTDIR);
  rig_close (&rig);
}
END_TEST

START_TEST (test_names_made_and_removed_between_pages_disturb_no_others)
{
  g_autoptr (GHashTable) set = new_set ();
  uint64_t cookie = 0;
  unsigned n = 0;

  rig_open (&rig, "", &configs[_i]);
  make_files (500);
  do {
    ck_assert_int_eq (read_page (&rig.root, cookie, 8192, "file-*"), 0);
    cookie = rig.answer.cookie;
    bool end = rig.answer.flags & FTS_ANSWER_EOF;
    take_names (set);
    g_autofree char *fresh = g_strdup_printf ("fresh-%u", n++);
    rig_write_file (&rig, fresh, "");
    if (end)
      break;
  } while (n < 1000);
  ck_assert_uint_eq (g_hash_table_size (set), 500);
  rig_close (&rig);
}
END_TEST

/* Asks for the numbers of all names in the root, at most MOST. */
static int
ask_names (uint64_t most)
{
  FtsRequest request = { .op = FTS_OP_NAMES, .handle = rig.root, .length = most };

  return rig_run (&rig, &request, NULL, 0);
}

static bool
has_hash (const char *name)
{
  FtsLe64 wanted = fts_le64 (fts_namehash (name, strlen (name)));

  for (guint at = 0; at < rig.data->len; at += 8)
    if (memcmp (rig.data->data + at, wanted.b, 8) == 0)
      return true;
  return false;
}

START_TEST (test_all_names_as_numbers)
{
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "x");
  rig_write_file (&rig, "another one", "x");
  ck_assert_int_eq (ask_names (100), 0);
  ck_assert_uint_eq (rig.data->len, 4 * 8); /* with "." and ".." */
  ck_assert (has_hash ("a") && has_hash ("another one") && has_hash ("."));
  ck_assert (!has_hash ("b"));
  rig_write_file (&rig, "b", "x");
  ck_assert_int_eq (ask_names (100), 0);
  ck_assert (has_hash ("b"));
  ck_assert_int_eq (ask_names (4), E2BIG);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS ("fts/server_dir", G_N_ELEMENTS (configs),
                    test_pages_of_any_size_give_each_name_once,
                    test_a_thousand_entries_take_few_pages,
                    test_entries_have_attributes_and_handles_that_work,
                    test_a_pattern_chooses_names, test_an_empty_directory_ends_at_once,
                    test_a_page_too_small_for_one_entry_and_a_file_are_refused,
                    test_names_made_and_removed_between_pages_disturb_no_others,
                    test_all_names_as_numbers)
