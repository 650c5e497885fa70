/* client_pool.h - a client's connections to its peer: taken for a call, given back after it.
 *
 * Why: a connection serves one thread at a time, in lock step; many calls at once need many of
 * them, and a quiet client should hold one.
 *
 * Invariants
 *  1. n_open (idle, taken, being opened, waiting to be closed) never exceeds the maximum.
 *  2. An idle connection belongs to the live incarnation of the peer it was opened to, as far as
 *     the host table tells; others are closed instead of handed out.
 *  3. Nobody but its taker touches a taken connection.
 *  4. Connections of an incarnation of the member that is over are closed, and none is made while the
 *     member is AWAY (membership.h): then it joins again, and connections are made anew.
 *
 * Threads: take and give from any; one thread of the pool closes what broke or was idle for
 * FTS_POOL_IDLE_MS (all but one), lets quiet channels acknowledge, and runs `background`.  No
 * lock is held while a channel is used.
 */
#pragma once

#include "channel/connect.h"

#define FTS_POOL_IDLE_MS 30000

typedef struct {
  FtsChannel *channel;
  uint32_t tag; /* of the last request */

  /* the pool's */
  FtsChannelStats seen; /* counted so far */
  int64_t idle_since_us;
  bool acknowledged;
} FtsConnection;

typedef struct {
  FtsMember *member;
  const char *peer; /* texts are copied */
  const char *secret;
  unsigned max_connections;
  uint32_t wait_ms, timeout_ms;

  /* First use of a new connection, on the thread that asked for it. */
  bool (*attach) (FtsConnection *connection, void *user_data, GError **error);
  /* On the pool's thread, soon after fts_pool_wake(). */
  void (*background) (void *user_data);
  void *user_data;
} FtsPoolConfig;

typedef struct FtsPool FtsPool;

FtsPool *fts_pool_new (const FtsPoolConfig *config);
/* Runs `background` a last time, then closes all; every connection must have been given back. */
void fts_pool_free (FtsPool *pool);

typedef enum {
  FTS_POOL_AT_ONCE, /* fail at once when no such server is alive */
  FTS_POOL_WAIT,    /* wait for the server up to wait_ms */
} FtsPoolPatience;

/* A free connection, a new one, or (at the maximum) the first that is given back, until UNTIL_US
 * of the monotonic clock.  Errors: PEER_DEAD (no live server of that name), those of fts_connect
 * and of attach, TIMEOUT, FTS_ERRNO EINTR, NO_PATH while the member is AWAY. */
FtsConnection *fts_pool_take (FtsPool *pool, FtsPoolPatience patience, int64_t until_us,
                              GError **error);

typedef enum {
  FTS_POOL_HEALTHY, /* no message is under way in either direction */
  FTS_POOL_BROKEN,  /* close it */
} FtsPoolVerdict;
void fts_pool_give (FtsPool *pool, FtsConnection *connection, FtsPoolVerdict verdict);

/* A connection beside the pool's, for a use that lasts; not counted.  None while no server of the
 * peer's name is known to live, which is asked without a LUN command. */
FtsConnection *fts_pool_open_extra (FtsPool *pool, GError **error);
void fts_pool_close_extra (FtsConnection *connection);

/* Is there a path to the volume, as far as is known? */
bool fts_pool_has_path (FtsPool *pool);
/* Is a server of the peer's name alive now, by a fresh look at the host table? */
bool fts_pool_peer_lives (FtsPool *pool);
/* False with FENCED: the member has lost the volume for good, and there is nothing to wait for. */
bool fts_pool_may_use (FtsPool *pool, GError **error);
/* Puts into ERROR, that of a use of a connection, what is behind it when the member is AWAY: commands were
 * stopped for want of a path, which returns. */
void fts_pool_explain (FtsPool *pool, GError **error);

/* Grows with each connection that is the only one; 0 while there is none. */
uint64_t fts_pool_session (FtsPool *pool);

/* Has `background` run after DELAY_MS, or at an earlier time asked for before. */
void fts_pool_wake (FtsPool *pool, uint32_t delay_ms);

void fts_pool_get_stats (FtsPool *pool, unsigned *now, unsigned *most,
                         FtsChannelStats *channels);
