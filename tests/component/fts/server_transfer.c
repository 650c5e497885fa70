#include "base/crc.h"
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Rig rig;

static GByteArray *
pattern (size_t len)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, (guint) len);
  for (size_t i = 0; i < len; i++)
    bytes->data[i] = (uint8_t) (i * 13 + i / 253);
  return bytes;
}

/* ---- GET ---- */

typedef struct {
  GByteArray *content; /* holes as zeros */
  FtsChunk end;
  uint64_t hole_len;
} Got;

static int
get_file (const char *path, uint64_t offset, uint64_t len, Got *got)
{
  FtsRequest request = { .op = FTS_OP_GET,
                         .handle = rig.root,
                         .name = rig_text (path),
                         .offset = offset,
                         .length = len };
  int failed = rig_run (&rig, &request, NULL, 0);
  size_t at = 0;
  uint32_t crc = 0;
  FtsChunk chunk = { 0 };

  *got = (Got){ .content = g_byte_array_new () };
  if (failed)
    return failed;
  while (chunk.kind != FTS_CHUNK_END) {
    ck_assert (fts_wire_decode_chunk (rig.data->data + at, rig.data->len - at, &chunk));
    at += FTS_CHUNK_LEN;
    if (chunk.kind == FTS_CHUNK_END)
      break;
    ck_assert_uint_eq (chunk.offset, offset + got->content->len);
    guint old = got->content->len;
    g_byte_array_set_size (got->content, old + (guint) chunk.len);
    memset (got->content->data + old, 0, chunk.len);
    if (chunk.kind == FTS_CHUNK_HOLE) {
      got->hole_len += chunk.len;
      continue;
    }
    memcpy (got->content->data + old, rig.data->data + at, chunk.len);
    crc = fts_crc32c_extend (crc, rig.data->data + at, chunk.len);
    at += chunk.len;
  }
  ck_assert_uint_eq (at, rig.data->len);
  ck_assert_uint_eq (chunk.crc, crc);
  got->end = chunk;
  return 0;
}

static void
check_get (const GByteArray *expected, uint64_t offset, uint64_t len)
{
  Got got;

  ck_assert_int_eq (get_file ("f", offset, len, &got), 0);
  uint64_t left = expected->len - MIN (offset, expected->len);
  uint64_t want = len > 0 ? MIN (len, left) : left;
  ck_assert_uint_eq (got.content->len, want);
  if (want > 0)
    ck_assert_mem_eq (got.content->data, expected->data + offset, want);
  ck_assert_uint_eq (got.end.status, 0);
  g_byte_array_unref (got.content);
}

START_TEST (test_get_brings_files_of_any_size)
{
  const size_t sizes[] = { 0, 1, 4096, 16384, 16385, 65000, 65536, 500000 };

  rig_open (&rig, "", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GByteArray) bytes = pattern (sizes[i]);
    g_autofree char *path = rig_path (&rig, "f");
    ck_assert (g_file_set_contents (path, (const char *) bytes->data,
                                    (gssize) bytes->len, NULL));
    check_get (bytes, 0, 0);
    check_get (bytes, 1000, 0);
    check_get (bytes, 100, 70000);
    check_get (bytes, 1u << 30, 0);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_get_of_a_small_file_is_one_fragment)
{
  Got got;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "f", "small");
  ck_assert_int_eq (get_file ("f", 0, 0, &got), 0);
  ck_assert_uint_eq (rig.n_fragments, 1);
  ck_assert_uint_eq (rig.answer.attr.size, 5);
  g_byte_array_unref (got.content);
  rig_close (&rig);
}
END_TEST

START_TEST (test_get_tells_holes_instead_of_sending_them)
{
  g_autofree char *path = NULL;
  Got got;

  rig_open (&rig, "", NULL);
  path = rig_path (&rig, "f");
  int fd = open (path, O_WRONLY | O_CREAT, 0644);
  ck_assert_int_eq (pwrite (fd, "begin", 5, 0), 5);
  ck_assert_int_eq (pwrite (fd, "end", 3, 1000000), 3);
  ck_assert_int_eq (ftruncate (fd, 2000000), 0);
  close (fd);
  ck_assert_int_eq (get_file ("f", 0, 0, &got), 0);
  ck_assert_uint_eq (got.content->len, 2000000);
  ck_assert_uint_ge (got.hole_len, 1900000);
  ck_assert_mem_eq (got.content->data + 1000000, "end", 3);
  ck_assert_uint_eq (got.end.len, 2000000);
  g_byte_array_unref (got.content);
  rig_close (&rig);
}
END_TEST

