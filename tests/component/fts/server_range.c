#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <linux/falloc.h>
#include <string.h>

static Rig rig;

static void
open_with_file (const char *options)
{
  rig_open (&rig, options, NULL);
  rig_write_file (&rig, "f", "0123456789");
}

static FtsRequest
request_of (FtsOp op)
{
  FtsRequest request = { .op = op };

  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &request.handle), 0);
  return request;
}

static int
allocate (uint64_t offset, uint64_t len, uint32_t mode)
{
  FtsRequest request = request_of (FTS_OP_FALLOCATE);

  request.offset = offset;
  request.length = len;
  request.mode = mode;
  return rig_run (&rig, &request, NULL, 0);
}

static int
seek (uint64_t offset, uint32_t what)
{
  FtsRequest request = request_of (FTS_OP_SEEK);

  request.offset = offset;
  request.mode = what;
  return rig_run (&rig, &request, NULL, 0);
}

/* From f to g, by handle or through an open file. */
static FtsRequest
copy_request (bool is_open)
{
  FtsRequest request = request_of (FTS_OP_COPY);
  uint64_t open_id;

  ck_assert_int_eq (
    rig_create (&rig, &rig.root, "g", FTS_OPEN_WRITE, &request.handle2, &open_id), 0);
  request.open_id2 = is_open ? open_id : 0;
  return request;
}

START_TEST (test_allocating_makes_the_file_longer_unless_told_otherwise)
{
  open_with_file ("");
  ck_assert_int_eq (allocate (0, 5000, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 5000);
  ck_assert_int_eq (allocate (0, 9000, FALLOC_FL_KEEP_SIZE), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 5000);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_punched_hole_reads_as_zeros)
{
  open_with_file ("");
  ck_assert_int_eq (allocate (2, 3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE), 0);
  g_autofree char *content = rig_read_file (&rig, "f");
  ck_assert_mem_eq (content,
                    "01\0\0\0"
                    "56789",
                    10);
  rig_close (&rig);
}
END_TEST

START_TEST (test_modes_and_ranges_that_cannot_be_are_refused)
{
  open_with_file ("");
  ck_assert_int_eq (allocate (0, 10, 1u << 30), EOPNOTSUPP);
  ck_assert_int_eq (allocate (0, 0, 0), EINVAL);
  ck_assert_int_eq (allocate (INT64_MAX, 2, 0), EFBIG);
  ck_assert_int_eq (allocate (UINT64_MAX, 1, 0), EFBIG);
  ck_assert_int_eq (seek (0, 3), EINVAL);
  ck_assert_int_eq (seek (UINT64_MAX, FTS_SEEK_DATA), ENXIO);
  rig_close (&rig);
}
END_TEST

START_TEST (test_allocating_needs_an_export_to_write_to)
{
  open_with_file (":ro");
  ck_assert_int_eq (allocate (0, 10, 0), EROFS);
  rig_close (&rig);
}
END_TEST

START_TEST (test_data_and_holes_are_found)
{
  open_with_file ("");
  ck_assert_int_eq (seek (3, FTS_SEEK_DATA), 0);
  ck_assert_uint_eq (rig.answer.length, 3);
  ck_assert_int_eq (seek (3, FTS_SEEK_HOLE), 0);
  ck_assert_uint_eq (rig.answer.length, 10);
  ck_assert_int_eq (seek (10, FTS_SEEK_DATA), ENXIO);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_copy_needs_no_data_on_the_way)
{
  open_with_file ("");
  FtsRequest request = copy_request (_i);
  request.offset = 2;
  request.offset2 = 1;
  request.length = 1000;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.length, 8);
  ck_assert_uint_eq (rig.answer.attr.size, 9);
  g_autofree char *content = rig_read_file (&rig, "g");
  ck_assert_mem_eq (content, "\00023456789", 9);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_copy_from_the_end_copies_nothing)
{
  open_with_file ("");
  FtsRequest request = copy_request (_i);
  request.offset = 10;
  request.length = 5;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.length, 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_copy_names_both_files_rightly)
{
  open_with_file ("");
  FtsRequest request = copy_request (_i);
  request.length = 5;
  request.open_id = 77;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), ESTALE);
  request.open_id = 0;
  request.open_id2 = 77;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), ESTALE);
  request.open_id2 = 0;
  request.handle2.bytes[5] ^= 1;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), ESTALE);
  request.offset2 = INT64_MAX;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EOVERFLOW);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS ("fts/server_range", 2,
                    test_allocating_makes_the_file_longer_unless_told_otherwise,
                    test_a_punched_hole_reads_as_zeros,
                    test_modes_and_ranges_that_cannot_be_are_refused,
                    test_allocating_needs_an_export_to_write_to,
                    test_data_and_holes_are_found, test_a_copy_needs_no_data_on_the_way,
                    test_a_copy_from_the_end_copies_nothing,
                    test_a_copy_names_both_files_rightly)
