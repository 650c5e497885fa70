/* serve.c - what a worker does with a connection: serves message after message, lingers a moment,
 * then gives it back to the door; or ends it.
 */
#include "channel/doorstate.h"

/* ---- handing over ---- */
void
fts_door_poke_locked (FtsDoor *door)
{
  for (uint32_t i = 0; i < door->n_slots; i++)
    if (door->conns[i] && door->conns[i]->state == FTS_CONN_LINGER)
      fts_channel_cancel (door->conns[i]->channel, FTS_CANCEL_POKE);
}

void
fts_door_queue_locked (FtsDoor *door, FtsConn *conn)
{
  conn->state = FTS_CONN_QUEUED;
  fts_workers_push (door->workers, &conn->job);
  if (fts_workers_is_pressed (door->workers))
    fts_door_poke_locked (door);
}

static void
set_state (FtsDoor *door, FtsConn *conn, FtsConnState state)
{
  pthread_mutex_lock (&door->lock);
  conn->state = state;
  pthread_mutex_unlock (&door->lock);
}

static void
park (FtsDoor *door, FtsConn *conn)
{
  fts_channel_trim (conn->channel);
  pthread_mutex_lock (&door->lock);
  if (door->ends) {
    fts_door_queue_locked (door,
                           conn); /* the door has gone home: the next look ends it */
  } else {
    conn->state = FTS_CONN_QUIET;
    fts_door_kick (door);
  }
  pthread_mutex_unlock (&door->lock);
}

/* ---- on a worker ---- */
static void
end_conn (FtsDoor *door, FtsConn *conn)
{
  uint32_t slot = fts_channel_pid (conn->channel)->pro_process_id;

  pthread_mutex_lock (&door->lock);
  door->conns[slot - 1] = NULL;
  pthread_mutex_unlock (&door->lock);
  if (conn->opened && door->config.on_close)
    door->config.on_close (conn->channel, conn->app, door->config.user_data);
  fts_channel_close (conn->channel);
  g_free (conn);
  pthread_mutex_lock (&door->lock);
  door->stats.connections--;
  pthread_cond_broadcast (&door->changed);
  pthread_mutex_unlock (&door->lock);
}

static void
open_conn (FtsDoor *door, FtsConn *conn)
{
  if (conn->opened)
    return;
  conn->opened = true;
  if (door->config.on_open)
    conn->app = door->config.on_open (conn->channel, door->config.user_data);
}

/* Not when summoned: who does that later pokes. */
static bool
begin_linger (FtsDoor *door, FtsConn *conn)
{
  pthread_mutex_lock (&door->lock);
  bool is_free = !conn->is_summoned;
  if (is_free)
    conn->state = FTS_CONN_LINGER;
  pthread_mutex_unlock (&door->lock);
  return is_free;
}

/* Has a message come, or the end, now or within a moment? */
static bool
linger (FtsDoor *door, FtsConn *conn)
{
  if (fts_workers_is_pressed (door->workers))
    return fts_channel_poll (conn->channel, 0);
  if (!begin_linger (door, conn))
    return false;
  bool come = fts_channel_poll (conn->channel, door->config.linger_us);
  set_state (door, conn, FTS_CONN_BUSY);
  return come;
}

static bool
take_summons (FtsDoor *door, FtsConn *conn)
{
  pthread_mutex_lock (&door->lock);
  bool is_summoned = conn->is_summoned;
  conn->is_summoned = false;
  pthread_mutex_unlock (&door->lock);
  return is_summoned;
}

/* True when it was summoned. */
static bool
answer_summons (FtsDoor *door, FtsConn *conn)
{
  if (!take_summons (door, conn))
    return false;
  if (door->config.summoned != NULL && fts_channel_enter (conn->channel, NULL) &&
      !fts_channel_has_ended (conn->channel))
    door->config.summoned (conn->channel, conn->app, door->config.user_data);
  return true;
}

static bool
serve_one (FtsDoor *door, FtsConn *conn)
{
  if (!fts_channel_enter (conn->channel, NULL) ||
      fts_channel_has_ended (conn->channel) ||
      !door->config.serve (conn->channel, conn->app, door->config.user_data))
    return false;
  pthread_mutex_lock (&door->lock);
  door->stats.messages++;
  pthread_mutex_unlock (&door->lock);
  return true;
}

void
fts_door_run_conn (FtsJob *job, void *user_data)
{
  FtsDoor *door = user_data;
  FtsConn *conn = (FtsConn *) job;

  set_state (door, conn, FTS_CONN_BUSY);
  open_conn (door, conn);
  for (;;) {
    answer_summons (door, conn);
    if (!linger (door, conn)) {
      if (answer_summons (door, conn))
        continue;
      break;
    }
    if (!serve_one (door, conn)) {
      end_conn (door, conn);
      return;
    }
    if (!fts_workers_is_pressed (door->workers))
      continue;
    pthread_mutex_lock (&door->lock);
    fts_door_queue_locked (door, conn);
    pthread_mutex_unlock (&door->lock);
    return;
  }
  park (door, conn);
}
