/* doorstate.h - the inside of a door, shared by its three files and by nothing else:
 *
 *   door.c    start and stop, requests for connections
 *   watch.c   the door's thread: watches table and quiet connections
 *   serve.c   what a worker does with a connection
 *
 * A connection of the door is in one of these states; the state says whose the channel is:
 *   QUIET   the door's: watched, nobody works on it
 *   QUEUED  the pool's: waits for a worker
 *   BUSY    a worker's: serving
 *   LINGER  a worker's: waiting a moment for the next message; may be poked
 *
 * Invariants: only the door takes a connection out of QUIET; only the worker that has it puts
 * it back or ends it; an ended one is out of the table before its channel is closed, so that
 * who finds a channel in the table (with the lock held) may call fts_channel_cancel() on it.
 */
#pragma once

#include "channel/door.h"
#include "channel/private.h"
#include "channel/workers.h"

#include <pthread.h>

typedef enum {
  FTS_CONN_QUIET,
  FTS_CONN_QUEUED,
  FTS_CONN_BUSY,
  FTS_CONN_LINGER,
} FtsConnState;

typedef struct {
  FtsJob job; /* first: a job is its connection */
  FtsChannel *channel;
  void *app;
  bool opened; /* on_open was called */
  FtsConnState state;
  bool is_summoned;
} FtsConn;

/* A run of heads up to this long is polled with one read. */
#define FTS_HEADS_ONE_IO (256u << 10)

struct FtsDoor {
  FtsMember *member;
  FtsVolume *volume;
  LunDevice *master;
  FtsDoorConfig config;
  FtsWorkers *workers;
  pthread_t thread;
  uint32_t n_slots;
  uint32_t block_size;

  /* the door thread's */
  uint8_t *table; /* the Process Id Table as read last */
  uint8_t *fresh; /* room for a read of it */
  uint8_t *heads; /* room for a run of heads */
  LunWatch *watches;
  FtsConn **watched; /* the connection of each watch */
  uint32_t interval_us;
  int64_t looked_us; /* when it looked at all last */

  FtsJob accept_job;

  int kick; /* atomic: the door shall look up */

  /* Protects the rest, and every FtsConn.state and is_summoned. */
  pthread_mutex_t lock;
  pthread_cond_t changed; /* kick, or a connection ended */
  FtsConn **conns;        /* by slot - 1 */
  bool ends;
  bool accepting;    /* the accept job is queued or runs */
  bool accept_again; /* there is more for it */
  FtsDoorStats stats;
};

/* ---- door.c ---- */
/* Makes the door's thread look up. */
void fts_door_kick (FtsDoor *door);
/* Requests for connections wait: has a worker answer them. */
void fts_door_queue_accept (FtsDoor *door);

/* ---- watch.c ---- */
/* The door's thread. */
void *fts_door_watch (void *door);

/* ---- serve.c ---- */
/* Hands CONN to the workers; with the lock held. */
void fts_door_queue_locked (FtsDoor *door, FtsConn *conn);
/* Calls workers back that linger; with the lock held. */
void fts_door_poke_locked (FtsDoor *door);
/* FtsJob.run of a connection. */
void fts_door_run_conn (FtsJob *job, void *user_data);
