/* receive.c - the reader (Fig. 11): finds the next fragment, checks it, delivers it; reads again
 * what does not fit, then asks for a re-send.
 *
 * A fragment is copied from the LUN into this process's memory first and checked there: what
 * was checked is what is delivered.
 */
#include "base/crc.h"
#include "base/error.h"
#include "channel/private.h"

#include <lunpath/memory.h>

#include <string.h>

/* A mismatch may be a write under way: read again after 20 us, 80 us, 320 us, 1.3 ms. */
#define REREADS   4
#define REREAD_US 20

typedef enum {
  FETCH_DONE,
  FETCH_MISMATCH,
  FETCH_FAILED,
} Fetch;

static void
expect_next (const FtsChannel *channel, uint64_t ahead, FtsExpect *expect)
{
  fts_channel_expect (channel, expect);
  expect->sequence = channel->rx.consumed + 1 + ahead;
  expect->request = fts_rx_request (&channel->rx);
  expect->segment =
    fts_volume_segment_number (channel->volume, expect->slot, expect->direction,
                               fts_ring_index (expect->sequence, channel->rx.size));
}

static Fetch
lun_failed (FtsChannel *channel, GError *cause, GError **error)
{
  fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED, cause, error);
  return FETCH_FAILED;
}

/* ---- buffers ---- */
static FtsIn *
in_at (FtsChannel *channel, uint64_t sequence)
{
  /* Where nothing is read ahead one buffer does, and stays in the cache. */
  if (!fts_channel_is_async (channel))
    return &channel->in[0];
  return &channel->in[sequence % FTS_READ_AHEAD];
}

void
fts_channel_drop_reads (FtsChannel *channel, bool keep_lent)
{
  for (unsigned i = 0; i < FTS_READ_AHEAD; i++) {
    FtsIn *in = &channel->in[i];

    fts_segio_finish (&in->io, NULL);
    in->sequence = 0;
    if (keep_lent && i == channel->in_lent)
      continue;
    lun_memory_give (in->buffer);
    in->buffer = NULL;
  }
}

/* ---- reading one segment ---- */

/* The entry of EXPECT, from the image or, in a long table, from the LUN. */
static Fetch
find_entry (FtsChannel *channel, const FtsExpect *expect, bool may_load,
            FtsEntry *entry, GError **error)
{
  FtsPeerTable *peer = &channel->peer;
  GError *cause = NULL;

  if (fts_verify_entry (fts_peer_table_entry (peer, expect->sequence), expect, entry))
    return FETCH_DONE;
  if (!may_load || peer->watched == peer->blocks)
    return FETCH_MISMATCH;
  if (!fts_peer_table_load_entries (peer, channel->master, expect->sequence,
                                    channel->rx.published, &cause))
    return lun_failed (channel, cause, error);
  return fts_verify_entry (fts_peer_table_entry (peer, expect->sequence), expect, entry)
           ? FETCH_DONE
           : FETCH_MISMATCH;
}

static Fetch
start_read (FtsChannel *channel, FtsIn *in, const FtsExpect *expect, GError **error)
{
  GError *cause = NULL;
  uint64_t lba;
  LunDevice *device = fts_volume_locate_segment (
    channel->volume, in->entry.ptr_process_segment_ptr, &lba);

  if (device == NULL)
    return FETCH_MISMATCH;
  if (in->buffer == NULL)
    in->buffer = lun_memory_take (channel->segment_len);
  in->sequence = expect->sequence;
  if (!fts_segio_start (
        &in->io, &channel->group, device, LUN_OP_READ, LUN_PRIO_BULK, lba, in->buffer,
        (size_t) in->entry.ptr_process_blk_read * channel->block_size, &cause))
    return lun_failed (channel, cause, error);
  return FETCH_DONE;
}

/* Starts reads of what follows the fragment expected now.  The request number of a later
 * fragment is not known before the ones between: its entry tells it, and the check at delivery
 * decides. */
static void
read_ahead (FtsChannel *channel)
{
  if (!fts_channel_is_async (channel))
    return;
  for (uint64_t ahead = 1; ahead + 1 < FTS_READ_AHEAD; ahead++) {
    FtsExpect expect;

    expect_next (channel, ahead, &expect);
    FtsIn *in = in_at (channel, expect.sequence);
    if (expect.sequence > channel->rx.published || in->sequence == expect.sequence)
      continue;
    if (find_entry (channel, &expect, false, &in->entry, NULL) != FETCH_DONE ||
        start_read (channel, in, &expect, NULL) != FETCH_DONE)
      return;
  }
  fts_ahead_reader_looks (channel);
}

