/* Nothing that a peer can say leads out of the export, also while directories are renamed. */
#include "fts/containment.h"

#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RACE_ROUNDS 20000

static Rig rig;

static int
walk (const FtsHandle *dir, const char *path)
{
  return rig_name_op (&rig, FTS_OP_WALK, dir, path);
}

static int
get (const char *path)
{
  return rig_name_op (&rig, FTS_OP_GET, &rig.root, path);
}

START_TEST (test_paths_end_at_the_root)
{
  rig_open (&rig, "", NULL);
  ck_assert_int_eq (walk (&rig.root, "/etc/passwd"), ENOENT);
  ck_assert_int_eq (walk (&rig.root, "../../../../etc/passwd"), ENOENT);
  ck_assert_int_eq (walk (&rig.root, "a/../../etc"), ENOENT);
  ck_assert_int_eq (get ("/etc/passwd"), ENOENT);
  ck_assert_int_eq (get ("../../etc/passwd"), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_symlinks_end_at_the_root)
{
  const char *targets[] = { "/etc/passwd", "../../../../../../etc/passwd",
                            "/dev/null" };
  FtsHandle link_handle;

  rig_open (&rig, "", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (targets); i++) {
    g_autofree char *path = rig_path (&rig, "l");
    ck_assert_int_eq (symlink (targets[i], path), 0);
    ck_assert_int_eq (walk (&rig.root, "l"), ENOENT);
    ck_assert_int_eq (get ("l"), ENOENT);
    ck_assert_int_eq (rig_lookup (&rig, &rig.root, "l", &link_handle), 0);
    FtsRequest open = { .op = FTS_OP_OPEN,
                        .handle = link_handle,
                        .open_flags = FTS_OPEN_READ };
    ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), ELOOP);
    unlink (path);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_symlinked_directory_is_no_way_out_for_names)
{
  FtsHandle link_handle;
  g_autofree char *path = NULL;

  rig_open (&rig, "", NULL);
  path = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("/etc", path), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "l", &link_handle), 0);
  ck_assert_int_eq (rig_lookup (&rig, &link_handle, "passwd", NULL), ENOTDIR);
  ck_assert_int_eq (rig_make_dir (&rig, &link_handle, "x", NULL), ENOTDIR);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_DIR, &link_handle, ""), ENOTDIR);
  rig_close (&rig);
}
END_TEST

START_TEST (test_magic_links_are_not_followed)
{
  char link_target[64];
  g_autofree char *path = NULL;
  int fd = open ("/etc/passwd", O_RDONLY);
  int root = open ("/", O_PATH | O_DIRECTORY);

  g_snprintf (link_target, sizeof link_target, "proc/self/fd/%d", fd);
  ck_assert_int_eq (fts_contain_walk (root, root, link_target), -EXDEV);
  int proc = open ("/proc/self", O_PATH | O_DIRECTORY);
  g_snprintf (link_target, sizeof link_target, "fd/%d", fd);
  ck_assert_int_eq (fts_contain_walk (proc, proc, link_target), -ELOOP);
  close (proc);
  close (root);
  close (fd);
}
END_TEST

START_TEST (test_a_handle_with_any_byte_changed_is_stale)
{
  FtsHandle file;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "f", "");
  rig_lookup (&rig, &rig.root, "f", &file);
  for (uint16_t i = 0; i < file.len; i++) {
    FtsHandle forged = file;
    forged.bytes[i] ^= 1;
    ck_assert_int_eq (rig_getattr (&rig, &forged), ESTALE);
  }
  for (uint16_t len = 0; len < file.len; len++) {
    FtsHandle cut = file;
    cut.len = len;
    ck_assert_int_eq (rig_getattr (&rig, &cut), ESTALE);
  }
  FtsHandle longer = file;
  longer.bytes[longer.len++] = 0;
  ck_assert_int_eq (rig_getattr (&rig, &longer), ESTALE);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_handle_of_another_export_is_stale)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *spec = NULL;
  FtsHandle file;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "f", "");
  rig_lookup (&rig, &rig.root, "f", &file);
  spec = g_strdup_printf ("other=%s", rig.dir);
  ck_assert (fts_exports_add (rig.exports, spec, &error));
  rig_restart (&rig, NULL);
  FtsRequest attach = { .op = FTS_OP_ATTACH, .name = rig_text ("other") };
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), 0);
  FtsHandle other_root = rig.answer.handle;
  ck_assert_int_eq (rig_getattr (&rig, &other_root), 0);
  ck_assert_int_eq (rig_getattr (&rig, &file), ESTALE);
  rig_attach (&rig);
  ck_assert_int_eq (rig_getattr (&rig, &other_root), ESTALE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_directory_moved_out_of_the_export_is_left_behind)
{
  const FtsServerConfig small = { .most_descriptors = 1 };
  char outside[] = "/dev/shm/ftsoutXXXXXX";
  g_autofree char *inside = NULL;
  g_autofree char *moved = NULL;
  FtsHandle dir;

  rig_open (&rig, "", &small);
  ck_assert_ptr_nonnull (mkdtemp (outside));
  rig_make_dir (&rig, &rig.root, "d", &dir);
  for (int i = 0; i < 64; i++) { /* out of the cache */
    g_autofree char *name = g_strdup_printf ("n%d", i);
    rig_make_dir (&rig, &rig.root, name, NULL);
  }
  inside = rig_path (&rig, "d");
  moved = g_build_filename (outside, "d", NULL);
  ck_assert_int_eq (rename (inside, moved), 0);
  ck_assert_int_eq (rig_make_dir (&rig, &dir, "x", NULL), ESTALE);
  ck_assert_int_eq (walk (&dir, ".."), ESTALE);
  rmdir (moved);
  rmdir (outside);
  rig_close (&rig);
}
END_TEST

