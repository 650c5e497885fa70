/* Whole-file transfers against a scripted server in place of the channel. */
#include "base/crc.h"
#include "base/error.h"
#include "fts/client.h"
#include "fts/local_file.h"
#include "fts/status.h"
#include "lib/fake_channel.h"
#include "lib/suite.h"
#include "lib/wire_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a private directory ---- */

static char *dir;

static char *
in_dir (const char *name)
{
  return g_build_filename (dir, name, NULL);
}

static void
make_dir (void)
{
  dir = g_strdup ("/dev/shm/fts-transfer-XXXXXX");
  ck_assert_ptr_nonnull (g_mkdtemp (dir));
}

static unsigned
count_files (void)
{
  GDir *listing = g_dir_open (dir, 0, NULL);
  unsigned n = 0;

  while (g_dir_read_name (listing) != NULL)
    n++;
  g_dir_close (listing);
  return n;
}

static void
remove_dir (void)
{
  GDir *listing = g_dir_open (dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (listing)) != NULL) {
    g_autofree char *path = in_dir (name);
    unlink (path);
  }
  g_dir_close (listing);
  rmdir (dir);
  g_free (dir);
}

static FtsClient *
new_client (void)
{
  const FtsClientConfig config = { .peer = "peer", .export_name = "e" };
  FtsClient *client = fts_client_new (NULL, &config, NULL);

  ck_assert_ptr_nonnull (client);
  return client;
}

static void
assert_error (GError *error, GQuark domain, int code)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, domain, code), "%s", error->message);
  g_error_free (error);
}

/* ---- a server that holds one file: 10,000 bytes, a hole of 100,000, 5,000 bytes, a hole ---- */

#define SIZE 200000u

typedef enum {
  SERVE_WELL,
  SERVE_WRONG_CRC,
  SERVE_GAP,
  SERVE_STOP, /* with EIO after the first data */
  SERVE_CUT,  /* the connection breaks after the first data */
} Manner;

static Manner manner;
static uint64_t asked_offset;

static uint8_t
byte_at (uint64_t offset)
{
  return (uint8_t) (offset * 31 + offset / 251);
}

static FtsAttr
remote_attr (void)
{
  FtsAttr attr = sample_attr ();
  attr.mode = S_IFREG | 04640;
  attr.size = SIZE;
  attr.mtime = (FtsTime){ 1600000000, 123456789 };
  return attr;
}

static void
send_data (FtsChannel *channel, uint64_t from, uint64_t to, uint32_t *crc)
{
  while (from < to) {
    uint8_t fragment[FAKE_ROOM];
    FtsChunk chunk = { FTS_CHUNK_DATA, 0, 0, from,
                       MIN (to - from, FAKE_ROOM - FTS_CHUNK_LEN) };
    fts_wire_encode_chunk (&chunk, fragment);
    for (uint64_t i = 0; i < chunk.len; i++)
      fragment[FTS_CHUNK_LEN + i] = byte_at (from + i);
    *crc = fts_crc32c_extend (*crc, fragment + FTS_CHUNK_LEN, chunk.len);
    fake_more (channel, fragment, FTS_CHUNK_LEN + chunk.len, false);
    from += chunk.len;
  }
}

static void
send_chunk (FtsChannel *channel, FtsChunk chunk, bool last)
{
  uint8_t bytes[FTS_CHUNK_LEN];
  fts_wire_encode_chunk (&chunk, bytes);
  fake_more (channel, bytes, sizeof bytes, last);
}

static void
serve_chunks (FtsChannel *channel, uint64_t from)
{
  uint32_t crc = 0;

  if (from < 10000)
    send_data (channel, from, 10000, &crc);
  if (manner == SERVE_CUT)
    return;
  if (manner == SERVE_STOP) {
    send_chunk (channel, (FtsChunk){ FTS_CHUNK_END, FTS_STATUS_IO, 0, 0, 0 }, true);
    return;
  }
  if (manner != SERVE_GAP)
    send_chunk (channel, (FtsChunk){ FTS_CHUNK_HOLE, 0, 0, MAX (from, 10000), 100000 },
                false);
  send_data (channel, 110000, 115000, &crc);
  send_chunk (channel, (FtsChunk){ FTS_CHUNK_HOLE, 0, 0, 115000, SIZE - 115000 },
              false);
  send_chunk (
    channel, (FtsChunk){ FTS_CHUNK_END, 0, crc + (manner == SERVE_WRONG_CRC), 0, SIZE },
    true);
}

