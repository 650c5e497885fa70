/* A peer that writes what it likes, all of it with right checksums: nothing crashes or hangs,
 * and what was sent honestly before is delivered or not, but never changed. */
#include "rig.h"

#include "base/crc.h"
#include "base/error.h"
#include "channel/accept.h"
#include "channel/private.h"

#include "lib/suite.h"

#include <string.h>

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static Rig rig;
static Node server, client;
static uint64_t state = 88172645463325252u;

static uint64_t
next_random (void)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* Small numbers mostly, and the edges. */
static uint64_t
odd_number (void)
{
  static const uint64_t edges[] = { 0,
                                    1,
                                    2,
                                    15,
                                    16,
                                    17,
                                    255,
                                    7680,
                                    7681,
                                    UINT32_MAX,
                                    UINT64_MAX,
                                    UINT64_MAX - 1,
                                    UINT64_MAX - 15 };
  uint64_t r = next_random ();

  return r % 3 ? r / 3 % 20 : edges[r / 3 % G_N_ELEMENTS (edges)];
}

static bool
one_in (unsigned n)
{
  return next_random () % n == 0;
}

static void
scribble_segment (FtsChannel *peer, uint64_t sequence)
{
  uint8_t segment[8192];
  uint64_t lba;
  FtsSeg seg = {
    .volume_tag = peer->own.tag,
    .slot = 1,
    .direction = FTS_DIRECTION_CONNECTOR,
    .epoch = one_in (4) ? odd_number () : peer->pid.epoch,
    .sequence = one_in (4) ? odd_number () : sequence,
    .request = one_in (4) ? (uint32_t) odd_number () : 1,
    .flags = one_in (4) ? (uint32_t) odd_number () : 0x80,
    .byte_len = (uint32_t) (odd_number () % 7681),
  };

  for (size_t i = 0; i < sizeof segment; i++)
    segment[i] = (uint8_t) next_random ();
  seg.payload_crc = fts_crc32c (segment + 512, seg.byte_len);
  fts_segment_encode (&seg, segment, 512);
  fts_own_table_locate (&peer->own, sequence, &lba);
  fts_volume_write (server.volume, lba, segment, sizeof segment, NULL);
}

static void
scribble_entry (FtsChannel *peer, uint64_t sequence)
{
  uint32_t index = fts_ring_index (sequence, peer->own.size);
  FtsEntry entry = {
    .ptr_process_segment_ptr = one_in (4) ? odd_number () : peer->own.segments[index],
    .ptr_process_block_seq = one_in (4) ? odd_number () : sequence,
    .ptr_process_segment_flg = one_in (4) ? (uint16_t) odd_number () : 0x80,
    .ptr_process_req_id = one_in (4) ? (uint16_t) odd_number () : 1,
    .ptr_process_blk_read = one_in (2) ? (uint32_t) odd_number () : 1,
    .byte_len = (uint32_t) odd_number (),
  };
  FtsEntryDisk *disk = (FtsEntryDisk *) (peer->own.image + 512) + index;

  if (one_in (2))
    entry.ptr_process_blk_read = fts_blocks_in_use (entry.byte_len, 512);
  fts_entry_encode (&entry, peer->own.epoch, peer->own.tag, disk);
  fts_own_table_touch (&peer->own, sequence);
}

static void
scribble_head (FtsChannel *peer)
{
  FtsHead *head = &peer->own.head;

  if (one_in (2))
    head->published = odd_number ();
  if (one_in (3))
    head->consumed = odd_number ();
  if (one_in (3))
    head->resend_from = odd_number ();
  if (one_in (3))
    head->resend_count = (uint32_t) odd_number ();
  if (one_in (2))
    head->resend_served = (uint32_t) odd_number ();
  if (one_in (3))
    head->inline_seq = odd_number ();
  if (one_in (3))
    head->request = (uint32_t) odd_number ();
  if (one_in (3))
    head->inline_flags = (uint16_t) (one_in (2) ? 0xa0 : 0x80);
  head->inline_len = (uint32_t) (odd_number () % 385);
  if (one_in (12))
    head->state = (FtsHeadState) (next_random () % 4);
  if (one_in (400))
    head->heartbeat = UINT64_MAX - 3;
}

static void
scribble (FtsChannel *peer)
{
  scribble_head (peer);
  for (uint64_t s = 1; s < 4; s++) {
    scribble_segment (peer, s);
    scribble_entry (peer, s);
  }
  fts_own_table_write (&peer->own, one_in (4), NULL);
}

static FtsChannel *
accept_next (uint32_t slot)
{
  FtsChannel *peer;
  FtsConRc rc;

  ck_assert (fts_accept (server.member, &echo_config, slot, &peer, &rc, NULL));
  ck_assert_int_eq (rc, FTS_CON_OK);
  return peer;
}

static void
meet_one (void)
{
  g_autoptr (GByteArray) bytes = rig_pattern (1, 20000);
  struct iovec iov = { bytes->data, bytes->len };
  FtsChannel *channel = rig_connect (&client, "south");
  FtsChannel *peer = accept_next (fts_channel_pid (channel)->pro_process_id);
  FtsFragment fragment;

  ck_assert (fts_connect_await (channel, 1000, NULL));
  fts_channel_set_timeout (channel, 3);
  for (int i = 0; i < 12; i++) {
    g_autoptr (GError) error = NULL;

    scribble (peer);
    fts_channel_send (channel, &iov, 1, NULL);
    if (fts_channel_receive (channel, &fragment, &error))
      ck_assert_uint_le (fragment.len, 7680);
    else if (!g_error_matches (error, FTS_ERROR, FTS_ERROR_TIMEOUT))
      break;
  }
  peer->own.head.state = FTS_HEAD_CLOSED;
  fts_own_table_write (&peer->own, false, NULL);
  fts_channel_cancel (peer, FTS_CANCEL_GONE);
  fts_channel_close (channel);
  fts_channel_close (peer);
}

START_TEST (test_a_hostile_peer_does_no_harm)
{
  rig_init (&rig, NULL);
  rig_join (&rig, &server, "", "south", FTS_ROLE_SERVER);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  for (int i = 0; i < 150; i++)
    meet_one ();
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}
END_TEST

FTS_SUITE ("channel/hostile", test_a_hostile_peer_does_no_harm)
