/* The client half and the server half over a file LUN, each a member of its own. */
#include "base/error.h"
#include "component/channel/rig.h"
#include "fts/client.h"
#include "fts/server.h"

#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  Rig rig;
  Node server_node, client_node;
  char *dir; /* exported as "data" */
  char *here;
  FtsExports *exports;
  FtsServer *server;
  FtsClient *client;
} Pair;

/* ---- set-up ---- */

static void
start_server (Pair *pair, const char *wrapper)
{
  GError *error = NULL;

  const FtsServerConfig config = { .state_dir = pair->here };
  pair->server = fts_server_new_with (pair->exports, &config, &error);
  rig_ok (pair->server, error);
  const FtsDoorConfig door = {
    .service = FTS_SERVICE_FILES,
    .secret_of = fts_server_secret_of,
    .on_open = fts_server_on_open,
    .serve = fts_server_serve,
    .on_close = fts_server_on_close,
    .user_data = pair->server,
  };
  rig_serve (&pair->rig, &pair->server_node, wrapper, "south", &door);
}

static void
stop_server (Pair *pair)
{
  rig_leave (&pair->server_node);
  fts_server_free (pair->server);
}

static FtsClient *
new_client (Pair *pair, const char *export_name, GError **error)
{
  const FtsClientConfig config = { .peer = "south",
                                   .export_name = export_name,
                                   .max_connections = 4,
                                   .wait_ms = 5000,
                                   .timeout_ms = 20000 };
  return fts_client_new (pair->client_node.member, &config, error);
}

static char *
make_dir (void)
{
  char *dir = g_strdup ("/dev/shm/fts-pair-XXXXXX");
  ck_assert_ptr_nonnull (g_mkdtemp (dir));
  return dir;
}

static void
start_with (Pair *pair, const RigFormat *format, const char *options,
            const char *wrapper)
{
  GError *error = NULL;

  pair->dir = make_dir ();
  pair->here = make_dir ();
  pair->exports = fts_exports_new ();
  g_autofree char *spec = g_strdup_printf ("data=%s%s", pair->dir, options);
  rig_ok (fts_exports_add (pair->exports, spec, &error), error);
  rig_init (&pair->rig, format);
  start_server (pair, "");
  rig_join (&pair->rig, &pair->client_node, wrapper, "north", FTS_ROLE_MOUNT);
  pair->client = new_client (pair, "/data", &error);
  rig_ok (pair->client, error);
}

static void
start (Pair *pair)
{
  start_with (pair, NULL, "", "");
}

static void
remove_dir (char *dir)
{
  g_autofree char *command = g_strdup_printf ("rm -rf %s", dir);
  ck_assert_int_eq (system (command), 0);
  g_free (dir);
}

static void
stop (Pair *pair)
{
  fts_client_free (pair->client);
  rig_leave (&pair->client_node);
  stop_server (pair);
  fts_exports_free (pair->exports);
  rig_clear (&pair->rig);
  remove_dir (pair->dir);
  remove_dir (pair->here);
}

static void
assert_errno (GError *error, int errnum)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, FTS_ERRNO, errnum), "%s", error->message);
  g_error_free (error);
}

static void
write_file (const char *dir, const char *name, unsigned seed, size_t len)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GByteArray) bytes = rig_pattern (seed, len);

  ck_assert (
    g_file_set_contents (path, (const char *) bytes->data, (gssize) len, NULL));
}

static void
assert_same (const char *dir_a, const char *dir_b, const char *name)
{
  g_autofree char *a = g_build_filename (dir_a, name, NULL);
  g_autofree char *b = g_build_filename (dir_b, name, NULL);
  g_autofree char *bytes_a = NULL, *bytes_b = NULL;
  struct stat st_a, st_b;
  gsize len_a, len_b;

  ck_assert (g_file_get_contents (a, &bytes_a, &len_a, NULL));
  ck_assert (g_file_get_contents (b, &bytes_b, &len_b, NULL));
  ck_assert_uint_eq (len_a, len_b);
  ck_assert (len_a == 0 || memcmp (bytes_a, bytes_b, len_a) == 0);
  ck_assert (stat (a, &st_a) == 0 && stat (b, &st_b) == 0);
  ck_assert_int_eq (st_a.st_mtim.tv_nsec, st_b.st_mtim.tv_nsec);
  ck_assert_uint_eq (st_a.st_mode, st_b.st_mode);
}

static bool
collect (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  g_byte_array_append (user_data, data, (guint) len);
  return true;
}

/* ---- files ---- */