static void
serve_file (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
            size_t used, void *user_data)
{
  FtsAnswer answer = { .attr = remote_attr () };

  if (request->op == FTS_OP_WALK) {
    fake_answer (channel, &answer, NULL, 0, true);
    return;
  }
  asked_offset = request->offset;
  fake_answer (channel, &answer, NULL, 0, false);
  serve_chunks (channel, request->offset);
}

static bool
get (const char *target, bool replace, bool resume, GError **error)
{
  const FtsTransfer transfer = { .replace = replace, .resume = resume };
  g_autoptr (FtsClient) client = new_client ();

  return fts_client_get (client, NULL, fts_client_root (client), "r", target, &transfer,
                         error);
}

static bool
is_whole (const char *path)
{
  g_autofree char *bytes = NULL;
  gsize len;

  if (!g_file_get_contents (path, &bytes, &len, NULL) || len != SIZE)
    return false;
  for (gsize i = 0; i < len; i++) {
    bool is_data = i < 10000 || (i >= 110000 && i < 115000);
    if ((uint8_t) bytes[i] != (is_data ? byte_at (i) : 0))
      return false;
  }
  return true;
}

/* ---- get ---- */

START_TEST (test_a_got_file_has_contents_holes_mode_and_times)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  struct stat st;

  manner = SERVE_WELL;
  fake_start (serve_file, NULL);
  ck_assert (get (target, false, false, NULL));
  ck_assert (is_whole (target));
  ck_assert_int_eq (stat (target, &st), 0);
  ck_assert_uint_eq (st.st_mode & 07777, 0640);
  ck_assert_int_eq (st.st_mtim.tv_sec, 1600000000);
  ck_assert_int_eq (st.st_mtim.tv_nsec, 123456789);
  ck_assert_uint_lt ((uint64_t) st.st_blocks * 512, 50000);
  ck_assert_uint_eq (count_files (), 1);
  remove_dir ();
}
END_TEST

START_TEST (test_an_existing_file_is_kept_without_replace)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  GError *error = NULL;

  manner = SERVE_WELL;
  fake_start (serve_file, NULL);
  ck_assert (g_file_set_contents (target, "old", 3, NULL));
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERRNO, EEXIST);
  ck_assert (!is_whole (target));
  ck_assert (get (target, true, false, NULL));
  ck_assert (is_whole (target));
  remove_dir ();
}
END_TEST

START_TEST (test_a_wrong_checksum_leaves_nothing)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  GError *error = NULL;

  manner = SERVE_WRONG_CRC;
  fake_start (serve_file, NULL);
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_CORRUPT);
  ck_assert_uint_eq (count_files (), 0);
  remove_dir ();
}
END_TEST

START_TEST (test_a_gap_is_a_protocol_error_and_leaves_nothing)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  GError *error = NULL;

  manner = SERVE_GAP;
  fake_start (serve_file, NULL);
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL);
  ck_assert_uint_eq (count_files (), 0);
  remove_dir ();
}
END_TEST

START_TEST (test_an_error_in_the_middle_is_the_servers)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  GError *error = NULL;

  manner = SERVE_STOP;
  fake_start (serve_file, NULL);
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERRNO, EIO);
  ck_assert (access (target, F_OK) < 0);
  remove_dir ();
}
END_TEST

START_TEST (test_an_interrupted_get_resumes_where_it_ended)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  GError *error = NULL;

  manner = SERVE_CUT;
  fake_start (serve_file, NULL);
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_CLOSED);
  ck_assert_uint_eq (count_files (), 1);
  manner = SERVE_WELL;
  ck_assert (get (target, false, true, NULL));
  ck_assert_uint_eq (asked_offset, 10000);
  ck_assert (is_whole (target));
  ck_assert_uint_eq (count_files (), 1);
  remove_dir ();
}
END_TEST

START_TEST (test_a_transfer_to_the_same_target_is_refused)
{
  make_dir ();
  g_autofree char *target = in_dir ("file");
  FtsAttr source = remote_attr ();
  FtsLocalFile *first = fts_local_file_new (target, &source, 0, NULL);
  GError *error = NULL;

  ck_assert_ptr_nonnull (first);
  ck_assert (fts_local_file_write (first, (const uint8_t *) "x", 1, NULL));
  manner = SERVE_WELL;
  fake_start (serve_file, NULL);
  ck_assert (!get (target, false, false, &error));
  assert_error (error, FTS_ERRNO, EBUSY);
  ck_assert_uint_eq (count_files (), 1);
  fts_local_file_free (first, FTS_LOCAL_REMOVE);
  remove_dir ();
}
END_TEST

START_TEST (test_a_device_is_never_replaced)
{
  GError *error = NULL;

  ck_assert (!fts_local_file_check_target ("/dev/null", true, &error));
  assert_error (error, FTS_ERRNO, EINVAL);
}
END_TEST