static Fetch
fetch_segment (FtsChannel *channel, const FtsExpect *expect, FtsFragment *fragment,
               GError **error)
{
  FtsIn *in = in_at (channel, expect->sequence);
  FtsEntry entry;
  uint32_t crc;
  GError *cause = NULL;

  Fetch found = find_entry (channel, expect, true, &entry, error);
  if (found != FETCH_DONE)
    return found;
  if (in->sequence != expect->sequence) {
    in->entry = entry;
    found = start_read (channel, in, expect, error);
    if (found != FETCH_DONE)
      return found;
  }
  read_ahead (channel);
  if (!fts_segio_finish (&in->io, &cause))
    return lun_failed (channel, cause, error);
  in->sequence = 0;
  if (!fts_verify_segment (in->buffer, expect, &in->entry, &crc))
    return FETCH_MISMATCH;
  channel->in_lent = (unsigned) (in - channel->in);
  *fragment = (FtsFragment){
    .data = in->buffer + channel->block_size,
    .len = in->entry.byte_len,
    .crc = crc,
    .last = (in->entry.ptr_process_segment_flg & FTS_SEG_FLAG_LAST) != 0,
  };
  return FETCH_DONE;
}

static Fetch
fetch (FtsChannel *channel, FtsFragment *fragment, GError **error)
{
  const FtsHead *head = &channel->peer.head;
  FtsExpect expect;

  expect_next (channel, 0, &expect);
  if (head->inline_seq != expect.sequence)
    return fetch_segment (channel, &expect, fragment, error);
  if (!fts_verify_inline (head, &expect))
    return FETCH_MISMATCH;
  const uint8_t *inline_data = fts_peer_table_lend_inline (&channel->peer);
  *fragment = (FtsFragment){
    .data = inline_data,
    .len = head->inline_len,
    .crc = fts_crc32c (inline_data, head->inline_len),
    .last = (head->inline_flags & FTS_SEG_FLAG_LAST) != 0,
  };
  return FETCH_DONE;
}

/* ---- healing ---- */
static Fetch
read_again (FtsChannel *channel, int attempt, GError **error)
{
  GError *cause = NULL;
  uint64_t sequence = channel->rx.consumed + 1;
  bool news;

  g_usleep (REREAD_US << (2 * attempt));
  fts_channel_drop_reads (channel, false);
  fts_ahead_forget_look (channel);
  if (!fts_peer_table_load_entries (&channel->peer, channel->master, sequence, sequence,
                                    &cause))
    return lun_failed (channel, cause, error);
  return fts_channel_take_head (channel, &news, error) ? FETCH_MISMATCH : FETCH_FAILED;
}

static bool
ask_resend (FtsChannel *channel, int64_t start_us, GError **error)
{
  uint64_t sequence = channel->rx.consumed + 1;

  if (!fts_rx_ask_resend (&channel->rx))
    return fts_channel_fail (
      channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED,
      g_error_new (FTS_ERROR, FTS_ERROR_CORRUPT,
                   "connection %u of %s and %s: segment %" G_GUINT64_FORMAT
                   " stays damaged after %u re-sends; check the LUN and its paths",
                   channel->pid.pro_process_id, channel->pid.pro_requestor,
                   channel->pid.pro_requestee, sequence, FTS_ROLLBACKS_MAX),
      error);
  channel->stats.resends_asked++;
  g_debug ("connection %u: asking for %" G_GUINT64_FORMAT " again",
           channel->pid.pro_process_id, sequence);
  if (!fts_channel_publish (channel, false, error))
    return false;
  while (channel->peer.head.resend_served != channel->rx.resend_count &&
         fts_states_can_write (channel->life))
    if (!fts_channel_wait_news (channel, start_us, error))
      return false;
  return true;
}

/* The next fragment, which is published; heals what can be healed. */
static bool
fetch_sound (FtsChannel *channel, int64_t start_us, FtsFragment *fragment,
             GError **error)
{
  for (int attempt = 0;;) {
    Fetch result = fetch (channel, fragment, error);

    if (result == FETCH_DONE)
      return true;
    if (result == FETCH_MISMATCH && attempt < REREADS) {
      result = read_again (channel, attempt++, error);
    } else if (result == FETCH_MISMATCH) {
      attempt = 0;
      if (!fts_states_can_write (channel->life))
        return fts_channel_enter (channel, error) &&
               fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED,
                                 g_error_new (FTS_ERROR, FTS_ERROR_CORRUPT,
                                              "connection %u ended with damaged data",
                                              channel->pid.pro_process_id),
                                 error);
      if (!ask_resend (channel, start_us, error))
        return false;
    }
    if (result == FETCH_FAILED)
      return false;
  }
}

/* ---- public ---- */

/* In the middle of a message the writer may be waiting for an acknowledgement that is due. */
static bool
acknowledge_when_due (FtsChannel *channel, GError **error)
{
  if (!fts_rx_must_acknowledge (&channel->rx))
    return true;
  return fts_channel_is_async (channel) && fts_rx_has_more (&channel->rx)
           ? fts_ahead_publish (channel, error)
           : fts_channel_publish (channel, false, error);
}

