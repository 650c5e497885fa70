/* What is moved out of the export is stale at once, and what is moved back is not; with the kernel's
 * handles (variant 0) and by path (variant 1). */
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Rig rig;

static char elsewhere[] = "/dev/shm/ftsoutXXXXXX";

static void
open_two_places (int variant)
{
  const FtsServerConfig by_path = { .by_path = variant == 1 };

  rig_open (&rig, "", &by_path);
  strcpy (elsewhere, "/dev/shm/ftsoutXXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (elsewhere));
}

static void
move (const char *name, bool out)
{
  g_autofree char *inside = rig_path (&rig, name);
  g_autofree char *outside = g_build_filename (elsewhere, name, NULL);

  ck_assert_int_eq (out ? rename (inside, outside) : rename (outside, inside), 0);
}

static int
run_on (FtsOp op, const FtsHandle *handle)
{
  FtsRequest request = { .op = op,
                         .handle = *handle,
                         .open_flags = FTS_OPEN_READ,
                         .mask = FTS_SET_MODE,
                         .attr = { .mode = 0600 } };

  return rig_run (&rig, &request, NULL, 0);
}

START_TEST (test_a_file_moved_out_is_stale_until_it_is_back)
{
  const FtsOp ops[] = { FTS_OP_GETATTR, FTS_OP_SETATTR, FTS_OP_OPEN, FTS_OP_STATFS };
  FtsHandle file;

  open_two_places (_i);
  rig_write_file (&rig, "f", "x");
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &file), 0);
  move ("f", true);
  for (size_t i = 0; i < G_N_ELEMENTS (ops); i++)
    ck_assert_int_eq (run_on (ops[i], &file), ESTALE);
  move ("f", false);
  for (size_t i = 0; i < G_N_ELEMENTS (ops); i++)
    ck_assert_int_eq (run_on (ops[i], &file), 0);
  rmdir (elsewhere);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_directory_in_use_is_stale_as_soon_as_it_is_out)
{
  FtsHandle dir;

  open_two_places (_i);
  rig_make_dir (&rig, &rig.root, "d", &dir);
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "x", NULL), 0);
  move ("d", true);
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "y", NULL), ESTALE);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &dir, "x"), ESTALE);
  ck_assert_int_eq (rig_lookup (&rig, &dir, "x", NULL), ESTALE);
  move ("d", false);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &dir, "x"), 0);
  rmdir (elsewhere);
  rig_close (&rig);
}
END_TEST

START_TEST (test_what_lies_in_a_directory_that_was_moved_out_is_stale_too)
{
  FtsHandle dir;
  FtsHandle below;

  open_two_places (_i);
  rig_make_dir (&rig, &rig.root, "d", &dir);
  rig_make_dir (&rig, &dir, "e", &below);
  move ("d", true);
  ck_assert_int_eq (rig_make_dir (&rig, &below, "x", NULL), ESTALE);
  move ("d", false);
  ck_assert_int_eq (rig_make_dir (&rig, &below, "x", NULL), 0);
  rmdir (elsewhere);
  rig_close (&rig);
}
END_TEST

START_TEST (test_the_exported_directory_itself_may_be_moved)
{
  g_autofree char *moved = NULL;
  FtsHandle dir;

  open_two_places (_i);
  rig_make_dir (&rig, &rig.root, "d", &dir);
  moved = g_build_filename (elsewhere, "root", NULL);
  ck_assert_int_eq (rename (rig.dir, moved), 0);
  g_usleep (150000); /* its place is remembered for a tenth of a second */
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "x", NULL), 0);
  ck_assert_int_eq (rename (moved, rig.dir), 0);
  rmdir (elsewhere);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_directory_too_deep_for_a_path_is_inside_or_not)
{
  g_autofree char *long_name = g_strnfill (200, 'n');
  FtsHandle top;
  FtsHandle dir;

  if (_i == 1) /* by path it has none */
    return;
  open_two_places (_i);
  rig_make_dir (&rig, &rig.root, "top", &top);
  dir = top;
  for (int i = 0; i < 25; i++) {
    FtsHandle next;
    ck_assert_int_eq (rig_make_dir (&rig, &dir, long_name, &next), 0);
    dir = next;
  }
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "x", NULL), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &dir, "x"), 0);
  move ("top", true);
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "x", NULL), ESTALE);
  g_autofree char *remove = g_strconcat ("rm -r ", elsewhere, NULL);
  ck_assert (g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL));
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_file_with_a_name_inside_is_served_though_another_is_outside)
{
  g_autofree char *inside = NULL;
  g_autofree char *outside = NULL;
  FtsHandle file;

  open_two_places (_i);
  rig_write_file (&rig, "f", "x");
  inside = rig_path (&rig, "f");
  outside = g_build_filename (elsewhere, "f", NULL);
  ck_assert_int_eq (link (inside, outside), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &file), 0);
  rig_restart (&rig, NULL);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &file), 0);
  ck_assert_int_eq (run_on (FTS_OP_OPEN, &file), 0);
  unlink (outside);
  rmdir (elsewhere);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS ("fts/moved", 2, test_a_file_moved_out_is_stale_until_it_is_back,
                    test_a_directory_in_use_is_stale_as_soon_as_it_is_out,
                    test_what_lies_in_a_directory_that_was_moved_out_is_stale_too,
                    test_the_exported_directory_itself_may_be_moved,
                    test_a_directory_too_deep_for_a_path_is_inside_or_not,
                    test_a_file_with_a_name_inside_is_served_though_another_is_outside)
