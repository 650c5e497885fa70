/* wait.c - waiting for the peer (doc/protocol.md, "Waiting").
 *
 * A wait goes in slices: at most a heartbeat period, after which the peer's life is looked at,
 * and at most until the own head is due to be written again.
 *
 * Lost writes.  A head that never reached the LUN, or reached it damaged, is written again by
 * nobody unless somebody asks.  So a side that waits without news writes its own head again
 * (which heals a loss of its own) with an odd heartbeat, which asks the peer to do the same
 * (which heals a loss of the peer's): after 250 ms, 500 ms, ... 8 s.  The answer to an odd
 * heartbeat is even, so that two waiting sides do not keep each other busy.
 */
#include "base/error.h"
#include "channel/private.h"

#define URGE_FIRST_US  250000
#define URGE_MAX_US    8000000
#define POLL_MIN_US    20
#define POLL_MAX_US    5000
#define IDLE_POLL_US   100000 /* of a wait that may last, where the LUN does not wake */
#define IDLE_WAIT_US   1000000
#define SPIN_MAX_US    100
#define SPIN_CREDIT    8
#define SPIN_TRY_EVERY 32

/* ---- heads ---- */
static bool
breach (FtsChannel *channel, const char *what, GError **error)
{
  const FtsPid *pid = &channel->pid;

  return fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_PROTOCOL,
                           g_error_new (FTS_ERROR, FTS_ERROR_PROTOCOL,
                                        "connection %u of %s and %s: the peer %s",
                                        pid->pro_process_id, pid->pro_requestor,
                                        pid->pro_requestee, what),
                           error);
}

static bool
serve_resend (FtsChannel *channel, const FtsHead *head, GError **error)
{
  switch (fts_tx_resend (&channel->tx, head->resend_from, head->resend_count)) {
  case FTS_RESEND_NONE:
    return true;
  case FTS_RESEND_SERVE:
    return fts_channel_roll_back (channel, head->resend_from, error);
  case FTS_RESEND_INVALID:
    return breach (channel, "asks for what was never sent", error);
  case FTS_RESEND_TOO_OFTEN:
    break;
  }
  return fts_channel_fail (
    channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED,
    g_error_new (FTS_ERROR, FTS_ERROR_CORRUPT,
                 "connection %u: segment %" G_GUINT64_FORMAT
                 " arrived damaged %u times; check the LUN and its paths",
                 channel->pid.pro_process_id, head->resend_from, FTS_ROLLBACKS_MAX),
    error);
}

static void
take_state (FtsChannel *channel, const FtsHead *head)
{
  switch (head->state) {
  case FTS_HEAD_OPEN:
    break;
  case FTS_HEAD_CLOSING:
    fts_channel_event (channel, FTS_EVENT_PEER_CLOSING);
    break;
  case FTS_HEAD_CLOSED:
    fts_channel_event (channel, FTS_EVENT_PEER_CLOSED);
    break;
  case FTS_HEAD_RESET:
    fts_channel_event (channel, FTS_EVENT_PEER_RESET);
    break;
  }
}

static bool
take_news (FtsChannel *channel, const FtsHead *head, const uint8_t *inline_data,
           GError **error)
{
  uint64_t acked = channel->tx.acked;

  if (!fts_tx_acknowledge (&channel->tx, head->consumed))
    return breach (channel, "acknowledges what was never sent", error);
  if (!fts_rx_publish (&channel->rx, head->published))
    return breach (channel, "sends more than the ring holds", error);
  fts_peer_table_adopt (&channel->peer, head, inline_data);
  fts_channel_release (channel, acked);
  take_state (channel, head);
  if (!fts_states_can_write (channel->life))
    return true;
  if (!serve_resend (channel, head, error))
    return false;
  return (head->heartbeat & 1) == 0 || fts_channel_publish (channel, false, error);
}

void
fts_channel_expect (const FtsChannel *channel, FtsExpect *expect)
{
  *expect = (FtsExpect){
    .volume_tag = channel->own.tag,
    .slot = channel->pid.pro_process_id,
    .direction = channel->direction == FTS_DIRECTION_INITIATOR
                   ? FTS_DIRECTION_CONNECTOR
                   : FTS_DIRECTION_INITIATOR,
    .epoch = channel->pid.epoch,
    .block_size = channel->block_size,
    .payload_max = channel->payload_max,
  };
}

