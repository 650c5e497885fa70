#include "channel/accept.h"

#include "base/error.h"
#include "channel/connect.h"
#include "channel/private.h"
#include "channel/slot.h"

#include <sodium.h>

/* A peer that is alive but neither reads nor writes on holds a worker so long, no longer. */
#define PEER_LIMIT_MS 300000

bool
fts_accept_is_due (FtsMember *member, const FtsPid *entry)
{
  const FtsHost *self = fts_member_self (member);

  return (entry->pro_flag_process & FTS_PRO_FLAG_ALLOCATED) &&
         !(entry->pro_flag_process & FTS_PRO_FLAG_PROCESSING) &&
         entry->pro_con_rc == FTS_CON_PENDING &&
         entry->requestee_index == self->index &&
         entry->requestee_generation == self->generation &&
         g_strcmp0 (entry->pro_requestee, self->name) == 0;
}

static FtsConRc
judge (FtsMember *member, const FtsDoorConfig *config, const FtsPid *entry,
       char **secret)
{
  const FtsMcb *mcb = fts_volume_mcb (fts_member_volume (member));

  if (entry->service != config->service)
    return FTS_CON_NO_SERVICE;
  *secret = config->secret_of
              ? config->secret_of (entry->pro_requestor, config->user_data)
              : g_strdup ("");
  if (*secret == NULL || !fts_proof_is_right ("initiator", *secret, mcb->volume_uuid,
                                              entry, fts_member_self (member)->nonce))
    return FTS_CON_DENIED;
  return FTS_CON_OK;
}

/* The own side of the slot and the words of acceptance in ENTRY. */
static FtsConRc
prepare (FtsMember *member, FtsPid *entry, const char *secret, FtsOwnTable *own)
{
  FtsVolume *volume = fts_member_volume (member);
  g_autoptr (GError) error = NULL;

  if (!fts_own_table_prepare (own, volume, entry->pro_process_id,
                              FTS_DIRECTION_CONNECTOR, entry->epoch, &error)) {
    g_warning ("connection %u of %s is refused: %s", entry->pro_process_id,
               entry->pro_requestor, error->message);
    return FTS_CON_DAMAGED;
  }
  entry->pro_requestee_type = FTS_OS_UNIX;
  randombytes_buf (entry->requestee_nonce, sizeof entry->requestee_nonce);
  fts_connect_proof ("connector", secret, fts_volume_mcb (volume)->volume_uuid, entry,
                     fts_member_self (member)->nonce, entry->requestee_proof);
  return FTS_CON_OK;
}

static bool
answer_locked (FtsMember *member, const FtsDoorConfig *config, uint32_t slot,
               FtsPid *entry, FtsOwnTable *own, FtsConRc *rc, GError **error)
{
  FtsVolume *volume = fts_member_volume (member);
  g_autofree char *secret = NULL;

  if (!fts_pidtab_load (volume, slot, entry, error))
    return false;
  if (!fts_accept_is_due (member, entry))
    return true;
  FtsConRc verdict = judge (member, config, entry, &secret);
  if (verdict == FTS_CON_OK)
    verdict = prepare (member, entry, secret, own);
  entry->pro_con_rc = verdict;
  if (verdict == FTS_CON_OK)
    entry->pro_flag_process |= FTS_PRO_FLAG_PROCESSING;
  if (!fts_pidtab_store (volume, entry, error))
    return false;
  *rc = verdict;
  return true;
}

static bool
accept_held (FtsMember *member, const FtsDoorConfig *config, uint32_t slot,
             FtsChannel **channel, FtsConRc *rc, GError **error)
{
  FtsOwnTable own = { 0 };
  FtsPid entry;

  if (!fts_member_lock (member, error))
    return false;
  bool done = answer_locked (member, config, slot, &entry, &own, rc, error);
  fts_member_unlock (member);
  if (done && *rc == FTS_CON_OK) {
    *channel = fts_channel_new (member, &entry, FTS_DIRECTION_CONNECTOR, &own);
    fts_channel_set_timeout (*channel, PEER_LIMIT_MS);
  } else {
    fts_own_table_clear (&own);
  }
  return done;
}

bool
fts_accept (FtsMember *member, const FtsDoorConfig *config, uint32_t slot,
            FtsChannel **channel, FtsConRc *rc, GError **error)
{
  *channel = NULL;
  *rc = FTS_CON_PENDING;
  if (!fts_member_hold (member, error))
    return false;
  bool done = accept_held (member, config, slot, channel, rc, error);
  if (*channel == NULL)
    fts_member_let_go (member);
  return done;
}
