/* observe.h - who is alive, for one that does not take part (status, check).  One thread. */
#pragma once

#include "volume/peers.h"
#include "volume/volume.h"

/* Reads the host table again and again until each entry in use was seen to beat or is dead, at
 * most LIMIT_MS.  PEERS must be zero.  What is neither beating nor dead afterwards is unknown. */
bool fts_observe_hosts (FtsVolume *volume, FtsPeers *peers, uint32_t limit_ms,
                        GError **error);

/* Long enough to see a beat of each member. */
uint32_t fts_observe_beat_ms (const FtsVolume *volume);