START_TEST (test_a_file_is_made_written_read_and_closed)
{
  Pair pair;
  FtsNode node;
  FtsAttr attr;
  uint64_t id;
  size_t written;
  bool eof;
  GError *error = NULL;
  g_autoptr (GByteArray) bytes = rig_pattern (1, 100000);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  struct iovec iov[] = { { bytes->data, 10 }, { bytes->data + 10, bytes->len - 10 } };

  start (&pair);
  rig_ok (fts_client_create (pair.client, NULL, fts_client_root (pair.client), "file",
                             0640, FTS_OPEN_READ | FTS_OPEN_WRITE, &node, &id, &error),
          error);
  rig_ok (fts_client_write (pair.client, &node.handle, id, 0, iov, 2, &written, &attr,
                            &error),
          error);
  ck_assert_uint_eq (written, bytes->len);
  ck_assert_uint_eq (attr.size, bytes->len);
  rig_ok (fts_client_read (pair.client, &node.handle, id, 0, bytes->len + 1, collect,
                           got, &eof, &error),
          error);
  ck_assert (eof);
  ck_assert_uint_eq (got->len, bytes->len);
  ck_assert_mem_eq (got->data, bytes->data, got->len);
  fts_client_close_file (pair.client, id);
  stop (&pair);
}
END_TEST

START_TEST (test_open_brings_the_first_bytes_along)
{
  Pair pair;
  FtsNode node;
  FtsAttr attr;
  uint64_t id;
  bool eof;
  FtsClientStats before, after;
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;

  start (&pair);
  write_file (pair.dir, "f", 3, 4096);
  rig_ok (fts_client_lookup (pair.client, NULL, fts_client_root (pair.client), "f",
                             &node, &error),
          error);
  fts_client_get_stats (pair.client, &before);
  rig_ok (fts_client_open (pair.client, NULL, &node.handle, FTS_OPEN_READ, 8192,
                           collect, got, &id, &attr, &eof, &error),
          error);
  fts_client_get_stats (pair.client, &after);
  ck_assert_uint_eq (got->len, 4096);
  ck_assert (eof);
  ck_assert_uint_eq (after.channels.messages_sent - before.channels.messages_sent, 1);
  fts_client_close_file (pair.client, id);
  stop (&pair);
}
END_TEST

START_TEST (test_a_directory_comes_in_pages)
{
  Pair pair;
  g_autoptr (GHashTable) names =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  uint64_t cookie = 0;
  bool eof = false;
  GError *error = NULL;

  start (&pair);
  for (unsigned i = 0; i < 300; i++) {
    g_autofree char *name = g_strdup_printf ("entry-%u", i);
    write_file (pair.dir, name, i, 1);
  }
  while (!eof) {
    g_autoptr (GByteArray) page = g_byte_array_new ();
    FtsDirent entry;
    size_t used;
    rig_ok (fts_client_dir (pair.client, NULL, fts_client_root (pair.client), cookie,
                            10000, "entry-*", page, &cookie, &eof, &error),
            error);
    for (size_t at = 0; at < page->len; at += used) {
      ck_assert (
        fts_wire_decode_dirent (page->data + at, page->len - at, &entry, &used));
      g_hash_table_add (names, g_strndup (entry.name.bytes, entry.name.len));
    }
  }
  ck_assert_uint_eq (g_hash_table_size (names), 300);
  stop (&pair);
}
END_TEST

START_TEST (test_errors_come_back_as_they_were)
{
  Pair pair;
  FtsNode node;
  GError *error = NULL;
  const FtsHandle *root;

  start (&pair);
  root = fts_client_root (pair.client);
  ck_assert (!fts_client_lookup (pair.client, NULL, root, "none", &node, &error));
  assert_errno (error, ENOENT);
  error = NULL;
  ck_assert (fts_client_mkdir (pair.client, NULL, root, "d", 0755, &node, NULL));
  ck_assert (!fts_client_mkdir (pair.client, NULL, root, "d", 0755, &node, &error));
  assert_errno (error, EEXIST);
  error = NULL;
  ck_assert (!fts_client_unlink (pair.client, NULL, root, "d", NULL, &error));
  assert_errno (error, EISDIR);
  stop (&pair);
}
END_TEST

START_TEST (test_an_export_that_does_not_exist_is_named)
{
  Pair pair;
  GError *error = NULL;

  start (&pair);
  ck_assert_ptr_null (new_client (&pair, "other", &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_NOT_FOUND));
  ck_assert_ptr_nonnull (strstr (error->message, "other"));
  g_error_free (error);
  stop (&pair);
}
END_TEST

