/* send.c - the writer (Fig. 10): fills segments or the head's inline area, publishes them by
 * table writes, keeps what is not acknowledged, and rolls back when asked (A12).
 *
 * Order on the LUN: segments, then the head that says so.  A head with published = s is written
 * when the writes of all segments up to s have ended, and not before the entries up to s.  Where
 * the device works asynchronously the writer does not wait for that in the middle of a message
 * (ahead.c), but at its end and when the ring is full.
 */
#include "base/crc.h"
#include "base/error.h"
#include "channel/private.h"

#include <lunpath/memory.h>

#include <string.h>

static FtsOut *
out_at (FtsChannel *channel, uint64_t sequence)
{
  return &channel->out[fts_ring_index (sequence, channel->tx.size)];
}

static bool
lun_failed (FtsChannel *channel, GError *cause, GError **error)
{
  return fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED, cause, error);
}

/* A process that was shut out, or shut itself out, writes nothing. */
static bool
may_write (FtsChannel *channel, GError **error)
{
  return !fts_member_is_fenced (channel->member) || fts_channel_enter (channel, error);
}

/* ---- the table ---- */
static bool
finish_writes (FtsChannel *channel, GError **error)
{
  for (uint64_t s = channel->tx.published + 1; s < channel->tx.next; s++) {
    GError *cause = NULL;

    if (!fts_segio_finish (&out_at (channel, s)->io, &cause))
      return lun_failed (channel, cause, error);
  }
  return true;
}

bool
fts_channel_publish (FtsChannel *channel, bool urge, GError **error)
{
  GError *cause = NULL;

  if (!fts_states_can_write (channel->life))
    return true; /* the connection has ended: nothing of it is written any more */
  if (!may_write (channel, error) || !finish_writes (channel, error) ||
      !fts_ahead_settle (channel, error))
    return false;
  fts_ring_fill_head (&channel->tx, &channel->rx, channel->tx.next - 1,
                      &channel->own.head);
  if (!fts_own_table_write (&channel->own, urge, &cause))
    return lun_failed (channel, cause, error);
  return true;
}

void
fts_channel_release (FtsChannel *channel, uint64_t acked_before)
{
  for (uint64_t s = acked_before + 1; s <= channel->tx.acked; s++) {
    FtsOut *out = out_at (channel, s);

    lun_memory_give (out->buffer);
    out->buffer = NULL;
  }
}

/* ---- fragments ---- */
static bool
start_write (FtsChannel *channel, FtsOut *out, GError **error)
{
  uint64_t lba = 0;
  LunDevice *device = fts_own_table_locate (&channel->own, out->seg.sequence, &lba);
  GError *cause = NULL;

  if (!may_write (channel, error))
    return false;
  if (!fts_segio_start (&out->io, &channel->group, device, LUN_OP_WRITE, LUN_PRIO_BULK,
                        lba, out->buffer, out->len, &cause))
    return lun_failed (channel, cause, error);
  return true;
}

static uint32_t
flags_of (const FtsChannel *channel, bool last)
{
  return (uint32_t) fts_valid_flag (channel->direction) |
         (last ? FTS_SEG_FLAG_LAST : 0);
}

/* Header and padding around the payload that lies in the open segment. */
static void
seal_segment (FtsChannel *channel, FtsOut *out, size_t len, uint32_t crc, bool last)
{
  uint8_t *payload = channel->open + channel->block_size;

  out->buffer = g_steal_pointer (&channel->open);
  out->len = (size_t) fts_blocks_in_use ((uint32_t) len, channel->block_size) *
             channel->block_size;
  out->seg = (FtsSeg){
    .volume_tag = channel->own.tag,
    .slot = channel->pid.pro_process_id,
    .direction = channel->direction,
    .epoch = channel->pid.epoch,
    .sequence = channel->tx.next - 1,
    .request = channel->tx.request,
    .flags = flags_of (channel, last),
    .byte_len = (uint32_t) len,
    .payload_crc = crc,
    .time_stamp_us = (uint64_t) g_get_real_time (),
  };
  fts_segment_encode (&out->seg, out->buffer, channel->block_size);
  memset (payload + len, 0, out->len - channel->block_size - len);
}

