/* Messages of all sizes over a connection between two members. */
#include "rig.h"

#include "lib/suite.h"

#include <string.h>

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static void
echo_sizes (const RigFormat *format, const size_t *sizes, size_t n)
{
  Rig rig;
  Node server, client;

  rig_init (&rig, format);
  rig_serve (&rig, &server, "", "south", &echo_config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  for (unsigned i = 0; i < n; i++)
    rig_round_trip (channel, i, sizes[i]);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

START_TEST (test_messages_of_every_size_come_back_whole)
{
  /* inline area 384 bytes, payload 7,680 bytes, ring 16 */
  static const size_t sizes[] = { 0,    1,    100,    383,    384,     385,
                                  7679, 7680, 7681,   15360,  15361,   100000,
                                  0,    384,  122880, 122881, 1000000, 1 };

  echo_sizes (NULL, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_blocks_of_4096_bytes)
{
  static const RigFormat format = { .block_size = 4096, .segment_bytes = 32768 };
  static const size_t sizes[] = { 0, 1, 3968, 3969, 28672, 28673, 500000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_a_ring_of_two_entries_carries_long_messages)
{
  static const RigFormat format = { .entries = 2, .multi_buffer = 1 };
  static const size_t sizes[] = { 1, 7680, 7681, 50000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_a_table_of_640_entries)
{
  static const RigFormat format = { .entries = 640, .connections = 2 };
  static const size_t sizes[] = { 1, 384, 7680, 640 * 7680, 641 * 7680, 3000000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_any_count_of_the_multi_buffer_scheme)
{
  static const size_t sizes[] = { 1, 7680 * 3, 7680 * 40 + 17 };

  for (uint32_t n = 1; n <= 16; n *= 2) {
    RigFormat format = { .multi_buffer = n };

    echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
  }
}
END_TEST

/* ---- both ways at once, and readers that take their time ---- */

/* Answers while the request is still coming in: a fragment back for each. */
static bool
mirror (FtsChannel *channel, void *connection, void *user_data)
{
  FtsFragment fragment;

  do {
    uint8_t *data;
    size_t room;

    if (!fts_channel_receive (channel, &fragment, NULL) ||
        !fts_channel_reserve (channel, &data, &room, NULL))
      return false;
    ck_assert_uint_le (fragment.len, room);
    memcpy (data, fragment.data, fragment.len);
    if (!fts_channel_commit (channel, fragment.len, NULL, fragment.last, NULL))
      return false;
  } while (!fragment.last);
  return true;
}

START_TEST (test_both_directions_flow_at_once)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES, .serve = mirror };
  g_autoptr (GByteArray) got = g_byte_array_new ();
  Rig rig;
  Node server, client;
  GError *error = NULL;

  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  for (int i = 0; i < 400; i++) {
    uint8_t *data;
    size_t room;

    rig_ok (fts_channel_reserve (channel, &data, &room, &error), error);
    memset (data, i, room);
    rig_ok (fts_channel_commit (channel, room, NULL, i == 399, &error), error);
    /* take what has come, so that neither side blocks the other */
    while (got->len < (guint) i * 7680 && fts_channel_poll (channel, 0)) {
      FtsFragment fragment;
      rig_ok (fts_channel_receive (channel, &fragment, &error), error);
      g_byte_array_append (got, fragment.data, (guint) fragment.len);
    }
  }
  rig_ok (fts_channel_receive_message (channel, got, 1 << 30, &error), error);
  ck_assert_uint_eq (got->len, 400 * 7680);
  for (guint i = 0; i < 400; i++)
    ck_assert_uint_eq (got->data[i * 7680 + 77], i % 256);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

static bool
read_slowly (FtsChannel *channel, void *connection, void *user_data)
{
  FtsFragment fragment;
  uint64_t sum = 0;

  do {
    if (!fts_channel_receive (channel, &fragment, NULL))
      return false;
    g_usleep (1000);
    sum += fragment.len;
  } while (!fragment.last);
  struct iovec iov = { &sum, sizeof sum };
  return fts_channel_send (channel, &iov, 1, NULL);
}

START_TEST (test_a_writer_waits_for_a_slow_reader)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                                        .serve = read_slowly };
  g_autoptr (GByteArray) bytes = rig_pattern (1, 100 * 7680);
  FtsFragment fragment;
  Rig rig;
  Node server, client;
  GError *error = NULL;
  uint64_t sum;

  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  int64_t start_us = g_get_monotonic_time ();
  rig_send (channel, bytes);
  /* all but a ring of it was read when the last byte is on its way */
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 80 * 1000);
  rig_ok (fts_channel_receive (channel, &fragment, &error), error);
  memcpy (&sum, fragment.data, sizeof sum);
  ck_assert_uint_eq (sum, bytes->len);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

START_TEST (test_parts_gather_into_segments)
{
  g_autoptr (GByteArray) bytes = rig_pattern (1, 20000);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  Rig rig;
  Node server, client;
  GError *error = NULL;
  FtsChannelStats stats;

  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", &echo_config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  for (size_t at = 0; at < bytes->len; at += 100) {
    struct iovec iov = { bytes->data + at, 100 };
    rig_ok (fts_channel_send_part (channel, &iov, 1, &error), error);
  }
  rig_ok (fts_channel_send (channel, NULL, 0, &error), error);
  fts_channel_get_stats (channel, &stats);
  ck_assert_uint_eq (stats.fragments_sent, 3);
  rig_ok (fts_channel_receive_message (channel, got, 1 << 20, &error), error);
  ck_assert_uint_eq (got->len, bytes->len);
  ck_assert_mem_eq (got->data, bytes->data, got->len);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

START_TEST (test_small_messages_in_a_row_need_no_answer)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                                        .serve = read_slowly };
  FtsFragment fragment;
  Rig rig;
  Node server, client;
  GError *error = NULL;
  uint64_t sum;

  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  for (uint64_t i = 1; i <= 10; i++) {
    g_autoptr (GByteArray) bytes = rig_pattern (1, i * 10);
    rig_send (channel, bytes);
  }
  for (uint64_t i = 1; i <= 10; i++) {
    rig_ok (fts_channel_receive (channel, &fragment, &error), error);
    ck_assert (fragment.first && fragment.last);
    memcpy (&sum, fragment.data, sizeof sum);
    ck_assert_uint_eq (sum, i * 10);
  }
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

FTS_SUITE ("channel/messages", test_messages_of_every_size_come_back_whole,
           test_blocks_of_4096_bytes, test_a_ring_of_two_entries_carries_long_messages,
           test_a_table_of_640_entries, test_any_count_of_the_multi_buffer_scheme,
           test_both_directions_flow_at_once, test_a_writer_waits_for_a_slow_reader,
           test_parts_gather_into_segments, test_small_messages_in_a_row_need_no_answer)
