#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

static Rig rig;

static FtsRequest
request_of (FtsOp op, const char *name)
{
  FtsRequest request = { .op = op, .name = rig_text (name) };

  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &request.handle), 0);
  return request;
}

static void
open_with_file (const char *options)
{
  rig_open (&rig, options, NULL);
  rig_write_file (&rig, "f", "text");
}

static int
set (const char *name, const char *value, uint32_t flags)
{
  FtsRequest request = request_of (FTS_OP_SETXATTR, name);

  request.open_flags = flags;
  return rig_run (&rig, &request, value, strlen (value));
}

static int
get (const char *name, uint64_t room)
{
  FtsRequest request = request_of (FTS_OP_GETXATTR, name);

  request.length = room;
  return rig_run (&rig, &request, NULL, 0);
}

START_TEST (test_a_value_comes_back)
{
  open_with_file ("");
  ck_assert_int_eq (set ("user.x", "value", 0), 0);
  ck_assert_int_eq (get ("user.x", 100), 0);
  ck_assert_uint_eq (rig.answer.length, 5);
  ck_assert_mem_eq (rig.data->data, "value", 5);
  rig_close (&rig);
}
END_TEST

START_TEST (test_without_room_the_length_alone_comes)
{
  open_with_file ("");
  set ("user.x", "value", 0);
  ck_assert_int_eq (get ("user.x", 0), 0);
  ck_assert_uint_eq (rig.answer.length, 5);
  ck_assert_uint_eq (rig.data->len, 0);
  ck_assert_int_eq (get ("user.x", 4), ERANGE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_create_and_replace_are_kept_apart)
{
  open_with_file ("");
  ck_assert_int_eq (set ("user.x", "a", XATTR_REPLACE), ENODATA);
  ck_assert_int_eq (set ("user.x", "a", XATTR_CREATE), 0);
  ck_assert_int_eq (set ("user.x", "b", XATTR_CREATE), EEXIST);
  ck_assert_int_eq (set ("user.x", "b", 0x100), EINVAL);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_value_may_come_in_pieces)
{
  char value[3001];

  open_with_file ("");
  memset (value, 'v', 3000);
  value[3000] = '\0';
  rig.fragment = 700;
  ck_assert_int_eq (set ("user.x", value, 0), 0);
  ck_assert_int_eq (get ("user.x", 65536), 0);
  ck_assert_uint_eq (rig.data->len, 3000);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_value_beyond_the_limit_is_refused_and_read_to_its_end)
{
  g_autofree char *value = g_strnfill (70000, 'v');

  open_with_file ("");
  ck_assert_int_eq (set ("user.x", value, 0), E2BIG);
  ck_assert_int_eq (get ("user.x", 10), ENODATA);
  rig_close (&rig);
}
END_TEST

START_TEST (test_the_list_has_all_names_and_ends_when_removed)
{
  open_with_file ("");
  set ("user.one", "1", 0);
  FtsRequest list = request_of (FTS_OP_LISTXATTR, "");
  list.length = 1000;
  ck_assert_int_eq (rig_run (&rig, &list, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.length, rig.data->len);
  ck_assert_ptr_nonnull (memmem (rig.data->data, rig.data->len, "user.one", 9));
  FtsRequest remove = request_of (FTS_OP_REMOVEXATTR, "user.one");
  ck_assert_int_eq (rig_run (&rig, &remove, NULL, 0), 0);
  ck_assert_int_eq (rig_run (&rig, &remove, NULL, 0), ENODATA);
  list.length = 1;
  set ("user.two", "2", 0);
  ck_assert_int_eq (rig_run (&rig, &list, NULL, 0), ERANGE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_trusted_names_are_for_root_alone)
{
  open_with_file (":rw,setid");
  FtsRequest request = request_of (FTS_OP_SETXATTR, "trusted.x");
  request.uid = request.gid = 4321;
  ck_assert_int_eq (rig_run (&rig, &request, "v", 1), EPERM);
  request.name = rig_text ("security.capability");
  ck_assert_int_eq (rig_run (&rig, &request, "v", 1), EPERM);
  request.op = FTS_OP_GETXATTR;
  request.name = rig_text ("trusted.x");
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), ENODATA);
  rig_close (&rig);
}
END_TEST

START_TEST (test_security_names_need_an_export_that_allows_set_id)
{
  open_with_file ("");
  ck_assert_int_eq (set ("security.capability", "v", 0), EPERM);
  ck_assert_int_eq (set ("security.other", "v", 0), EPERM);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_read_only_export_is_not_changed)
{
  open_with_file (":ro");
  ck_assert_int_eq (set ("user.x", "v", 0), EROFS);
  rig_close (&rig);
}
END_TEST

START_TEST (test_names_beyond_the_limit_are_out_of_range)
{
  g_autofree char *long_word = g_strnfill (260, 'n');
  g_autofree char *name = g_strconcat ("user.", long_word, NULL);

  open_with_file ("");
  ck_assert_int_eq (set (name, "v", 0), ERANGE);
  ck_assert_int_eq (set ("", "v", 0), ERANGE);
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/server_xattr", test_a_value_comes_back,
           test_without_room_the_length_alone_comes,
           test_create_and_replace_are_kept_apart, test_a_value_may_come_in_pieces,
           test_a_value_beyond_the_limit_is_refused_and_read_to_its_end,
           test_the_list_has_all_names_and_ends_when_removed,
           test_trusted_names_are_for_root_alone,
           test_security_names_need_an_export_that_allows_set_id,
           test_a_read_only_export_is_not_changed,
           test_names_beyond_the_limit_are_out_of_range)
