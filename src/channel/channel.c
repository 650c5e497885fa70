/* channel.c - the life of a connection: making, breaking off, closing (states.h has the table).
 *
 * Closing, worked out (initiator I, connector C):
 *   I closes: head `closing` -> C (door or worker) delivers what is left, head `closed` ->
 *     I clears the entry under the lock.  C busy for more than a second: I leaves the entry
 *     marked, C clears it when it is done.
 *   C closes: head `closing`, waits half a second for I, head `closed`; I sees the end at its
 *     next call and clears the entry when it closes.
 *   C or I breaks off: head `reset` with the reason; the rest as above.
 *   Peer dead: nothing is written; whoever reaps the dead member frees the slot.
 */
#include "channel/channel.h"

#include "base/error.h"
#include "channel/private.h"
#include "channel/slot.h"

#include <lunpath/memory.h>

#include <sodium.h>
#include <string.h>

#define CLOSE_WAIT_INITIATOR_MS 1000
#define CLOSE_WAIT_CONNECTOR_MS 500

FtsChannel *
fts_channel_new (FtsMember *member, const FtsPid *pid, FtsDirection direction,
                 FtsOwnTable *own)
{
  FtsVolume *volume = fts_member_volume (member);
  const FtsMcb *mcb = fts_volume_mcb (volume);
  bool initiator = direction == FTS_DIRECTION_INITIATOR;
  FtsChannel *channel = g_new0 (FtsChannel, 1);

  channel->member = member;
  channel->volume = volume;
  channel->master = fts_volume_master (volume);
  channel->pid = *pid;
  channel->direction = direction;
  channel->peer_index = initiator ? pid->requestee_index : pid->requestor_index;
  channel->peer_generation =
    initiator ? pid->requestee_generation : pid->requestor_generation;
  channel->opened_us = g_get_monotonic_time ();
  channel->is_accepted = !initiator;
  channel->life = initiator ? FTS_LIFE_REQUESTED : FTS_LIFE_OPEN;
  channel->block_size = mcb->block_size;
  channel->payload_max = fts_volume_payload_max (volume);
  channel->segment_len = (size_t) mcb->blk5_seg_size * mcb->block_size;
  fts_tx_init (&channel->tx, mcb->blk5_maxptr);
  fts_rx_init (&channel->rx, mcb->blk5_maxptr);
  channel->own = *own;
  *own = (FtsOwnTable){ 0 };
  fts_peer_table_init (&channel->peer, volume, pid->pro_process_id,
                       initiator ? FTS_DIRECTION_CONNECTOR : FTS_DIRECTION_INITIATOR);
  fts_seg_group_init (&channel->group);
  channel->out = g_new0 (FtsOut, mcb->blk5_maxptr);
  channel->spin_credit = 4;
  return channel;
}

/* ---- breaking ---- */

/* Writes the own head with STATE as the last word; a failure changes nothing any more. */
static void
say (FtsChannel *channel, FtsHeadState state)
{
  fts_segio_finish (&channel->table_write.io, NULL);
  if (fts_member_is_fenced (channel->member))
    return;
  channel->own.head.state = state;
  channel->own.head.status = state == FTS_HEAD_RESET ? channel->reason : FTS_CON_OK;
  if (state == FTS_HEAD_CLOSING)
    fts_channel_publish (channel, false, NULL);
  else
    fts_own_table_write (&channel->own, false, NULL);
}

FtsAction
fts_channel_event (FtsChannel *channel, FtsEvent event)
{
  FtsStep step = fts_states_step (channel->life, event);

  if (step.next != channel->life)
    g_debug ("connection %u of %s and %s: %s, %s -> %s", channel->pid.pro_process_id,
             channel->pid.pro_requestor, channel->pid.pro_requestee,
             fts_states_event_name (event), fts_states_life_name (channel->life),
             fts_states_life_name (step.next));
  channel->life = step.next;
  switch (step.action) {
  case FTS_ACTION_SAY_CLOSING:
    say (channel, FTS_HEAD_CLOSING);
    break;
  case FTS_ACTION_SAY_CLOSED:
    say (channel, FTS_HEAD_CLOSED);
    break;
  case FTS_ACTION_SAY_RESET:
    say (channel, FTS_HEAD_RESET);
    break;
  case FTS_ACTION_NONE:
  case FTS_ACTION_FREE_SLOT:
  case FTS_ACTION_LEAVE_SLOT:
    break;
  }
  return step.action;
}

