#include "prog/ftsfs/inodes.h"

#include "lib/suite.h"

static FtsHandle
handle (uint8_t n)
{
  return (FtsHandle){ .len = 3, .bytes = { 'h', n, 0 } };
}

static FtsInodes *
table (void)
{
  FtsHandle root = handle (0);

  return fts_inodes_new (&root);
}

/* The kernel is told of handle N once; its number. */
static uint64_t
learn (FtsInodes *inodes, uint8_t n)
{
  FtsHandle h = handle (n);
  g_autoptr (FtsInode) inode = fts_inodes_learn (inodes, &h);

  return inode->id;
}

static bool
is_known (FtsInodes *inodes, uint64_t id)
{
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, id);

  return inode != NULL;
}

START_TEST (test_root_is_there_and_stays)
{
  g_autoptr (FtsInodes) inodes = table ();

  ck_assert (is_known (inodes, FTS_INODE_ROOT));
  ck_assert_uint_eq (learn (inodes, 0), FTS_INODE_ROOT);
  fts_inodes_forget (inodes, FTS_INODE_ROOT, 5);
  ck_assert (is_known (inodes, FTS_INODE_ROOT));
}
END_TEST

START_TEST (test_same_handle_is_the_same_inode)
{
  g_autoptr (FtsInodes) inodes = table ();
  uint64_t id = learn (inodes, 1);

  ck_assert_uint_eq (learn (inodes, 1), id);
  ck_assert_uint_ne (learn (inodes, 2), id);
  ck_assert_uint_eq (fts_inodes_count (inodes), 3);
}
END_TEST

START_TEST (test_inode_goes_with_the_last_forget)
{
  g_autoptr (FtsInodes) inodes = table ();
  uint64_t id = learn (inodes, 1);

  learn (inodes, 1);
  learn (inodes, 1);
  fts_inodes_forget (inodes, id, 2);
  ck_assert (is_known (inodes, id));
  fts_inodes_forget (inodes, id, 1);
  ck_assert (!is_known (inodes, id));
  ck_assert_uint_eq (fts_inodes_count (inodes), 1);
}
END_TEST

START_TEST (test_number_is_never_used_again)
{
  g_autoptr (FtsInodes) inodes = table ();
  uint64_t id = learn (inodes, 1);

  fts_inodes_forget (inodes, id, 1);
  ck_assert_uint_ne (learn (inodes, 1), id);
}
END_TEST

START_TEST (test_reference_outlives_forget)
{
  g_autoptr (FtsInodes) inodes = table ();
  uint64_t id = learn (inodes, 1);
  FtsInode *inode = fts_inodes_find (inodes, id);

  fts_inodes_forget (inodes, id, 1);
  ck_assert (is_known (inodes, id));
  fts_inode_unref (inode);
  ck_assert (!is_known (inodes, id));
}
END_TEST

START_TEST (test_too_many_forgets_and_unknown_numbers_do_no_harm)
{
  g_autoptr (FtsInodes) inodes = table ();
  uint64_t id = learn (inodes, 1);

  fts_inodes_forget (inodes, id, 1000);
  fts_inodes_forget (inodes, id, 1);
  fts_inodes_forget (inodes, UINT64_MAX, 1);
  ck_assert (!is_known (inodes, 0));
  ck_assert_uint_eq (fts_inodes_count (inodes), 1);
}
END_TEST

START_TEST (test_cached_data_are_right_while_nothing_changed)
{
  g_autoptr (FtsInodes) inodes = table ();
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, FTS_INODE_ROOT);
  FtsAttr attr = { .size = 5, .mtime = { 7, 1 }, .ctime = { 7, 2 } };

  ck_assert (!fts_inode_set_version (inode, &attr)); /* never seen */
  ck_assert (fts_inode_set_version (inode, &attr));
  attr.mtime.nsec++;
  ck_assert (!fts_inode_set_version (inode, &attr));
  attr.size++;
  ck_assert (!fts_inode_set_version (inode, &attr));
  attr.ctime.sec++;
  ck_assert (!fts_inode_set_version (inode, &attr));
  fts_inode_set_changed (inode, 1, true); /* our own write */
  ck_assert (!fts_inode_set_version (inode, &attr));
  ck_assert (fts_inode_set_version (inode, &attr));
}
END_TEST

START_TEST (test_change_keeps_the_latest_clock)
{
  g_autoptr (FtsInodes) inodes = table ();
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, FTS_INODE_ROOT);

  fts_inode_set_changed (inode, 9, false);
  fts_inode_set_changed (inode, 4, false);
  ck_assert_uint_eq (fts_inode_changed (inode), 9);
}
END_TEST

