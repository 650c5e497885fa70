#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const FtsServerConfig configs[] = { { .by_path = false }, { .by_path = true } };

static Rig rig;

static int
open_file (const FtsHandle *handle, uint32_t open_flags, uint64_t first_len,
           uint64_t *open_id)
{
  FtsRequest request = {
    .op = FTS_OP_OPEN, .handle = *handle, .open_flags = open_flags, .length = first_len
  };
  int failed = rig_run (&rig, &request, NULL, 0);

  if (open_id != NULL)
    *open_id = rig.answer.open_id;
  return failed;
}

static int
read_file (uint64_t open_id, uint64_t offset, uint64_t len)
{
  FtsRequest request = { .op = FTS_OP_READ,
                         .handle = rig.root,
                         .open_id = open_id,
                         .offset = offset,
                         .length = len };
  return rig_run (&rig, &request, NULL, 0);
}

static int
write_file (uint64_t open_id, uint64_t offset, const void *data, size_t len)
{
  FtsRequest request = { .op = FTS_OP_WRITE,
                         .handle = rig.root,
                         .open_id = open_id,
                         .offset = offset,
                         .length = len };
  return rig_run (&rig, &request, data, len);
}

static int
close_file (uint64_t open_id)
{
  FtsRequest request = { .op = FTS_OP_CLOSE, .open_id = open_id };
  return rig_run (&rig, &request, NULL, 0);
}

static bool
at_eof (void)
{
  return rig.answer.flags & FTS_ANSWER_EOF;
}

/* Bytes that are different everywhere. */
static GByteArray *
pattern (size_t len)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, (guint) len);
  for (size_t i = 0; i < len; i++)
    bytes->data[i] = (uint8_t) (i * 7 + i / 251);
  return bytes;
}

START_TEST (test_open_brings_the_first_bytes_and_the_end)
{
  FtsHandle file;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "hello");
  rig_lookup (&rig, &rig.root, "f", &file);
  ck_assert_int_eq (open_file (&file, FTS_OPEN_READ, 4096, NULL), 0);
  ck_assert_uint_eq (rig.data->len, 5);
  ck_assert_mem_eq (rig.data->data, "hello", 5);
  ck_assert (at_eof ());
  ck_assert_uint_eq (rig.answer.attr.size, 5);
  ck_assert_uint_eq (rig.n_fragments, 1);
  ck_assert_int_eq (open_file (&file, FTS_OPEN_READ, 3, NULL), 0);
  ck_assert_uint_eq (rig.data->len, 3);
  ck_assert (!at_eof ());
  ck_assert_int_eq (open_file (&file, FTS_OPEN_READ, 5, NULL), 0);
  ck_assert (at_eof ());
  ck_assert_int_eq (open_file (&file, FTS_OPEN_READ, 0, NULL), 0);
  ck_assert_uint_eq (rig.data->len, 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_write_comes_back_whole_at_any_size_and_place)
{
  const size_t sizes[] = { 1, 511, 4096, 16384, 16385, 65536, 65537, 300000, 1048576 };
  const uint64_t offsets[] = { 0, 1, 4095, 123457 };
  uint64_t id;

  rig_open (&rig, "", &configs[_i]);
  ck_assert_int_eq (
    rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_WRITE, NULL, &id), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (size_t j = 0; j < G_N_ELEMENTS (offsets); j++) {
      g_autoptr (GByteArray) bytes = pattern (sizes[i]);
      ck_assert_int_eq (write_file (id, offsets[j], bytes->data, bytes->len), 0);
      ck_assert_uint_eq (rig.answer.length, bytes->len);
      ck_assert_uint_ge (rig.answer.attr.size, offsets[j] + bytes->len);
      ck_assert_int_eq (read_file (id, offsets[j], bytes->len), 0);
      ck_assert_uint_eq (rig.data->len, bytes->len);
      ck_assert_mem_eq (rig.data->data, bytes->data, bytes->len);
    }
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_reading_ends_at_the_end_of_the_file)
{
  uint64_t id;
  g_autoptr (GByteArray) bytes = pattern (200000);

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_WRITE, NULL, &id);
  write_file (id, 0, bytes->data, bytes->len);
  ck_assert_int_eq (read_file (id, 0, 1000000), 0);
  ck_assert_uint_eq (rig.data->len, 200000);
  ck_assert (at_eof ());
  ck_assert_int_eq (read_file (id, 0, 199999), 0);
  ck_assert (!at_eof ());
  ck_assert_int_eq (read_file (id, 100000, 100000), 0);
  ck_assert (at_eof ());
  ck_assert_int_eq (read_file (id, 200000, 10), 0);
  ck_assert_uint_eq (rig.data->len, 0);
  ck_assert (at_eof ());
  ck_assert_int_eq (read_file (id, 1u << 30, 10), 0);
  ck_assert_uint_eq (rig.data->len, 0);
  ck_assert_int_eq (read_file (id, UINT64_MAX, 10), EINVAL);
  rig_close (&rig);
}
END_TEST

