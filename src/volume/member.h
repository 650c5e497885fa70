/* member.h - the inside of a member, shared by its files:
 *
 *   membership.c  the calls, what is known of others
 *   joining.c     getting an entry
 *   standing.c    may it use the volume?  the watchman
 *   heartbeat.c   the member's thread
 *   rejoin.c      after too long a silence
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
  FtsHost self;    /* constant within an incarnation; its heartbeat is the first one */
  GArray *
    generations; /* of uint64_t, the own one last; changes while nobody uses the member */
  bool rejoins; /* constant */
  void (*on_return) (void *user_data);
  void (*on_peer_dead) (uint32_t index, uint64_t generation, void *user_data);
  void *user_data;

  pthread_mutex_t read_mutex;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  FtsPeers peers;            /* (m) */
  FtsDeath *deaths;          /* (m) not reported yet */
  unsigned n_deaths;         /* (m) */
  bool is_stopping;          /* (m) */
  bool is_reaping;           /* (m) the reap thread uses `reaper` */
  unsigned n_holds;          /* (m) */
  bool has_left;             /* (m) the watchman may go */
  atomic_int standing;       /* FtsStanding */
  _Atomic int64_t ending_us; /* since when the program is about to end; 0 = it is not */
  _Atomic int64_t
    last_beat_us; /* when the last heartbeat that was written was begun, by
                                 * fts_standing_clock_us() */

  pthread_t watchman;
  bool has_watchman; /* constant after join */
  pthread_t thread;
  /* the thread's own */
  FtsReaper *reaper; /* the reap thread's while is_reaping, as `shut_out` */
  uint64_t shut_out[FTS_MAX_HOSTS]; /* generation whose key was removed last */
  uint64_t heartbeat;               /* last one written */
  pthread_t reap_thread;
  bool has_reap_thread;
  bool is_suspicious; /* somebody died: look at the Process Id Table every time */
  unsigned beats;
  bool is_over; /* away: what the last incarnation had is forgotten */
  int64_t away_since_us;
  char *why_away; /* told last */
};

/* Reads the host table and updates `peers`; deaths go to `deaths`.  TABLE may be NULL. */
bool fts_member_refresh (FtsMember *member, FtsHost table[FTS_MAX_HOSTS],
                         uint32_t *damaged, GError **error);

/* Removes the key of a dead HOST from the devices, unless a live member has it too. */
bool fts_member_shut_out (FtsMember *member, const FtsPeers *peers, const FtsHost *host,
                          GError **error);

/* ---- standing.c ---- */
/* Somebody else ended it: all I/O ends for good, unless it was silent before; WHY is logged once. */
void fts_member_fence (FtsMember *member, const char *why);
int64_t fts_standing_clock_us (void);
bool fts_member_is_ending (const FtsMember *member);
/* All data commands end with FENCED. */
void fts_standing_stop_io (FtsMember *member);
/* Who is away does not come back. */
void fts_standing_end (FtsMember *member);
bool fts_standing_start (FtsMember *member, GError **error);
void fts_standing_stop (FtsMember *member);

/* ---- joining.c ---- */
/* Registrations, lock and entry for self, whose generation is new. */
bool fts_member_get_in (FtsMember *member, GError **error);
/* Unregisters and forgets; the entry is free already. */
void fts_member_get_out (FtsMember *member);
/* What it has in memory; on the LUN everything stays. */
void fts_member_forget (FtsMember *member);
void fts_member_free_entry (FtsMember *member);
/* Is GENERATION this incarnation of the member, or an earlier one? */
bool fts_member_is_own (const FtsMember *member, uint64_t generation);

/* ---- membership.c ---- */
FtsLockOwner fts_member_lock_owner (FtsMember *member, uint32_t index);
int64_t fts_member_lock_wait_us (const FtsMember *member);

/* ---- rejoin.c ---- */
/* One attempt of a member that is AWAY. */
void fts_member_come_back (FtsMember *member);

/* FtsLockOwner.is_dead for a FtsMember as user data. */
bool fts_member_is_holder_dead (uint32_t index, uint64_t generation, void *user_data);

bool fts_heartbeat_start (FtsMember *member, GError **error);
void fts_heartbeat_stop (FtsMember *member);