static void
count_sent (FtsChannel *channel, size_t len, bool last)
{
  channel->stats.fragments_sent++;
  channel->stats.bytes_sent += len;
  channel->stats.messages_sent += last;
}

static bool
publish_when_due (FtsChannel *channel, GError **error)
{
  uint32_t n = fts_volume_mcb (channel->volume)->blk5_ptr_seg_per_process;

  return !fts_tx_must_publish (&channel->tx, n) ||
         fts_channel_publish (channel, false, error);
}

/* In the middle of a message: goes on with what runs beside it. */
static bool
go_on_beside (FtsChannel *channel, GError **error)
{
  bool news;

  fts_ahead_writer_looks (channel);
  return fts_ahead_take_look (channel, false, &news, error) &&
         fts_ahead_publish (channel, error);
}

/* Sends the open segment with LEN payload bytes that have the CRC32C CRC. */
static bool
send_segment (FtsChannel *channel, size_t len, uint32_t crc, bool last, GError **error)
{
  FtsOut *out = out_at (channel, fts_tx_take (&channel->tx, last, false));

  seal_segment (channel, out, len, crc, last);
  fts_own_table_set (&channel->own, &out->seg);
  channel->open_len = 0;
  count_sent (channel, len, last);
  if (!start_write (channel, out, error))
    return false;
  return !last && fts_channel_is_async (channel) ? go_on_beside (channel, error)
                                                 : publish_when_due (channel, error);
}

static bool
fits_inline (const FtsChannel *channel, size_t len)
{
  return len <= fts_head_inline_max (channel->block_size) &&
         fts_tx_inline_is_free (&channel->tx);
}

static bool
send_inline (FtsChannel *channel, const struct iovec *iov, int n_iov, size_t len,
             GError **error)
{
  FtsOut *out = out_at (channel, fts_tx_take (&channel->tx, true, true));
  uint8_t *to = channel->own.inline_data;

  g_assert (out->buffer == NULL);
  for (int i = 0; i < n_iov; i++)
    if (iov[i].iov_len > 0)
      to = (uint8_t *) memcpy (to, iov[i].iov_base, iov[i].iov_len) + iov[i].iov_len;
  channel->own.head.inline_len = (uint32_t) len;
  channel->own.head.inline_flags = (uint16_t) flags_of (channel, true);
  channel->stats.inline_sent++;
  count_sent (channel, len, true);
  return publish_when_due (channel, error);
}

/* ---- waiting for room (A14) ---- */
static bool
cannot_send (FtsChannel *channel, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CLOSED,
               "connection %u of %s and %s was closed by the peer",
               channel->pid.pro_process_id, channel->pid.pro_requestor,
               channel->pid.pro_requestee);
  return false;
}

static bool
make_room (FtsChannel *channel, GError **error)
{
  int64_t start_us = 0;

  if (!fts_states_can_send (channel->life))
    return cannot_send (channel, error);
  while (!fts_tx_is_free (&channel->tx)) {
    if (start_us == 0)
      start_us = g_get_monotonic_time ();
    if (fts_tx_pending (&channel->tx) > 0 &&
        !fts_channel_publish (channel, false, error))
      return false;
    if (!fts_channel_wait_news (channel, start_us, error))
      return false;
    if (!fts_states_can_send (channel->life))
      return cannot_send (channel, error);
  }
  return true;
}

static bool
open_segment (FtsChannel *channel, GError **error)
{
  if (!make_room (channel, error))
    return false;
  if (channel->open == NULL) {
    channel->open = lun_memory_take (channel->segment_len);
    channel->open_len = 0;
  }
  return true;
}

/* CRC32C of what the open segment holds already. */
static uint32_t
open_crc (const FtsChannel *channel)
{
  return fts_crc32c (channel->open + channel->block_size, channel->open_len);
}

