#include "fts/idmap.h"

#include "base/error.h"
#include "base/le.h"
#include "lib/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *
write_map (const char *text)
{
  char *path = NULL;
  int fd = g_file_open_tmp ("ftsidmapXXXXXX", &path, NULL);

  ck_assert_int_ge (fd, 0);
  close (fd);
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  return path;
}

START_TEST (test_an_empty_map_changes_nothing)
{
  g_auto (FtsIdMap) map = { 0 };
  FtsAttr attr = { .uid = 5, .gid = 6 };

  ck_assert (fts_idmap_is_identity (&map));
  fts_idmap_attr_to_here (&map, &attr);
  fts_idmap_attr_to_there (&map, &attr);
  ck_assert (attr.uid == 5 && attr.gid == 6);
}
END_TEST

START_TEST (test_pairs_go_both_ways_and_the_rest_stays)
{
  g_auto (FtsIdMap) map = { 0 };

  fts_idmap_add (&map.users, 1000, 2000);
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 1000), 2000);
  ck_assert_uint_eq (fts_idmap_to_here (&map.users, 2000), 1000);
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 7), 7);
  ck_assert_uint_eq (fts_idmap_to_there (&map.groups, 1000), 1000);
  ck_assert (!fts_idmap_is_identity (&map));
}
END_TEST

START_TEST (test_the_rest_can_become_one)
{
  g_auto (FtsIdMap) map = { 0 };

  fts_idmap_add (&map.users, 0, 0);
  fts_idmap_set_rest (&map.users, 70, 80);
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 5), 80);
  ck_assert_uint_eq (fts_idmap_to_here (&map.users, 5), 70);
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 0), 0);
}
END_TEST

START_TEST (test_a_file_has_names_and_numbers)
{
  g_auto (FtsIdMap) map = { 0 };
  g_autofree char *file =
    write_map ("# comment\n\nroot:4711\n 1000 : 2000 \n1000:3000\n");

  ck_assert (fts_idmap_load (&map, FTS_ID_USERS, file, NULL));
  ck_assert (fts_idmap_load (&map, FTS_ID_GROUPS, file, NULL));
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 0), 4711);
  ck_assert_uint_eq (fts_idmap_to_there (&map.users, 1000), 2000);
  ck_assert_uint_eq (fts_idmap_to_here (&map.users, 3000), 1000);
  ck_assert_uint_eq (fts_idmap_to_there (&map.groups, 0), 4711);
  unlink (file);
}
END_TEST

START_TEST (test_wrong_lines_are_named)
{
  const char *texts[] = { "0:1\nroot\n", "0:1\nno-such-user-here:5\n", "0:1\n5:x\n",
                          "0:1\n5:-1\n", "0:1\n5:4294967295\n" };

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_auto (FtsIdMap) map = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *file = write_map (texts[i]);
    ck_assert (!fts_idmap_load (&map, FTS_ID_USERS, file, &error));
    ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
    ck_assert_ptr_nonnull (strstr (error->message, "line 2"));
    ck_assert_ptr_nonnull (strstr (error->message, file));
    unlink (file);
  }
}
END_TEST

static void
put_entry (uint8_t *at, uint16_t tag, uint32_t id)
{
  FtsLe16 t = fts_le16 (tag);
  FtsLe32 n = fts_le32 (id);

  memcpy (at, &t, 2);
  memcpy (at + 4, &n, 4);
}

static uint32_t
get_id (const uint8_t *at)
{
  FtsLe32 id;

  memcpy (&id, at + 4, 4);
  return fts_le32_get (id);
}

START_TEST (test_users_and_groups_of_an_acl_are_mapped)
{
  g_auto (FtsIdMap) map = { 0 };
  uint8_t acl[4 + 4 * 8 + 3] = { 2 };
  uint8_t old[sizeof acl];

  fts_idmap_add (&map.users, 10, 20);
  fts_idmap_add (&map.groups, 10, 30);
  put_entry (acl + 4, 0x01, 10); /* the owner: no number */
  put_entry (acl + 12, 0x02, 10);
  put_entry (acl + 20, 0x08, 10);
  put_entry (acl + 28, 0x02, 11);
  memcpy (old, acl, sizeof acl);
  fts_idmap_acl (&map, fts_idmap_to_there, "user.other", acl, sizeof acl);
  ck_assert_mem_eq (acl, old, sizeof acl);
  fts_idmap_acl (&map, fts_idmap_to_there, "system.posix_acl_access", acl, sizeof acl);
  ck_assert_uint_eq (get_id (acl + 4), 10);
  ck_assert_uint_eq (get_id (acl + 12), 20);
  ck_assert_uint_eq (get_id (acl + 20), 30);
  ck_assert_uint_eq (get_id (acl + 28), 11);
  fts_idmap_acl (&map, fts_idmap_to_here, "system.posix_acl_access", acl, sizeof acl);
  ck_assert_mem_eq (acl, old, sizeof acl);
}
END_TEST

START_TEST (test_what_is_no_acl_is_left_alone)
{
  g_auto (FtsIdMap) map = { 0 };
  uint8_t bytes[16] = { 1, 0, 0, 0, 2, 0, 0, 0, 10 };
  uint8_t old[sizeof bytes];

  fts_idmap_add (&map.users, 10, 20);
  memcpy (old, bytes, sizeof bytes);
  for (size_t len = 0; len <= sizeof bytes; len++)
    fts_idmap_acl (&map, fts_idmap_to_there, "system.posix_acl_default", bytes, len);
  ck_assert_mem_eq (bytes, old, sizeof bytes);
}
END_TEST

FTS_SUITE ("fts/idmap", test_an_empty_map_changes_nothing,
           test_pairs_go_both_ways_and_the_rest_stays, test_the_rest_can_become_one,
           test_a_file_has_names_and_numbers, test_wrong_lines_are_named,
           test_users_and_groups_of_an_acl_are_mapped,
           test_what_is_no_acl_is_left_alone)
