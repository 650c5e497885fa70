/* The client half against a scripted server in place of the channel. */
#include "fts/client.h"

#include "base/error.h"
#include "fts/status.h"
#include "lib/fake_channel.h"
#include "lib/suite.h"
#include "lib/wire_samples.h"

#include <errno.h>
#include <pthread.h>

static const FtsHandle some_file = { 3, { 1, 2, 3 } };

static FtsClient *
new_client (void)
{
  const FtsClientConfig config = {
    .peer = "peer", .export_name = "/export", .max_connections = 4, .wait_ms = 100
  };
  GError *error = NULL;
  FtsClient *client = fts_client_new (NULL, &config, &error);

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

/* ---- servers ---- */

static void
serve_node (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
            size_t used, void *user_data)
{
  FtsAnswer answer = { .handle = some_file,
                       .attr = sample_attr (),
                       .name = { "/full", 5 } };
  fake_answer (channel, &answer, NULL, 0, true);
}

static void
serve_error (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
             size_t used, void *user_data)
{
  FtsAnswer answer = { .status = fts_status_from_errno (ENOTEMPTY) };
  fake_answer (channel, &answer, NULL, 0, true);
}

/* 5,000 bytes in three fragments, whatever was asked. */
static void
serve_read (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
            size_t used, void *user_data)
{
  static uint8_t bytes[5000];
  FtsAnswer answer = { .flags = FTS_ANSWER_EOF };

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) i;
  fake_answer (channel, &answer, bytes, 1000, false);
  fake_more (channel, bytes + 1000, 3000, false);
  fake_more (channel, bytes + 4000, 1000, true);
}

static void
serve_wrong_tag (FtsChannel *channel, const FtsRequest *request,
                 const GPtrArray *fragments, size_t used, void *user_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FtsAnswer answer = { .op = request->op, .tag = request->tag + 1 };

  fts_wire_encode_answer (&answer, bytes);
  fake_more (channel, bytes->data, bytes->len, true);
}

/* Appends written bytes to USER_DATA; writes at most 8,192 at once, as ATTACH said. */
static void
serve_write (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
             size_t used, void *user_data)
{
  const GByteArray *first = g_ptr_array_index (fragments, 0);
  FtsAnswer answer = { .length = first->len - used, .attr = sample_attr () };

  ck_assert_uint_eq (request->length, first->len - used);
  ck_assert_uint_le (request->length, 8192);
  ck_assert_uint_eq (request->offset, ((GByteArray *) user_data)->len);
  g_byte_array_append (user_data, first->data + used, (guint) (first->len - used));
  fake_answer (channel, &answer, NULL, 0, true);
}

static pthread_mutex_t closes_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_closed, n_close_messages;

static void
serve_close (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
             size_t used, void *user_data)
{
  const GByteArray *first = g_ptr_array_index (fragments, 0);
  FtsAnswer answer = { .handle = some_file, .open_id = 7 };

  pthread_mutex_lock (&closes_lock);
  n_closed += request->n_closes;
  pthread_mutex_unlock (&closes_lock);
  if (request->op != FTS_OP_CLOSE) {
    fake_answer (channel, &answer, NULL, 0, true);
    return;
  }
  pthread_mutex_lock (&closes_lock);
  n_close_messages++;
  n_closed += 1 + (unsigned) ((first->len - used) / sizeof (FtsLe64));
  pthread_mutex_unlock (&closes_lock);
  fake_answer (channel, &answer, NULL, 0, true);
}

static bool
collect (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  g_byte_array_append (user_data, data, (guint) len);
  return true;
}

static bool
refuse (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  return fts_set_errno (error, EINTR, "sink");
}

/* ---- calls ---- */

START_TEST (test_a_lookup_brings_handle_and_attributes)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  FtsNode node;

  ck_assert (
    fts_client_lookup (client, NULL, fts_client_root (client), "x", &node, NULL));
  ck_assert_uint_eq (node.handle.len, some_file.len);
  ck_assert_uint_eq (node.attr.size, sample_attr ().size);
  ck_assert_uint_eq (fts_client_root (client)->bytes[0], 0x52);
}
END_TEST

START_TEST (test_a_walk_copies_the_full_path)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  g_autofree char *full = NULL;
  FtsNode node;

  ck_assert (fts_client_walk (client, NULL, fts_client_root (client), "a/b", &node,
                              &full, NULL));
  ck_assert_str_eq (full, "/full");
}
END_TEST

