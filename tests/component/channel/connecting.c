/* Connect, accept, refuse; early data; slots and their re-use. */
#include "rig.h"

#include "base/error.h"
#include "channel/slot.h"

#include "lib/suite.h"

#include <string.h>

typedef struct {
  const char *secret; /* of "north"; NULL = not known */
  unsigned opened, closed;
} Book;

static char *
secret_of (const char *name, void *user_data)
{
  const Book *book = user_data;

  return strcmp (name, "north") == 0 ? g_strdup (book->secret) : NULL;
}

static void *
on_open (FtsChannel *channel, void *user_data)
{
  Book *book = user_data;

  __atomic_add_fetch (&book->opened, 1, __ATOMIC_SEQ_CST);
  return book;
}

static void
on_close (FtsChannel *channel, void *connection, void *user_data)
{
  Book *book = connection;

  __atomic_add_fetch (&book->closed, 1, __ATOMIC_SEQ_CST);
}

static FtsDoorConfig
door_config (Book *book)
{
  return (FtsDoorConfig){
    .service = FTS_SERVICE_FILES,
    .secret_of = secret_of,
    .on_open = on_open,
    .serve = rig_echo,
    .on_close = on_close,
    .user_data = book,
  };
}

static Rig rig;
static Node server, client;

static void
set_up (Book *book, const char *client_name)
{
  FtsDoorConfig config = door_config (book);

  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", client_name, FTS_ROLE_MOUNT);
}

static void
tear_down (void)
{
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

static FtsChannel *
connect_with (const char *secret, FtsService service)
{
  FtsConnectConfig config = { .peer = "south",
                              .service = service,
                              .secret = secret,
                              .wait_ms = 2000,
                              .timeout_ms = 5000 };
  GError *error = NULL;
  FtsChannel *channel = fts_connect (client.member, &config, &error);

  rig_ok (channel, error);
  return channel;
}

static void
expect_refusal (FtsChannel *channel, FtsError code)
{
  FtsFragment fragment;
  GError *error = NULL;

  ck_assert (!fts_connect_await (channel, 5000, &error));
  ck_assert_msg (g_error_matches (error, FTS_ERROR, (int) code), "%s", error->message);
  g_clear_error (&error);
  ck_assert (!fts_channel_receive (channel, &fragment, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, (int) code));
  g_clear_error (&error);
  fts_channel_close (channel);
}

static unsigned
count_allocated (void)
{
  FtsPid table[64];
  unsigned n = 0;

  ck_assert (fts_pidtab_load_all (client.volume, table, NULL));
  for (uint32_t i = 0; i < fts_volume_mcb (client.volume)->blk5_max_connections; i++)
    n += (table[i].pro_flag_process & FTS_PRO_FLAG_ALLOCATED) != 0;
  return n;
}

START_TEST (test_the_right_secret_opens)
{
  Book book = { .secret = "sesame" };
  GError *error = NULL;

  set_up (&book, "north");
  FtsChannel *channel = connect_with ("sesame", FTS_SERVICE_FILES);
  rig_ok (fts_connect_await (channel, 5000, &error), error);
  rig_round_trip (channel, 1, 1000);
  fts_channel_close (channel);
  tear_down ();
  ck_assert_uint_eq (book.opened, 1);
  ck_assert_uint_eq (book.closed, 1);
}
END_TEST

START_TEST (test_a_wrong_secret_is_refused)
{
  Book book = { .secret = "sesame" };

  set_up (&book, "north");
  expect_refusal (connect_with ("mustard", FTS_SERVICE_FILES), FTS_ERROR_DENIED);
  expect_refusal (connect_with (NULL, FTS_SERVICE_FILES), FTS_ERROR_DENIED);
  ck_assert_uint_eq (count_allocated (), 0);
  tear_down ();
  ck_assert_uint_eq (book.opened, 0);
}
END_TEST

START_TEST (test_an_unknown_host_is_refused)
{
  Book book = { .secret = "sesame" };

  set_up (&book, "nobody");
  expect_refusal (connect_with ("sesame", FTS_SERVICE_FILES), FTS_ERROR_DENIED);
  tear_down ();
}
END_TEST

START_TEST (test_a_service_that_is_not_there_is_refused)
{
  Book book = { .secret = "" };

  set_up (&book, "north");
  expect_refusal (connect_with (NULL, FTS_SERVICE_SOCKET), FTS_ERROR_REFUSED);
  tear_down ();
}
END_TEST

START_TEST (test_a_server_without_the_secret_cannot_pose_as_one)
{
  Book book = { .secret = "sesame" };

  /* An impostor that accepts whatever comes: it writes PROCESSING without the proof. */
  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = connect_with ("sesame", FTS_SERVICE_FILES);
  FtsPid entry;
  ck_assert (fts_pidtab_load (server.volume, 1, &entry, NULL));
  entry.pro_flag_process |= FTS_PRO_FLAG_PROCESSING;
  entry.pro_con_rc = FTS_CON_OK;
  memcpy (entry.requestee_proof, entry.pro_requestor_password, FTS_PROOF_LEN);
  ck_assert (fts_pidtab_store (server.volume, &entry, NULL));
  expect_refusal (channel, FTS_ERROR_DENIED);
  tear_down ();
  (void) book;
}
END_TEST

START_TEST (test_nobody_there_is_not_found)
{
  FtsConnectConfig config = { .peer = "west", .service = FTS_SERVICE_FILES };
  Book book = { .secret = "" };
  GError *error = NULL;

  set_up (&book, "north");
  ck_assert (fts_connect (client.member, &config, &error) == NULL);
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_NOT_FOUND));
  ck_assert (strstr (error->message, "west") != NULL);
  g_clear_error (&error);
  tear_down ();
}
END_TEST