START_TEST (test_get_refuses_what_is_no_file)
{
  Got got;
  g_autofree char *fifo = NULL;

  rig_open (&rig, "", NULL);
  rig_make_dir (&rig, &rig.root, "d", NULL);
  fifo = rig_path (&rig, "fifo");
  mkfifo (fifo, 0644);
  ck_assert_int_eq (get_file ("d", 0, 0, &got), EISDIR);
  g_byte_array_unref (got.content);
  ck_assert_int_eq (get_file ("none", 0, 0, &got), ENOENT);
  g_byte_array_unref (got.content);
  ck_assert_int_eq (get_file ("fifo", 0, 0, &got), ENXIO);
  g_byte_array_unref (got.content);
  rig_close (&rig);
}
END_TEST

/* ---- PUT ---- */

typedef struct {
  FtsRequest request;
  GPtrArray *fragments;
  uint32_t crc;
  uint64_t position;
} Sent;

static Sent
begin_put (const char *path, uint32_t flags, uint64_t size)
{
  Sent sent = { .request = { .op = FTS_OP_PUT,
                             .handle = rig.root,
                             .name = rig_text (path),
                             .open_flags = flags,
                             .umask = 022,
                             .attr = { .mode = S_IFREG | 0640,
                                       .size = size,
                                       .atime = { 11, 5 },
                                       .mtime = { 22, 6 } } } };

  sent.fragments = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  g_ptr_array_add (sent.fragments, rig_encode (&sent.request));
  return sent;
}

static void
add_chunk (Sent *sent, FtsChunkKind kind, const void *data, uint64_t len)
{
  FtsChunk chunk = { .kind = kind, .offset = sent->position, .len = len };
  GByteArray *bytes = g_byte_array_new ();
  uint8_t raw[FTS_CHUNK_LEN];

  if (kind == FTS_CHUNK_END) {
    chunk.crc = sent->crc;
    chunk.offset = 0;
    chunk.status = (uint32_t) len;
    chunk.len = sent->position;
  }
  fts_wire_encode_chunk (&chunk, raw);
  g_byte_array_append (bytes, raw, sizeof raw);
  if (kind == FTS_CHUNK_DATA) {
    g_byte_array_append (bytes, data, (guint) len);
    sent->crc = fts_crc32c_extend (sent->crc, data, len);
  }
  if (kind != FTS_CHUNK_END)
    sent->position += len;
  g_ptr_array_add (sent->fragments, bytes);
}

static char *
partial_path (const Sent *sent)
{
  g_autofree char *name = fts_wire_partial_name ("f", &sent->request.attr);
  return rig_path (&rig, name);
}

START_TEST (test_put_makes_a_file_with_mode_and_times)
{
  g_autofree char *content = NULL;
  g_autofree char *partial = NULL;

  rig_open (&rig, "", NULL);
  rig_make_dir (&rig, &rig.root, "d", NULL);
  Sent sent = begin_put ("d/f", 0, 10);
  partial = partial_path (&sent);
  add_chunk (&sent, FTS_CHUNK_DATA, "01234", 5);
  add_chunk (&sent, FTS_CHUNK_DATA, "56789", 5);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 10);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFREG | 0640);
  ck_assert_int_eq (rig.answer.attr.mtime.sec, 22);
  ck_assert_uint_eq (rig.answer.attr.mtime.nsec, 6);
  content = rig_read_file (&rig, "d/f");
  ck_assert_str_eq (content, "0123456789");
  ck_assert (!g_file_test (partial, G_FILE_TEST_EXISTS));
  rig_close (&rig);
}
END_TEST

START_TEST (test_put_of_an_empty_file_and_of_holes_works)
{
  struct stat st;
  g_autofree char *path = NULL;

  rig_open (&rig, "", NULL);
  Sent sent = begin_put ("f", 0, 0);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), 0);
  sent = begin_put ("f", FTS_PUT_REPLACE, 2000000);
  add_chunk (&sent, FTS_CHUNK_HOLE, NULL, 1000000);
  add_chunk (&sent, FTS_CHUNK_DATA, "x", 1);
  add_chunk (&sent, FTS_CHUNK_HOLE, NULL, 999999);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), 0);
  path = rig_path (&rig, "f");
  ck_assert_int_eq (stat (path, &st), 0);
  ck_assert_int_eq (st.st_size, 2000000);
  ck_assert_int_lt (st.st_blocks * 512, 100000);
  rig_close (&rig);
}
END_TEST

START_TEST (test_put_replaces_only_when_told_and_never_a_directory)
{
  g_autofree char *content = NULL;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "f", "old");
  rig_make_dir (&rig, &rig.root, "d", NULL);
  Sent sent = begin_put ("f", 0, 0);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), EEXIST);
  content = rig_read_file (&rig, "f");
  ck_assert_str_eq (content, "old");
  sent = begin_put ("d", FTS_PUT_REPLACE, 0);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), EISDIR);
  sent = begin_put ("none/f", 0, 0);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_wrong_checksum_or_length_leaves_nothing)
{
  for (int defect = 0; defect < 3; defect++) {
    g_autofree char *partial = NULL;
    g_autofree char *path = NULL;
    rig_open (&rig, "", NULL);
    Sent sent = begin_put ("f", 0, 5);
    partial = partial_path (&sent);
    path = rig_path (&rig, "f");
    add_chunk (&sent, FTS_CHUNK_DATA, "01234", 5);
    if (defect == 0)
      sent.crc ^= 1;
    if (defect == 1)
      sent.position = 4;
    if (defect == 2)
      sent.position = 7;
    if (defect == 2)
      add_chunk (&sent, FTS_CHUNK_DATA, "gap", 3);
    add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
    ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments),
                      defect == 2 ? EPROTO : EIO);
    ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
    ck_assert (!g_file_test (partial, G_FILE_TEST_EXISTS));
    rig_close (&rig);
  }
}
END_TEST