bool
fts_channel_take_head (FtsChannel *channel, bool *news, GError **error)
{
  const uint8_t *inline_data;
  FtsExpect expect;
  FtsHead head;

  channel->peer_noticed = false;
  *news = false;
  if (!channel->is_accepted)
    return true; /* not before the connector's proof was seen */
  fts_channel_expect (channel, &expect);
  if (fts_verify_head (channel->peer.image, &expect, channel->peer.head.heartbeat,
                       &head, &inline_data) != FTS_VERDICT_NEWS)
    return true;
  *news = true;
  return take_news (channel, &head, inline_data, error);
}

void
fts_channel_watch (FtsChannel *channel, LunWatch *watch)
{
  *watch = (LunWatch){
    .lba = channel->peer.lba,
    .blocks = channel->peer.watched,
    .seen = channel->peer.image,
    .buf = channel->peer.image,
  };
}

void
fts_channel_noticed (FtsChannel *channel)
{
  channel->peer_noticed = true;
}

/* ---- ends of a wait that are no news ---- */
bool
fts_channel_is_peer_dead (FtsChannel *channel)
{
  const FtsMcb *mcb = fts_volume_mcb (channel->volume);
  int64_t known_us = channel->opened_us + 2000 * (int64_t) mcb->heartbeat_ms;

  /* A peer that has just joined may be missing in the host table as it was read last. */
  return g_get_monotonic_time () > known_us &&
         !fts_member_is_alive (channel->member, channel->peer_index,
                               channel->peer_generation);
}

static bool
look_around (FtsChannel *channel, GError **error)
{
  if (!fts_channel_enter (channel, error))
    return false;
  if (!fts_channel_is_peer_dead (channel))
    return true;
  fts_channel_cancel (channel, FTS_CANCEL_DEAD);
  return fts_channel_enter (channel, error);
}

/* ---- the wait ---- */
static void
plan_wait (const FtsChannel *channel, LunWaitPlan *plan)
{
  bool wakes = lun_device_facts (channel->master)->can_wake;
  bool spins =
    !wakes || channel->spin_credit > 0 || channel->waits % SPIN_TRY_EVERY == 0;

  *plan = (LunWaitPlan){
    .spin_us = spins ? SPIN_MAX_US : 0,
    .poll_min_us =
      (uint32_t) CLAMP (channel->answer_us / 2, POLL_MIN_US, (int64_t) POLL_MAX_US),
    .poll_max_us = POLL_MAX_US,
    .cancel = &channel->cancel,
  };
}

static void
learn_from_wait (FtsChannel *channel, int64_t waited_us)
{
  channel->answer_us = (channel->answer_us * 7 + MIN (waited_us, 2 * POLL_MAX_US)) / 8;
  if (waited_us <= SPIN_MAX_US)
    channel->spin_credit = MIN (channel->spin_credit + 1, SPIN_CREDIT);
  else if (channel->spin_credit > 0)
    channel->spin_credit--;
}

/* One slice.  *NEWS: something was settled by what changed. */
static LunWait
wait_slice (FtsChannel *channel, LunWaitPlan *plan, bool *news, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (channel->volume);
  LunWatch watches[2];
  int n = 1;
  bool asked = !channel->is_accepted;

  fts_channel_watch (channel, &watches[0]);
  if (asked)
    watches[n++] = (LunWatch){
      .lba = mcb->blk5_process_id_table_ptr + channel->pid.pro_process_id - 1,
      .blocks = 1,
      .seen = channel->pid_block,
      .buf = channel->pid_block,
    };
  LunWait result = lun_device_wait (channel->master, watches, n, plan, error);
  if (result != LUN_WAIT_CHANGED)
    return result;
  if (asked && watches[1].differs && !fts_connect_look (channel, news, error))
    return LUN_WAIT_ERROR;
  bool new_head = false;
  if (!fts_channel_take_head (channel, &new_head, error))
    return LUN_WAIT_ERROR;
  *news = *news || new_head;
  return LUN_WAIT_CHANGED;
}

/* When to look up from waiting. */
static int64_t
slice_end (const FtsChannel *channel, int64_t now_us, int64_t deadline_us,
           int64_t urge_us)
{
  int64_t end =
    now_us + 1000 * (int64_t) fts_volume_mcb (channel->volume)->heartbeat_ms;

  if (deadline_us > 0)
    end = MIN (end, deadline_us);
  if (urge_us > 0)
    end = MIN (end, urge_us);
  return end;
}

