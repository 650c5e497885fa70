/* Ends of connections: by either side, by death, by interruption; and many at once. */
#include "rig.h"

#include "base/error.h"
#include "volume/member.h"

#include "lib/suite.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Rig rig;
static Node server, client;

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static void
set_up (const FtsDoorConfig *config)
{
  rig_init (&rig, NULL);
  rig_serve (&rig, &server, "", "south", config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
}

static void
tear_down (void)
{
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

static unsigned
count_allocated (FtsVolume *volume)
{
  FtsPid table[64];
  unsigned n = 0;

  ck_assert (fts_pidtab_load_all (volume, table, NULL));
  for (uint32_t i = 0; i < fts_volume_mcb (volume)->blk5_max_connections; i++)
    n += (table[i].pro_flag_process & FTS_PRO_FLAG_ALLOCATED) != 0;
  return n;
}

static void
expect_receive_fails (FtsChannel *channel, FtsError code)
{
  FtsFragment fragment;
  GError *error = NULL;

  ck_assert (!fts_channel_receive (channel, &fragment, &error));
  ck_assert_msg (g_error_matches (error, FTS_ERROR, (int) code), "%s", error->message);
  g_clear_error (&error);
}

static void
wait_for_connections (FtsDoor *door, unsigned n)
{
  FtsDoorStats stats;

  for (int i = 0; i < 2000; i++) {
    fts_door_get_stats (door, &stats);
    if (stats.connections == n)
      return;
    g_usleep (1000);
  }
  ck_abort_msg ("%u connections are left, not %u", stats.connections, n);
}

START_TEST (test_the_initiators_close_frees_slot_and_connection)
{
  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  fts_channel_close (channel);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  wait_for_connections (server.door, 0);
  tear_down ();
}
END_TEST

static bool
answer_and_end (FtsChannel *channel, void *connection, void *user_data)
{
  rig_echo (channel, connection, user_data);
  return false;
}

START_TEST (test_the_connectors_close_is_seen_after_its_last_answer)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                                        .serve = answer_and_end };

  set_up (&config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 30000);
  expect_receive_fails (channel, FTS_ERROR_CLOSED);
  fts_channel_close (channel);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  wait_for_connections (server.door, 0);
  tear_down ();
}
END_TEST

START_TEST (test_a_server_that_stops_ends_its_connections)
{
  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  fts_door_stop (g_steal_pointer (&server.door));
  expect_receive_fails (channel, FTS_ERROR_CLOSED);
  fts_channel_close (channel);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  tear_down ();
}
END_TEST

static bool
sleep_and_echo (FtsChannel *channel, void *connection, void *user_data)
{
  g_usleep (1500000);
  return rig_echo (channel, connection, user_data);
}

START_TEST (test_a_slot_left_to_a_busy_connector_is_cleared_by_it)
{
  static const FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                                        .serve = sleep_and_echo };
  g_autoptr (GByteArray) bytes = rig_pattern (1, 10);

  set_up (&config);
  FtsChannel *channel = rig_connect (&client, "south");
  ck_assert (fts_connect_await (channel, 1000, NULL));
  rig_send (channel, bytes);
  g_usleep (50000);
  fts_channel_close (channel); /* gives up after a second */
  ck_assert_uint_eq (count_allocated (client.volume), 1);
  wait_for_connections (server.door, 0);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  tear_down ();
}
END_TEST

static void *
interrupt_soon (void *data)
{
  g_usleep (30000);
  fts_channel_interrupt (data);
  return NULL;
}

START_TEST (test_an_interrupt_ends_the_call_under_way)
{
  pthread_t thread;

  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  pthread_create (&thread, NULL, interrupt_soon, channel);
  expect_receive_fails (channel, FTS_ERROR_CLOSED);
  pthread_join (thread, NULL);
  expect_receive_fails (channel, FTS_ERROR_CLOSED);
  fts_channel_close (channel);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  tear_down ();
}
END_TEST

START_TEST (test_a_time_limit_leaves_the_connection_usable)
{
  FtsFragment fragment;
  GError *error = NULL;

  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  fts_channel_set_timeout (channel, 40);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (!fts_channel_receive (channel, &fragment, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TIMEOUT));
  g_clear_error (&error);
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 40000);
  fts_channel_set_timeout (channel, 5000);
  rig_round_trip (channel, 2, 50000);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

/* ---- death ---- */
static pid_t
fork_node (void (*body) (void *), void *data)
{
  pid_t pid = fork ();

  if (pid != 0)
    return pid;
  body (data);
  _exit (0);
}

static void
serve_forever (void *data)
{
  Node node;

  rig.nexus = 100;
  rig_serve (&rig, &node, "", "south", &echo_config);
  for (;;)
    pause ();
}

START_TEST (test_a_killed_server_is_an_error_within_the_dead_time)
{
  rig_init (&rig, NULL);
  pid_t pid = fork_node (serve_forever, NULL);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100000);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  int64_t start_us = g_get_monotonic_time ();
  expect_receive_fails (channel, FTS_ERROR_PEER_DEAD);
  ck_assert_int_le (g_get_monotonic_time () - start_us, 500000 + 1500000);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_clear (&rig);
}
END_TEST

static void
connect_and_idle (void *data)
{
  Node node;

  rig.nexus = 200;
  rig_join (&rig, &node, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&node, "south");
  rig_round_trip (channel, 1, 100000);
  if (write (*(int *) data, "x", 1) != 1)
    _exit (1);
  for (;;)
    pause ();
}

