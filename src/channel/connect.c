/* connect.c - the initiator (Fig. 8): allocates a slot, and learns of acceptance or refusal. */
#include "channel/connect.h"

#include "base/error.h"
#include "channel/private.h"
#include "channel/slot.h"

#include <sodium.h>
#include <string.h>

/* How often a missing server or slot is looked for. */
#define RETRY_US 50000

bool
fts_proof_is_right (const char *who, const char *secret, const uint8_t *volume_uuid,
                    const FtsPid *pid, const uint8_t *requestee_host_nonce)
{
  uint8_t want[FTS_PROOF_LEN];
  const uint8_t *got =
    strcmp (who, "initiator") == 0 ? pid->pro_requestor_password : pid->requestee_proof;

  fts_connect_proof (who, secret, volume_uuid, pid, requestee_host_nonce, want);
  return sodium_memcmp (want, got, sizeof want) == 0;
}

/* ---- connect ---- */
typedef struct {
  FtsMember *member;
  const FtsConnectConfig *config;
  FtsHost host;
} Attempt;

static void
prove (FtsPid *pid, void *user_data)
{
  const Attempt *attempt = user_data;
  const FtsMcb *mcb = fts_volume_mcb (fts_member_volume (attempt->member));

  fts_connect_proof ("initiator", attempt->config->secret, mcb->volume_uuid, pid,
                     attempt->host.nonce, pid->pro_requestor_password);
}

static void
fill_pid (const Attempt *attempt, FtsPid *pid)
{
  const FtsHost *self = fts_member_self (attempt->member);
  const FtsHost *host = &attempt->host;

  *pid = (FtsPid){
    .pro_requestor_type = FTS_OS_UNIX,
    .service = attempt->config->service,
    .requestor_index = self->index,
    .requestee_index = host->index,
    .requestor_generation = self->generation,
    .requestee_generation = host->generation,
  };
  g_strlcpy (pid->pro_requestor, self->name, sizeof pid->pro_requestor);
  g_strlcpy (pid->pro_requestee, host->name, sizeof pid->pro_requestee);
}

static FtsChannel *
connect_held (Attempt *attempt, GError **error)
{
  FtsVolume *volume = fts_member_volume (attempt->member);
  FtsOwnTable own = { 0 };
  FtsPid pid;

  if (!fts_member_find (attempt->member, attempt->config->peer, FTS_ROLE_SERVER, true,
                        &attempt->host)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND,
                 "no server %s is alive on volume %s", attempt->config->peer,
                 fts_volume_mcb (volume)->volume_name);
    return NULL;
  }
  fill_pid (attempt, &pid);
  if (!fts_slot_allocate (attempt->member, &pid, &own, prove, attempt, error))
    return NULL;
  FtsChannel *channel =
    fts_channel_new (attempt->member, &pid, FTS_DIRECTION_INITIATOR, &own);
  channel->secret = g_strdup (attempt->config->secret);
  memcpy (channel->host_nonce, attempt->host.nonce, FTS_NONCE_LEN);
  channel->pid_block = g_malloc (channel->block_size);
  fts_pid_encode (&pid, channel->own.tag, channel->pid_block, channel->block_size);
  fts_channel_set_timeout (channel, attempt->config->timeout_ms);
  return channel;
}

static FtsChannel *
try_connect (Attempt *attempt, GError **error)
{
  if (!fts_member_hold (attempt->member, error))
    return NULL;
  FtsChannel *channel = connect_held (attempt, error);
  if (channel == NULL)
    fts_member_let_go (attempt->member);
  return channel;
}

static bool
may_pass (const GError *error)
{
  return g_error_matches (error, FTS_ERROR, FTS_ERROR_NOT_FOUND) ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_NO_SLOT);
}

FtsChannel *
fts_connect (FtsMember *member, const FtsConnectConfig *config, GError **error)
{
  int64_t end_us = g_get_monotonic_time () + 1000 * (int64_t) config->wait_ms;
  Attempt attempt = { .member = member, .config = config };

  if (sodium_init () < 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_SYSTEM, "libsodium cannot be used here");
    return NULL;
  }
  for (;;) {
    g_autoptr (GError) cause = NULL;
    FtsChannel *channel = try_connect (&attempt, &cause);

    if (channel != NULL)
      return channel;
    if (!may_pass (cause) || g_get_monotonic_time () >= end_us ||
        fts_member_is_fenced (member)) {
      g_propagate_error (error, g_steal_pointer (&cause));
      return NULL;
    }
    g_usleep (RETRY_US);
  }
}