START_TEST (test_a_read_only_export_refuses_changes)
{
  Pair pair;
  FtsNode node;
  GError *error = NULL;

  start_with (&pair, NULL, ":ro", "");
  ck_assert (fts_client_is_read_only (pair.client));
  ck_assert (!fts_client_mkdir (pair.client, NULL, fts_client_root (pair.client), "d",
                                0755, &node, &error));
  assert_errno (error, EROFS);
  stop (&pair);
}
END_TEST

typedef struct {
  Pair *pair;
  unsigned number;
} Worker;

static void *
work (void *data)
{
  Worker *worker = data;
  FtsClient *client = worker->pair->client;
  g_autofree char *name = g_strdup_printf ("w%u", worker->number);
  FtsNode node;
  uint64_t id;

  if (!fts_client_create (client, NULL, fts_client_root (client), name, 0600,
                          FTS_OPEN_READ | FTS_OPEN_WRITE, &node, &id, NULL))
    return NULL;
  for (unsigned i = 0; i < 30; i++) {
    g_autoptr (GByteArray) bytes = rig_pattern (worker->number * 100 + i, 3000);
    g_autoptr (GByteArray) got = g_byte_array_new ();
    struct iovec iov = { bytes->data, bytes->len };
    size_t written;
    bool eof;
    if (!fts_client_write (client, &node.handle, id, i * 3000, &iov, 1, &written,
                           &node.attr, NULL) ||
        !fts_client_read (client, &node.handle, id, i * 3000, 3000, collect, got, &eof,
                          NULL) ||
        got->len != 3000 || memcmp (got->data, bytes->data, 3000) != 0)
      return NULL;
  }
  fts_client_close_file (client, id);
  return worker;
}

START_TEST (test_many_threads_read_and_write_at_once)
{
  Pair pair;
  pthread_t threads[8];
  Worker workers[8];
  FtsClientStats stats;
  void *ok;

  start (&pair);
  for (unsigned i = 0; i < 8; i++) {
    workers[i] = (Worker){ &pair, i };
    pthread_create (&threads[i], NULL, work, &workers[i]);
  }
  for (unsigned i = 0; i < 8; i++) {
    pthread_join (threads[i], &ok);
    ck_assert_ptr_nonnull (ok);
  }
  fts_client_get_stats (pair.client, &stats);
  ck_assert_uint_le (stats.most_connections, 4);
  stop (&pair);
}
END_TEST

/* ---- whole files ---- */

static void
copy_both_ways (Pair *pair, const char *name, GError **error)
{
  const FtsTransfer transfer = { 0 };
  const FtsHandle *root = fts_client_root (pair->client);
  g_autofree char *local = g_build_filename (pair->here, name, NULL);
  g_autofree char *back = g_strconcat (local, ".back", NULL);
  g_autofree char *there = g_strconcat (name, ".back", NULL);

  if (!fts_client_get (pair->client, NULL, root, name, local, &transfer, error))
    return;
  assert_same (pair->dir, pair->here, name);
  ck_assert_int_eq (rename (local, back), 0);
  if (!fts_client_put (pair->client, NULL, root, back, there, &transfer, error))
    return;
  assert_same (pair->dir, pair->here, there);
}

START_TEST (test_files_of_odd_sizes_go_both_ways)
{
  /* payload 7,680 bytes */
  const size_t sizes[] = { 0,    1,    100,  511,  512,   513,   2048,
                           2049, 7679, 7680, 7681, 16384, 16385, (3 << 20) + 7 };
  Pair pair;

  start (&pair);
  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *name = g_strdup_printf ("f%zu", sizes[i]);
    GError *error = NULL;
    write_file (pair.dir, name, i, sizes[i]);
    copy_both_ways (&pair, name, &error);
    rig_ok (error == NULL, error);
  }
  stop (&pair);
}
END_TEST

START_TEST (test_a_put_does_not_replace_unless_told)
{
  Pair pair;
  FtsTransfer transfer = { 0 };
  GError *error = NULL;

  start (&pair);
  write_file (pair.dir, "f", 1, 10);
  write_file (pair.here, "f", 2, 20);
  g_autofree char *local = g_build_filename (pair.here, "f", NULL);
  const FtsHandle *root = fts_client_root (pair.client);
  ck_assert (!fts_client_put (pair.client, NULL, root, local, "f", &transfer, &error));
  assert_errno (error, EEXIST);
  error = NULL;
  transfer.replace = true;
  rig_ok (fts_client_put (pair.client, NULL, root, local, "f", &transfer, &error),
          error);
  assert_same (pair.dir, pair.here, "f");
  stop (&pair);
}
END_TEST

static bool
after_two (void *user_data)
{
  return ++*(int *) user_data > 2;
}

