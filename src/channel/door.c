/* door.c - starting and stopping a door, and answering requests for connections.
 */
#include "channel/door.h"

#include "base/error.h"
#include "channel/accept.h"
#include "channel/doorstate.h"

#include <sodium.h>

#define DEFAULT_WORKERS     16
#define DEFAULT_POLL_MIN_US 1000
#define DEFAULT_POLL_MAX_US 100000
#define DEFAULT_LINGER_US   20000
#define ACCEPT_RETRY_US     20000

void
fts_door_kick (FtsDoor *door)
{
  __atomic_store_n (&door->kick, 1, __ATOMIC_RELEASE);
  pthread_cond_broadcast (&door->changed);
  lun_device_wake (door->master);
}

/* ---- requests for connections, on a worker ---- */
static void
add_conn (FtsDoor *door, FtsChannel *channel)
{
  uint32_t slot = fts_channel_pid (channel)->pro_process_id;
  FtsConn *conn = g_new0 (FtsConn, 1);

  conn->job.run = fts_door_run_conn;
  conn->channel = channel;
  pthread_mutex_lock (&door->lock);
  door->conns[slot - 1] = conn;
  door->stats.accepted++;
  door->stats.connections++;
  fts_door_queue_locked (door, conn);
  pthread_mutex_unlock (&door->lock);
}

/* A slot that asks again while we still hold a connection on it: somebody rewrote its entry.
 * The old connection has to go first. */
static bool
is_held (FtsDoor *door, uint32_t slot)
{
  pthread_mutex_lock (&door->lock);
  FtsConn *conn = door->conns[slot - 1];
  if (conn != NULL)
    fts_channel_cancel (conn->channel, FTS_CANCEL_GONE);
  fts_door_kick (door);
  pthread_mutex_unlock (&door->lock);
  return conn != NULL;
}

static bool
answer (FtsDoor *door, const FtsPid *entry)
{
  g_autoptr (GError) error = NULL;
  FtsChannel *channel;
  FtsConRc rc;

  if (is_held (door, entry->pro_process_id))
    return false;
  if (!fts_accept (door->member, &door->config, entry->pro_process_id, &channel, &rc,
                   &error)) {
    g_warning ("request %u of %s cannot be answered now: %s", entry->pro_process_id,
               entry->pro_requestor, error->message);
    return false;
  }
  if (channel != NULL) {
    g_message ("%s connected (connection %u)", entry->pro_requestor,
               entry->pro_process_id);
    add_conn (door, channel);
  } else if (rc != FTS_CON_PENDING) {
    g_message ("%s was refused (reason %u)", entry->pro_requestor, rc);
    pthread_mutex_lock (&door->lock);
    door->stats.refused++;
    pthread_mutex_unlock (&door->lock);
  }
  return true;
}

/* Answers every request that waits; false when one could not be answered now. */
static bool
answer_all (FtsDoor *door)
{
  g_autofree FtsPid *table = g_new0 (FtsPid, door->n_slots);
  g_autoptr (GError) error = NULL;
  bool done = true;

  if (!fts_pidtab_load_all (door->volume, table, &error)) {
    g_warning ("cannot read the Process Id Table: %s", error->message);
    return false;
  }
  for (uint32_t i = 0; i < door->n_slots; i++)
    if (fts_accept_is_due (door->member, &table[i]))
      done = answer (door, &table[i]) && done;
  return done;
}

/* Requests to an incarnation that is over are nobody's. */
static bool
answer_if_here (FtsDoor *door)
{
  if (!fts_member_hold (door->member, NULL))
    return true;
  bool done = answer_all (door);
  fts_member_let_go (door->member);
  return done;
}

/* On a worker, because the volume lock may be slow to get and quiet connections want the door. */
static void
answer_requests (FtsJob *job, void *user_data)
{
  FtsDoor *door = user_data;

  pthread_mutex_lock (&door->lock);
  while (door->accept_again && !door->ends) {
    door->accept_again = false;
    pthread_mutex_unlock (&door->lock);
    bool done = answer_if_here (door);
    if (!done)
      g_usleep (ACCEPT_RETRY_US);
    pthread_mutex_lock (&door->lock);
    door->accept_again |= !done;
  }
  door->accepting = false;
  pthread_cond_broadcast (&door->changed);
  pthread_mutex_unlock (&door->lock);
}

void
fts_door_queue_accept (FtsDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->accept_again = true;
  if (!door->accepting && !door->ends) {
    door->accepting = true;
    fts_workers_push (door->workers, &door->accept_job);
    if (fts_workers_is_pressed (door->workers))
      fts_door_poke_locked (door);
  }
  pthread_mutex_unlock (&door->lock);
}