/* ---- the connector's answer ---- */
static bool
refused (FtsChannel *channel, FtsConRc rc, GError **error)
{
  static const struct {
    FtsError code;
    const char *why;
  } words[] = {
    [FTS_CON_OK] = { FTS_ERROR_REFUSED, "no reason given" },
    [FTS_CON_PENDING] = { FTS_ERROR_REFUSED, "no reason given" },
    [FTS_CON_DENIED] = { FTS_ERROR_DENIED,
                         "the secrets differ, or this host may not connect there" },
    [FTS_CON_BUSY] = { FTS_ERROR_BUSY, "it serves no more connections now" },
    [FTS_CON_NO_SERVICE] = { FTS_ERROR_REFUSED, "it has no such service" },
    [FTS_CON_VERSION] = { FTS_ERROR_VERSION, "it speaks another version" },
    [FTS_CON_PROTOCOL] = { FTS_ERROR_PROTOCOL, "it saw a breach of the protocol" },
    [FTS_CON_DAMAGED] = { FTS_ERROR_CORRUPT, "its side of the slot is damaged" },
    [FTS_CON_SHUTDOWN] = { FTS_ERROR_REFUSED, "it is about to end" },
  };

  return fts_channel_fail (
    channel, FTS_EVENT_REFUSED, rc,
    g_error_new (FTS_ERROR, words[rc].code, "%s refused the connection of %s: %s",
                 channel->pid.pro_requestee, channel->pid.pro_requestor, words[rc].why),
    error);
}

static bool
accepted (FtsChannel *channel, const FtsPid *entry, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (channel->volume);

  if (!fts_proof_is_right ("connector", channel->secret, mcb->volume_uuid, entry,
                           channel->host_nonce))
    return fts_channel_fail (
      channel, FTS_EVENT_FAILURE, FTS_CON_DENIED,
      g_error_new (FTS_ERROR, FTS_ERROR_DENIED,
                   "%s cannot prove who it is: the secrets differ",
                   channel->pid.pro_requestee),
      error);
  channel->pid = *entry;
  channel->is_accepted = true;
  fts_channel_event (channel, FTS_EVENT_ACCEPTED);
  return true;
}

bool
fts_connect_look (FtsChannel *channel, bool *settled, GError **error)
{
  FtsPid entry;

  if (!fts_pid_decode (channel->pid_block, channel->block_size, channel->own.tag,
                       &entry))
    return true; /* half written: it will change again */
  if (!fts_slot_is_ours (&entry, &channel->pid))
    return fts_channel_fail (
      channel, FTS_EVENT_GONE, FTS_CON_OK,
      g_error_new (FTS_ERROR, FTS_ERROR_CLOSED,
                   "connection %u of %s and %s was taken away by another host",
                   channel->pid.pro_process_id, channel->pid.pro_requestor,
                   channel->pid.pro_requestee),
      error);
  if (entry.pro_con_rc != FTS_CON_OK && entry.pro_con_rc != FTS_CON_PENDING)
    return refused (channel, entry.pro_con_rc, error);
  if (!(entry.pro_flag_process & FTS_PRO_FLAG_PROCESSING))
    return true;
  *settled = true;
  return accepted (channel, &entry, error);
}

bool
fts_connect_await (FtsChannel *channel, uint32_t wait_ms, GError **error)
{
  int64_t end_us = g_get_monotonic_time () + 1000 * (int64_t) wait_ms;

  if (!fts_channel_enter (channel, error))
    return false;
  while (!channel->is_accepted) {
    switch (fts_channel_wait (channel, end_us, FTS_WAIT_URGING, error)) {
    case FTS_WAKE_NEWS:
    case FTS_WAKE_POKED:
      break;
    case FTS_WAKE_FAILED:
      return false;
    case FTS_WAKE_TIMEOUT:
      g_set_error (error, FTS_ERROR, FTS_ERROR_TIMEOUT,
                   "server %s did not answer the request for a connection in %u ms",
                   channel->pid.pro_requestee, wait_ms);
      return false;
    }
  }
  return true;
}