bool
fts_channel_fail (FtsChannel *channel, FtsEvent event, FtsConRc reason, GError *cause,
                  GError **error)
{
  if (channel->broken == NULL) {
    channel->broken = cause;
    channel->reason = reason;
    fts_channel_event (channel, event);
  } else {
    g_clear_error (&cause);
  }
  g_propagate_error (error, g_error_copy (channel->broken));
  return false;
}

static bool
fail_as (FtsChannel *channel, FtsEvent event, FtsError code, const char *what,
         GError **error)
{
  const FtsPid *pid = &channel->pid;

  return fts_channel_fail (
    channel, event, FTS_CON_SHUTDOWN,
    g_error_new (FTS_ERROR, (int) code, "connection %u of %s and %s: %s",
                 pid->pro_process_id, pid->pro_requestor, pid->pro_requestee, what),
    error);
}

bool
fts_channel_enter (FtsChannel *channel, GError **error)
{
  int cancel = __atomic_load_n (&channel->cancel, __ATOMIC_ACQUIRE);
  GError *cause = NULL;

  if (channel->broken != NULL)
    return fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_OK, NULL, error);
  if (!fts_member_check (channel->member, &cause))
    return fts_channel_fail (channel, FTS_EVENT_GONE, FTS_CON_SHUTDOWN, cause, error);
  if (cancel & FTS_CANCEL_DEAD)
    return fail_as (channel, FTS_EVENT_PEER_DEAD, FTS_ERROR_PEER_DEAD,
                    "the peer's heartbeat stopped, or it was started anew", error);
  if (cancel & FTS_CANCEL_GONE)
    return fail_as (channel, FTS_EVENT_GONE, FTS_ERROR_CLOSED,
                    "its slot was given to another connection", error);
  if (cancel & (FTS_CANCEL_CLOSED | FTS_CANCEL_SHUTDOWN))
    return fail_as (channel, FTS_EVENT_FAILURE, FTS_ERROR_CLOSED,
                    "interrupted by this process", error);
  return true;
}

void
fts_channel_cancel (FtsChannel *channel, int bits)
{
  __atomic_or_fetch (&channel->cancel, bits, __ATOMIC_ACQ_REL);
  lun_device_wake (channel->master);
}

void
fts_channel_interrupt (FtsChannel *channel)
{
  fts_channel_cancel (channel, FTS_CANCEL_CLOSED);
}

bool
fts_channel_has_ended (const FtsChannel *channel)
{
  return channel->life > FTS_LIFE_CLOSING && !fts_rx_has_more (&channel->rx);
}

/* ---- small things ---- */
const FtsPid *
fts_channel_pid (const FtsChannel *channel)
{
  return &channel->pid;
}

void
fts_channel_get_stats (const FtsChannel *channel, FtsChannelStats *out)
{
  *out = channel->stats;
}

void
fts_channel_set_timeout (FtsChannel *channel, uint32_t timeout_ms)
{
  channel->timeout_ms = timeout_ms;
}

void
fts_channel_trim (FtsChannel *channel)
{
  if (channel->open_len == 0) {
    lun_memory_give (channel->open);
    channel->open = NULL;
  }
  fts_channel_drop_reads (channel, false);
  fts_ahead_forget_look (channel);
}

/* ---- closing ---- */
static bool
is_initiator (const FtsChannel *channel)
{
  return channel->direction == FTS_DIRECTION_INITIATOR;
}

static void
warn_of_slot (const FtsChannel *channel, const GError *error)
{
  if (error != NULL)
    g_warning ("connection %u of %s and %s: its slot stays allocated: %s",
               channel->pid.pro_process_id, channel->pid.pro_requestor,
               channel->pid.pro_requestee, error->message);
}