static void
count_received (FtsChannel *channel, const FtsFragment *fragment)
{
  channel->stats.fragments_received++;
  channel->stats.bytes_received += fragment->len;
  channel->stats.messages_received += fragment->last;
}

static bool
ended (FtsChannel *channel, GError **error)
{
  const FtsHead *head = &channel->peer.head;
  GError *cause = NULL;
  const FtsPid *pid = &channel->pid;
  bool is_reset = head->state == FTS_HEAD_RESET;
  bool damaged = is_reset && head->status == FTS_CON_DAMAGED;
  bool breached = is_reset && head->status == FTS_CON_PROTOCOL;

  cause = g_error_new (FTS_ERROR,
                       damaged    ? FTS_ERROR_CORRUPT
                       : breached ? FTS_ERROR_PROTOCOL
                                  : FTS_ERROR_CLOSED,
                       "connection %u of %s and %s was %s by the peer%s",
                       pid->pro_process_id, pid->pro_requestor, pid->pro_requestee,
                       is_reset ? "broken off" : "closed",
                       damaged    ? ": it got damaged data too often"
                       : breached ? ": it saw a breach of the protocol"
                       : is_reset ? ": it ends"
                                  : "");
  g_propagate_error (error, cause);
  return false;
}

bool
fts_channel_receive (FtsChannel *channel, FtsFragment *fragment, GError **error)
{
  int64_t start_us = g_get_monotonic_time ();
  bool news;

  if (!fts_channel_enter (channel, error) ||
      !fts_ahead_take_look (channel, false, &news, error) ||
      !acknowledge_when_due (channel, error))
    return false;
  while (!fts_rx_has_more (&channel->rx)) {
    if (fts_channel_has_ended (channel))
      return ended (channel, error);
    if (!fts_channel_wait_news (channel, start_us, error))
      return false;
  }
  bool first = !channel->rx.in_message;
  if (!fetch_sound (channel, start_us, fragment, error))
    return false;
  fragment->first = first;
  fts_rx_deliver (&channel->rx, fragment->last);
  count_received (channel, fragment);
  return fragment->last || /* is answered soon */
         acknowledge_when_due (channel, error);
}

/* In the middle of a message of its own the caller asks again soon, and a writer looks at the
 * peer's head once a ring anyway. */
static bool
poll_beside (FtsChannel *channel)
{
  bool news;

  return !fts_ahead_take_look (channel, false, &news, NULL) ||
         fts_rx_has_more (&channel->rx) || fts_channel_has_ended (channel);
}

bool
fts_channel_poll (FtsChannel *channel, int64_t wait_us)
{
  int64_t deadline_us = g_get_monotonic_time () + MAX (wait_us, 0);

  if (!fts_channel_enter (channel, NULL))
    return true;
  if (wait_us <= 0 && channel->tx.in_message && fts_channel_is_async (channel))
    return poll_beside (channel);
  for (;;) {
    if (fts_rx_has_more (&channel->rx) || fts_channel_has_ended (channel))
      return true;
    switch (fts_channel_wait (channel, deadline_us, FTS_WAIT_IDLE, NULL)) {
    case FTS_WAKE_NEWS:
      break;
    case FTS_WAKE_FAILED:
      return true;
    case FTS_WAKE_POKED:
    case FTS_WAKE_TIMEOUT:
      return false;
    }
  }
}

bool
fts_channel_receive_message (FtsChannel *channel, GByteArray *into, size_t max,
                             GError **error)
{
  size_t got = 0;
  FtsFragment fragment;

  do {
    if (!fts_channel_receive (channel, &fragment, error))
      return false;
    got += fragment.len;
    if (got > max) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                   "connection %u: a message is longer than the %zu bytes allowed",
                   channel->pid.pro_process_id, max);
      return false;
    }
    g_byte_array_append (into, fragment.data, (guint) fragment.len);
  } while (!fragment.last);
  return true;
}

bool
fts_channel_discard_message (FtsChannel *channel, GError **error)
{
  FtsFragment fragment;

  while (channel->rx.in_message)
    if (!fts_channel_receive (channel, &fragment, error))
      return false;
  return true;
}

bool
fts_channel_acknowledge (FtsChannel *channel, GError **error)
{
  if (!fts_channel_enter (channel, error))
    return false;
  if (channel->rx.told != channel->rx.consumed &&
      !fts_channel_publish (channel, false, error))
    return false;
  fts_channel_trim (channel);
  return true;
}

bool
fts_channel_remind (FtsChannel *channel, GError **error)
{
  return fts_channel_enter (channel, error) &&
         fts_channel_publish (channel, true, error);
}
