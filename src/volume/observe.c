#include "volume/observe.h"

#include "volume/identity.h"

#include <string.h>

#define PAUSE_MAX_MS 50u

static uint32_t
find_gone (const FtsHost *table, uint32_t n)
{
  uint32_t gone = 0;

  for (uint32_t i = 0; i < n; i++)
    if (fts_identity_is_gone (&table[i]))
      gone |= 1U << i;
  return gone;
}

static bool
look (FtsVolume *volume, FtsPeers *peers, int64_t gap_us, GError **error)
{
  FtsHost table[FTS_MAX_HOSTS];
  FtsDeath deaths[2 * FTS_MAX_HOSTS];
  FtsPeersRead read = { .table = table,
                        .n = fts_volume_mcb (volume)->max_hosts,
                        .max_gap_us = gap_us };

  memset (table, 0, sizeof table);
  if (!fts_hosttab_load_all (volume, table, &read.damaged, error))
    return false;
  read.gone = find_gone (table, read.n);
  read.now_us = g_get_monotonic_time ();
  fts_peers_update (peers, &read, deaths);
  return true;
}

static bool
is_settled (const FtsPeers *peers)
{
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsPeer *peer = &peers->peer[i];
    if (peer->is_known && peer->host.state != FTS_HOST_FREE && !peer->is_beating &&
        !peer->is_dead)
      return false;
  }
  return true;
}

bool
fts_observe_hosts (FtsVolume *volume, FtsPeers *peers, uint32_t limit_ms,
                   GError **error)
{
  int64_t end_us = g_get_monotonic_time () + limit_ms * INT64_C (1000);
  uint32_t pause_ms =
    CLAMP (fts_volume_mcb (volume)->heartbeat_ms / 8, 1, PAUSE_MAX_MS);

  for (;;) {
    if (!look (volume, peers, pause_ms * INT64_C (4000), error))
      return false;
    if (is_settled (peers) || g_get_monotonic_time () >= end_us)
      return true;
    g_usleep (pause_ms * 1000UL);
  }
}

uint32_t
fts_observe_beat_ms (const FtsVolume *volume)
{
  return 2 * fts_volume_mcb (volume)->heartbeat_ms + 50;
}