/* ---- public ---- */
bool
fts_channel_reserve (FtsChannel *channel, uint8_t **data, size_t *room, GError **error)
{
  if (!fts_channel_enter (channel, error))
    return false;
  if (channel->open_len == channel->payload_max &&
      !send_segment (channel, channel->open_len, open_crc (channel), false, error))
    return false;
  if (!open_segment (channel, error))
    return false;
  *data = channel->open + channel->block_size + channel->open_len;
  *room = channel->payload_max - channel->open_len;
  return true;
}

bool
fts_channel_commit (FtsChannel *channel, size_t len, const uint32_t *crc, bool last,
                    GError **error)
{
  if (!fts_channel_enter (channel, error))
    return false;
  if (!fts_states_can_send (channel->life))
    return cannot_send (channel, error);
  g_assert (channel->open != NULL && channel->open_len + len <= channel->payload_max);
  size_t whole = channel->open_len + len;
  if (last && fits_inline (channel, whole)) {
    struct iovec iov = { channel->open + channel->block_size, whole };

    channel->open_len = 0;
    return send_inline (channel, &iov, 1, whole, error);
  }
  const uint8_t *added = channel->open + channel->block_size + channel->open_len;
  uint32_t sum = crc != NULL ? *crc : fts_crc32c (added, len);
  return send_segment (channel, whole, fts_crc32c_join (open_crc (channel), sum, len),
                       last, error);
}

/* Copies IOV into open segments; full ones are sent, the last one stays open. */
static bool
fill_segments (FtsChannel *channel, const struct iovec *iov, int n_iov, GError **error)
{
  for (int i = 0; i < n_iov; i++) {
    const uint8_t *from = iov[i].iov_base;
    size_t left = iov[i].iov_len;

    while (left > 0) {
      uint8_t *to;
      size_t room;

      if (!fts_channel_reserve (channel, &to, &room, error))
        return false;
      size_t len = MIN (left, room);
      memcpy (to, from, len);
      channel->open_len += len;
      from += len;
      left -= len;
    }
  }
  return true;
}

bool
fts_channel_send_part (FtsChannel *channel, const struct iovec *iov, int n_iov,
                       GError **error)
{
  return fts_channel_enter (channel, error) &&
         fill_segments (channel, iov, n_iov, error);
}

bool
fts_channel_send (FtsChannel *channel, const struct iovec *iov, int n_iov,
                  GError **error)
{
  size_t len = 0;

  if (!fts_channel_enter (channel, error) || !make_room (channel, error))
    return false;
  for (int i = 0; i < n_iov; i++)
    len += iov[i].iov_len;
  if (channel->open_len == 0 && fits_inline (channel, len))
    return send_inline (channel, iov, n_iov, len, error);
  if (!fill_segments (channel, iov, n_iov, error) || !open_segment (channel, error))
    return false;
  return fts_channel_commit (channel, 0, NULL, true, error);
}

/* ---- roll-back (A12) ---- */
bool
fts_channel_roll_back (FtsChannel *channel, uint64_t from, GError **error)
{
  g_debug ("connection %u: writing again from sequence number %" G_GUINT64_FORMAT,
           channel->pid.pro_process_id, from);
  channel->stats.resends_served++;
  if (!finish_writes (channel, error))
    return false;
  for (uint64_t s = from; s <= channel->tx.published; s++) {
    FtsOut *out = out_at (channel, s);

    if (out->buffer == NULL)
      continue; /* inline: goes out with the head */
    if (!start_write (channel, out, error))
      return false;
    fts_own_table_touch (&channel->own, s);
  }
  for (uint64_t s = from; s <= channel->tx.published; s++) {
    GError *cause = NULL;

    if (!fts_segio_finish (&out_at (channel, s)->io, &cause))
      return lun_failed (channel, cause, error);
  }
  return fts_channel_publish (channel, false, error);
}
