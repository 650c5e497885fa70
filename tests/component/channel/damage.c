/* What is lost, torn or flipped on the LUN heals, or ends in a clear error. */
#include "rig.h"

#include "base/error.h"
#include "channel/accept.h"
#include "channel/private.h"

#include "lib/suite.h"

#include <string.h>

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static Rig rig;
static Node server, client;
static FtsChannel *channel;

/* A connection whose server has no door yet. */
static void
set_up (void)
{
  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  channel = rig_connect (&client, "south");
}

static void
open_door (void)
{
  GError *error = NULL;

  server.door = fts_door_start (server.member, &echo_config, &error);
  rig_ok (server.door, error);
}

static void
tear_down (void)
{
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

static void
read_blocks (uint64_t lba, uint8_t *to, uint32_t blocks)
{
  ck_assert (fts_volume_read (server.volume, lba, to, blocks * 512, NULL));
}

static void
write_blocks (uint64_t lba, const uint8_t *from, uint32_t blocks)
{
  ck_assert (fts_volume_write (server.volume, lba, from, blocks * 512, NULL));
}

static uint64_t
segment_lba (FtsChannel *of, uint64_t sequence)
{
  uint64_t lba;

  ck_assert (fts_own_table_locate (&of->own, sequence, &lba) != NULL);
  return lba;
}

static void
flip (uint64_t lba, unsigned byte)
{
  uint8_t block[512];

  read_blocks (lba + byte / 512, block, 1);
  block[byte % 512] ^= 0x10;
  write_blocks (lba + byte / 512, block, 1);
}

/* Sends four segments, lets DAMAGE happen, and expects them back through a server that only
 * then looks. */
static void
heals (void (*damage) (void), bool by_resend)
{
  g_autoptr (GByteArray) sent = rig_pattern (5, 30000);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;
  FtsChannelStats stats;

  set_up ();
  rig_send (channel, sent);
  damage ();
  open_door ();
  rig_ok (fts_channel_receive_message (channel, got, 1 << 20, &error), error);
  ck_assert_uint_eq (got->len, sent->len);
  ck_assert_mem_eq (got->data, sent->data, sent->len);
  fts_channel_get_stats (channel, &stats);
  ck_assert_uint_eq (stats.resends_served > 0, by_resend);
  rig_round_trip (channel, 6, 100);
  tear_down ();
}

static void
flip_payload (void)
{
  flip (segment_lba (channel, 2), 5000);
}

static void
flip_header (void)
{
  flip (segment_lba (channel, 1), 33);
}

static void
lose_segment (void)
{
  uint8_t zero[8192] = { 0 };

  write_blocks (segment_lba (channel, 3), zero, 16);
}

static void
tear_segment (void)
{
  uint8_t zero[4096] = { 0 };

  write_blocks (segment_lba (channel, 2) + 8, zero, 8);
}

static void
flip_entry (void)
{
  flip (channel->own.lba + 1, 2 * 32 + 9);
}

static void
lose_entries (void)
{
  uint8_t zero[512] = { 0 };

  write_blocks (channel->own.lba + 1, zero, 1);
}

static void
flip_head (void)
{
  flip (channel->own.lba, 40);
}

static void
lose_head (void)
{
  uint8_t zero[512] = { 0 };

  write_blocks (channel->own.lba, zero, 1);
}

static void
swap_segments (void)
{
  uint8_t one[8192], two[8192];

  read_blocks (segment_lba (channel, 1), one, 16);
  read_blocks (segment_lba (channel, 2), two, 16);
  write_blocks (segment_lba (channel, 1), two, 16);
  write_blocks (segment_lba (channel, 2), one, 16);
}

START_TEST (test_a_flipped_bit_in_a_payload_heals)
{
  heals (flip_payload, true);
}
END_TEST

START_TEST (test_a_flipped_bit_in_a_segment_header_heals)
{
  heals (flip_header, true);
}
END_TEST

START_TEST (test_a_lost_segment_heals)
{
  heals (lose_segment, true);
}
END_TEST

START_TEST (test_a_torn_segment_heals)
{
  heals (tear_segment, true);
}
END_TEST

START_TEST (test_segments_in_the_wrong_place_heal)
{
  heals (swap_segments, true);
}
END_TEST

START_TEST (test_a_flipped_bit_in_an_entry_heals)
{
  heals (flip_entry, true);
}
END_TEST

START_TEST (test_lost_entries_heal)
{
  heals (lose_entries, true);
}
END_TEST

START_TEST (test_a_flipped_bit_in_a_head_heals)
{
  heals (flip_head, false);
}
END_TEST

START_TEST (test_a_lost_head_heals)
{
  heals (lose_head, false);
}
END_TEST

START_TEST (test_a_lost_inline_answer_heals)
{
  g_autoptr (GByteArray) sent = rig_pattern (1, 77);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  uint64_t lba;
  uint8_t before[512];
  GError *error = NULL;
  FtsHead head = { 0 };

  set_up ();
  open_door ();
  rig_round_trip (channel, 2, 50);
  lba = fts_volume_head_lba (server.volume, 1, FTS_DIRECTION_CONNECTOR);
  read_blocks (lba, before, 1);
  rig_send (channel, sent);
  for (int i = 0; i < 1000 && head.published < 2; i++) {
    uint8_t block[512];

    g_usleep (1000);
    read_blocks (lba, block, 1);
    fts_head_decode (block, 512, &head, NULL);
  }
  ck_assert_uint_eq (head.published, 2);
  write_blocks (lba, before, 1); /* as if the answer had never been written */
  int64_t start_us = g_get_monotonic_time ();
  rig_ok (fts_channel_receive_message (channel, got, 100, &error), error);
  ck_assert_int_le (g_get_monotonic_time () - start_us, 4000000);
  ck_assert_uint_eq (got->len, 77);
  ck_assert_mem_eq (got->data, sent->data, 77);
  tear_down ();
}
END_TEST

/* ---- a connector written by hand ---- */
static FtsChannel *peer;

static void
accept_by_hand (void)
{
  GError *error = NULL;
  FtsConRc rc;

  rig_ok (fts_accept (server.member, &echo_config, 1, &peer, &rc, &error), error);
  ck_assert_int_eq (rc, FTS_CON_OK);
  ck_assert (fts_connect_await (channel, 1000, NULL));
}

static void
write_head (void)
{
  ck_assert (fts_own_table_write (&peer->own, false, NULL));
}

static void
close_by_hand (void)
{
  fts_channel_cancel (peer, FTS_CANCEL_SHUTDOWN);
  fts_channel_close (peer);
}

static FtsHead
clients_head (void)
{
  uint8_t block[512];
  FtsHead head = { 0 };

  read_blocks (channel->own.lba, block, 1);
  fts_head_decode (block, 512, &head, NULL);
  return head;
}

static void *
serve_resends_badly (void *data)
{
  int *stop = data;

  while (!__atomic_load_n (stop, __ATOMIC_SEQ_CST)) {
    FtsHead head = clients_head ();

    if (head.resend_count != peer->own.head.resend_served) {
      peer->own.head.resend_served = head.resend_count;
      write_head ();
    }
    g_usleep (500);
  }
  return NULL;
}

static void
expect_receive_fails (FtsError code)
{
  FtsFragment fragment;
  GError *error = NULL;

  ck_assert (!fts_channel_receive (channel, &fragment, &error));
  ck_assert_msg (g_error_matches (error, FTS_ERROR, (int) code), "%s", error->message);
  g_clear_error (&error);
}

START_TEST (test_damage_that_stays_ends_after_a_bounded_number_of_roll_backs)
{
  int stop = 0;
  pthread_t thread;
  FtsChannelStats stats;

  set_up ();
  accept_by_hand ();
  fts_own_table_set (
    &peer->own,
    &(FtsSeg){ .sequence = 1, .request = 1, .flags = 0xa0, .byte_len = 100 });
  peer->own.head.published = 1; /* whose segment nobody wrote */
  write_head ();
  pthread_create (&thread, NULL, serve_resends_badly, &stop);
  expect_receive_fails (FTS_ERROR_CORRUPT);
  fts_channel_get_stats (channel, &stats);
  ck_assert_uint_eq (stats.resends_asked, FTS_ROLLBACKS_MAX);
  ck_assert_int_eq (clients_head ().state, FTS_HEAD_RESET);
  ck_assert_int_eq (clients_head ().status, FTS_CON_DAMAGED);
  __atomic_store_n (&stop, 1, __ATOMIC_SEQ_CST);
  pthread_join (thread, NULL);
  close_by_hand ();
  tear_down ();
}
END_TEST

START_TEST (test_a_peer_that_asks_again_and_again_is_given_up)
{
  g_autoptr (GByteArray) bytes = rig_pattern (1, 1000);
  FtsFragment fragment;
  GError *error = NULL;

  set_up ();
  accept_by_hand ();
  rig_send (channel, bytes);
  fts_channel_set_timeout (channel, 20);
  for (unsigned i = 1; i <= FTS_ROLLBACKS_MAX; i++) {
    peer->own.head.resend_from = 1;
    peer->own.head.resend_count = i;
    write_head ();
    ck_assert (!fts_channel_receive (channel, &fragment, &error));
    ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_TIMEOUT));
    g_clear_error (&error);
    ck_assert_uint_eq (clients_head ().resend_served, i);
  }
  peer->own.head.resend_count++;
  write_head ();
  expect_receive_fails (FTS_ERROR_CORRUPT);
  close_by_hand ();
  tear_down ();
}
END_TEST