START_TEST (test_a_status_becomes_its_errno_and_the_connection_stays)
{
  fake_start (serve_error, NULL);
  g_autoptr (FtsClient) client = new_client ();

  for (int i = 0; i < 3; i++) {
    GError *error = NULL;
    ck_assert (!fts_client_rmdir (client, NULL, &some_file, "d", NULL, &error));
    assert_error (error, FTS_ERRNO, ENOTEMPTY);
  }
  ck_assert_uint_eq (fake.n_connects, 1);
}
END_TEST

START_TEST (test_a_name_that_is_too_long_never_leaves)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  g_autofree char *name = g_strnfill (FTS_TEXT_MAX + 1, 'x');
  unsigned before = fake.n_messages;
  GError *error = NULL;

  ck_assert (!fts_client_unlink (client, NULL, &some_file, name, NULL, &error));
  assert_error (error, FTS_ERRNO, ENAMETOOLONG);
  ck_assert_uint_eq (fake.n_messages, before);
}
END_TEST

START_TEST (test_read_data_arrives_in_order_from_all_fragments)
{
  fake_start (serve_read, NULL);
  g_autoptr (FtsClient) client = new_client ();
  g_autoptr (GByteArray) got = g_byte_array_new ();
  bool eof;

  ck_assert (
    fts_client_read (client, &some_file, 0, 0, 8192, collect, got, &eof, NULL));
  ck_assert (eof);
  ck_assert_uint_eq (got->len, 5000);
  for (guint i = 0; i < got->len; i++)
    ck_assert_uint_eq (got->data[i], (uint8_t) i);
}
END_TEST

START_TEST (test_a_sink_that_refuses_leaves_the_connection_usable)
{
  fake_start (serve_read, NULL);
  g_autoptr (FtsClient) client = new_client ();
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;
  bool eof;

  ck_assert (
    !fts_client_read (client, &some_file, 0, 0, 8192, refuse, NULL, &eof, &error));
  assert_error (error, FTS_ERRNO, EINTR);
  ck_assert (
    fts_client_read (client, &some_file, 0, 0, 8192, collect, got, &eof, NULL));
  ck_assert_uint_eq (fake.n_connects, 1);
}
END_TEST

START_TEST (test_more_data_than_asked_is_a_protocol_error)
{
  fake_start (serve_read, NULL);
  g_autoptr (FtsClient) client = new_client ();
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;
  bool eof;

  ck_assert (
    !fts_client_read (client, &some_file, 0, 0, 10, collect, got, &eof, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL);
}
END_TEST

START_TEST (test_an_answer_to_something_else_ends_the_connection)
{
  fake_start (serve_wrong_tag, NULL);
  g_autoptr (FtsClient) client = new_client ();
  GError *error = NULL;

  ck_assert (!fts_client_unlink (client, NULL, &some_file, "x", NULL, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL);
  ck_assert (!fts_client_unlink (client, NULL, &some_file, "x", NULL, NULL));
  ck_assert_uint_eq (fake.n_connects, 2);
}
END_TEST

START_TEST (test_a_long_write_is_split_at_the_servers_limit)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree uint8_t *bytes = g_malloc (20000);
  struct iovec iov[] = { { bytes, 100 },
                         { bytes + 100, 15000 },
                         { bytes + 15100, 4900 } };
  size_t written;
  FtsAttr attr;

  for (int i = 0; i < 20000; i++)
    bytes[i] = (uint8_t) (i * 7);
  fake_start (serve_write, file);
  g_autoptr (FtsClient) client = new_client ();
  ck_assert (
    fts_client_write (client, &some_file, 0, 0, iov, 3, &written, &attr, NULL));
  ck_assert_uint_eq (written, 20000);
  ck_assert_uint_eq (file->len, 20000);
  ck_assert_mem_eq (file->data, bytes, 20000);
}
END_TEST

/* ---- trouble ---- */

START_TEST (test_a_repeatable_call_is_done_again_on_a_new_connection)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  FtsAttr attr;

  fake.break_sends = 1;
  ck_assert (fts_client_getattr (client, NULL, &some_file, 0, &attr, NULL));
  fake.break_receives = 1;
  ck_assert (fts_client_getattr (client, NULL, &some_file, 0, &attr, NULL));
  ck_assert_uint_eq (fake.n_connects, 3);
}
END_TEST