#define LONG_US (1000 * G_USEC_PER_SEC)

static FtsAttr
attr_of (uint64_t size, bool plain)
{
  return (FtsAttr){ .ino = 5, .size = size, .flags = plain ? FTS_ATTR_PLAIN : 0 };
}

/* The size known since clock SINCE; UINT64_MAX when none is. */
static uint64_t
known_size (FtsInode *inode, uint64_t since, int64_t timeout_us)
{
  FtsAttr out;
  int64_t left_us;

  if (!fts_inode_get_known (inode, since, timeout_us, &out, &left_us))
    return UINT64_MAX;
  ck_assert_int_gt (left_us, 0);
  ck_assert_int_le (left_us, timeout_us);
  return out.size;
}

START_TEST (test_state_is_known_until_it_is_old_or_changed)
{
  g_autoptr (FtsInodes) inodes = table ();
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, FTS_INODE_ROOT);
  FtsAttr attr = attr_of (7, false);

  ck_assert_uint_eq (known_size (inode, 0, LONG_US), UINT64_MAX);
  fts_inode_set_known (inode, &attr, 3, false);
  ck_assert_uint_eq (known_size (inode, 3, LONG_US), 7);
  ck_assert_uint_eq (known_size (inode, 4, LONG_US), UINT64_MAX);
  ck_assert_uint_eq (known_size (inode, 0, 0), UINT64_MAX);
  fts_inode_set_changed (inode, 4, false);
  ck_assert_uint_eq (known_size (inode, 0, LONG_US), UINT64_MAX);
  fts_inode_set_known (inode, &attr, 3, false); /* asked before the change */
  ck_assert_uint_eq (known_size (inode, 0, LONG_US), UINT64_MAX);
}
END_TEST

START_TEST (test_state_after_a_change_is_known_if_it_was_the_only_one)
{
  g_autoptr (FtsInodes) inodes = table ();
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, FTS_INODE_ROOT);
  FtsAttr attr = attr_of (7, false), other = attr_of (8, false), none = { 0 };

  fts_inode_set_after (inode, &attr, 0, 1);
  ck_assert_uint_eq (known_size (inode, 1, LONG_US), 7);
  fts_inode_set_after (inode, &other, 0, 2); /* which came first is not known */
  ck_assert_uint_eq (known_size (inode, 0, LONG_US), UINT64_MAX);
  ck_assert_uint_eq (fts_inode_changed (inode), 2);
  fts_inode_set_after (inode, &other, 2, 3);
  ck_assert_uint_eq (known_size (inode, 3, LONG_US), 8);
  fts_inode_set_after (inode, &none, 3, 4); /* the peer could not tell */
  ck_assert_uint_eq (known_size (inode, 0, LONG_US), UINT64_MAX);
}
END_TEST

START_TEST (test_a_file_is_plain_until_an_attribute_is_set)
{
  g_autoptr (FtsInodes) inodes = table ();
  g_autoptr (FtsInode) inode = fts_inodes_find (inodes, FTS_INODE_ROOT);
  FtsAttr plain = attr_of (7, true), other = attr_of (7, false);

  ck_assert (!fts_inode_is_plain (inode, LONG_US));
  fts_inode_set_known (inode, &plain, 1, false);
  ck_assert (fts_inode_is_plain (inode, LONG_US));
  ck_assert (!fts_inode_is_plain (inode, 0));
  fts_inode_set_changed (inode, 2, true); /* data is something else */
  ck_assert (fts_inode_is_plain (inode, LONG_US));
  fts_inode_set_xattr_changed (inode, 3);
  ck_assert (!fts_inode_is_plain (inode, LONG_US));
  fts_inode_set_known (inode, &plain, 2, false); /* asked before */
  ck_assert (!fts_inode_is_plain (inode, LONG_US));
  fts_inode_set_known (inode, &plain, 3, false);
  ck_assert (fts_inode_is_plain (inode, LONG_US));
  fts_inode_set_known (inode, &other, 3, false);
  ck_assert (!fts_inode_is_plain (inode, LONG_US));
}
END_TEST

FTS_SUITE ("ftsfs/inodes", test_root_is_there_and_stays,
           test_same_handle_is_the_same_inode, test_inode_goes_with_the_last_forget,
           test_number_is_never_used_again, test_reference_outlives_forget,
           test_too_many_forgets_and_unknown_numbers_do_no_harm,
           test_cached_data_are_right_while_nothing_changed,
           test_change_keeps_the_latest_clock,
           test_state_is_known_until_it_is_old_or_changed,
           test_state_after_a_change_is_known_if_it_was_the_only_one,
           test_a_file_is_plain_until_an_attribute_is_set)