START_TEST (test_open_flags_do_what_they_say)
{
  FtsHandle file;
  uint64_t id;
  g_autofree char *content = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "0123456789");
  rig_lookup (&rig, &rig.root, "f", &file);
  ck_assert_int_eq (open_file (&file, FTS_OPEN_WRITE | FTS_OPEN_APPEND, 0, &id), 0);
  ck_assert_int_eq (write_file (id, 0, "ab", 2), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 12);
  content = rig_read_file (&rig, "f");
  ck_assert_str_eq (content, "0123456789ab");
  ck_assert_int_eq (read_file (id, 0, 1), EBADF);
  ck_assert_int_eq (open_file (&file, FTS_OPEN_WRITE | FTS_OPEN_TRUNC, 0, &id), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 0);
  ck_assert_int_eq (open_file (&file, FTS_OPEN_READ, 0, &id), 0);
  ck_assert_int_eq (write_file (id, 0, "ab", 2), EBADF);
  rig_close (&rig);
}
END_TEST

START_TEST (test_only_regular_files_are_opened)
{
  FtsHandle node;
  g_autofree char *fifo = NULL;
  g_autofree char *link_path = NULL;

  rig_open (&rig, "", &configs[_i]);
  ck_assert_int_eq (open_file (&rig.root, FTS_OPEN_READ, 0, NULL), EISDIR);
  fifo = rig_path (&rig, "fifo");
  mkfifo (fifo, 0644);
  rig_lookup (&rig, &rig.root, "fifo", &node);
  ck_assert_int_eq (open_file (&node, FTS_OPEN_READ, 0, NULL), ENXIO);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "fifo", FTS_OPEN_WRITE, NULL, NULL),
                    ENXIO);
  link_path = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("/etc/passwd", link_path), 0);
  rig_lookup (&rig, &rig.root, "l", &node);
  ck_assert_int_eq (open_file (&node, FTS_OPEN_READ, 0, NULL), ELOOP);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "l", FTS_OPEN_WRITE, NULL, NULL),
                    ELOOP);
  rig_close (&rig);
}
END_TEST

START_TEST (test_create_opens_what_is_there_unless_exclusive)
{
  uint64_t id;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "old");
  ck_assert_int_eq (
    rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_EXCL, NULL, NULL),
    EEXIST);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "f", FTS_OPEN_READ, NULL, &id), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 3);
  ck_assert_int_eq (read_file (id, 0, 10), 0);
  ck_assert_mem_eq (rig.data->data, "old", 3);
  ck_assert_int_eq (
    rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE | FTS_OPEN_TRUNC, NULL, NULL), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 0);
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "d", NULL), 0);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "d", FTS_OPEN_WRITE, NULL, NULL),
                    EISDIR);
  rig_close (&rig);
}
END_TEST