START_TEST (test_a_call_is_repeated_twice_at_most)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  GError *error = NULL;
  FtsAttr attr;

  fake.break_receives = 3;
  ck_assert (!fts_client_getattr (client, NULL, &some_file, 0, &attr, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_CLOSED);
}
END_TEST

static struct {
  uint32_t slot;
  uint64_t sequence;
} slots_seen[8];
static unsigned n_slots_seen;

static void
serve_slots (FtsChannel *channel, const FtsRequest *request, const GPtrArray *fragments,
             size_t used, void *user_data)
{
  slots_seen[n_slots_seen].slot = request->slot;
  slots_seen[n_slots_seen++].sequence = request->sequence;
  serve_node (channel, request, fragments, used, user_data);
}

START_TEST (test_an_unlink_is_sent_again_in_its_slot)
{
  fake_start (serve_slots, NULL);
  g_autoptr (FtsClient) client = new_client ();

  fake.break_receives = 1;
  ck_assert (fts_client_unlink (client, NULL, &some_file, "x", NULL, NULL));
  ck_assert_uint_eq (n_slots_seen, 2);
  ck_assert_uint_eq (slots_seen[0].slot, 1);
  ck_assert_uint_eq (slots_seen[1].slot, 1);
  ck_assert_uint_eq (slots_seen[0].sequence, slots_seen[1].sequence);
  ck_assert (fts_client_unlink (client, NULL, &some_file, "y", NULL, NULL));
  ck_assert_uint_eq (slots_seen[2].slot, 1);
  ck_assert_uint_gt (slots_seen[2].sequence, slots_seen[1].sequence);
}
END_TEST

START_TEST (test_a_write_to_an_append_file_is_sent_again)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  struct iovec iov = { (void *) "x", 1 };
  uint64_t open_id;
  FtsAttr attr;
  size_t written;
  bool eof;

  ck_assert (fts_client_open (client, NULL, &some_file,
                              FTS_OPEN_WRITE | FTS_OPEN_APPEND, 0, NULL, NULL, &open_id,
                              &attr, &eof, NULL));
  fake.break_receives = 1;
  ck_assert (
    fts_client_write (client, &some_file, open_id, 0, &iov, 1, &written, &attr, NULL));
}
END_TEST

/* A server that knows one open file, of number *USER_DATA; 0 = the file is gone. */
static unsigned n_reopened;
static unsigned n_forgets; /* so often it forgets the file just when it was opened */

static void
serve_one_file (FtsChannel *channel, const FtsRequest *request,
                const GPtrArray *fragments, size_t used, void *user_data)
{
  const uint64_t *id = user_data;
  FtsAnswer answer = { .open_id = *id,
                       .length = request->length,
                       .attr = sample_attr () };

  if (request->op == FTS_OP_OPEN) {
    n_reopened++;
    ck_assert_uint_eq (request->uid, 77);
    ck_assert_uint_eq (request->groups[0], 78);
  }
  bool forgets = request->op == FTS_OP_WRITE && n_forgets > 0;
  n_forgets -= forgets;
  if (*id == 0 || forgets || (request->op == FTS_OP_WRITE && request->open_id != *id))
    answer.status = fts_status_from_errno (ESTALE);
  fake_answer (channel, &answer, NULL, 0, true);
}

static bool
write_one (FtsClient *client, uint64_t open_id, GError **error)
{
  struct iovec iov = { (void *) "x", 1 };
  size_t written;
  FtsAttr attr;

  return fts_client_write (client, &some_file, open_id, 0, &iov, 1, &written, &attr,
                           error);
}

static uint64_t
open_as_somebody (FtsClient *client)
{
  const uint32_t groups[] = { 78 };
  const FtsCaller caller = { .uid = 77, .gid = 1, .n_groups = 1, .groups = groups };
  uint64_t open_id;
  FtsAttr attr;
  bool eof;

  ck_assert (fts_client_open (client, &caller, &some_file,
                              FTS_OPEN_WRITE | FTS_OPEN_TRUNC, 0, NULL, NULL, &open_id,
                              &attr, &eof, NULL));
  return open_id;
}