/* ---- public ---- */
static void
set_defaults (FtsDoorConfig *config)
{
  if (config->max_workers == 0)
    config->max_workers = DEFAULT_WORKERS;
  if (config->poll_min_us == 0)
    config->poll_min_us = DEFAULT_POLL_MIN_US;
  if (config->poll_max_us == 0)
    config->poll_max_us = DEFAULT_POLL_MAX_US;
  if (config->linger_us == 0)
    config->linger_us = DEFAULT_LINGER_US;
}

static void
init_lock (FtsDoor *door)
{
  pthread_condattr_t attr;

  pthread_mutex_init (&door->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&door->changed, &attr);
  pthread_condattr_destroy (&attr);
}

static void
free_door (FtsDoor *door)
{
  fts_workers_free (door->workers);
  pthread_cond_destroy (&door->changed);
  pthread_mutex_destroy (&door->lock);
  g_free (door->table);
  g_free (door->fresh);
  g_free (door->heads);
  g_free (door->watches);
  g_free (door->watched);
  g_free (door->conns);
  g_free (door);
}

FtsDoor *
fts_door_start (FtsMember *member, const FtsDoorConfig *config, GError **error)
{
  FtsVolume *volume = fts_member_volume (member);
  const FtsMcb *mcb = fts_volume_mcb (volume);
  FtsDoor *door = g_new0 (FtsDoor, 1);

  door->member = member;
  door->volume = volume;
  door->master = fts_volume_master (volume);
  door->config = *config;
  set_defaults (&door->config);
  door->n_slots = mcb->blk5_max_connections;
  door->block_size = mcb->block_size;
  door->interval_us = door->config.poll_min_us;
  door->table = g_malloc0 ((size_t) door->n_slots * door->block_size);
  door->fresh = g_malloc0 ((size_t) door->n_slots * door->block_size);
  door->heads = g_malloc (FTS_HEADS_ONE_IO);
  door->watches = g_new0 (LunWatch, door->n_slots + 1);
  door->watched = g_new0 (FtsConn *, door->n_slots + 1);
  door->conns = g_new0 (FtsConn *, door->n_slots);
  init_lock (door);
  door->workers = fts_workers_new (door->config.max_workers, door);
  door->accept_job.run = answer_requests;
  int failed = sodium_init () < 0
                 ? ENOSYS
                 : pthread_create (&door->thread, NULL, fts_door_watch, door);
  if (failed != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_SYSTEM, "cannot start the door: %s",
                 g_strerror (failed));
    free_door (door);
    return NULL;
  }
  return door;
}

static void
end_all_locked (FtsDoor *door)
{
  for (uint32_t i = 0; i < door->n_slots; i++) {
    FtsConn *conn = door->conns[i];

    if (conn == NULL)
      continue;
    fts_channel_cancel (conn->channel, FTS_CANCEL_SHUTDOWN);
    if (conn->state == FTS_CONN_QUIET)
      fts_door_queue_locked (door, conn);
  }
}

void
fts_door_stop (FtsDoor *door)
{
  if (door == NULL)
    return;
  pthread_mutex_lock (&door->lock);
  door->ends = true;
  fts_door_kick (door);
  pthread_mutex_unlock (&door->lock);
  pthread_join (door->thread, NULL);
  pthread_mutex_lock (&door->lock);
  while (door->accepting)
    pthread_cond_wait (&door->changed, &door->lock);
  end_all_locked (door);
  while (door->stats.connections > 0)
    pthread_cond_wait (&door->changed, &door->lock);
  pthread_mutex_unlock (&door->lock);
  free_door (door);
}

void
fts_door_peer_dead (FtsDoor *door, uint32_t index, uint64_t generation)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++) {
    FtsConn *conn = door->conns[i];

    if (conn == NULL)
      continue;
    const FtsPid *pid = fts_channel_pid (conn->channel);
    if (pid->requestor_index == index && pid->requestor_generation == generation)
      fts_channel_cancel (conn->channel, FTS_CANCEL_DEAD);
  }
  fts_door_kick (door);
  pthread_mutex_unlock (&door->lock);
}

void
fts_door_summon (FtsDoor *door, FtsChannel *channel)
{
  pthread_mutex_lock (&door->lock);
  FtsConn *conn = door->conns[fts_channel_pid (channel)->pro_process_id - 1];
  if (conn != NULL && conn->channel == channel && !conn->is_summoned) {
    conn->is_summoned = true;
    if (conn->state == FTS_CONN_LINGER)
      fts_channel_cancel (channel, FTS_CANCEL_POKE);
    else if (conn->state == FTS_CONN_QUIET)
      fts_door_kick (door);
  }
  pthread_mutex_unlock (&door->lock);
}

void
fts_door_set_waiting (FtsDoor *door, bool waits)
{
  fts_workers_set_waiting (door->workers, waits);
}

void
fts_door_get_stats (FtsDoor *door, FtsDoorStats *out)
{
  pthread_mutex_lock (&door->lock);
  *out = door->stats;
  pthread_mutex_unlock (&door->lock);
  fts_workers_count (door->workers, &out->workers, &out->busy_workers);
}
