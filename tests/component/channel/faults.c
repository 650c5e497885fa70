/* Messages over LUNs that go wrong now and then, on both sides, through the fault layer: what
 * arrives is right, however many writes and reads were not. */
#include "rig.h"

#include "base/error.h"

#include "lib/suite.h"

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static Rig rig;
static Node server, client;

/* First block of the pointer tables: heads, entries and segments lie from there on, the
 * records with other owners before. */
static uint64_t
first_table_block (void)
{
  g_autofree char *spec = g_strdup_printf ("file:%s", rig.image);
  FtsVolumeSpec volume_spec = { .volume = spec };
  g_autoptr (FtsVolume) volume = fts_volume_open (&volume_spec, NULL);

  ck_assert (volume != NULL);
  const FtsMcb *mcb = fts_volume_mcb (volume);
  return MIN (mcb->initiator_tables_ptr, mcb->connector_tables_ptr);
}

static void
set_up (const char *rule, unsigned seed)
{
  rig_init (&rig, NULL);
  g_autofree char *south =
    g_strdup_printf ("fault(%s:seed=%u:lba=%" G_GUINT64_FORMAT "-99999999)+", rule,
                     seed, first_table_block ());
  g_autofree char *north =
    g_strdup_printf ("fault(%s:seed=%u:lba=%" G_GUINT64_FORMAT "-99999999)+", rule,
                     seed + 1, first_table_block ());

  rig_serve (&rig, &server, south, "south", &echo_config);
  rig_join (&rig, &client, north, "north", FTS_ROLE_MOUNT);
}

static void
tear_down (void)
{
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

static uint64_t
talk (const char *rule, unsigned seed, unsigned messages)
{
  FtsChannelStats stats;

  set_up (rule, seed);
  FtsChannel *channel = rig_connect (&client, "south");
  for (unsigned i = 0; i < messages; i++)
    rig_round_trip (channel, i, (i * 7919) % (i % 3 ? 400 : 60000));
  fts_channel_get_stats (channel, &stats);
  fts_channel_close (channel);
  tear_down ();
  return stats.resends_asked + stats.resends_served;
}

START_TEST (test_flipped_bits_in_writes_heal)
{
  ck_assert_uint_gt (talk ("flip-write=0.01", 1, 300), 0);
}
END_TEST

START_TEST (test_flipped_bits_in_reads_heal)
{
  talk ("flip-read=0.02", 3, 300);
}
END_TEST

START_TEST (test_lost_writes_heal)
{
  ck_assert_uint_gt (talk ("lose-write=0.01", 5, 80), 0);
}
END_TEST

START_TEST (test_torn_writes_heal)
{
  ck_assert_uint_gt (talk ("torn-write=0.02", 7, 80), 0);
}
END_TEST

START_TEST (test_segments_in_flight_over_slow_paths)
{
  talk ("delay-ms=1:jitter=1", 9, 40);
}
END_TEST

/* Commands end in any order here, much later than a reader looks again on its own. */
START_TEST (test_nothing_is_announced_before_it_is_on_the_lun)
{
  FtsChannelStats stats;

  set_up ("delay-ms=0:jitter=8", 13);
  FtsChannel *channel = rig_connect (&client, "south");
  for (unsigned i = 0; i < 4; i++)
    rig_round_trip (channel, i, 400000 + i);
  fts_channel_get_stats (channel, &stats);
  ck_assert_uint_eq (stats.resends_asked, 0);
  ck_assert_uint_eq (stats.resends_served, 0);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

START_TEST (test_a_lost_acceptance_is_given_again)
{
  uint64_t lba;

  rig_init (&rig, NULL);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  lba = fts_volume_mcb (client.volume)->blk5_process_id_table_ptr;
  g_autofree char *rule = g_strdup_printf (
    "fault(lose-write:count=1:lba=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT ")+", lba,
    lba + 7);
  rig_serve (&rig, &server, rule, "south", &echo_config);
  FtsChannel *channel = rig_connect (&client, "south");
  rig_round_trip (channel, 1, 100);
  rig_round_trip (channel, 2, 50000);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

START_TEST (test_a_path_that_fails_for_good_is_an_error)
{
  g_autoptr (GByteArray) bytes = rig_pattern (1, 60000);
  struct iovec iov = { bytes->data, bytes->len };
  GError *error = NULL;
  g_autoptr (GByteArray) got = g_byte_array_new ();
  bool sent = true;

  set_up ("fail-write=1/1:after=200:as=medium", 11);
  FtsChannel *channel = rig_connect (&client, "south");
  for (int i = 0; sent && i < 100; i++)
    sent = fts_channel_send (channel, &iov, 1, &error) &&
           fts_channel_receive_message (channel, got, 100 << 20, &error);
  ck_assert (!sent);
  ck_assert_msg (error->domain == LUN_ERROR || error->domain == FTS_ERROR, "%s",
                 error->message);
  g_clear_error (&error);
  fts_channel_close (channel);
  tear_down ();
}
END_TEST

FTS_SUITE ("channel/faults", test_flipped_bits_in_writes_heal,
           test_flipped_bits_in_reads_heal, test_lost_writes_heal,
           test_torn_writes_heal, test_segments_in_flight_over_slow_paths,
           test_nothing_is_announced_before_it_is_on_the_lun,
           test_a_lost_acceptance_is_given_again,
           test_a_path_that_fails_for_good_is_an_error)
