/* What an export allows: squash, maps, and changes while mounts use it. */
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANNA  20001u
#define THERE 40001u /* Anna's number at the peer */

static Rig rig;
static FtsExports *changed; /* of the last change_exports() */

static bool
needs_root (void)
{
  return geteuid () != 0;
}

static void
open_shared (const char *options)
{
  rig_open (&rig, options, NULL);
  ck_assert_int_eq (chmod (rig.dir, 01777), 0);
}

/* Makes NAME as UID; its owner at the server is in *OWNER. */
static int
make_as (uint32_t uid, const char *name, uint32_t *owner)
{
  g_autofree char *path = rig_path (&rig, name);
  struct stat st = { 0 };
  FtsRequest request = { .op = FTS_OP_MKDIR,
                         .handle = rig.root,
                         .uid = uid,
                         .gid = uid,
                         .umask = 022,
                         .name = rig_text (name),
                         .mode = 0755 };
  int failed = rig_run (&rig, &request, NULL, 0);

  if (!failed)
    ck_assert_int_eq (stat (path, &st), 0);
  *owner = st.st_uid;
  return failed;
}

START_TEST (test_squashed_root_makes_files_as_the_anonymous_user)
{
  uint32_t owner;

  if (needs_root ())
    return;
  open_shared (",root_squash,anonuid=777,anongid=778");
  ck_assert_int_eq (make_as (0, "a", &owner), 0);
  ck_assert_uint_eq (owner, 777);
  ck_assert_uint_eq (rig.answer.attr.gid, 778);
  ck_assert_int_eq (make_as (ANNA, "b", &owner), 0);
  ck_assert_uint_eq (owner, ANNA);
  rig_close (&rig);
}
END_TEST

START_TEST (test_squashed_root_has_no_rights_of_root)
{
  g_autofree char *secret = NULL;
  uint32_t owner;

  if (needs_root ())
    return;
  open_shared (",root_squash,devices,setid");
  rig_write_file (&rig, "secret", "x");
  secret = rig_path (&rig, "secret");
  ck_assert_int_eq (chmod (secret, 0600), 0);
  ck_assert_int_eq (chmod (rig.dir, 0755), 0);
  ck_assert_int_eq (make_as (0, "a", &owner), EACCES);
  FtsHandle handle;
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "secret", &handle), 0);
  FtsRequest open = { .op = FTS_OP_OPEN,
                      .handle = handle,
                      .open_flags = FTS_OPEN_READ };
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), EACCES);
  FtsRequest node = { .op = FTS_OP_MKNOD,
                      .handle = rig.root,
                      .name = rig_text ("null"),
                      .mode = S_IFCHR | 0666,
                      .rdev = 0x103 };
  ck_assert_int_eq (rig_run (&rig, &node, NULL, 0), EPERM);
  FtsRequest chown = { .op = FTS_OP_SETATTR, .handle = handle, .mask = FTS_SET_UID };
  ck_assert_int_eq (rig_run (&rig, &chown, NULL, 0), EPERM);
  rig_close (&rig);
}
END_TEST

START_TEST (test_with_all_squash_everybody_is_anonymous)
{
  uint32_t owner;

  if (needs_root ())
    return;
  open_shared (",all_squash,anonuid=777,anongid=778");
  ck_assert_int_eq (make_as (0, "a", &owner), 0);
  ck_assert_uint_eq (owner, 777);
  ck_assert_int_eq (make_as (ANNA, "b", &owner), 0);
  ck_assert_uint_eq (owner, 777);
  rig_close (&rig);
}
END_TEST

static char *
write_map (const char *text)
{
  char *path = NULL;
  int fd = g_file_open_tmp ("ftsmapXXXXXX", &path, NULL);

  ck_assert_int_ge (fd, 0);
  close (fd);
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  return path;
}

START_TEST (test_a_map_works_both_ways)
{
  g_autofree char *map = write_map ("20001:40001\n");
  g_autofree char *options = g_strdup_printf (",uidmap=%s,anonuid=777", map);
  FtsDirent entry;
  size_t used;
  uint32_t owner;

  if (needs_root ())
    return;
  open_shared (options);
  ck_assert_int_eq (make_as (THERE, "a", &owner), 0);
  ck_assert_uint_eq (owner, ANNA);
  ck_assert_uint_eq (rig.answer.attr.uid, THERE);
  FtsRequest page = { .op = FTS_OP_DIR, .handle = rig.root, .length = 65536 };
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), 0);
  ck_assert (fts_wire_decode_dirent (rig.data->data, rig.data->len, &entry, &used));
  ck_assert_uint_eq (entry.attr.uid, THERE);
  ck_assert_int_eq (make_as (0, "b", &owner), 0);
  ck_assert_uint_eq (owner, 777);
  ck_assert_uint_eq (rig.answer.attr.uid, FTS_IDMAP_NOBODY);
  unlink (map);
  rig_close (&rig);
}
END_TEST

