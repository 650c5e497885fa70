#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every test runs on a file system with handles and on one without. */
static const FtsServerConfig configs[] = { { .by_path = false }, { .by_path = true } };

static Rig rig;

static int
two_names (FtsOp op, const FtsHandle *a, const char *name, const FtsHandle *b,
           const char *name2, uint32_t flags)
{
  FtsRequest request = { .op = op,
                         .handle = *a,
                         .name = rig_text (name),
                         .handle2 = *b,
                         .name2 = rig_text (name2),
                         .open_flags = flags };
  return rig_run (&rig, &request, NULL, 0);
}

START_TEST (test_a_found_name_has_handle_and_attributes)
{
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "hello");
  FtsHandle file;
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "a", &file), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 5);
  ck_assert (S_ISREG (rig.answer.attr.mode));
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 5);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_missing_name_is_enoent)
{
  rig_open (&rig, "", &configs[_i]);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "nothing", NULL), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_name_of_the_longest_length_works_and_a_longer_one_does_not)
{
  char name[NAME_MAX + 2];

  rig_open (&rig, "", &configs[_i]);
  memset (name, 'x', sizeof name);
  name[NAME_MAX] = '\0';
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, name, NULL), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, name, NULL), 0);
  name[NAME_MAX] = 'x';
  name[NAME_MAX + 1] = '\0';
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, name, NULL), ENAMETOOLONG);
  rig_close (&rig);
}
END_TEST

START_TEST (test_names_with_any_byte_work)
{
  char name[256];
  size_t len = 0;

  rig_open (&rig, "", &configs[_i]);
  for (int c = 1; c < 256; c++)
    if (c != '/')
      name[len++] = (char) c;
  name[len] = '\0';
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, name, NULL), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, name, NULL), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, name), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_dots_and_slashes_are_no_names)
{
  const char *bad[] = { "", ".", "..", "a/b", "/", "../x", "/etc" };

  rig_open (&rig, "", &configs[_i]);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    ck_assert_int_eq (rig_make_dir (&rig, &rig.root, bad[i], NULL), EINVAL);
    ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, bad[i]), EINVAL);
    ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, bad[i]), EINVAL);
    ck_assert_int_eq (two_names (FTS_OP_RENAME, &rig.root, "x", &rig.root, bad[i], 0),
                      EINVAL);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_dot_dot_leads_to_the_parent_and_at_the_root_stays)
{
  FtsHandle a;
  FtsHandle b;
  FtsHandle up;

  rig_open (&rig, "", &configs[_i]);
  rig_make_dir (&rig, &rig.root, "a", &a);
  rig_make_dir (&rig, &a, "b", &b);
  ck_assert_int_eq (rig_lookup (&rig, &b, "..", &up), 0);
  ck_assert_mem_eq (&up.bytes, &a.bytes, a.len);
  ck_assert_int_eq (rig_lookup (&rig, &a, "..", &up), 0);
  ck_assert_mem_eq (&up.bytes, &rig.root.bytes, rig.root.len);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "..", &up), 0);
  ck_assert_mem_eq (&up.bytes, &rig.root.bytes, rig.root.len);
  rig_close (&rig);
}
END_TEST

