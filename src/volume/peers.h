/* peers.h - who is alive, judged from successive reads of the host table.
 *
 * Clocks of hosts are never compared: an entry is dead when it did not change for its own dead
 * time while *we* were watching.  Time in which we did not read (stopped, suspended, slow LUN)
 * counts at most `max_gap_us` a read, so that a sleeper does not wake up to a dead world.
 *
 *   event                           | before      | after
 *   ------------------------------- | ----------- | ------------------------------
 *   first seen, or new generation   | any         | alive (old incarnation died)
 *   heartbeat or state changed      | alive, dead | alive
 *   unchanged, silence >= dead time | alive       | dead (died)
 *   its process is gone             | alive       | dead (died)
 *   entry free                      | any         | free (died if it was alive)
 *
 * Pure; the caller locks.
 */
#pragma once

#include "volume/hosttab.h"

typedef struct {
  bool is_known;   /* host is valid */
  bool is_beating; /* was seen to change: proof of life, not just no proof of death */
  bool is_dead;
  bool is_gone; /* dead because its process no longer exists on this machine */
  FtsHost host; /* as last read */
  int64_t silent_us;
} FtsPeer;

typedef struct {
  FtsPeer peer[FTS_MAX_HOSTS];
  int64_t last_read_us; /* 0 = never */
} FtsPeers;

/* An incarnation that this update found dead. */
typedef struct {
  uint32_t index;
  uint64_t generation;
} FtsDeath;

/* One read of the table. */
typedef struct {
  const FtsHost *table;
  uint32_t n;       /* entries of the table */
  uint32_t damaged; /* bit i: entry i could not be read and counts as unchanged */
  uint32_t gone;    /* bit i: the process of entry i does not exist any more */
  int64_t now_us;
  int64_t max_gap_us;
} FtsPeersRead;

/* Gives the number of DEATHS. */
unsigned fts_peers_update (FtsPeers *peers, const FtsPeersRead *read,
                           FtsDeath deaths[2 * FTS_MAX_HOSTS]);

/* In use, not found dead, and this incarnation. */
bool fts_peers_is_alive (const FtsPeers *peers, uint32_t index, uint64_t generation);

/* Lowest entry that is alive; FTS_MAX_HOSTS when there is none. */
uint32_t fts_peers_lowest_alive (const FtsPeers *peers);
