/* door.h - the connector's half: accepts connections and hands those with work to a bounded
 * pool of workers (Fig. 9, A8; doc/protocol.md "Waiting").
 *
 * One thread (the door) watches the Process Id Table and the heads of quiet connections with a
 * read each, at an interval that grows from poll_min_us to poll_max_us, or sleeps until woken
 * where the LUN can wake.  A connection with work goes to a worker, which calls serve() for each
 * message until the connection was quiet for linger_us, and gives it back to the door.
 *
 * A connection may be summoned: somebody else has something to say on it, though its peer sent
 * nothing.  A worker then calls summoned(), when no message is being served.
 *
 * When the member's incarnation is over (membership.h) all connections end; the door stays, and serves the
 * next one.
 *
 * Threads: config callbacks run on a worker, one at a time for a connection; secret_of on a
 * worker, too, one call at a time.  A channel's time limit is 5 minutes until a callback sets
 * another: so long may a living peer keep a worker waiting in the middle of a message.
 */
#pragma once

#include "channel/channel.h"

typedef struct FtsDoor FtsDoor;

typedef struct {
  FtsService service;
  unsigned max_workers; /* 0 = 16 */
  uint32_t poll_min_us; /* 0 = 1,000 */
  uint32_t poll_max_us; /* 0 = 100,000 */
  uint32_t linger_us;   /* 0 = 20,000; nobody lingers while others wait */
  bool always_poll;     /* poll even where the LUN can wake (tests, comparisons) */

  /* The secret of the requestor NAME, to be freed; "" = none asked; NULL = it may not
   * connect. */
  char *(*secret_of) (const char *name, void *user_data);

  /* A new connection was accepted: per-connection state, or NULL. */
  void *(*on_open) (FtsChannel *channel, void *user_data);
  /* One message has begun to arrive: receive it whole and answer.  False = close. */
  bool (*serve) (FtsChannel *channel, void *connection, void *user_data);
  /* fts_door_summon() was called: may send.  NULL = nobody summons. */
  void (*summoned) (FtsChannel *channel, void *connection, void *user_data);
  /* The connection ended, however. */
  void (*on_close) (FtsChannel *channel, void *connection, void *user_data);
  void *user_data;
} FtsDoorConfig;

FtsDoor *fts_door_start (FtsMember *member, const FtsDoorConfig *config,
                         GError **error);
/* Ends all connections (status SHUTDOWN), joins all threads. */
void fts_door_stop (FtsDoor *door);

/* Has summoned() called soon, once for any number of calls before it.  CHANNEL is one that
 * on_open was called with and on_close was not. */
void fts_door_summon (FtsDoor *door, FtsChannel *channel);

/* A callback begins (or ends) a wait for what another connection will bring: the pool may have a
 * thread more meanwhile, or all could wait for each other. */
void fts_door_set_waiting (FtsDoor *door, bool waits);

/* For FtsMemberConfig.on_peer_dead: ends the connections of that incarnation. */
void fts_door_peer_dead (FtsDoor *door, uint32_t index, uint64_t generation);

typedef struct {
  unsigned connections, busy_workers, workers;
  uint64_t accepted, refused, messages;
} FtsDoorStats;
void fts_door_get_stats (FtsDoor *door, FtsDoorStats *out);
