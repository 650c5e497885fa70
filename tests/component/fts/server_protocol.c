/* What a broken or hostile client can send: the connection ends or the call fails; the server
 * never does. */
#include "base/error.h"
#include "fts/server_ops.h"
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Rig rig;

static GPtrArray *
new_fragments (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
}

static int
run_bytes (const uint8_t *bytes, size_t len, size_t cut)
{
  GPtrArray *fragments = new_fragments ();

  for (size_t at = 0; at < len || at == 0; at += cut) {
    GByteArray *fragment = g_byte_array_new ();
    g_byte_array_append (fragment, bytes + at, (guint) MIN (cut, len - at));
    g_ptr_array_add (fragments, fragment);
  }
  return rig_run_fragments (&rig, fragments);
}

START_TEST (test_malformed_requests_end_the_connection)
{
  FtsRequest request = { .op = FTS_OP_LOOKUP, .name = rig_text ("f") };

  rig_open (&rig, "", NULL);
  request.handle = rig.root;
  g_autoptr (GByteArray) good = rig_encode (&request);
  for (guint len = 0; len < good->len; len++) {
    ck_assert_int_eq (run_bytes (good->data, len, 1000), -1);
    ck_assert (g_error_matches (rig.broken, FTS_ERROR, FTS_ERROR_PROTOCOL));
  }
  for (guint i = 0; i < 8; i++) { /* length, operation, version */
    g_autoptr (GByteArray) bad = rig_encode (&request);
    bad->data[i] ^= 0x55;
    int status = run_bytes (bad->data, bad->len, 1000);
    ck_assert (status == -1 || status > 0);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_request_may_come_in_any_pieces)
{
  FtsRequest request = { .op = FTS_OP_MKDIR,
                         .name = rig_text ("directory"),
                         .mode = 0755 };

  rig_open (&rig, "", NULL);
  request.handle = rig.root;
  g_autoptr (GByteArray) good = rig_encode (&request);
  for (guint cut = 1; cut < good->len; cut++) {
    ck_assert_int_eq (run_bytes (good->data, good->len, cut), 0);
    ck_assert_int_eq (rig_name_op (&rig, FTS_OP_RMDIR, &rig.root, "directory"), 0);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_nothing_but_attach_works_before_attach)
{
  FtsRequest request = { .op = FTS_OP_GETATTR };

  rig_open (&rig, "", NULL);
  request.handle = rig.root;
  fts_server_disconnect (rig.connection);
  rig.connection = fts_server_connect (rig.server, 1, 100, "alpha");
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EPROTO);
  rig_attach (&rig);
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_data_nobody_asked_for_is_dropped)
{
  FtsRequest request = { .op = FTS_OP_GETATTR };
  uint8_t data[200000] = { 0 };

  rig_open (&rig, "", NULL);
  request.handle = rig.root;
  ck_assert_int_eq (rig_run (&rig, &request, data, sizeof data), 0);
  ck_assert_int_eq (rig_getattr (&rig, &rig.root), 0);
  request.op = FTS_OP_CLOSE; /* more ids than a request may have */
  ck_assert_int_eq (rig_run (&rig, &request, data, sizeof data), EMSGSIZE);
  rig_close (&rig);
}
END_TEST

START_TEST (test_quit_ends_without_an_error)
{
  FtsRequest request = { .op = FTS_OP_QUIT };

  rig_open (&rig, "", NULL);
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_ptr_null (rig.broken);
  rig_close (&rig);
}
END_TEST

START_TEST (test_every_operation_survives_any_operands)
{
  /* Deterministic noise, the same every time. */
  uint32_t seed = 12345;

  rig_open (&rig, "", NULL);
  rig_write_file (&rig, "f", "content");
  for (int round = 0; round < 20000; round++) {
    FtsRequest request = { .op = FTS_OP_ATTACH + (FtsOp) (round % (FTS_OP_QUIT - 1)) };
    uint8_t data[64];
    if (request.op == FTS_OP_ATTACH)
      continue;
    uint64_t noise[8];
    for (int i = 0; i < 8; i++) {
      seed = seed * 1664525u + 1013904223u;
      noise[i] = (uint64_t) seed << (seed & 31);
    }
    request.handle = rig.root;
    request.handle2 = rig.root;
    request.name = rig_text (seed & 1 ? "f" : "g");
    request.name2 = rig_text (seed & 2 ? "f" : "h");
    request.open_id = noise[0] & 1 ? 0 : noise[0];
    request.offset = noise[1];
    request.length = noise[2];
    request.cookie = noise[3];
    request.mode = (uint32_t) noise[4];
    request.mask = (uint32_t) noise[5] & 0xff;
    request.open_flags = (uint32_t) noise[6];
    request.rdev = noise[7];
    request.attr.mode = (uint32_t) noise[0];
    request.attr.size = noise[1] & 0xffffff;
    request.attr.mtime.sec = (int64_t) noise[2];
    memset (data, (int) seed, sizeof data);
    rig_run (&rig, &request, data, seed % sizeof data);
    ck_assert_msg (rig.broken == NULL, "round %d: %s", round,
                   rig.broken ? rig.broken->message : "");
  }
  rig_close (&rig);
}
END_TEST

/* ---- handles and restarts ---- */

START_TEST (test_handles_outlive_a_restart)
{
  char state[] = "/dev/shm/ftsstateXXXXXX";
  FtsServerConfig config = { .state_dir = state };
  FtsHandle file;

  ck_assert_ptr_nonnull (mkdtemp (state));
  rig_open (&rig, "", &config);
  rig_write_file (&rig, "f", "");
  rig_lookup (&rig, &rig.root, "f", &file);
  rig_restart (&rig, &config);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  rig_restart (&rig, NULL); /* another key */
  ck_assert_int_eq (rig_getattr (&rig, &file), ESTALE);
  rig_lookup (&rig, &rig.root, "f", &file);
  rig_restart (&rig, NULL); /* the same, of the machine */
  bool has_id = g_file_test ("/etc/machine-id", G_FILE_TEST_EXISTS);
  ck_assert_int_eq (rig_getattr (&rig, &file), has_id ? 0 : ESTALE);
  rig_close (&rig);

  g_autofree char *key = g_build_filename (state, "handle.key", NULL);
  ck_assert_int_eq (chmod (key, 0644), 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (FtsExports) exports = fts_exports_new ();
  ck_assert (fts_exports_add (exports, "x=/dev/shm", NULL));
  ck_assert_ptr_null (fts_server_new_with (exports, &config, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
  unlink (key);
  rmdir (state);
}
END_TEST

START_TEST (test_unused_descriptors_are_bounded)
{
  const FtsServerConfig config = { .most_descriptors = 64 };
  FtsServerStats stats;

  rig_open (&rig, "", &config);
  for (int i = 0; i < 1000; i++) {
    g_autofree char *name = g_strdup_printf ("d%d", i);
    rig_make_dir (&rig, &rig.root, name, NULL);
  }
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_le (stats.descriptors.descriptors, 64);
  ck_assert_uint_gt (stats.descriptors.pins, 8);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_closed_connection_takes_its_open_files_along)
{
  FtsServerStats stats;

  rig_open (&rig, "", NULL);
  void *second = fts_server_connect (rig.server, 1, 100, "alpha");
  rig_create (&rig, &rig.root, "f", FTS_OPEN_WRITE, NULL, NULL);
  fts_server_disconnect (rig.connection);
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_eq (stats.open_files, 1); /* the other connection has them too */
  fts_server_disconnect (second);
  fts_server_get_stats (rig.server, &stats);
  ck_assert_uint_eq (stats.open_files, 0);
  ck_assert_uint_eq (stats.sessions, 0);
  rig.connection = fts_server_connect (rig.server, 1, 100, "alpha");
  rig_close (&rig);
}
END_TEST

START_TEST (test_every_command_that_changes_something_tells_of_it)
{
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command ((FtsOp) op);
    if (command != NULL && command->modifies)
      ck_assert_msg (fts_job_tells ((FtsOp) op), "%s", command->name);
  }
}
END_TEST

FTS_SUITE ("fts/server_protocol", test_every_command_that_changes_something_tells_of_it,
           test_malformed_requests_end_the_connection,
           test_a_request_may_come_in_any_pieces,
           test_nothing_but_attach_works_before_attach,
           test_data_nobody_asked_for_is_dropped, test_quit_ends_without_an_error,
           test_every_operation_survives_any_operands, test_handles_outlive_a_restart,
           test_unused_descriptors_are_bounded,
           test_a_closed_connection_takes_its_open_files_along)