static void
give_slot_back (FtsChannel *channel, FtsAction action)
{
  g_autoptr (GError) error = NULL;

  if (fts_member_is_fenced (channel->member))
    return;
  if (!is_initiator (channel)) {
    if (action == FTS_ACTION_LEAVE_SLOT && channel->own.head.state == FTS_HEAD_CLOSING)
      say (channel, FTS_HEAD_CLOSED);
    fts_slot_clear_left (channel->member, &channel->pid, &error);
  } else if (action == FTS_ACTION_LEAVE_SLOT) {
    fts_slot_leave (channel->member, &channel->pid, &error);
  } else {
    fts_slot_free (channel->member, &channel->pid, &error);
  }
  warn_of_slot (channel, error);
}

/* A connection that nobody has accepted yet: true when it is taken back for good. */
static bool
withdraw (FtsChannel *channel)
{
  g_autoptr (GError) error = NULL;
  bool was_accepted;

  if (!fts_slot_withdraw (channel->member, &channel->pid, &was_accepted, &error)) {
    warn_of_slot (channel, error);
    return true;
  }
  return !was_accepted;
}

/* Waits for the peer's word; false when it did not come in time. */
static bool
await_peers_end (FtsChannel *channel, int64_t deadline_us)
{
  while (channel->life == FTS_LIFE_CLOSING || channel->life == FTS_LIFE_RESET) {
    FtsWake wake = fts_channel_wait (channel, deadline_us, FTS_WAIT_URGING, NULL);

    g_clear_error (&channel->broken);
    if (wake == FTS_WAKE_TIMEOUT)
      return false;
    if (wake == FTS_WAKE_FAILED && channel->life == FTS_LIFE_RESET)
      return false;
  }
  return true;
}

static void
forget_interrupts (FtsChannel *channel)
{
  g_clear_error (&channel->broken);
  __atomic_and_fetch (&channel->cancel, FTS_CANCEL_DEAD | FTS_CANCEL_GONE,
                      __ATOMIC_ACQ_REL);
}

static int64_t
close_deadline (const FtsChannel *channel)
{
  int wait_ms = is_initiator (channel)              ? CLOSE_WAIT_INITIATOR_MS
                : channel->life == FTS_LIFE_CLOSING ? CLOSE_WAIT_CONNECTOR_MS
                                                    : 0;

  return g_get_monotonic_time () + 1000 * (int64_t) wait_ms;
}

static void
end_connection (FtsChannel *channel)
{
  fts_channel_enter (channel, NULL); /* what other threads said has its effect first */
  forget_interrupts (channel);
  while (channel->life != FTS_LIFE_ENDED) {
    /* A connector whose initiator is dead has nothing to say in a slot that may be another's. */
    bool has_slot = channel->life != FTS_LIFE_LOST || is_initiator (channel);
    FtsAction action = fts_channel_event (channel, FTS_EVENT_CLOSE);

    if (channel->life == FTS_LIFE_CLOSING || channel->life == FTS_LIFE_RESET) {
      if (!channel->is_accepted && withdraw (channel))
        return;
      if (!await_peers_end (channel, close_deadline (channel)))
        action = fts_channel_event (channel, FTS_EVENT_GIVE_UP);
    }
    if (has_slot && (action == FTS_ACTION_FREE_SLOT || action == FTS_ACTION_LEAVE_SLOT))
      give_slot_back (channel, action);
  }
}

static void
free_channel (FtsChannel *channel)
{
  FtsMember *member = channel->member;

  for (uint32_t i = 0; i < channel->tx.size; i++) {
    fts_segio_finish (&channel->out[i].io, NULL);
    lun_memory_give (channel->out[i].buffer);
  }
  channel->open_len = 0;
  fts_channel_trim (channel);
  fts_segio_finish (&channel->table_write.io, NULL);
  g_free (channel->table_write.buffer);
  g_free (channel->head_look.buffer);
  g_free (channel->out);
  fts_seg_group_clear (&channel->group);
  fts_own_table_clear (&channel->own);
  fts_peer_table_clear (&channel->peer);
  g_clear_error (&channel->broken);
  if (channel->secret != NULL)
    sodium_memzero (channel->secret, strlen (channel->secret));
  g_free (channel->secret);
  g_free (channel->pid_block);
  g_free (channel);
  fts_member_let_go (member);
}

void
fts_channel_close (FtsChannel *channel)
{
  if (channel == NULL)
    return;
  end_connection (channel);
  free_channel (channel);
}
