/* member.h - the inside of a member, shared by membership.c (calls) and heartbeat.c (thread).
 *
 * Locks, in order: read_mutex, then mutex.
 *   read_mutex   held across one read of the host table and the update of `peers` with it, so
 *                that an older read never overwrites a newer one
 *   mutex        the fields marked (m); never held during I/O or callbacks
 */
#pragma once

#include "volume/fence.h"
#include "volume/lock.h"
#include "volume/membership.h"
#include "volume/peers.h"
#include "volume/reap.h"

#include <pthread.h>
#include <stdatomic.h>

struct FtsMember {
  FtsVolume *volume;
  FtsLock *lock;
  FtsFence *fence; /* NULL: fence mode off */
  FtsHost self;    /* constant after join; its heartbeat is the first one */
  void (*on_peer_dead) (uint32_t index, uint64_t generation, void *user_data);
  void *user_data;

  pthread_mutex_t read_mutex;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  FtsPeers peers;    /* (m) */
  FtsDeath *deaths;  /* (m) not reported yet */
  unsigned n_deaths; /* (m) */
  bool is_stopping;  /* (m) */
  bool is_reaping;   /* (m) the reap thread uses `reaper` */
  atomic_bool is_fenced;
  _Atomic int64_t last_beat_us; /* when the last heartbeat that was written was begun */

  pthread_t thread;
  /* the thread's own */
  FtsReaper *reaper; /* the reap thread's while is_reaping, as `shut_out` */
  uint64_t shut_out[FTS_MAX_HOSTS]; /* generation whose key was removed last */
  uint64_t heartbeat;               /* last one written */
  pthread_t reap_thread;
  bool has_reap_thread;
  bool is_suspicious; /* somebody died: look at the Process Id Table every time */
  unsigned beats;
};

/* Reads the host table and updates `peers`; deaths go to `deaths`.  TABLE may be NULL. */
bool fts_member_refresh (FtsMember *member, FtsHost table[FTS_MAX_HOSTS],
                         uint32_t *damaged, GError **error);

/* Removes the key of a dead HOST from the devices, unless a live member has it too. */
bool fts_member_shut_out (FtsMember *member, const FtsPeers *peers, const FtsHost *host,
                          GError **error);

/* Ends all writing for good; WHY is logged once. */
void fts_member_fence (FtsMember *member, const char *why);

/* FtsLockOwner.is_dead for a FtsMember as user data. */
bool fts_member_is_holder_dead (uint32_t index, uint64_t generation, void *user_data);

bool fts_heartbeat_start (FtsMember *member, GError **error);
void fts_heartbeat_stop (FtsMember *member);