START_TEST (test_an_odd_heartbeat_is_answered_by_an_even_one)
{
  set_up ();
  accept_by_hand ();
  uint64_t before = clients_head ().heartbeat;
  ck_assert (fts_own_table_write (&peer->own, true, NULL));
  ck_assert (!fts_channel_poll (channel, 20000));
  uint64_t after = clients_head ().heartbeat;
  ck_assert_uint_eq (after, before + 2);
  ck_assert_uint_eq (after % 2, 0);
  ck_assert (!fts_channel_poll (channel, 20000));
  ck_assert_uint_eq (clients_head ().heartbeat, after);
  close_by_hand ();
  tear_down ();
}
END_TEST

static void
is_breach (const FtsHead *said)
{
  set_up ();
  accept_by_hand ();
  peer->own.head.published = said->published;
  peer->own.head.consumed = said->consumed;
  peer->own.head.resend_from = said->resend_from;
  peer->own.head.resend_count = said->resend_count;
  write_head ();
  expect_receive_fails (FTS_ERROR_PROTOCOL);
  ck_assert_int_eq (clients_head ().state, FTS_HEAD_RESET);
  ck_assert_int_eq (clients_head ().status, FTS_CON_PROTOCOL);
  close_by_hand ();
  tear_down ();
}

START_TEST (test_breaches_of_the_protocol_end_the_connection)
{
  is_breach (&(FtsHead){ .published = 17 });
  is_breach (&(FtsHead){ .published = UINT64_MAX });
  is_breach (&(FtsHead){ .consumed = 1 });
  is_breach (&(FtsHead){ .resend_from = 1, .resend_count = 1 });
}
END_TEST

FTS_SUITE ("channel/damage", test_a_flipped_bit_in_a_payload_heals,
           test_a_flipped_bit_in_a_segment_header_heals, test_a_lost_segment_heals,
           test_a_torn_segment_heals, test_segments_in_the_wrong_place_heal,
           test_a_flipped_bit_in_an_entry_heals, test_lost_entries_heal,
           test_a_flipped_bit_in_a_head_heals, test_a_lost_head_heals,
           test_a_lost_inline_answer_heals,
           test_damage_that_stays_ends_after_a_bounded_number_of_roll_backs,
           test_a_peer_that_asks_again_and_again_is_given_up,
           test_an_odd_heartbeat_is_answered_by_an_even_one,
           test_breaches_of_the_protocol_end_the_connection)
