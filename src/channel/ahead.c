/* ahead.c - what goes on beside the transfer where the device works asynchronously: table writes
 * that nobody waits for, and looks at the peer's head before there is nothing else to do.
 *
 * Invariants
 *  1. One table write and one look at a time; both belong to the channel's thread, which finds out
 *     about their end when it comes by.
 *  2. A table write that is started says published = s when the writes of all segments up to s
 *     have ended well (private.h, send.c), and no other write of the own table starts before it
 *     has ended: fts_ahead_settle().
 *  3. What a look brought is taken in like what a wait brings: by fts_channel_take_head().
 *
 * A look is one LUN command, so it is made when it is likely to pay: by a reader when as many
 * fragments are left as one table update announces, and again at the last one; by a writer when
 * the ring is about to be full.  Never at the end of a message, whose answer takes its time.
 */
#include "base/error.h"
#include "channel/private.h"

#include <string.h>

static bool
lun_failed (FtsChannel *channel, GError *cause, GError **error)
{
  return fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED, cause, error);
}

static uint8_t *
room_for (FtsAhead *ahead, size_t len)
{
  if (ahead->room < len) {
    g_free (ahead->buffer);
    ahead->buffer = g_malloc (len);
    ahead->room = len;
  }
  return ahead->buffer;
}

static bool
start (FtsChannel *channel, FtsAhead *ahead, LunOp op, uint64_t lba, size_t len,
       GError **error)
{
  return fts_segio_start (&ahead->io, &channel->group, channel->master, op,
                          LUN_PRIO_CONTROL, lba, ahead->buffer, len, error);
}

/* ---- table writes ---- */

bool
fts_ahead_settle (FtsChannel *channel, GError **error)
{
  GError *cause = NULL;

  return fts_segio_finish (&channel->table_write.io, &cause) ||
         lun_failed (channel, cause, error);
}

/* The newest fragment before which all segments are on the LUN. */
static uint64_t
written_up_to (FtsChannel *channel)
{
  uint64_t upto = channel->tx.published;

  while (
    upto + 1 < channel->tx.next &&
    !fts_segio_is_busy (&channel->out[fts_ring_index (upto + 1, channel->tx.size)].io))
    upto++;
  return upto;
}

static bool
finish_segments (FtsChannel *channel, uint64_t upto, GError **error)
{
  for (uint64_t s = channel->tx.published + 1; s <= upto; s++) {
    GError *cause = NULL;

    if (!fts_segio_finish (&channel->out[fts_ring_index (s, channel->tx.size)].io,
                           &cause))
      return lun_failed (channel, cause, error);
  }
  return true;
}

bool
fts_ahead_publish (FtsChannel *channel, GError **error)
{
  uint32_t n = fts_volume_mcb (channel->volume)->blk5_ptr_seg_per_process;
  GError *cause = NULL;

  if (fts_segio_is_busy (&channel->table_write.io) ||
      !fts_states_can_write (channel->life))
    return true; /* later */
  if (!fts_ahead_settle (channel, error))
    return false;
  uint64_t upto = written_up_to (channel);
  if (upto - channel->tx.published < n && !fts_rx_must_acknowledge (&channel->rx))
    return true;
  if (!fts_own_table_is_one_write (&channel->own))
    return fts_channel_publish (channel, false, error);
  if (fts_member_is_fenced (channel->member))
    return fts_channel_enter (channel, error);
  if (!finish_segments (channel, upto, error))
    return false;
  fts_ring_fill_head (&channel->tx, &channel->rx, upto, &channel->own.head);
  size_t len = fts_own_table_encode (&channel->own, false);
  memcpy (room_for (&channel->table_write, len), channel->own.image, len);
  return start (channel, &channel->table_write, LUN_OP_WRITE, channel->own.lba, len,
                &cause) ||
         lun_failed (channel, cause, error);
}

/* ---- looks ---- */

bool
fts_ahead_look (FtsChannel *channel, GError **error)
{
  const FtsPeerTable *peer = &channel->peer;
  size_t len = (size_t) peer->watched * peer->block_size;
  GError *cause = NULL;

  if (channel->head_look.io.started || !channel->is_accepted)
    return true;
  room_for (&channel->head_look, len);
  return start (channel, &channel->head_look, LUN_OP_READ, peer->lba, len, &cause) ||
         lun_failed (channel, cause, error);
}

void
fts_ahead_forget_look (FtsChannel *channel)
{
  fts_segio_finish (&channel->head_look.io, NULL);
}

bool
fts_ahead_take_look (FtsChannel *channel, bool waits, bool *news, GError **error)
{
  FtsAhead *look = &channel->head_look;
  size_t len = (size_t) channel->peer.watched * channel->peer.block_size;
  GError *cause = NULL;

  *news = false;
  if (!look->io.started || (!waits && fts_segio_is_busy (&look->io)))
    return true;
  if (!fts_segio_finish (&look->io, &cause))
    return lun_failed (channel, cause, error);
  if (memcmp (channel->peer.image, look->buffer, len) == 0)
    return true;
  memcpy (channel->peer.image, look->buffer, len);
  return fts_channel_take_head (channel, news, error);
}

/* Does a message end with the newest fragment that the peer has published? */
static bool
ends_message (const FtsChannel *channel)
{
  const FtsHead *head = &channel->peer.head;
  FtsEntry entry;

  if (head->inline_seq == head->published)
    return true;
  return fts_entry_decode (fts_peer_table_entry (&channel->peer, head->published),
                           channel->pid.epoch, channel->own.tag, &entry) &&
         entry.ptr_process_block_seq == head->published &&
         (entry.ptr_process_segment_flg & FTS_SEG_FLAG_LAST) != 0;
}

void
fts_ahead_reader_looks (FtsChannel *channel)
{
  uint32_t n = fts_volume_mcb (channel->volume)->blk5_ptr_seg_per_process;
  uint64_t left = channel->rx.published - channel->rx.consumed;

  if ((left == n + 1 || left == 1) && !ends_message (channel))
    fts_ahead_look (channel, NULL);
}

void
fts_ahead_writer_looks (FtsChannel *channel)
{
  uint32_t n = fts_volume_mcb (channel->volume)->blk5_ptr_seg_per_process;
  uint64_t taken = channel->tx.next - 1 - channel->tx.acked;

  if (taken + n == channel->tx.size)
    fts_ahead_look (channel, NULL);
}
