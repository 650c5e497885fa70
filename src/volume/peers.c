#include "volume/peers.h"

static bool
is_live (const FtsPeer *peer)
{
  return peer->is_known && !peer->is_dead && peer->host.state != FTS_HOST_FREE;
}

/* Takes over what was read of one entry.  True when the incarnation known before died by it. */
static bool
take_entry (FtsPeer *peer, const FtsHost *now)
{
  bool is_same = peer->is_known && peer->host.generation == now->generation &&
                 now->state != FTS_HOST_FREE && peer->host.state != FTS_HOST_FREE;
  bool died = !is_same && is_live (peer);

  *peer = (FtsPeer){ .is_known = true, .is_beating = is_same, .host = *now };
  return died;
}

static bool
is_changed (const FtsPeer *peer, const FtsHost *now)
{
  return !peer->is_known || peer->host.generation != now->generation ||
         peer->host.heartbeat != now->heartbeat || peer->host.state != now->state;
}

static bool
grow_silent (FtsPeer *peer, int64_t passed_us, bool is_gone)
{
  peer->silent_us += passed_us;
  if (!is_live (peer)) {
    peer->is_gone |= is_gone && peer->is_dead; /* it was a zombie when it fell silent */
    return false;
  }
  if (!is_gone && peer->silent_us < peer->host.dead_ms * INT64_C (1000))
    return false;
  peer->is_dead = true;
  peer->is_gone = is_gone;
  return true;
}

unsigned
fts_peers_update (FtsPeers *peers, const FtsPeersRead *read,
                  FtsDeath deaths[2 * FTS_MAX_HOSTS])
{
  int64_t passed_us = peers->last_read_us == 0
                        ? 0
                        : MIN (read->now_us - peers->last_read_us, read->max_gap_us);
  unsigned n_deaths = 0;

  peers->last_read_us = read->now_us;
  for (uint32_t i = 0; i < read->n; i++) {
    FtsPeer *peer = &peers->peer[i];
    uint64_t generation = peer->host.generation;
    bool died = false;
    if (!(read->damaged & 1U << i) && is_changed (peer, &read->table[i]))
      died = take_entry (peer, &read->table[i]);
    else if (peer->is_known)
      died = grow_silent (peer, passed_us, false);
    if (died)
      deaths[n_deaths++] = (FtsDeath){ i, generation };
    if ((read->gone & 1U << i) && grow_silent (peer, 0, true))
      deaths[n_deaths++] = (FtsDeath){ i, peer->host.generation };
  }
  return n_deaths;
}

bool
fts_peers_is_alive (const FtsPeers *peers, uint32_t index, uint64_t generation)
{
  return index < FTS_MAX_HOSTS && is_live (&peers->peer[index]) &&
         peers->peer[index].host.generation == generation;
}

uint32_t
fts_peers_lowest_alive (const FtsPeers *peers)
{
  uint32_t i = 0;

  while (i < FTS_MAX_HOSTS && !is_live (&peers->peer[i]))
    i++;
  return i;
}
