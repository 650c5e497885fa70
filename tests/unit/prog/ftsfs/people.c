#include "prog/ftsfs/people.h"

#include "base/error.h"
#include "lib/suite.h"

#include <string.h>
#include <unistd.h>

static const FtsAttr root = { .uid = 40, .gid = 41, .mode = S_IFDIR | 0755 };

/* The people of a mount with the options LIST. */
static void
open_people (const char *list, FtsMountOptions *options, FtsPeople *people)
{
  g_autofree char *all = g_strconcat ("volume=v", *list ? "," : "", list, NULL);
  char *argv[] = { (char *) "ftsfs", (char *) "a:b", (char *) "/m", (char *) "-o",
                   all };
  g_autoptr (GError) error = NULL;

  ck_assert (fts_mount_options_parse (5, argv, options, &error));
  ck_assert_msg (fts_people_init (people, options, &root, &error), "%s",
                 error ? error->message : "");
}

static struct stat
shown (const FtsPeople *people, uint32_t uid, uint32_t gid, mode_t mode)
{
  struct stat st = { .st_uid = uid, .st_gid = gid, .st_mode = mode };

  fts_people_show (people, &st);
  return st;
}

static void
check_sent (const FtsPeople *people, uint32_t here, uint32_t there)
{
  uint32_t groups[2] = { here, 9 };
  FtsCaller caller = { .uid = here, .gid = here, .n_groups = 2, .groups = groups };

  fts_people_send (people, &caller, groups);
  ck_assert_uint_eq (caller.uid, there);
}

START_TEST (test_without_options_all_is_as_it_is)
{
  g_auto (FtsMountOptions) options = { 0 };
  FtsPeople people;

  open_people ("", &options, &people);
  struct stat st = shown (&people, 5, 6, S_IFREG | 04711);
  ck_assert (st.st_uid == 5 && st.st_gid == 6 && st.st_mode == (S_IFREG | 04711));
  check_sent (&people, 5, 5);
  ck_assert (!fts_people_hide_acl (&people));
  fts_people_clear (&people);
}
END_TEST

START_TEST (test_the_mounts_user_is_the_owner_of_the_export)
{
  g_auto (FtsMountOptions) options = { 0 };
  FtsPeople people;

  open_people ("idmap=user", &options, &people);
  check_sent (&people, getuid (), 40);
  check_sent (&people, 77, 77);
  ck_assert_uint_eq (shown (&people, 40, 41, S_IFREG).st_uid, getuid ());
  ck_assert_uint_eq (shown (&people, 77, 41, S_IFREG).st_uid, 77);
  ck_assert (!fts_people_hide_acl (&people));
  fts_people_clear (&people);
}
END_TEST

START_TEST (test_squash_makes_one_of_all)
{
  g_auto (FtsMountOptions) options = { 0 };
  uint32_t groups[2] = { 8, 9 };
  FtsCaller caller = { .uid = 7, .gid = 8, .n_groups = 2, .groups = groups };
  FtsPeople people;

  open_people ("idmap=squash,uid=50,gid=51", &options, &people);
  fts_people_send (&people, &caller, groups);
  ck_assert (caller.uid == 40 && caller.gid == 41 && caller.n_groups == 0);
  struct stat st = shown (&people, 1, 2, S_IFREG);
  ck_assert (st.st_uid == 50 && st.st_gid == 51);
  ck_assert (fts_people_hide_acl (&people));
  fts_people_clear (&people);
}
END_TEST

START_TEST (test_masks_show_modes_of_files_and_directories_but_not_of_symlinks)
{
  g_auto (FtsMountOptions) options = { 0 };
  FtsPeople people;

  open_people ("umask=077,dmask=022", &options, &people);
  ck_assert_uint_eq (shown (&people, 0, 0, S_IFREG | 06644).st_mode, S_IFREG | 0700);
  ck_assert_uint_eq (shown (&people, 0, 0, S_IFDIR | 0700).st_mode, S_IFDIR | 0755);
  ck_assert_uint_eq (shown (&people, 0, 0, S_IFLNK | 0777).st_mode, S_IFLNK | 0777);
  ck_assert (fts_people_hide_acl (&people));
  fts_people_clear (&people);
}
END_TEST

START_TEST (test_nobody_becomes_root_by_accident)
{
  g_auto (FtsMountOptions) options = { .idmap = FTS_MOUNT_IDMAP_SQUASH,
                                       .anon_uid = FTS_NO_ID,
                                       .anon_gid = FTS_NO_ID };
  const FtsAttr of_root = { .mode = S_IFDIR };
  g_autoptr (GError) error = NULL;
  FtsPeople people;

  ck_assert (!fts_people_init (&people, &options, &of_root, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
  ck_assert_ptr_nonnull (strstr (error->message, "anonuid"));
}
END_TEST

FTS_SUITE ("ftsfs/people", test_without_options_all_is_as_it_is,
           test_the_mounts_user_is_the_owner_of_the_export,
           test_squash_makes_one_of_all,
           test_masks_show_modes_of_files_and_directories_but_not_of_symlinks,
           test_nobody_becomes_root_by_accident)