START_TEST (test_walking_from_a_directory_that_was_moved_out_fails)
{
  char outside[] = "/dev/shm/ftsoutXXXXXX";
  g_autofree char *inside = NULL;
  g_autofree char *moved = NULL;
  FtsHandle dir;

  rig_open (&rig, "", NULL); /* still in the cache */
  ck_assert_ptr_nonnull (mkdtemp (outside));
  rig_make_dir (&rig, &rig.root, "d", &dir);
  inside = rig_path (&rig, "d");
  moved = g_build_filename (outside, "d", NULL);
  ck_assert_int_eq (rename (inside, moved), 0);
  ck_assert_int_eq (walk (&dir, ".."), ESTALE);
  ck_assert_int_eq (walk (&dir, "../x"), ESTALE);
  ck_assert_int_eq (rig_lookup (&rig, &dir, "..", NULL), ESTALE);
  rmdir (moved);
  rmdir (outside);
  rig_close (&rig);
}
END_TEST

/* ---- races ---- */

typedef struct {
  char *a, *b;
  int stop; /* atomic */
} Swap;

static void *
swap_names (void *data)
{
  Swap *swap = data;

  while (!__atomic_load_n (&swap->stop, __ATOMIC_RELAXED))
    renameat2 (AT_FDCWD, swap->a, AT_FDCWD, swap->b, RENAME_EXCHANGE);
  return NULL;
}

/* While NAME flips between a directory and a symlink to one outside, nothing found behind it may
 * be the outside's. */
START_TEST (test_swapping_a_directory_and_a_link_out_finds_nothing_outside)
{
  Swap swap = { 0 };
  pthread_t thread;
  struct stat secret;
  unsigned found = 0;

  rig_open (&rig, "", NULL);
  rig_make_dir (&rig, &rig.root, "d", NULL);
  rig_write_file (&rig, "d/passwd", "inside");
  swap.a = rig_path (&rig, "d");
  swap.b = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("/etc", swap.b), 0);
  ck_assert_int_eq (stat ("/etc/passwd", &secret), 0);
  pthread_create (&thread, NULL, swap_names, &swap);
  for (int i = 0; i < RACE_ROUNDS; i++) {
    int failed = walk (&rig.root, i % 2 ? "d/passwd" : "d/../d/passwd");
    if (failed == 0) {
      ck_assert_uint_eq (rig.answer.attr.size, 6);
      ck_assert_uint_ne (rig.answer.attr.ino, secret.st_ino);
      found++;
    } else {
      ck_assert_msg (failed == ENOENT || failed == EAGAIN || failed == ESTALE, "%d",
                     failed);
    }
  }
  __atomic_store_n (&swap.stop, 1, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
  ck_assert_uint_gt (found, 0);
  g_free (swap.a);
  g_free (swap.b);
  rig_close (&rig);
}
END_TEST

/* While a deep directory moves up and down, ".." from within may not climb over the root. */
START_TEST (test_moving_directories_lets_no_dot_dot_out)
{
  Swap swap = { 0 };
  pthread_t thread;

  rig_open (&rig, "", NULL);
  for (const char *const *dir = (const char *const[]){ "a", "a/b", "a/b/c", "x", NULL };
       *dir != NULL; dir++) {
    g_autofree char *path = rig_path (&rig, *dir);
    mkdir (path, 0755);
  }
  swap.a = rig_path (&rig, "a/b/c");
  swap.b = rig_path (&rig, "x");
  pthread_create (&thread, NULL, swap_names, &swap);
  for (int i = 0; i < RACE_ROUNDS; i++) {
    int failed = walk (&rig.root, "a/b/c/../../../../../../dev/shm");
    ck_assert_msg (failed == ENOENT || failed == EAGAIN || failed == ESTALE, "%d",
                   failed);
  }
  __atomic_store_n (&swap.stop, 1, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
  g_free (swap.a);
  g_free (swap.b);
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/containment", test_paths_end_at_the_root, test_symlinks_end_at_the_root,
           test_a_symlinked_directory_is_no_way_out_for_names,
           test_magic_links_are_not_followed,
           test_a_handle_with_any_byte_changed_is_stale,
           test_a_handle_of_another_export_is_stale,
           test_a_directory_moved_out_of_the_export_is_left_behind,
           test_walking_from_a_directory_that_was_moved_out_fails,
           test_swapping_a_directory_and_a_link_out_finds_nothing_outside,
           test_moving_directories_lets_no_dot_dot_out)