START_TEST (test_an_open_file_lives_on_without_its_name)
{
  FtsHandle file;
  uint64_t id;
  FtsRequest getattr = { .op = FTS_OP_GETATTR };

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_WRITE, &file, &id);
  write_file (id, 0, "still here", 10);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &rig.root, "f"), 0);
  ck_assert_int_eq (read_file (id, 0, 100), 0);
  ck_assert_uint_eq (rig.data->len, 10);
  if (!configs[_i].by_path) {
    getattr.handle = file;
    getattr.open_id = id;
    ck_assert_int_eq (rig_run (&rig, &getattr, NULL, 0), 0);
    ck_assert_uint_eq (rig.answer.attr.nlink, 0);
  }
  ck_assert_int_eq (close_file (id), 0);
  ck_assert_int_eq (rig_getattr (&rig, &file), ESTALE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_files_are_closed_beside_another_command)
{
  FtsRequest request = { .op = FTS_OP_STATFS, .n_closes = 3 };
  FtsServerStats stats;
  uint64_t ids[2];

  rig_open (&rig, "", &configs[_i]);
  for (int i = 0; i < 2; i++)
    rig_create (&rig, &rig.root, "f", FTS_OPEN_READ, NULL, &ids[i]);
  request.handle = rig.root;
  request.closes[0] = ids[1];
  request.closes[1] = 4711; /* nobody's */
  request.closes[2] = ids[0];
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_eq (stats.open_files, 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_closed_file_is_closed)
{
  FtsLe64 more[2];
  uint64_t ids[3];
  FtsRequest request = { .op = FTS_OP_CLOSE };
  FtsServerStats stats;

  rig_open (&rig, "", &configs[_i]);
  for (int i = 0; i < 3; i++)
    rig_create (&rig, &rig.root, "f", FTS_OPEN_READ, NULL, &ids[i]);
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_eq (stats.open_files, 3);
  request.open_id = ids[0];
  more[0] = fts_le64 (ids[1]);
  more[1] = fts_le64 (ids[2]);
  ck_assert_int_eq (rig_run (&rig, &request, more, sizeof more), 0);
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_eq (stats.open_files, 0);
  ck_assert_int_eq (read_file (ids[1], 0, 1), ESTALE);
  ck_assert_int_eq (close_file (ids[0]), 0); /* saying it again is well */
  rig_close (&rig);
}
END_TEST

START_TEST (test_reads_and_writes_work_by_handle_alone)
{
  FtsHandle file;
  FtsRequest request = { .op = FTS_OP_WRITE, .offset = 2, .length = 3 };
  g_autofree char *content = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "0123456789");
  rig_lookup (&rig, &rig.root, "f", &file);
  request.handle = file;
  ck_assert_int_eq (rig_run (&rig, &request, "abc", 3), 0);
  content = rig_read_file (&rig, "f");
  ck_assert_str_eq (content, "01abc56789");
  request.op = FTS_OP_READ;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_mem_eq (rig.data->data, "abc", 3);
  rig_close (&rig);
}
END_TEST

START_TEST (test_fsync_takes_files_and_directories)
{
  FtsRequest request = { .op = FTS_OP_FSYNC };
  uint64_t id;

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, &request.handle, &id);
  request.open_id = id;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  request.open_flags = FTS_OPEN_DATASYNC;
  request.open_id = 0;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_open_files_of_an_earlier_server_are_stale)
{
  uint64_t id;

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_WRITE, NULL, &id);
  rig_restart (&rig, &configs[_i]);
  ck_assert_int_eq (read_file (id, 0, 1), ESTALE);
  ck_assert_int_eq (write_file (id, 0, "x", 1), ESTALE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_files_open_for_writing_at_an_earlier_start_of_the_host_are_lost)
{
  const uint64_t other_start = UINT64_C (1) << 60;
  uint64_t reader;
  uint64_t writer;

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, NULL, &writer);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_READ, NULL, &reader);
  ck_assert_int_eq (read_file (reader ^ other_start, 0, 1), ESTALE);
  ck_assert_int_eq (write_file (writer ^ other_start, 0, "x", 1), EIO);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_write_of_another_length_than_told_ends_with_an_error)
{
  FtsRequest request = { .op = FTS_OP_WRITE, .length = 3 };

  rig_open (&rig, "", &configs[_i]);
  rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, NULL, &request.open_id);
  ck_assert_int_eq (rig_run (&rig, &request, "12345", 5), EMSGSIZE);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0); /* the connection goes on */
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS (
  "fts/server_data", G_N_ELEMENTS (configs),
  test_open_brings_the_first_bytes_and_the_end,
  test_a_write_comes_back_whole_at_any_size_and_place,
  test_reading_ends_at_the_end_of_the_file, test_open_flags_do_what_they_say,
  test_only_regular_files_are_opened, test_create_opens_what_is_there_unless_exclusive,
  test_an_open_file_lives_on_without_its_name,
  test_files_are_closed_beside_another_command, test_a_closed_file_is_closed,
  test_reads_and_writes_work_by_handle_alone, test_fsync_takes_files_and_directories,
  test_open_files_of_an_earlier_server_are_stale,
  test_files_open_for_writing_at_an_earlier_start_of_the_host_are_lost,
  test_a_write_of_another_length_than_told_ends_with_an_error)
