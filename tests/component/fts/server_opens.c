/* OPENS: each file as OPEN would have it, with its bytes. */
#include "fts/status.h"
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const FtsServerConfig configs[] = { { .by_path = false }, { .by_path = true } };

static Rig rig;
static FtsOpened opened[FTS_OPENS_MAX];

/* The files NAMES; what came of each is in `opened`. */
static int
open_all (const char *const *names, unsigned n, uint64_t most, uint32_t uid)
{
  g_autoptr (GByteArray) further = g_byte_array_new ();
  FtsRequest request = { .op = FTS_OP_OPENS, .length = most, .uid = uid, .gid = uid };
  size_t at = 0, used;

  for (unsigned i = 0; i < n; i++) {
    FtsHandle handle;
    rig_lookup (&rig, &rig.root, names[i], &handle);
    if (i == 0)
      request.handle = handle;
    else
      fts_wire_encode_handle (&handle, further);
  }
  int failed = rig_run (&rig, &request, further->data, further->len);
  for (unsigned i = 0; i < n && !failed; i++, at += used)
    ck_assert (fts_wire_decode_opened (rig.data->data + at, rig.data->len - at,
                                       &opened[i], &used));
  ck_assert (failed || at == rig.data->len);
  return failed;
}

static int
read_open (uint64_t open_id)
{
  FtsRequest request = {
    .op = FTS_OP_READ, .handle = rig.root, .open_id = open_id, .length = 100
  };
  return rig_run (&rig, &request, NULL, 0);
}

START_TEST (test_all_files_come_with_their_bytes_and_are_open)
{
  const char *const names[] = { "a", "empty", "b" };

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "first");
  rig_write_file (&rig, "empty", "");
  rig_write_file (&rig, "b", "second file");
  ck_assert_int_eq (open_all (names, 3, 1000, 0), 0);
  ck_assert_uint_eq (opened[0].first_len, 5);
  ck_assert_mem_eq (opened[0].first, "first", 5);
  ck_assert_uint_eq (opened[1].first_len, 0);
  ck_assert_uint_eq (opened[2].first_len, 11);
  ck_assert_mem_eq (opened[2].first, "second file", 11);
  for (unsigned i = 0; i < 3; i++) {
    ck_assert_uint_eq (opened[i].status, 0);
    ck_assert (opened[i].flags & FTS_ANSWER_EOF);
    ck_assert_uint_eq (opened[i].attr.size, opened[i].first_len);
  }
  uint64_t last = opened[2].open_id;
  ck_assert_int_eq (read_open (last), 0);
  ck_assert_uint_eq (rig.data->len, 11);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_file_that_does_not_fit_is_not_opened)
{
  const char *const names[] = { "a", "b", "a" };

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "12345");
  rig_write_file (&rig, "b", "123456");
  ck_assert_int_eq (open_all (names, 3, 10, 0), 0);
  ck_assert_uint_eq (opened[0].status, 0);
  ck_assert_int_eq (fts_status_to_errno (opened[1].status), EFBIG);
  ck_assert_int_eq (fts_status_to_errno (opened[2].status), EFBIG);
  ck_assert_int_eq (open_all (names, 1, 4, 0), EFBIG);
  rig_close (&rig);
}
END_TEST

START_TEST (test_each_is_opened_with_the_rights_of_the_caller)
{
  const char *const names[] = { "open", "mine", "open" };
  const char *const first[] = { "mine", "open" };

  if (geteuid () != 0)
    return;
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "open", "x");
  rig_write_file (&rig, "mine", "y");
  g_autofree char *mine = g_build_filename (rig.dir, "mine", NULL);
  ck_assert_int_eq (chmod (mine, 0600), 0);
  ck_assert_int_eq (open_all (names, 3, 1000, 1234), 0);
  ck_assert_uint_eq (opened[0].status, 0);
  ck_assert_int_eq (fts_status_to_errno (opened[1].status), EACCES);
  ck_assert_uint_eq (opened[1].first_len, 0);
  ck_assert_uint_eq (opened[2].status, 0);
  ck_assert_int_eq (open_all (first, 2, 1000, 1234), EACCES);
  rig_close (&rig);
}
END_TEST

START_TEST (test_other_things_than_files_and_too_many_are_refused)
{
  const char *names[FTS_OPENS_MAX + 1];

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "a", "x");
  g_autofree char *dir = g_build_filename (rig.dir, "d", NULL);
  ck_assert_int_eq (mkdir (dir, 0755), 0);
  names[0] = "a";
  names[1] = "d";
  ck_assert_int_eq (open_all (names, 2, 1000, 0), 0);
  ck_assert_int_eq (fts_status_to_errno (opened[1].status), EINVAL);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    names[i] = "a";
  ck_assert_int_eq (open_all (names, FTS_OPENS_MAX, 1000, 0), 0);
  ck_assert_int_eq (open_all (names, FTS_OPENS_MAX + 1, 1000, 0), EMSGSIZE);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS ("fts/server_opens", G_N_ELEMENTS (configs),
                    test_all_files_come_with_their_bytes_and_are_open,
                    test_a_file_that_does_not_fit_is_not_opened,
                    test_each_is_opened_with_the_rights_of_the_caller,
                    test_other_things_than_files_and_too_many_are_refused)