START_TEST (test_walk_tells_the_path_and_follows_links_inside)
{
  FtsHandle a;
  FtsHandle b;
  g_autofree char *link_path = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_make_dir (&rig, &rig.root, "a", &a);
  rig_make_dir (&rig, &a, "b", &b);
  link_path = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("/a/b", link_path), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_WALK, &a, "../l"), 0);
  ck_assert_uint_eq (rig.answer.name.len, 4);
  ck_assert_mem_eq (rig.answer.name.bytes, "/a/b", 4);
  ck_assert_mem_eq (rig.answer.handle.bytes, b.bytes, b.len);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_WALK, &b, "../../../../.."), 0);
  ck_assert_mem_eq (rig.answer.handle.bytes, rig.root.bytes, rig.root.len);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_WALK, &rig.root, "a/none"), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_walk_gives_handles_that_last)
{
  FtsHandle a;
  g_autofree char *deep = NULL;

  rig_open (&rig, "", &configs[_i]);
  deep = rig_path (&rig, "x/y/z");
  ck_assert_int_eq (g_mkdir_with_parents (deep, 0755), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_WALK, &rig.root, "x/y/z"), 0);
  a = rig.answer.handle;
  ck_assert_int_eq (rig_make_dir (&rig, &a, "w", NULL), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_symlinks_are_read_and_not_followed)
{
  FtsRequest request = { .op = FTS_OP_SYMLINK,
                         .name = rig_text ("l"),
                         .name2 = rig_text ("../../etc/passwd") };
  FtsHandle link_handle;

  rig_open (&rig, "", &configs[_i]);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert (S_ISLNK (rig.answer.attr.mode));
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "l", &link_handle), 0);
  ck_assert (S_ISLNK (rig.answer.attr.mode));
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_READLINK, &link_handle, ""), 0);
  ck_assert_uint_eq (rig.answer.name.len, 16);
  ck_assert_mem_eq (rig.answer.name.bytes, "../../etc/passwd", 16);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_READLINK, &rig.root, ""), EINVAL);
  ck_assert_int_eq (rig_lookup (&rig, &link_handle, "x", NULL), ENOTDIR);
  rig_close (&rig);
}
END_TEST

START_TEST (test_hard_links_share_the_inode)
{
  FtsRequest request = { .op = FTS_OP_LINK, .name = rig_text ("b") };

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "x");
  rig_lookup (&rig, &rig.root, "a", &request.handle);
  uint64_t ino = rig.answer.attr.ino;
  request.handle2 = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.ino, ino);
  ck_assert_uint_eq (rig.answer.attr.nlink, 2);
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EEXIST);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EPERM);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_symlink_itself_can_be_linked)
{
  FtsRequest request = { .op = FTS_OP_LINK, .name = rig_text ("m") };
  g_autofree char *path = NULL;

  rig_open (&rig, "", &configs[_i]);
  path = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("target", path), 0);
  rig_lookup (&rig, &rig.root, "l", &request.handle);
  request.handle2 = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert (S_ISLNK (rig.answer.attr.mode));
  ck_assert_uint_eq (rig.answer.attr.nlink, 2);
  rig_close (&rig);
}
END_TEST

START_TEST (test_removing_gives_the_kernels_errors)
{
  FtsHandle dir;

  rig_open (&rig, "", &configs[_i]);
  rig_make_dir (&rig, &rig.root, "d", &dir);
  rig_make_dir (&rig, &dir, "e", NULL);
  rig_write_file (&rig, "f", "");
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, "d"), ENOTEMPTY);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, "f"), ENOTDIR);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "d"), EISDIR);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "none"), ENOENT);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "f"), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &dir, "e"), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, "d"), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_removed_file_is_stale_at_once)
{
  FtsHandle file;
  FtsHandle other;
  g_autofree char *path = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "");
  rig_write_file (&rig, "g", "");
  rig_lookup (&rig, &rig.root, "f", &file);
  rig_lookup (&rig, &rig.root, "g", &other);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "f"), 0);
  ck_assert_int_eq (rig_getattr (&rig, &file), ESTALE);
  path = rig_path (&rig, "g"); /* removed behind the server's back */
  ck_assert_int_eq (unlink (path), 0);
  ck_assert_int_eq (rig_getattr (&rig, &other), ESTALE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_handles_outlive_renames)
{
  FtsHandle d;
  FtsHandle e;
  FtsHandle file;

  rig_open (&rig, "", &configs[_i]);
  rig_make_dir (&rig, &rig.root, "d", &d);
  rig_make_dir (&rig, &rig.root, "e", &e);
  rig_write_file (&rig, "d/f", "text");
  rig_lookup (&rig, &d, "f", &file);
  ck_assert_int_eq (two_names (FTS_OP_RENAME, &rig.root, "d", &e, "moved", 0), 0);
  fts_server_tick (rig.server);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  ck_assert_int_eq (rig_getattr (&rig, &d), 0);
  ck_assert_int_eq (rig_lookup (&rig, &d, "f", NULL), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_rename_flags_are_the_kernels)
{
  g_autofree char *a = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "1");
  rig_write_file (&rig, "b", "2");
  ck_assert_int_eq (
    two_names (FTS_OP_RENAME, &rig.root, "a", &rig.root, "b", RENAME_NOREPLACE),
    EEXIST);
  ck_assert_int_eq (
    two_names (FTS_OP_RENAME, &rig.root, "a", &rig.root, "b", RENAME_EXCHANGE), 0);
  a = rig_read_file (&rig, "a");
  ck_assert_str_eq (a, "2");
  ck_assert_int_eq (two_names (FTS_OP_RENAME, &rig.root, "a", &rig.root, "b", 0x80),
                    EINVAL);
  ck_assert_int_eq (two_names (FTS_OP_RENAME, &rig.root, "a", &rig.root, "b", 0), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "a", NULL), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_fifos_and_sockets_are_made_and_devices_only_if_allowed)
{
  FtsRequest request = { .op = FTS_OP_MKNOD, .name = rig_text ("fifo") };

  rig_open (&rig, "", &configs[_i]);
  request.handle = rig.root;
  request.mode = S_IFIFO | 0640;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFIFO | 0640);
  request.name = rig_text ("sock");
  request.mode = S_IFSOCK | 0640;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  request.name = rig_text ("null");
  request.mode = S_IFCHR | 0666;
  request.rdev = 0x103;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EPERM);
  request.mode = S_IFDIR | 0755;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EINVAL);
  rig_close (&rig);
}
END_TEST