START_TEST (test_a_killed_clients_connection_ends_and_its_slot_comes_free)
{
  int ends[2];
  char byte;

  rig_init (&rig, NULL);
  ck_assert_int_eq (pipe (ends), 0);
  pid_t pid = fork_node (connect_and_idle, &ends[1]);
  rig_serve (&rig, &server, "", "south", &echo_config);
  ck_assert_int_eq (read (ends[0], &byte, 1), 1);
  wait_for_connections (server.door, 1);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  wait_for_connections (server.door, 0);
  for (int i = 0; i < 300 && count_allocated (server.volume) > 0; i++)
    g_usleep (10000);
  ck_assert_uint_eq (count_allocated (server.volume), 0);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

/* ---- many ---- */
static void *
talk (void *data)
{
  FtsChannel *channel = data;

  for (unsigned i = 0; i < 40; i++)
    rig_round_trip (channel, i, (i * 997) % 20000);
  return NULL;
}

static void
crowd (bool always_poll)
{
  FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                           .serve = rig_echo,
                           .max_workers = 4,
                           .always_poll = always_poll };
  RigFormat format = { .connections = 32 };
  FtsChannel *channels[30];
  pthread_t threads[30];
  FtsDoorStats stats;

  rig_init (&rig, &format);
  rig_serve (&rig, &server, "", "south", &config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  for (int i = 0; i < 30; i++)
    channels[i] = rig_connect (&client, "south");
  for (int i = 0; i < 30; i++)
    pthread_create (&threads[i], NULL, talk, channels[i]);
  for (int i = 0; i < 30; i++)
    pthread_join (threads[i], NULL);
  fts_door_get_stats (server.door, &stats);
  ck_assert_uint_eq (stats.connections, 30);
  ck_assert_uint_le (stats.workers, 4);
  ck_assert_uint_ge (stats.messages, 30 * 40 - 4);
  for (int i = 0; i < 30; i++)
    fts_channel_close (channels[i]);
  wait_for_connections (server.door, 0);
  tear_down ();
}

START_TEST (test_thirty_connections_share_four_workers)
{
  crowd (false);
}
END_TEST

START_TEST (test_a_polling_door_serves_a_crowd_too)
{
  crowd (true);
}
END_TEST

START_TEST (test_a_door_stops_with_clients_in_the_middle_of_messages)
{
  g_autoptr (GByteArray) part = rig_pattern (1, 20000);
  FtsChannel *channels[5];

  set_up (&echo_config);
  for (int i = 0; i < 5; i++) {
    struct iovec iov = { part->data, part->len };

    channels[i] = rig_connect (&client, "south");
    ck_assert (fts_channel_send_part (channels[i], &iov, 1, NULL));
  }
  g_usleep (20000);
  fts_door_stop (g_steal_pointer (&server.door));
  for (int i = 0; i < 5; i++)
    fts_channel_close (channels[i]);
  ck_assert_uint_eq (count_allocated (client.volume), 0);
  tear_down ();
}
END_TEST

START_TEST (test_a_fenced_host_writes_nothing_more)
{
  g_autoptr (GByteArray) bytes = rig_pattern (1, 20000);
  struct iovec iov = { bytes->data, bytes->len };
  GError *error = NULL;
  LunStats before, after;
  uint8_t head[2][512];

  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  uint64_t lba = fts_volume_head_lba (server.volume, 1, FTS_DIRECTION_INITIATOR);
  fts_member_fence (client.member, "the test says so");
  ck_assert (fts_volume_read (server.volume, lba, head[0], 512, NULL));
  lun_device_get_stats (fts_volume_master (client.volume), &before);
  ck_assert (!fts_channel_send (channel, &iov, 1, &error));
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_FENCED));
  g_clear_error (&error);
  fts_channel_close (channel);
  lun_device_get_stats (fts_volume_master (client.volume), &after);
  ck_assert (fts_volume_read (server.volume, lba, head[1], 512, NULL));
  ck_assert_mem_eq (head[0], head[1], 512);
  ck_assert_uint_eq (after.writes, before.writes);
  tear_down ();
}
END_TEST

START_TEST (test_a_request_written_over_a_living_connection_replaces_it)
{
  FtsDoorStats stats;
  FtsPid entry;

  set_up (&echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  ck_assert (fts_pidtab_load (client.volume, 1, &entry, NULL));
  for (int i = 0; i < 5; i++) {
    entry.pro_flag_process = FTS_PRO_FLAG_ALLOCATED;
    entry.pro_con_rc = FTS_CON_PENDING;
    ck_assert (fts_pidtab_store (client.volume, &entry, NULL));
    g_usleep (30000);
  }
  for (int i = 0; i < 1000; i++) {
    fts_door_get_stats (server.door, &stats);
    if (stats.accepted > 1)
      break;
    g_usleep (1000);
  }
  ck_assert_uint_ge (stats.accepted, 2);
  ck_assert_uint_le (stats.connections, 1);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

FTS_SUITE ("channel/ending", test_the_initiators_close_frees_slot_and_connection,
           test_the_connectors_close_is_seen_after_its_last_answer,
           test_a_server_that_stops_ends_its_connections,
           test_a_slot_left_to_a_busy_connector_is_cleared_by_it,
           test_an_interrupt_ends_the_call_under_way,
           test_a_time_limit_leaves_the_connection_usable,
           test_a_killed_server_is_an_error_within_the_dead_time,
           test_a_killed_clients_connection_ends_and_its_slot_comes_free,
           test_thirty_connections_share_four_workers,
           test_a_polling_door_serves_a_crowd_too,
           test_a_door_stops_with_clients_in_the_middle_of_messages,
           test_a_fenced_host_writes_nothing_more,
           test_a_request_written_over_a_living_connection_replaces_it)
