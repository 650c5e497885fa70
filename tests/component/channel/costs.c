/* How many LUN commands things cost: the number that matters (doc/protocol.md, "Costs"). */
#include "rig.h"

#include "lib/suite.h"

#include <string.h>

static Rig rig;
static Node server, client;

static bool
stream (FtsChannel *channel, void *connection, void *user_data)
{
  FtsFragment fragment;
  size_t left;

  if (!fts_channel_receive (channel, &fragment, NULL))
    return false;
  memcpy (&left, fragment.data, sizeof left);
  while (left > 0) {
    uint8_t *data;
    size_t room;

    if (!fts_channel_reserve (channel, &data, &room, NULL))
      return false;
    size_t n = MIN (left, room);
    memset (data, 7, n);
    left -= n;
    if (!fts_channel_commit (channel, n, NULL, left == 0, NULL))
      return false;
  }
  return true;
}

static FtsChannel *
set_up_door (bool (*serve) (FtsChannel *, void *, void *), bool always_poll,
             uint32_t linger_us)
{
  FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                           .serve = serve,
                           .linger_us = linger_us,
                           .always_poll = always_poll };
  /* heartbeats are LUN commands too: keep them out of the way */
  RigFormat format = { .heartbeat_ms = 20000, .dead_ms = 60000 };

  rig_init (&rig, &format);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  return rig_connect (&client, "south");
}

static FtsChannel *
set_up (bool (*serve) (FtsChannel *, void *, void *))
{
  return set_up_door (serve, false, 1000000);
}

static void
tear_down (FtsChannel *channel)
{
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

typedef struct {
  LunStats server, client;
} Count;

static Count
count (void)
{
  Count c;

  g_usleep (5000); /* the other side counts a command after we saw its effect */
  lun_device_get_stats (fts_volume_master (server.volume), &c.server);
  lun_device_get_stats (fts_volume_master (client.volume), &c.client);
  return c;
}

/* A look into mapped memory may fall into the middle of a table update, and is repeated then: READS
 * are N, and one more at most for each of UPDATES. */
static void
check_reads (uint64_t reads, uint64_t n, uint64_t updates)
{
  ck_assert_uint_ge (reads, n);
  ck_assert_uint_le (reads, n + updates);
}

START_TEST (test_a_small_request_with_a_small_answer_costs_two_writes_and_two_reads)
{
  FtsChannel *channel = set_up (rig_echo);

  rig_round_trip (channel, 1, 100);
  Count before = count ();
  for (unsigned i = 0; i < 100; i++)
    rig_round_trip (channel, i, i % 385);
  Count after = count ();
  ck_assert_uint_eq (after.client.writes - before.client.writes, 100);
  ck_assert_uint_eq (after.server.writes - before.server.writes, 100);
  check_reads (after.client.reads - before.client.reads, 100, 10);
  check_reads (after.server.reads - before.server.reads, 100, 10);
  tear_down (channel);
}
END_TEST

START_TEST (test_an_answer_of_one_segment_costs_one_write_and_one_read_more)
{
  FtsChannel *channel = set_up (stream);
  size_t len = 4096;
  struct iovec iov = { &len, sizeof len };
  FtsFragment fragment;

  for (int i = 0; i < 10; i++) {
    Count before = count ();
    ck_assert (fts_channel_send (channel, &iov, 1, NULL));
    ck_assert (fts_channel_receive (channel, &fragment, NULL));
    ck_assert_uint_eq (fragment.len, 4096);
    Count after = count ();
    if (i == 0)
      continue; /* the connection is being accepted */
    ck_assert_uint_eq (after.client.writes - before.client.writes, 1);
    ck_assert_uint_eq (after.server.writes - before.server.writes, 2);
    check_reads (after.client.reads - before.client.reads, 2, 1);
    check_reads (after.server.reads - before.server.reads, 1, 1);
  }
  tear_down (channel);
}
END_TEST

START_TEST (test_a_stream_costs_a_write_a_segment_and_one_a_table_update)
{
  FtsChannel *channel = set_up (stream);
  size_t payload = fts_volume_payload_max (client.volume);
  size_t len = 160 * payload;
  struct iovec iov = { &len, sizeof len };
  FtsFragment fragment = { 0 };

  rig_ok (fts_connect_await (channel, 1000, NULL), (GError *) NULL);
  Count before = count ();
  ck_assert (fts_channel_send (channel, &iov, 1, NULL));
  while (!fragment.last)
    ck_assert (fts_channel_receive (channel, &fragment, NULL));
  Count after = count ();
  /* 160 segments, 4 a table update; acknowledgements: one for half a ring of 16 */
  ck_assert_uint_eq (after.server.writes - before.server.writes, 160 + 40);
  ck_assert_uint_le (after.client.writes - before.client.writes, 1 + 20);
  check_reads (after.client.reads - before.client.reads, 160, 40 + 40 + 1);
  ck_assert_uint_le (after.server.reads - before.server.reads, 20 + 2);
  /* header blocks and table writes are all that is added */
  uint64_t bytes = after.server.written_bytes - before.server.written_bytes;
  ck_assert_uint_eq (bytes, len + 160 * 512 + 40 * 1024);
  tear_down (channel);
}
END_TEST

START_TEST (test_a_quiet_connection_costs_nothing_where_the_lun_wakes)
{
  FtsChannel *channel = set_up_door (rig_echo, false, 1000);

  rig_round_trip (channel, 1, 100);
  g_usleep (20000);
  Count before = count ();
  g_usleep (300000);
  Count after = count ();
  ck_assert_uint_eq (after.client.writes, before.client.writes);
  ck_assert_uint_eq (after.client.reads, before.client.reads);
  ck_assert_uint_eq (after.server.writes, before.server.writes);
  ck_assert_uint_eq (after.server.reads, before.server.reads);
  tear_down (channel);
}
END_TEST

START_TEST (test_a_quiet_connection_costs_twenty_reads_a_second_where_the_server_polls)
{
  FtsChannel *channel = set_up_door (rig_echo, true, 1000);

  rig_round_trip (channel, 1, 100);
  g_usleep (300000); /* the interval has grown to 100 ms */
  Count before = count ();
  g_usleep (500000);
  Count after = count ();
  ck_assert_uint_eq (after.server.writes, before.server.writes);
  ck_assert_uint_le (after.server.reads - before.server.reads, 12);
  ck_assert_uint_ge (after.server.reads - before.server.reads, 4);
  tear_down (channel);
}
END_TEST

FTS_SUITE ("channel/costs",
           test_a_small_request_with_a_small_answer_costs_two_writes_and_two_reads,
           test_an_answer_of_one_segment_costs_one_write_and_one_read_more,
           test_a_stream_costs_a_write_a_segment_and_one_a_table_update,
           test_a_quiet_connection_costs_nothing_where_the_lun_wakes,
           test_a_quiet_connection_costs_twenty_reads_a_second_where_the_server_polls)
