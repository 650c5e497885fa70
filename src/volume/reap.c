#include "volume/reap.h"

#include "volume/head.h"

#include <string.h>

typedef struct {
  uint64_t epoch;
  int64_t since_us; /* 0 = no orphan */
  int64_t grace_us;
} Orphan;

struct FtsReaper {
  FtsVolume *volume;
  bool in_memory; /* no command outlives its process */
  FtsPid *table;
  Orphan *orphans; /* a slot each */
  int64_t dead_since_us[FTS_MAX_HOSTS];
};

static bool
is_in_memory (const FtsVolume *volume)
{
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    if (!lun_device_facts (fts_volume_device (volume, i))->in_memory)
      return false;
  return true;
}

FtsReaper *
fts_reaper_new (FtsVolume *volume)
{
  uint32_t n = fts_volume_mcb (volume)->blk5_max_connections;
  FtsReaper *reaper = g_new0 (FtsReaper, 1);

  reaper->volume = volume;
  reaper->in_memory = is_in_memory (volume);
  reaper->table = g_new0 (FtsPid, n);
  reaper->orphans = g_new0 (Orphan, n);
  return reaper;
}

void
fts_reaper_free (FtsReaper *reaper)
{
  if (reaper == NULL)
    return;
  g_free (reaper->table);
  g_free (reaper->orphans);
  g_free (reaper);
}

static bool
is_requestor_alive (const FtsPid *pid, const FtsPeers *peers)
{
  return fts_peers_is_alive (peers, pid->requestor_index, pid->requestor_generation);
}

static bool
is_requestee_alive (const FtsPid *pid, const FtsPeers *peers)
{
  return fts_peers_is_alive (peers, pid->requestee_index, pid->requestee_generation);
}

/* A live initiator frees its slot itself, for only it knows when it writes there no more;
 * SHUTDOWN says that it has left the slot to its connector. */
static bool
is_orphan (const FtsPid *pid, const FtsPeers *peers)
{
  if (!(pid->pro_flag_process & FTS_PRO_FLAG_ALLOCATED))
    return false;
  return !is_requestor_alive (pid, peers) ||
         (!is_requestee_alive (pid, peers) && pid->pro_con_rc == FTS_CON_SHUTDOWN);
}

/* How long a write of the incarnation may still be under way after it was found dead. */
static int64_t
grace_of_host (const FtsReaper *reaper, const FtsPeers *peers, uint32_t index,
               uint64_t generation)
{
  const FtsPeer *peer = &peers->peer[index];
  bool is_current = peer->host.generation == generation;

  if (fts_peers_is_alive (peers, index, generation))
    return 0;
  if (reaper->in_memory && (!is_current || peer->is_gone))
    return 0;
  return fts_volume_mcb (reaper->volume)->io_timeout_ms * INT64_C (1000);
}

/* A live connector needs up to the dead time to learn of the death and to stop writing. */
static int64_t
grace_of_slot (const FtsReaper *reaper, const FtsPeers *peers, const FtsPid *pid)
{
  int64_t learn_us = is_requestee_alive (pid, peers)
                       ? fts_volume_mcb (reaper->volume)->dead_ms * INT64_C (1000)
                       : 0;
  int64_t from_us =
    grace_of_host (reaper, peers, pid->requestor_index, pid->requestor_generation);
  int64_t to_us =
    grace_of_host (reaper, peers, pid->requestee_index, pid->requestee_generation);

  return MAX (learn_us, MAX (from_us, to_us));
}

static void
note_slot (FtsReaper *reaper, const FtsPid *pid, Orphan *orphan, const FtsPeers *peers,
           int64_t now_us)
{
  if (!is_orphan (pid, peers)) {
    *orphan = (Orphan){ 0 };
    return;
  }
  if (orphan->since_us == 0 || orphan->epoch != pid->epoch)
    *orphan = (Orphan){ .epoch = pid->epoch, .since_us = now_us };
  orphan->grace_us = grace_of_slot (reaper, peers, pid);
}

static bool
is_slot_due (const Orphan *orphan, int64_t now_us)
{
  return orphan->since_us != 0 && now_us - orphan->since_us >= orphan->grace_us;
}

static bool
is_host_due (const FtsReaper *reaper, const FtsPeers *peers, uint32_t index,
             int64_t now_us)
{
  const FtsPeer *peer = &peers->peer[index];

  return peer->is_known && peer->is_dead && peer->host.state != FTS_HOST_FREE &&
         reaper->dead_since_us[index] != 0 &&
         now_us - reaper->dead_since_us[index] >=
           grace_of_host (reaper, peers, index, peer->host.generation);
}

static void
note_hosts (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us)
{
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    bool is_dead = peers->peer[i].is_dead && peers->peer[i].host.state != FTS_HOST_FREE;
    if (!is_dead)
      reaper->dead_since_us[i] = 0;
    else if (reaper->dead_since_us[i] == 0)
      reaper->dead_since_us[i] = now_us;
  }
}