static bool
urge_peer (FtsChannel *channel, int64_t *urge_us, int64_t *step_us, GError **error)
{
  int64_t now_us = g_get_monotonic_time ();

  if (*urge_us == 0 || now_us < *urge_us)
    return true;
  *step_us = MIN (*step_us * 2, (int64_t) URGE_MAX_US);
  *urge_us = now_us + *step_us;
  return fts_channel_publish (channel, true, error);
}

static bool
take_poke (FtsChannel *channel)
{
  return __atomic_fetch_and (&channel->cancel, ~FTS_CANCEL_POKE, __ATOMIC_ACQ_REL) &
         FTS_CANCEL_POKE;
}

/* A failed wait: a broken channel has said why; else the LUN failed. */
static FtsWake
wait_failed (FtsChannel *channel, GError *cause, GError **error)
{
  if (channel->broken != NULL)
    g_propagate_error (error, cause);
  else
    fts_channel_fail (channel, FTS_EVENT_FAILURE, FTS_CON_DAMAGED, cause, error);
  return FTS_WAKE_FAILED;
}

FtsWake
fts_channel_wait (FtsChannel *channel, int64_t deadline_us, FtsWaitKind kind,
                  GError **error)
{
  int64_t start_us = g_get_monotonic_time (), now_us = start_us;
  int64_t step_us = URGE_FIRST_US;
  int64_t urge_us = kind == FTS_WAIT_URGING ? start_us + step_us : 0;
  LunWaitPlan plan;
  bool news = false, looked = channel->head_look.io.started;

  if (!fts_ahead_take_look (channel, true, &news, error))
    return FTS_WAKE_FAILED;
  if (!news && channel->peer_noticed && !fts_channel_take_head (channel, &news, error))
    return FTS_WAKE_FAILED;
  channel->waits++;
  plan_wait (channel, &plan);
  plan.is_fresh = looked;
  if (kind == FTS_WAIT_IDLE && deadline_us - start_us > IDLE_WAIT_US)
    plan.poll_max_us = IDLE_POLL_US;
  while (!news) {
    GError *cause = NULL;

    if (!look_around (channel, error))
      return FTS_WAKE_FAILED;
    plan.timeout_us = slice_end (channel, now_us, deadline_us, urge_us) - now_us;
    plan.timeout_us = MAX (plan.timeout_us, 0);
    LunWait result = wait_slice (channel, &plan, &news, &cause);
    if (result == LUN_WAIT_ERROR)
      return wait_failed (channel, cause, error);
    if (news)
      break;
    if (take_poke (channel))
      return FTS_WAKE_POKED;
    now_us = g_get_monotonic_time ();
    if (deadline_us > 0 && now_us >= deadline_us) {
      learn_from_wait (channel, now_us - start_us);
      return FTS_WAKE_TIMEOUT;
    }
    if (!urge_peer (channel, &urge_us, &step_us, error))
      return FTS_WAKE_FAILED;
    plan.spin_us = 0;
    plan.is_fresh = false;
    plan.poll_min_us = plan.poll_max_us;
  }
  learn_from_wait (channel, g_get_monotonic_time () - start_us);
  return FTS_WAKE_NEWS;
}

bool
fts_channel_wait_news (FtsChannel *channel, int64_t start_us, GError **error)
{
  int64_t deadline_us =
    channel->timeout_ms > 0 ? start_us + 1000 * (int64_t) channel->timeout_ms : 0;

  for (;;) {
    switch (fts_channel_wait (channel, deadline_us, FTS_WAIT_URGING, error)) {
    case FTS_WAKE_NEWS:
      return true;
    case FTS_WAKE_FAILED:
      return false;
    case FTS_WAKE_POKED:
      break;
    case FTS_WAKE_TIMEOUT:
      g_set_error (error, FTS_ERROR, FTS_ERROR_TIMEOUT,
                   "connection %u of %s and %s: no answer for %u ms",
                   channel->pid.pro_process_id, channel->pid.pro_requestor,
                   channel->pid.pro_requestee, channel->timeout_ms);
      return false;
    }
  }
}