/* ---- put: a server that writes what comes into `received` ---- */

typedef struct {
  GByteArray *received; /* as the file would be */
  uint64_t n_data, n_holes, first_offset;
  uint32_t end_status;
  FtsRequest request;
} Received;

static Received got;

static void
take_chunk (const FtsChunk *chunk, const uint8_t *data, uint32_t *crc)
{
  if (chunk->kind == FTS_CHUNK_END) {
    got.end_status = chunk->status;
    if (chunk->status == 0) {
      ck_assert_uint_eq (chunk->crc, *crc);
      ck_assert_uint_eq (chunk->len, got.received->len);
    }
    return;
  }
  if (got.n_data + got.n_holes == 0)
    got.first_offset = chunk->offset;
  ck_assert_uint_eq (chunk->offset, got.received->len);
  g_byte_array_set_size (got.received, (guint) (chunk->offset + chunk->len));
  if (chunk->kind == FTS_CHUNK_HOLE) {
    got.n_holes++;
    memset (got.received->data + chunk->offset, 0, chunk->len);
    return;
  }
  got.n_data++;
  memcpy (got.received->data + chunk->offset, data, chunk->len);
  *crc = fts_crc32c_extend (*crc, data, chunk->len);
}

static void
take_fragments (const GPtrArray *fragments, size_t used)
{
  uint32_t crc = 0;

  for (guint i = 0; i < fragments->len; i++) {
    const GByteArray *fragment = g_ptr_array_index (fragments, i);
    size_t at = i == 0 ? used : 0;
    while (at < fragment->len) {
      FtsChunk chunk;
      ck_assert (
        fts_wire_decode_chunk (fragment->data + at, fragment->len - at, &chunk));
      take_chunk (&chunk, fragment->data + at + FTS_CHUNK_LEN, &crc);
      at += FTS_CHUNK_LEN + (chunk.kind == FTS_CHUNK_DATA ? chunk.len : 0);
    }
  }
}

/* USER_DATA: how much of the file an earlier transfer left. */
static void
serve_put (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
           size_t used, void *user_data)
{
  FtsAnswer answer = { .attr = sample_attr () };

  if (request->op == FTS_OP_WALK) {
    answer.attr.size = got.received->len;
    answer.status = got.received->len ? 0 : fts_status_from_errno (ENOENT);
    fake_answer (channel, &answer, NULL, 0, true);
    return;
  }
  got.request = *request;
  take_fragments (fragments, used);
  if (got.end_status != fts_status_from_errno (ECANCELED)) /* else answered before */
    fake_answer (channel, &answer, NULL, 0, true);
}

static bool
put_file (const char *source, bool resume, GError **error)
{
  const FtsTransfer transfer = { .replace = true, .resume = resume };
  g_autoptr (FtsClient) client = new_client ();

  return fts_client_put (client, NULL, fts_client_root (client), source, "sub/r",
                         &transfer, error);
}

static void
write_run (int fd, uint64_t from, uint64_t to)
{
  g_autofree uint8_t *bytes = g_malloc (to - from + 1);

  for (uint64_t i = from; i < to; i++)
    bytes[i - from] = byte_at (i);
  ck_assert_int_eq (pwrite (fd, bytes, to - from, (off_t) from), (int) (to - from));
}

static char *
make_source (uint64_t len, uint64_t hole_at, uint64_t hole_len)
{
  char *path = in_dir ("source");
  int fd = open (path, O_RDWR | O_CREAT | O_TRUNC, 0600);

  write_run (fd, 0, MIN (len, hole_at));
  if (hole_at + hole_len < len)
    write_run (fd, hole_at + hole_len, len);
  ck_assert_int_eq (ftruncate (fd, (off_t) len), 0);
  close (fd);
  got = (Received){ .received = g_byte_array_new () };
  return path;
}

static void
assert_received (const char *path)
{
  g_autofree char *bytes = NULL;
  gsize len;

  ck_assert (g_file_get_contents (path, &bytes, &len, NULL));
  ck_assert_uint_eq (got.received->len, len);
  if (len > 0)
    ck_assert_mem_eq (got.received->data, bytes, len);
  g_byte_array_unref (got.received);
}

START_TEST (test_files_of_all_odd_sizes_arrive)
{
  const uint64_t sizes[] = { 0,
                             1,
                             511,
                             512,
                             513,
                             2048,
                             2049,
                             FAKE_ROOM - 100,
                             FAKE_ROOM,
                             FAKE_ROOM + 1,
                             3 * FAKE_ROOM + 7,
                             100003 };

  make_dir ();
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *source = make_source (sizes[i], 0, 0);
    fake_start (serve_put, NULL);
    ck_assert (put_file (source, false, NULL));
    ck_assert_uint_eq (got.request.attr.size, sizes[i]);
    assert_received (source);
  }
  remove_dir ();
}
END_TEST