START_TEST (test_early_data_is_answered_once_the_server_comes)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                                        .serve = rig_echo };
  g_autoptr (GByteArray) small = rig_pattern (1, 100), big = rig_pattern (2, 40000);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;

  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_send (channel, small);
  rig_send (channel, big);
  server.door = fts_door_start (server.member, &config, &error);
  rig_ok (server.door, error);
  rig_ok (fts_channel_receive_message (channel, got, 1 << 20, &error), error);
  ck_assert_mem_eq (got->data, small->data, small->len);
  g_byte_array_set_size (got, 0);
  rig_ok (fts_channel_receive_message (channel, got, 1 << 20, &error), error);
  ck_assert_uint_eq (got->len, big->len);
  ck_assert_mem_eq (got->data, big->data, big->len);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

START_TEST (test_a_request_that_nobody_answers_can_be_taken_back)
{
  GError *error = NULL;

  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  ck_assert (!fts_connect_await (channel, 30, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TIMEOUT));
  g_clear_error (&error);
  ck_assert_uint_eq (count_allocated (), 1);
  fts_channel_close (channel);
  ck_assert_uint_eq (count_allocated (), 0);
  tear_down ();
}
END_TEST

START_TEST (test_all_slots_taken_is_no_slot)
{
  FtsConnectConfig config = { .peer = "south", .service = FTS_SERVICE_FILES };
  FtsChannel *channels[8];
  Book book = { .secret = "" };
  GError *error = NULL;

  set_up (&book, "north");
  for (int i = 0; i < 8; i++)
    channels[i] = rig_connect (&client, "south");
  ck_assert (fts_connect (client.member, &config, &error) == NULL);
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_NO_SLOT));
  g_clear_error (&error);
  uint32_t slot = fts_channel_pid (channels[3])->pro_process_id;
  fts_channel_close (channels[3]);
  channels[3] = rig_connect (&client, "south");
  ck_assert_uint_eq (fts_channel_pid (channels[3])->pro_process_id, slot);
  ck_assert_uint_eq (fts_channel_pid (channels[3])->epoch, 2);
  rig_round_trip (channels[3], 1, 10000);
  for (int i = 0; i < 8; i++)
    fts_channel_close (channels[i]);
  ck_assert_uint_eq (count_allocated (), 0);
  tear_down ();
}
END_TEST

START_TEST (test_a_slot_used_again_shows_nothing_of_before)
{
  Book book = { .secret = "" };

  set_up (&book, "north");
  for (unsigned i = 0; i < 20; i++) {
    FtsChannel *channel = rig_connect (&client, "south");

    ck_assert_uint_eq (fts_channel_pid (channel)->pro_process_id, 1);
    ck_assert_uint_eq (fts_channel_pid (channel)->epoch, i + 1);
    ck_assert (fts_connect_await (channel, 5000, NULL));
    for (unsigned k = 0; k < i % 4; k++)
      rig_round_trip (channel, i, k * 9000);
    fts_channel_close (channel);
  }
  tear_down ();
  ck_assert_uint_eq (book.opened, 20);
  ck_assert_uint_eq (book.closed, 20);
}
END_TEST

START_TEST (test_heads_and_entries_of_another_epoch_are_not_seen)
{
  g_autoptr (GByteArray) message = rig_pattern (3, 100);
  uint8_t block[512];
  FtsFragment fragment;
  GError *error = NULL;
  FtsHead head;

  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_send (channel, message);
  /* a connector of an older epoch is still writing */
  head = (FtsHead){ .volume_tag = fts_volume_tag (server.volume),
                    .slot = 1,
                    .direction = FTS_DIRECTION_CONNECTOR,
                    .epoch = 99,
                    .published = 1,
                    .consumed = 1,
                    .heartbeat = 4,
                    .inline_seq = 1,
                    .inline_len = 5,
                    .request = 1,
                    .inline_flags = FTS_SEG_FLAG_LAST | FTS_SEG_FLAG_CONNECTOR };
  fts_head_encode (&head, "wrong", block, sizeof block);
  ck_assert (fts_volume_write (
    server.volume, fts_volume_head_lba (server.volume, 1, FTS_DIRECTION_CONNECTOR),
    block, sizeof block, NULL));
  fts_channel_set_timeout (channel, 50);
  ck_assert (!fts_channel_receive (channel, &fragment, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TIMEOUT));
  g_clear_error (&error);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

START_TEST (test_a_damaged_table_heals_when_its_slot_is_used_again)
{
  Book book = { .secret = "" };
  uint8_t rubbish[1024];

  set_up (&book, "north");
  memset (rubbish, 0x5a, sizeof rubbish);
  for (int direction = 0; direction < 2; direction++)
    ck_assert (fts_volume_write (
      client.volume, fts_volume_head_lba (client.volume, 1, (FtsDirection) direction),
      rubbish, sizeof rubbish, NULL));
  FtsChannel *channel = rig_connect (&client, "south");
  ck_assert_uint_eq (fts_channel_pid (channel)->pro_process_id, 1);
  rig_round_trip (channel, 2, 50000);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

FTS_SUITE ("channel/connecting", test_the_right_secret_opens,
           test_a_wrong_secret_is_refused, test_an_unknown_host_is_refused,
           test_a_service_that_is_not_there_is_refused,
           test_a_server_without_the_secret_cannot_pose_as_one,
           test_nobody_there_is_not_found,
           test_early_data_is_answered_once_the_server_comes,
           test_a_request_that_nobody_answers_can_be_taken_back,
           test_all_slots_taken_is_no_slot,
           test_a_slot_used_again_shows_nothing_of_before,
           test_heads_and_entries_of_another_epoch_are_not_seen,
           test_a_damaged_table_heals_when_its_slot_is_used_again)