START_TEST (test_an_interrupted_put_is_resumed_by_the_server)
{
  Pair pair;
  int n = 0;
  FtsTransfer stopping = { .cancelled = after_two, .user_data = &n };
  FtsTransfer resuming = { .resume = true };
  FtsClientStats before, after;
  GError *error = NULL;

  start (&pair);
  write_file (pair.here, "f", 1, 16 << 20);
  g_autofree char *local = g_build_filename (pair.here, "f", NULL);
  const FtsHandle *root = fts_client_root (pair.client);
  ck_assert (!fts_client_put (pair.client, NULL, root, local, "f", &stopping, &error));
  assert_errno (error, ECANCELED);
  error = NULL;
  fts_client_get_stats (pair.client, &before);
  rig_ok (fts_client_put (pair.client, NULL, root, local, "f", &resuming, &error),
          error);
  fts_client_get_stats (pair.client, &after);
  assert_same (pair.dir, pair.here, "f");
  ck_assert_uint_lt (after.channels.bytes_sent - before.channels.bytes_sent, 12 << 20);
  stop (&pair);
}
END_TEST

START_TEST (test_an_interrupted_get_is_resumed)
{
  Pair pair;
  int n = 0;
  FtsTransfer stopping = { .cancelled = after_two, .user_data = &n };
  FtsTransfer resuming = { .resume = true };
  FtsClientStats before, after;
  GError *error = NULL;

  start (&pair);
  write_file (pair.dir, "f", 1, 16 << 20);
  g_autofree char *local = g_build_filename (pair.here, "f", NULL);
  const FtsHandle *root = fts_client_root (pair.client);
  ck_assert (!fts_client_get (pair.client, NULL, root, "f", local, &stopping, &error));
  assert_errno (error, ECANCELED);
  error = NULL;
  fts_client_get_stats (pair.client, &before);
  rig_ok (fts_client_get (pair.client, NULL, root, "f", local, &resuming, &error),
          error);
  fts_client_get_stats (pair.client, &after);
  assert_same (pair.dir, pair.here, "f");
  ck_assert_uint_lt (after.channels.bytes_received - before.channels.bytes_received,
                     12 << 20);
  stop (&pair);
}
END_TEST

/* ---- the server's end and return ---- */

START_TEST (test_a_server_that_left_is_an_error_at_once_and_found_when_back)
{
  Pair pair;
  FtsAttr attr;
  GError *error = NULL;

  start (&pair);
  const FtsHandle *root = fts_client_root (pair.client);
  stop_server (&pair);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (!fts_client_getattr (pair.client, NULL, root, 0, &attr, &error));
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 2000000);
  g_clear_error (&error);
  start_server (&pair, "");
  rig_ok (fts_client_getattr (pair.client, NULL, root, 0, &attr, &error), error);
  stop (&pair);
}
END_TEST

START_TEST (test_open_files_go_on_after_a_restart_of_the_server)
{
  Pair pair;
  FtsNode node;
  uint64_t id;
  bool eof;
  GError *error = NULL;
  g_autoptr (GByteArray) got = g_byte_array_new ();

  start (&pair);
  rig_ok (fts_client_create (pair.client, NULL, fts_client_root (pair.client), "f",
                             0640, FTS_OPEN_READ | FTS_OPEN_WRITE, &node, &id, &error),
          error);
  for (uint64_t i = 0; i < 3; i++) {
    struct iovec iov = { (void *) "abc", 3 };
    size_t written;
    rig_ok (fts_client_write (pair.client, &node.handle, id, 3 * i, &iov, 1, &written,
                              &node.attr, &error),
            error);
    stop_server (&pair);
    start_server (&pair, "");
  }
  rig_ok (
    fts_client_read (pair.client, &node.handle, id, 0, 100, collect, got, &eof, &error),
    error);
  ck_assert_uint_eq (got->len, 9);
  ck_assert_mem_eq (got->data, "abcabcabc", 9);
  fts_client_close_file (pair.client, id);
  stop (&pair);
}
END_TEST

FTS_SUITE (
  "fts/client-server", test_a_file_is_made_written_read_and_closed,
  test_open_brings_the_first_bytes_along, test_a_directory_comes_in_pages,
  test_errors_come_back_as_they_were, test_an_export_that_does_not_exist_is_named,
  test_a_read_only_export_refuses_changes, test_many_threads_read_and_write_at_once,
  test_files_of_odd_sizes_go_both_ways, test_a_put_does_not_replace_unless_told,
  test_an_interrupted_put_is_resumed_by_the_server, test_an_interrupted_get_is_resumed,
  test_a_server_that_left_is_an_error_at_once_and_found_when_back,
  test_open_files_go_on_after_a_restart_of_the_server)