bool
fts_reaper_load (FtsReaper *reaper, GError **error)
{
  return fts_pidtab_load_all (reaper->volume, reaper->table, error);
}

FtsReapState
fts_reaper_note (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us)
{
  uint32_t n = fts_volume_mcb (reaper->volume)->blk5_max_connections;
  FtsReapState state = { 0 };

  for (uint32_t i = 0; i < n; i++) {
    note_slot (reaper, &reaper->table[i], &reaper->orphans[i], peers, now_us);
    state.is_pending |= reaper->orphans[i].since_us != 0;
    state.is_due |= is_slot_due (&reaper->orphans[i], now_us);
  }
  note_hosts (reaper, peers, now_us);
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    state.is_pending |= reaper->dead_since_us[i] != 0;
    state.is_due |= is_host_due (reaper, peers, i, now_us);
  }
  return state;
}

static bool
clear_head (FtsVolume *volume, const FtsPid *pid, FtsDirection direction,
            GError **error)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);
  FtsHead head = { .volume_tag = fts_volume_tag (volume),
                   .slot = pid->pro_process_id,
                   .direction = direction,
                   .epoch = pid->epoch,
                   .state = FTS_HEAD_CLOSED };

  fts_head_encode (&head, NULL, block, block_size);
  return fts_volume_write_settled (
    volume, fts_volume_head_lba (volume, pid->pro_process_id, direction), block,
    block_size, error);
}

bool
fts_reap_slot (FtsVolume *volume, FtsPid *pid, GError **error)
{
  FtsPid empty = { .pro_process_id = pid->pro_process_id,
                   .epoch = pid->epoch,
                   .version = pid->version };

  if (!clear_head (volume, pid, FTS_DIRECTION_INITIATOR, error) ||
      !clear_head (volume, pid, FTS_DIRECTION_CONNECTOR, error) ||
      !fts_pidtab_store (volume, &empty, error))
    return false;
  *pid = empty;
  return true;
}

/* Under the lock the entry is read again: the slot may have been freed and given away since. */
static bool
free_slot (FtsReaper *reaper, uint32_t slot, const FtsPeers *peers, GError **error)
{
  Orphan *orphan = &reaper->orphans[slot - 1];
  FtsPid *pid = &reaper->table[slot - 1];

  if (!fts_pidtab_load (reaper->volume, slot, pid, error))
    return false;
  if (pid->epoch != orphan->epoch || !is_orphan (pid, peers)) {
    *orphan = (Orphan){ 0 };
    return true;
  }
  g_message ("connection %u (%s -> %s) is freed: its %s is dead", slot,
             pid->pro_requestor, pid->pro_requestee,
             is_requestor_alive (pid, peers) ? "connector" : "initiator");
  *orphan = (Orphan){ 0 };
  return fts_reap_slot (reaper->volume, pid, error);
}

static bool
is_of_host (const FtsHost *host, uint32_t index, uint64_t generation)
{
  return host->index == index && host->generation == generation;
}

/* Does an orphan name HOST?  Its entry is what tells that the slot is one. */
static bool
is_named (const FtsReaper *reaper, const FtsPeers *peers, const FtsHost *host)
{
  uint32_t n = fts_volume_mcb (reaper->volume)->blk5_max_connections;

  for (uint32_t i = 0; i < n; i++) {
    const FtsPid *pid = &reaper->table[i];
    if (is_orphan (pid, peers) &&
        (is_of_host (host, pid->requestor_index, pid->requestor_generation) ||
         is_of_host (host, pid->requestee_index, pid->requestee_generation)))
      return true;
  }
  return false;
}

static bool
free_hosts (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us, GError **error)
{
  FtsHost table[FTS_MAX_HOSTS];
  uint32_t damaged;

  if (!fts_hosttab_load_all (reaper->volume, table, &damaged, error))
    return false;
  for (uint32_t i = 0; i < fts_volume_mcb (reaper->volume)->max_hosts; i++) {
    const FtsHost *host = &peers->peer[i].host;
    FtsHost empty = { .index = i };
    if (!is_host_due (reaper, peers, i, now_us) || is_named (reaper, peers, host) ||
        (damaged & 1U << i) || table[i].generation != host->generation ||
        table[i].heartbeat != host->heartbeat)
      continue;
    g_message ("host table entry %u (%s, %s) is freed: it is dead", i, host->name,
               fts_host_role_name (host->role));
    if (!fts_hosttab_store (reaper->volume, &empty, error))
      return false;
    reaper->dead_since_us[i] = 0;
  }
  return true;
}

bool
fts_reaper_free_due (FtsReaper *reaper, const FtsPeers *peers, int64_t now_us,
                     GError **error)
{
  uint32_t n = fts_volume_mcb (reaper->volume)->blk5_max_connections;

  for (uint32_t i = 0; i < n; i++)
    if (is_slot_due (&reaper->orphans[i], now_us) &&
        !free_slot (reaper, i + 1, peers, error))
      return false;
  return free_hosts (reaper, peers, now_us, error);
}
