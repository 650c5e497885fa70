#include "prog/ftsfs/behind.h"

#include "lib/suite.h"

#include <string.h>

#define PEER_LEN (8u * 1024 * 1024)

/* The peer: one file in memory, and how it was written. */
typedef struct {
  pthread_mutex_t lock;
  uint8_t bytes[PEER_LEN];
  unsigned sends;
  size_t longest;
  unsigned delay_us;
} Peer;

static Peer peer;

static bool
send_to_peer (void *file, uint64_t offset, const uint8_t *data, size_t len, void *user)
{
  if (peer.delay_us)
    g_usleep (peer.delay_us);
  pthread_mutex_lock (&peer.lock);
  ck_assert_uint_le (offset + len, PEER_LEN);
  memcpy (peer.bytes + offset, data, len);
  peer.sends++;
  peer.longest = MAX (peer.longest, len);
  pthread_mutex_unlock (&peer.lock);
  return true;
}

static unsigned
sends (void)
{
  pthread_mutex_lock (&peer.lock);
  unsigned n = peer.sends;
  pthread_mutex_unlock (&peer.lock);
  return n;
}

typedef struct {
  FtsBuffers *buffers;
  FtsBehind *behind;
  FtsInode inode, other;
} Rig;

static Rig
set_up (size_t limit, unsigned threads)
{
  Rig rig = { .buffers = fts_buffers_new (4) };
  FtsBehindConfig config = { rig.buffers, limit, threads, send_to_peer, NULL };

  peer = (Peer){ 0 };
  pthread_mutex_init (&peer.lock, NULL);
  rig.behind = fts_behind_new (&config);
  return rig;
}

static void
tear_down (Rig *rig)
{
  fts_behind_free (rig->behind);
  fts_buffers_free (rig->buffers);
}

static void
put (Rig *rig, uint64_t offset, size_t len, uint8_t value)
{
  g_autofree uint8_t *data = g_malloc (len);

  memset (data, value, len);
  fts_behind_write (rig->behind, &rig->inode, rig, offset, data, len);
}

static void
check_bytes (uint64_t offset, size_t len, uint8_t value)
{
  size_t same = 0;

  while (same < len && peer.bytes[offset + same] == value)
    same++;
  ck_assert_uint_eq (same, len);
}

START_TEST (test_small_writes_in_order_become_one)
{
  Rig rig = set_up (4 * FTS_BUFFER_LEN, 1);

  for (unsigned i = 0; i < 100; i++)
    put (&rig, i * 100, 100, 7);
  ck_assert (fts_behind_is_dirty (rig.behind, &rig.inode));
  fts_behind_drain (rig.behind, &rig.inode);
  ck_assert (!fts_behind_is_dirty (rig.behind, &rig.inode));
  ck_assert_uint_eq (sends (), 1);
  check_bytes (0, 10000, 7);
  tear_down (&rig);
}
END_TEST

START_TEST (test_overlapping_write_wins_over_the_earlier)
{
  Rig rig = set_up (4 * FTS_BUFFER_LEN, 2);

  peer.delay_us = 2000;
  put (&rig, 0, 1000, 1);
  put (&rig, 500, 1000, 2);
  put (&rig, 0, 600, 3);
  fts_behind_drain (rig.behind, &rig.inode);
  check_bytes (0, 600, 3);
  check_bytes (600, 900, 2);
  tear_down (&rig);
}
END_TEST

START_TEST (test_stream_longer_than_the_limit_arrives)
{
  Rig rig = set_up (2 * FTS_BUFFER_LEN, 2);

  for (unsigned i = 0; i < PEER_LEN / 65536; i++)
    put (&rig, i * 65536, 65536, (uint8_t) (i + 1));
  fts_behind_drain (rig.behind, &rig.inode);
  for (unsigned i = 0; i < PEER_LEN / 65536; i++)
    check_bytes (i * 65536, 65536, (uint8_t) (i + 1));
  ck_assert_uint_eq (peer.longest, FTS_BUFFER_LEN);
  tear_down (&rig);
}
END_TEST

START_TEST (test_writer_helps_itself_without_threads)
{
  Rig rig = set_up (FTS_BUFFER_LEN, 0);

  for (unsigned i = 0; i < 3; i++)
    put (&rig, i * 2 * FTS_BUFFER_LEN, FTS_BUFFER_LEN, 9);
  fts_behind_drain (rig.behind, &rig.inode);
  ck_assert_uint_eq (sends (), 3);
  tear_down (&rig);
}
END_TEST

START_TEST (test_drain_leaves_other_files_alone)
{
  Rig rig = set_up (4 * FTS_BUFFER_LEN, 1);

  put (&rig, 0, 10, 1);
  fts_behind_write (rig.behind, &rig.other, &rig.other, 4096, (const uint8_t *) "x", 1);
  fts_behind_drain (rig.behind, &rig.inode);
  ck_assert (fts_behind_is_dirty (rig.behind, &rig.other));
  fts_behind_drain (rig.behind, &rig.other);
  ck_assert_uint_eq (peer.bytes[4096], 'x');
  tear_down (&rig);
}
END_TEST

START_TEST (test_quiet_data_go_out_by_themselves)
{
  Rig rig = set_up (4 * FTS_BUFFER_LEN, 1);
  int64_t limit = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  put (&rig, 0, 10, 1);
  while (fts_behind_is_dirty (rig.behind, &rig.inode)) {
    ck_assert_int_lt (g_get_monotonic_time (), limit);
    g_usleep (5000);
  }
  ck_assert_uint_eq (sends (), 1);
  tear_down (&rig);
}
END_TEST

START_TEST (test_the_end_sends_what_is_left)
{
  Rig rig = set_up (4 * FTS_BUFFER_LEN, 1);

  put (&rig, 0, 10, 4);
  tear_down (&rig);
  check_bytes (0, 10, 4);
}
END_TEST

FTS_SUITE ("ftsfs/behind", test_small_writes_in_order_become_one,
           test_overlapping_write_wins_over_the_earlier,
           test_stream_longer_than_the_limit_arrives,
           test_writer_helps_itself_without_threads,
           test_drain_leaves_other_files_alone, test_quiet_data_go_out_by_themselves,
           test_the_end_sends_what_is_left)