START_TEST (test_a_file_that_the_server_forgot_is_opened_again)
{
  uint64_t id = 1000;

  fake_start (serve_one_file, &id);
  g_autoptr (FtsClient) client = new_client ();
  uint64_t open_id = open_as_somebody (client);
  ck_assert (write_one (client, open_id, NULL));
  id = 2000;
  ck_assert (write_one (client, open_id, NULL));
  ck_assert (write_one (client, open_id, NULL));
  ck_assert_uint_eq (n_reopened, 2);
}
END_TEST

START_TEST (test_a_file_that_is_forgotten_again_and_again_is_opened_as_often)
{
  uint64_t id = 5;
  fake_start (serve_one_file, &id);
  g_autoptr (FtsClient) client = new_client ();
  uint64_t open_id = open_as_somebody (client);

  n_forgets = 3;
  n_reopened = 0;
  ck_assert (write_one (client, open_id, NULL));
  ck_assert_uint_eq (n_reopened, 3);
}
END_TEST

START_TEST (test_a_file_that_is_gone_stays_stale)
{
  uint64_t id = 1000;
  GError *error = NULL;

  fake_start (serve_one_file, &id);
  g_autoptr (FtsClient) client = new_client ();
  uint64_t open_id = open_as_somebody (client);
  id = 0;
  ck_assert (!write_one (client, open_id, &error));
  assert_error (error, FTS_ERRNO, ESTALE);
}
END_TEST

START_TEST (test_a_closed_file_is_a_bad_descriptor)
{
  uint64_t id = 1000;
  GError *error = NULL;

  fake_start (serve_one_file, &id);
  g_autoptr (FtsClient) client = new_client ();
  uint64_t open_id = open_as_somebody (client);
  fts_client_close_file (client, open_id);
  ck_assert (!write_one (client, open_id, &error));
  assert_error (error, FTS_ERRNO, EBADF);
}
END_TEST

START_TEST (test_a_dead_peer_is_told_at_once)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  GError *error = NULL;
  FtsAttr attr;

  fake.peer_alive = false;
  ck_assert (!fts_client_getattr (client, NULL, &some_file, 0, &attr, &error));
  ck_assert_int_eq (fts_error_to_errno (error), EHOSTDOWN);
  g_error_free (error);
  ck_assert_uint_eq (fake.n_connects, 1);
}
END_TEST

START_TEST (test_a_restarted_peer_is_found_again)
{
  fake_start (serve_node, NULL);
  g_autoptr (FtsClient) client = new_client ();
  FtsAttr attr;

  fake.generation = 2;
  ck_assert (fts_client_getattr (client, NULL, &some_file, 0, &attr, NULL));
  ck_assert (fts_client_unlink (client, NULL, &some_file, "x", NULL, NULL));
  ck_assert_uint_eq (fake.n_connects, 2);
}
END_TEST

/* ---- pool ---- */

typedef struct {
  pthread_barrier_t together;
} Meeting;

static void
serve_together (FtsChannel *channel, const FtsRequest *request,
                const GPtrArray *fragments, size_t used, void *user_data)
{
  Meeting *meeting = user_data;

  pthread_barrier_wait (&meeting->together);
  serve_node (channel, request, fragments, used, NULL);
}

static void *
getattr_once (void *data)
{
  FtsAttr attr;
  return GINT_TO_POINTER (fts_client_getattr (data, NULL, &some_file, 0, &attr, NULL));
}

START_TEST (test_calls_at_the_same_time_use_a_connection_each)
{
  Meeting meeting;
  pthread_t threads[4];
  void *ok;

  pthread_barrier_init (&meeting.together, NULL, 4);
  fake_start (serve_together, &meeting);
  g_autoptr (FtsClient) client = new_client ();
  for (int i = 0; i < 4; i++)
    pthread_create (&threads[i], NULL, getattr_once, client);
  for (int i = 0; i < 4; i++) {
    pthread_join (threads[i], &ok);
    ck_assert_ptr_nonnull (ok);
  }
  FtsClientStats stats;
  fts_client_get_stats (client, &stats);
  ck_assert_uint_eq (stats.connections, 4);
  ck_assert_uint_eq (stats.calls[FTS_OP_GETATTR], 4);
  ck_assert_uint_eq (stats.channels.messages_sent, 8);
  pthread_barrier_destroy (&meeting.together);
}
END_TEST