/* ---- changes while mounts use it ---- */

/* From here on SPEC (NULL = another directory) is all that is exported. */
static void
change_exports (const char *options)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *spec = options ? g_strdup_printf ("data=%s%s", rig.dir, options)
                                  : g_strdup ("other=/dev/shm");
  FtsExports *old = changed;

  changed = fts_exports_new ();
  ck_assert_msg (fts_exports_add (changed, spec, &error), "%s",
                 error ? error->message : "");
  ck_assert (fts_server_set_exports (rig.server, changed, NULL));
  fts_exports_free (old);
}

static void
close_changed (void)
{
  rig_close (&rig);
  g_clear_pointer (&changed, fts_exports_free);
}

START_TEST (test_an_export_becomes_read_only_and_writable_again_under_a_mount)
{
  rig_open (&rig, "", NULL);
  change_exports (":ro");
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "d", NULL), EROFS);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  change_exports (":rw");
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "d", NULL), 0);
  close_changed ();
}
END_TEST

START_TEST (test_open_files_and_handles_outlive_a_change)
{
  FtsHandle file;
  uint64_t id;

  rig_open (&rig, "", NULL);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, &file, &id), 0);
  for (int i = 0; i < 50; i++)
    change_exports (i % 2 ? ",setid" : ",devices");
  FtsRequest write = { .op = FTS_OP_WRITE, .open_id = id, .length = 3 };
  ck_assert_int_eq (rig_run (&rig, &write, "abc", 3), 0);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 3);
  close_changed ();
}
END_TEST

START_TEST (test_what_is_no_longer_exported_is_stale_until_it_is_again)
{
  FtsHandle file;
  uint64_t id;

  rig_open (&rig, "", NULL);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, &file, &id), 0);
  change_exports (NULL);
  ck_assert_int_eq (rig_getattr (&rig, &file), ESTALE);
  FtsRequest write = { .op = FTS_OP_WRITE, .open_id = id, .length = 3 };
  ck_assert_int_eq (rig_run (&rig, &write, "abc", 3), ESTALE);
  FtsRequest close = { .op = FTS_OP_CLOSE, .open_id = id };
  ck_assert_int_eq (rig_run (&rig, &close, NULL, 0), 0);
  FtsRequest attach = { .op = FTS_OP_ATTACH, .name = rig_text ("data") };
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), ENOENT);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), ESTALE);
  change_exports ("");
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  close_changed ();
}
END_TEST

START_TEST (test_a_peer_loses_and_regains_an_export_under_its_mount)
{
  rig_open (&rig, "", NULL);
  change_exports (",peers=beta");
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), EACCES);
  change_exports (",peers=al*");
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  close_changed ();
}
END_TEST

START_TEST (test_an_open_file_is_used_through_its_own_export_alone)
{
  g_autofree char *other = NULL;
  uint64_t id;

  rig_open (&rig, "", NULL);
  other = g_strdup_printf ("other=%s", rig.dir);
  ck_assert (fts_exports_add (rig.exports, other, NULL));
  ck_assert (fts_server_set_exports (rig.server, rig.exports, NULL));
  ck_assert_int_eq (rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, NULL, &id), 0);
  FtsRequest attach = { .op = FTS_OP_ATTACH, .name = rig_text ("other") };
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), 0);
  FtsRequest write = { .op = FTS_OP_WRITE, .open_id = id, .length = 3 };
  ck_assert_int_eq (rig_run (&rig, &write, "abc", 3), ESTALE);
  rig_attach (&rig);
  ck_assert_int_eq (rig_run (&rig, &write, "abc", 3), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_nothing_to_export_changes_nothing)
{
  g_autoptr (FtsExports) none = fts_exports_new ();
  g_autoptr (GError) error = NULL;

  rig_open (&rig, "", NULL);
  ck_assert (!fts_server_set_exports (rig.server, none, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/server_exports", test_squashed_root_makes_files_as_the_anonymous_user,
           test_squashed_root_has_no_rights_of_root,
           test_with_all_squash_everybody_is_anonymous, test_a_map_works_both_ways,
           test_an_export_becomes_read_only_and_writable_again_under_a_mount,
           test_open_files_and_handles_outlive_a_change,
           test_what_is_no_longer_exported_is_stale_until_it_is_again,
           test_a_peer_loses_and_regains_an_export_under_its_mount,
           test_an_open_file_is_used_through_its_own_export_alone,
           test_nothing_to_export_changes_nothing)