START_TEST (test_set_id_bits_come_only_where_allowed)
{
  FtsRequest request = { .op = FTS_OP_MKNOD,
                         .name = rig_text ("x"),
                         .mode = S_IFREG | 06755 };

  rig_open (&rig, "", &configs[_i]);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFREG | 0755);
  rig_close (&rig);
  rig_open (&rig, ",setid", &configs[_i]);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFREG | 06755);
  rig_close (&rig);
}
END_TEST

START_TEST (test_the_callers_umask_counts)
{
  FtsRequest request = {
    .op = FTS_OP_MKDIR, .name = rig_text ("d"), .mode = 0777, .umask = 027
  };

  rig_open (&rig, "", &configs[_i]);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFDIR | 0750);
  request.name = rig_text ("e");
  request.umask = 0;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFDIR | 0777);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_read_only_export_changes_nothing)
{
  FtsRequest open = { .op = FTS_OP_OPEN, .open_flags = FTS_OPEN_WRITE };

  rig_open (&rig, ":ro", &configs[_i]);
  ck_assert_uint_eq (rig.answer.flags & FTS_ANSWER_READ_ONLY, FTS_ANSWER_READ_ONLY);
  rig_write_file (&rig, "f", "x");
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "d", NULL), EROFS);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "f"), EROFS);
  ck_assert_int_eq (two_names (FTS_OP_RENAME, &rig.root, "f", &rig.root, "g", 0),
                    EROFS);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "n", FTS_OPEN_WRITE, NULL, NULL),
                    EROFS);
  rig_lookup (&rig, &rig.root, "f", &open.handle);
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), EROFS);
  open.open_flags = FTS_OPEN_READ | FTS_OPEN_TRUNC;
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), EROFS);
  open.open_flags = FTS_OPEN_READ;
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), 0);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS (
  "fts/server_names", G_N_ELEMENTS (configs),
  test_a_found_name_has_handle_and_attributes, test_a_missing_name_is_enoent,
  test_a_name_of_the_longest_length_works_and_a_longer_one_does_not,
  test_names_with_any_byte_work, test_dots_and_slashes_are_no_names,
  test_dot_dot_leads_to_the_parent_and_at_the_root_stays,
  test_walk_tells_the_path_and_follows_links_inside, test_walk_gives_handles_that_last,
  test_symlinks_are_read_and_not_followed, test_hard_links_share_the_inode,
  test_a_symlink_itself_can_be_linked, test_removing_gives_the_kernels_errors,
  test_a_removed_file_is_stale_at_once, test_handles_outlive_renames,
  test_rename_flags_are_the_kernels,
  test_fifos_and_sockets_are_made_and_devices_only_if_allowed,
  test_set_id_bits_come_only_where_allowed, test_the_callers_umask_counts,
  test_a_read_only_export_changes_nothing)