START_TEST (test_more_calls_than_connections_wait_for_one)
{
  Meeting meeting;
  pthread_t threads[12];
  void *ok;

  pthread_barrier_init (&meeting.together, NULL, 4);
  fake_start (serve_together, &meeting);
  g_autoptr (FtsClient) client = new_client ();
  for (int i = 0; i < 12; i++)
    pthread_create (&threads[i], NULL, getattr_once, client);
  for (int i = 0; i < 12; i++) {
    pthread_join (threads[i], &ok);
    ck_assert_ptr_nonnull (ok);
  }
  ck_assert_uint_eq (fake.n_connects, 4);
  pthread_barrier_destroy (&meeting.together);
}
END_TEST

START_TEST (test_closes_ride_on_other_calls)
{
  fake_start (serve_close, NULL);
  FtsClient *client = new_client ();

  for (unsigned i = 0; i < 300; i++) {
    uint64_t id;
    FtsNode node;
    ck_assert (fts_client_create (client, NULL, &some_file, "x", 0600, FTS_OPEN_WRITE,
                                  &node, &id, NULL));
    fts_client_close_file (client, id);
  }
  fts_client_free (client); /* sends what is left */
  ck_assert_uint_eq (n_closed, 300);
  ck_assert_uint_le (n_close_messages, 30);
}
END_TEST

START_TEST (test_the_pools_thread_does_not_wait_for_itself)
{
  const FtsClientConfig config = { .peer = "peer",
                                   .export_name = "e",
                                   .max_connections = 1 };
  struct iovec iov = { (void *) "x", 1 };
  uint64_t id = 1000;

  fake_start (serve_one_file, &id);
  FtsClient *client = fts_client_new (NULL, &config, NULL);
  for (int i = 0; i < 20; i++) {
    uint64_t open_id = open_as_somebody (client);
    FtsAttr attr;
    size_t written;
    fake.break_sends = 1; /* for the close in the background or the write here */
    fts_client_close_file (client, open_id);
    g_usleep (i * 1000);
    fts_client_write (client, &some_file, 0, 0, &iov, 1, &written, &attr, NULL);
  }
  fts_client_free (client);
}
END_TEST

START_TEST (test_freeing_closes_every_connection)
{
  fake_start (serve_node, NULL);
  FtsClient *client = new_client ();
  FtsAttr attr;

  fake.break_receives = 1;
  ck_assert (fts_client_getattr (client, NULL, &some_file, 0, &attr, NULL));
  fts_client_free (client);
  ck_assert_uint_eq (fake.n_connects, 2);
  ck_assert_uint_eq (fake.n_closes, 2);
}
END_TEST

START_TEST (test_a_server_that_is_not_there_is_an_error_at_start)
{
  const FtsClientConfig config = { .peer = "peer", .export_name = "e" };
  GError *error = NULL;

  fake_start (serve_node, NULL);
  fake.connect_error = FTS_ERROR_NOT_FOUND;
  ck_assert_ptr_null (fts_client_new (NULL, &config, &error));
  assert_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND);
}
END_TEST

FTS_SUITE ("fts/client", test_a_lookup_brings_handle_and_attributes,
           test_a_walk_copies_the_full_path,
           test_a_status_becomes_its_errno_and_the_connection_stays,
           test_a_name_that_is_too_long_never_leaves,
           test_read_data_arrives_in_order_from_all_fragments,
           test_a_sink_that_refuses_leaves_the_connection_usable,
           test_more_data_than_asked_is_a_protocol_error,
           test_an_answer_to_something_else_ends_the_connection,
           test_a_long_write_is_split_at_the_servers_limit,
           test_a_repeatable_call_is_done_again_on_a_new_connection,
           test_a_call_is_repeated_twice_at_most,
           test_an_unlink_is_sent_again_in_its_slot,
           test_a_write_to_an_append_file_is_sent_again,
           test_a_file_that_the_server_forgot_is_opened_again,
           test_a_file_that_is_forgotten_again_and_again_is_opened_as_often,
           test_a_file_that_is_gone_stays_stale, test_a_closed_file_is_a_bad_descriptor,
           test_a_dead_peer_is_told_at_once, test_a_restarted_peer_is_found_again,
           test_calls_at_the_same_time_use_a_connection_each,
           test_more_calls_than_connections_wait_for_one,
           test_closes_ride_on_other_calls,
           test_the_pools_thread_does_not_wait_for_itself,
           test_freeing_closes_every_connection,
           test_a_server_that_is_not_there_is_an_error_at_start)