START_TEST (test_a_hole_is_not_sent)
{
  make_dir ();
  g_autofree char *source = make_source (300000, 8192, 200 * 1024);

  fake_start (serve_put, NULL);
  ck_assert (put_file (source, false, NULL));
  ck_assert_uint_eq (got.n_holes, 1);
  assert_received (source);
  remove_dir ();
}
END_TEST

START_TEST (test_a_file_of_nothing_but_a_hole_is_one_chunk)
{
  make_dir ();
  g_autofree char *source = make_source (0, 0, 0);

  ck_assert_int_eq (truncate (source, 1 << 20), 0);
  fake_start (serve_put, NULL);
  ck_assert (put_file (source, false, NULL));
  ck_assert_uint_eq (got.n_holes, 1);
  ck_assert_uint_eq (got.n_data, 0);
  assert_received (source);
  remove_dir ();
}
END_TEST

START_TEST (test_an_interrupted_put_resumes_where_it_ended)
{
  make_dir ();
  g_autofree char *source = make_source (50000, 0, 0);

  for (guint i = 0; i < 30001; i++) {
    uint8_t byte = byte_at (i);
    g_byte_array_append (got.received, &byte, 1);
  }
  fake_start (serve_put, NULL);
  ck_assert (put_file (source, true, NULL));
  ck_assert_uint_eq (got.first_offset, 30001);
  ck_assert_uint_eq (got.request.open_flags, FTS_PUT_REPLACE | FTS_PUT_RESUME);
  assert_received (source);
  remove_dir ();
}
END_TEST

static void
serve_full_disk (FtsChannel *channel, const FtsRequest *request,
                 const GPtrArray *fragments, size_t used, void *user_data)
{
  FtsAnswer answer = { .status = fts_status_from_errno (ENOSPC) };
  fake_answer (channel, &answer, NULL, 0, true);
}

START_TEST (test_an_early_error_ends_the_sending)
{
  make_dir ();
  g_autofree char *source = make_source (400000, 0, 0);
  GError *error = NULL;

  fake_start (serve_put, NULL);
  fake.serve_early = serve_full_disk;
  ck_assert (!put_file (source, false, &error));
  assert_error (error, FTS_ERRNO, ENOSPC);
  ck_assert_uint_eq (got.end_status, fts_status_from_errno (ECANCELED));
  ck_assert_uint_lt (got.received->len, 50000);
  g_byte_array_unref (got.received);
  remove_dir ();
}
END_TEST

static bool
always (void *user_data)
{
  return true;
}

START_TEST (test_a_cancelled_put_ends_its_message)
{
  make_dir ();
  g_autofree char *source = make_source (100000, 0, 0);
  const FtsTransfer transfer = { .cancelled = always };
  GError *error = NULL;

  fake_start (serve_put, NULL);
  g_autoptr (FtsClient) client = new_client ();
  ck_assert (!fts_client_put (client, NULL, fts_client_root (client), source, "r",
                              &transfer, &error));
  assert_error (error, FTS_ERRNO, ECANCELED);
  ck_assert_uint_eq (got.end_status, fts_status_from_errno (ECANCELED));
  g_byte_array_unref (got.received);
  remove_dir ();
}
END_TEST

START_TEST (test_a_directory_cannot_be_put)
{
  make_dir ();
  GError *error = NULL;

  fake_start (serve_put, NULL);
  ck_assert (!put_file (dir, false, &error));
  assert_error (error, FTS_ERRNO, EISDIR);
  remove_dir ();
}
END_TEST

FTS_SUITE ("fts/transfer", test_a_got_file_has_contents_holes_mode_and_times,
           test_an_existing_file_is_kept_without_replace,
           test_a_wrong_checksum_leaves_nothing,
           test_a_gap_is_a_protocol_error_and_leaves_nothing,
           test_an_error_in_the_middle_is_the_servers,
           test_an_interrupted_get_resumes_where_it_ended,
           test_a_transfer_to_the_same_target_is_refused,
           test_a_device_is_never_replaced, test_files_of_all_odd_sizes_arrive,
           test_a_hole_is_not_sent, test_a_file_of_nothing_but_a_hole_is_one_chunk,
           test_an_interrupted_put_resumes_where_it_ended,
           test_an_early_error_ends_the_sending, test_a_cancelled_put_ends_its_message,
           test_a_directory_cannot_be_put)
