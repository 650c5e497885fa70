#include "fts/nodes.h"

#include "lib/suite.h"

static const FtsFileId root = { 1, 1, 0, 0 };

static FtsFileId
id_of (uint64_t ino)
{
  return (FtsFileId){ 1, ino, 5, 6 };
}

static void
check_path (FtsNodes *nodes, uint64_t ino, const char *expected)
{
  FtsFileId id = id_of (ino);
  g_autofree char *path = fts_nodes_path (nodes, &id);
  ck_assert_pstr_eq (path, expected);
}

static void
note (FtsNodes *nodes, uint64_t ino, uint64_t dir, const char *name)
{
  FtsFileId file = id_of (ino);
  FtsFileId parent = dir == 1 ? root : id_of (dir);
  fts_nodes_note (nodes, &file, &parent, name);
}

START_TEST (test_paths_are_put_together_from_names)
{
  FtsNodes *nodes = fts_nodes_new (&root, 100);
  g_autofree char *top = fts_nodes_path (nodes, &root);

  ck_assert_str_eq (top, ".");
  note (nodes, 2, 1, "a");
  note (nodes, 3, 2, "b");
  note (nodes, 4, 3, "c");
  check_path (nodes, 4, "a/b/c");
  check_path (nodes, 2, "a");
  check_path (nodes, 9, NULL);
  fts_nodes_free (nodes);
}
END_TEST

START_TEST (test_a_rename_moves_all_beneath)
{
  FtsNodes *nodes = fts_nodes_new (&root, 100);

  note (nodes, 2, 1, "a");
  note (nodes, 3, 2, "b");
  note (nodes, 4, 3, "c");
  note (nodes, 3, 1, "x");
  check_path (nodes, 4, "x/c");
  fts_nodes_free (nodes);
}
END_TEST

START_TEST (test_a_ring_of_directories_has_no_path)
{
  FtsNodes *nodes = fts_nodes_new (&root, 100);

  note (nodes, 2, 3, "a");
  note (nodes, 3, 2, "b");
  check_path (nodes, 2, NULL);
  fts_nodes_free (nodes);
}
END_TEST

START_TEST (test_the_bound_is_kept_by_forgetting)
{
  FtsNodes *nodes = fts_nodes_new (&root, 10);

  for (uint64_t ino = 2; ino < 100; ino++)
    note (nodes, ino, 1, "n");
  check_path (nodes, 99, "n");
  check_path (nodes, 2, NULL);
  fts_nodes_free (nodes);
}
END_TEST

FTS_SUITE ("fts/nodes", test_paths_are_put_together_from_names,
           test_a_rename_moves_all_beneath, test_a_ring_of_directories_has_no_path,
           test_the_bound_is_kept_by_forgetting)