START_TEST (test_an_interrupted_put_is_resumed)
{
  g_autofree char *partial = NULL;
  g_autofree char *content = NULL;

  rig_open (&rig, "", NULL);
  Sent sent = begin_put ("f", 0, 10);
  partial = partial_path (&sent);
  add_chunk (&sent, FTS_CHUNK_DATA, "01234", 5);
  add_chunk (&sent, FTS_CHUNK_DATA, "lost", 4);
  rig.memory.break_after = 2;
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), -1);
  rig.memory.break_after = 0;
  ck_assert (g_file_test (partial, G_FILE_TEST_EXISTS));

  sent = begin_put ("f", FTS_PUT_RESUME, 10);
  sent.position = 5;
  add_chunk (&sent, FTS_CHUNK_DATA, "56789", 5);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), 0);
  content = rig_read_file (&rig, "f");
  ck_assert_str_eq (content, "0123456789");
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_cancelled_put_stays_and_a_failed_one_goes)
{
  const int causes[] = { ECANCELED, EIO };

  for (size_t i = 0; i < G_N_ELEMENTS (causes); i++) {
    g_autofree char *partial = NULL;
    rig_open (&rig, "", NULL);
    Sent sent = begin_put ("f", 0, 10);
    partial = partial_path (&sent);
    add_chunk (&sent, FTS_CHUNK_DATA, "01234", 5);
    add_chunk (&sent, FTS_CHUNK_END, NULL, fts_status_from_errno (causes[i]));
    ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), causes[i]);
    ck_assert_int_eq (g_file_test (partial, G_FILE_TEST_EXISTS),
                      causes[i] == ECANCELED);
    rig_close (&rig);
  }
}
END_TEST

START_TEST (test_resuming_beyond_what_is_there_is_refused)
{
  rig_open (&rig, "", NULL);
  Sent sent = begin_put ("f", FTS_PUT_RESUME, 10);
  sent.position = 5;
  add_chunk (&sent, FTS_CHUNK_DATA, "56789", 5);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), ESTALE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_damaged_chunks_end_the_put_and_not_the_connection)
{
  rig_open (&rig, "", NULL);
  Sent sent = begin_put ("f", 0, 10);
  GByteArray *junk = g_byte_array_new ();
  g_byte_array_append (junk, (const uint8_t *) "this is no chunk header at all, is it",
                       37);
  g_ptr_array_add (sent.fragments, junk);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), EPROTO);
  sent = begin_put ("f", 0, 10); /* ends without END */
  add_chunk (&sent, FTS_CHUNK_DATA, "01234", 5);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), EPROTO);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_put_through_a_planted_link_writes_nowhere_else)
{
  g_autofree char *partial = NULL;
  g_autofree char *victim = NULL;
  g_autofree char *content = NULL;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "victim", "precious");
  victim = rig_path (&rig, "victim");
  Sent sent = begin_put ("f", 0, 3);
  partial = partial_path (&sent);
  ck_assert_int_eq (symlink (victim, partial), 0);
  add_chunk (&sent, FTS_CHUNK_DATA, "new", 3);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), ELOOP);
  ck_assert_int_eq (unlink (partial), 0);
  ck_assert_int_eq (link (victim, partial), 0);
  sent = begin_put ("f", 0, 3);
  add_chunk (&sent, FTS_CHUNK_DATA, "new", 3);
  add_chunk (&sent, FTS_CHUNK_END, NULL, 0);
  ck_assert_int_eq (rig_run_fragments (&rig, sent.fragments), EBUSY);
  content = rig_read_file (&rig, "victim");
  ck_assert_str_eq (content, "precious");
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/server_transfer", test_get_brings_files_of_any_size,
           test_get_of_a_small_file_is_one_fragment,
           test_get_tells_holes_instead_of_sending_them,
           test_get_refuses_what_is_no_file, test_put_makes_a_file_with_mode_and_times,
           test_put_of_an_empty_file_and_of_holes_works,
           test_put_replaces_only_when_told_and_never_a_directory,
           test_a_wrong_checksum_or_length_leaves_nothing,
           test_an_interrupted_put_is_resumed,
           test_a_cancelled_put_stays_and_a_failed_one_goes,
           test_resuming_beyond_what_is_there_is_refused,
           test_damaged_chunks_end_the_put_and_not_the_connection,
           test_put_through_a_planted_link_writes_nowhere_else)
