/* door.c - accepting, watching quiet connections, handing those with work to the workers.
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
#include "channel/door.h"

#include "base/error.h"
#include "channel/accept.h"
#include "channel/connect.h"
#include "channel/private.h"
#include "channel/slot.h"
#include "channel/workers.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#define DEFAULT_WORKERS     16
#define DEFAULT_POLL_MIN_US 1000
#define DEFAULT_POLL_MAX_US 100000
#define DEFAULT_LINGER_US   20000
/* How long the door sleeps at most where it is woken; then it looks who is still alive. */
#define WAKE_SLICE_US       1000000
/* A run of heads up to this long is polled with one read. */
#define HEADS_ONE_IO        (256u << 10)
#define ACCEPT_RETRY_US     10000

typedef enum {
  CONN_QUIET,
  CONN_QUEUED,
  CONN_BUSY,
  CONN_LINGER,
} ConnState;

typedef struct {
  FtsJob job; /* first: a job is its connection */
  FtsChannel *channel;
  void *app;
  bool opened; /* on_open was called */
  ConnState state;
} Conn;

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
  Conn **watched; /* the connection of each watch */
  uint32_t interval_us;

  FtsJob accept_job;

  int kick; /* atomic: the door shall look up */

  /* Protects the rest, and every Conn.state. */
  pthread_mutex_t lock;
  pthread_cond_t changed; /* kick, or a connection ended */
  Conn **conns;           /* by slot - 1 */
  bool ends;
  bool accepting;    /* the accept job is queued or runs */
  bool accept_again; /* there is more for it */
  FtsDoorStats stats;
};

static void
kick_door (FtsDoor *door)
{
  __atomic_store_n (&door->kick, 1, __ATOMIC_RELEASE);
  pthread_cond_broadcast (&door->changed);
  lun_device_wake (door->master);
}

/* ---- handing over ---- */
static void
poke_lingering_locked (FtsDoor *door)
{
  for (uint32_t i = 0; i < door->n_slots; i++)
    if (door->conns[i] && door->conns[i]->state == CONN_LINGER)
      fts_channel_cancel (door->conns[i]->channel, FTS_CANCEL_POKE);
}

static void
queue_locked (FtsDoor *door, Conn *conn)
{
  conn->state = CONN_QUEUED;
  fts_workers_push (door->workers, &conn->job);
  if (fts_workers_is_pressed (door->workers))
    poke_lingering_locked (door);
}

static void
set_state (FtsDoor *door, Conn *conn, ConnState state)
{
  pthread_mutex_lock (&door->lock);
  conn->state = state;
  pthread_mutex_unlock (&door->lock);
}

static void
park (FtsDoor *door, Conn *conn)
{
  fts_channel_trim (conn->channel);
  pthread_mutex_lock (&door->lock);
  if (door->ends) {
    queue_locked (door, conn); /* the door has gone home: the next look ends it */
  } else {
    conn->state = CONN_QUIET;
    kick_door (door);
  }
  pthread_mutex_unlock (&door->lock);
}

/* ---- on a worker ---- */
static void
end_conn (FtsDoor *door, Conn *conn)
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
open_conn (FtsDoor *door, Conn *conn)
{
  if (conn->opened)
    return;
  conn->opened = true;
  if (door->config.on_open)
    conn->app = door->config.on_open (conn->channel, door->config.user_data);
}

/* Has a message come, or the end, now or within a moment? */
static bool
linger (FtsDoor *door, Conn *conn)
{
  if (fts_channel_poll (conn->channel, 0))
    return true;
  if (fts_workers_is_pressed (door->workers))
    return false;
  set_state (door, conn, CONN_LINGER);
  bool come = fts_channel_poll (conn->channel, door->config.linger_us);
  set_state (door, conn, CONN_BUSY);
  return come;
}

static bool
serve_one (FtsDoor *door, Conn *conn)
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

static void
run (FtsJob *job, void *user_data)
{
  FtsDoor *door = user_data;
  Conn *conn = (Conn *) job;

  set_state (door, conn, CONN_BUSY);
  open_conn (door, conn);
  while (linger (door, conn)) {
    if (!serve_one (door, conn)) {
      end_conn (door, conn);
      return;
    }
    if (!fts_workers_is_pressed (door->workers))
      continue;
    pthread_mutex_lock (&door->lock);
    queue_locked (door, conn);
    pthread_mutex_unlock (&door->lock);
    return;
  }
  park (door, conn);
}

/* ---- requests for connections, on a worker ---- */
static void
add_conn (FtsDoor *door, FtsChannel *channel)
{
  uint32_t slot = fts_channel_pid (channel)->pro_process_id;
  Conn *conn = g_new0 (Conn, 1);

  conn->job.run = run;
  conn->channel = channel;
  pthread_mutex_lock (&door->lock);
  if (door->conns[slot - 1] != NULL)
    g_error ("slot %u was accepted twice", slot);
  door->conns[slot - 1] = conn;
  door->stats.accepted++;
  door->stats.connections++;
  queue_locked (door, conn);
  pthread_mutex_unlock (&door->lock);
}

static bool
answer (FtsDoor *door, const FtsPid *entry)
{
  g_autoptr (GError) error = NULL;
  FtsChannel *channel;
  FtsConRc rc;

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

/* ---- the Process Id Table, on the door's thread ---- */

/* A slot of which we hold a connection: cleared, given to others, or left to us? */
static void
check_held (FtsDoor *door, const FtsPid *entry)
{
  pthread_mutex_lock (&door->lock);
  Conn *conn = door->conns[entry->pro_process_id - 1];
  if (conn != NULL) {
    const FtsPid *pid = fts_channel_pid (conn->channel);

    if (!fts_slot_is_ours (entry, pid))
      fts_channel_cancel (conn->channel, FTS_CANCEL_GONE);
    else if (entry->pro_con_rc == FTS_CON_SHUTDOWN)
      fts_channel_cancel (conn->channel, FTS_CANCEL_CLOSED);
  }
  pthread_mutex_unlock (&door->lock);
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

/* On a worker, because the volume lock may be slow to get and quiet connections want the door. */
static void
run_accept (FtsJob *job, void *user_data)
{
  FtsDoor *door = user_data;

  pthread_mutex_lock (&door->lock);
  while (door->accept_again && !door->ends) {
    door->accept_again = false;
    pthread_mutex_unlock (&door->lock);
    bool done = answer_all (door);
    if (!done)
      g_usleep (ACCEPT_RETRY_US);
    pthread_mutex_lock (&door->lock);
    door->accept_again |= !done;
  }
  door->accepting = false;
  pthread_cond_broadcast (&door->changed);
  pthread_mutex_unlock (&door->lock);
}

static void
queue_accept (FtsDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->accept_again = true;
  if (!door->accepting && !door->ends) {
    door->accepting = true;
    fts_workers_push (door->workers, &door->accept_job);
    if (fts_workers_is_pressed (door->workers))
      poke_lingering_locked (door);
  }
  pthread_mutex_unlock (&door->lock);
}

/* Looks through the table as it was read. */
static void
scan (FtsDoor *door)
{
  uint64_t tag = fts_volume_tag (door->volume);
  bool is_due = false;

  for (uint32_t i = 0; i < door->n_slots; i++) {
    FtsPid entry;

    if (!fts_pid_decode (door->table + (size_t) i * door->block_size, door->block_size,
                         tag, &entry) ||
        entry.pro_process_id != i + 1)
      continue; /* half written: it will change again */
    check_held (door, &entry);
    is_due |= fts_accept_is_due (door->member, &entry);
  }
  if (is_due)
    queue_accept (door);
}

/* ---- quiet connections ---- */

/* Hands over every quiet connection that was cancelled, or whose peer is dead. */
static void
reap_quiet (FtsDoor *door, bool look_for_dead)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++) {
    Conn *conn = door->conns[i];

    if (conn == NULL || conn->state != CONN_QUIET)
      continue;
    if (__atomic_load_n (&conn->channel->cancel, __ATOMIC_ACQUIRE) != 0 ||
        (look_for_dead && fts_channel_is_peer_dead (conn->channel)))
      queue_locked (door, conn);
  }
  pthread_mutex_unlock (&door->lock);
}

/* The quiet connections of now; they stay quiet until the door itself hands them over. */
static int
collect_watches (FtsDoor *door, int n)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++) {
    Conn *conn = door->conns[i];

    if (conn == NULL || conn->state != CONN_QUIET)
      continue;
    fts_channel_watch (conn->channel, &door->watches[n]);
    door->watched[n++] = conn;
  }
  pthread_mutex_unlock (&door->lock);
  return n;
}

static void
hand_over (FtsDoor *door, Conn *conn)
{
  fts_channel_noticed (conn->channel);
  pthread_mutex_lock (&door->lock);
  queue_locked (door, conn);
  pthread_mutex_unlock (&door->lock);
}

/* ---- where the LUN can wake ---- */
static void
watch_round (FtsDoor *door)
{
  LunWaitPlan plan = {
    .poll_min_us = door->config.poll_min_us,
    .poll_max_us = door->config.poll_max_us,
    .timeout_us = WAKE_SLICE_US,
    .cancel = &door->kick,
  };
  g_autoptr (GError) error = NULL;

  door->watches[0] = (LunWatch){
    .lba = fts_volume_mcb (door->volume)->blk5_process_id_table_ptr,
    .blocks = door->n_slots,
    .seen = door->table,
    .buf = door->table,
  };
  int n = collect_watches (door, 1);
  switch (lun_device_wait (door->master, door->watches, n, &plan, &error)) {
  case LUN_WAIT_CHANGED:
    for (int i = 1; i < n; i++)
      if (door->watches[i].differs)
        hand_over (door, door->watched[i]);
    if (door->watches[0].differs)
      scan (door);
    break;
  case LUN_WAIT_TIMEOUT:
    reap_quiet (door, true);
    break;
  case LUN_WAIT_CANCELLED:
    break;
  case LUN_WAIT_ERROR:
    g_warning ("cannot watch the volume: %s", error->message);
    g_usleep (door->config.poll_max_us);
    break;
  }
}

/* ---- elsewhere: one read for the table, one for the heads ---- */
static bool
poll_table (FtsDoor *door, GError **error)
{
  size_t len = (size_t) door->n_slots * door->block_size;

  if (!fts_volume_read (door->volume,
                        fts_volume_mcb (door->volume)->blk5_process_id_table_ptr,
                        door->fresh, len, error))
    return false;
  if (memcmp (door->fresh, door->table, len) == 0)
    return true;
  memcpy (door->table, door->fresh, len);
  door->interval_us = door->config.poll_min_us;
  scan (door);
  return true;
}

/* Reads the run of watches FIRST..LAST with one command and hands over what changed. */
static bool
poll_run (FtsDoor *door, int first, int last, GError **error)
{
  uint64_t lba = door->watches[first].lba;
  uint64_t end = door->watches[last].lba + door->watches[last].blocks;

  if (!fts_volume_read (door->volume, lba, door->heads,
                        (size_t) (end - lba) * door->block_size, error))
    return false;
  for (int i = first; i <= last; i++) {
    LunWatch *watch = &door->watches[i];
    const uint8_t *fresh = door->heads + (watch->lba - lba) * door->block_size;
    size_t len = (size_t) watch->blocks * door->block_size;

    if (memcmp (fresh, watch->seen, len) == 0)
      continue;
    memcpy (watch->buf, fresh, len);
    door->interval_us = door->config.poll_min_us;
    hand_over (door, door->watched[i]);
  }
  return true;
}

static bool
poll_heads (FtsDoor *door, GError **error)
{
  int n = collect_watches (door, 0);

  for (int first = 0, last; first < n; first = last + 1) {
    for (last = first; last + 1 < n; last++)
      if ((door->watches[last + 1].lba + door->watches[last + 1].blocks -
           door->watches[first].lba) *
            door->block_size >
          HEADS_ONE_IO)
        break;
    if (!poll_run (door, first, last, error))
      return false;
  }
  return true;
}

static void
sleep_interval (FtsDoor *door)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += door->interval_us / 1000000;
  until.tv_nsec += (long) (door->interval_us % 1000000) * 1000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec++;
  }
  pthread_mutex_lock (&door->lock);
  while (!door->ends && __atomic_load_n (&door->kick, __ATOMIC_ACQUIRE) == 0 &&
         pthread_cond_timedwait (&door->changed, &door->lock, &until) == 0)
    ;
  pthread_mutex_unlock (&door->lock);
}

static void
poll_round (FtsDoor *door)
{
  g_autoptr (GError) error = NULL;

  door->interval_us = MIN (door->interval_us * 2, door->config.poll_max_us);
  if (!poll_table (door, &error) || !poll_heads (door, &error)) {
    g_warning ("cannot watch the volume: %s", error->message);
    door->interval_us = door->config.poll_max_us;
  }
  reap_quiet (door, door->interval_us == door->config.poll_max_us);
  sleep_interval (door);
}

/* ---- the thread ---- */
static bool
has_ended (FtsDoor *door)
{
  pthread_mutex_lock (&door->lock);
  bool ends = door->ends;
  pthread_mutex_unlock (&door->lock);
  return ends;
}

static void *
watch_volume (void *data)
{
  FtsDoor *door = data;
  bool wakes = lun_device_facts (door->master)->can_wake && !door->config.always_poll;

  while (!has_ended (door)) {
    if (__atomic_exchange_n (&door->kick, 0, __ATOMIC_ACQ_REL) != 0) {
      reap_quiet (door, false);
      door->interval_us = door->config.poll_min_us;
    }
    if (wakes)
      watch_round (door);
    else
      poll_round (door);
  }
  return NULL;
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
  door->heads = g_malloc (HEADS_ONE_IO);
  door->watches = g_new0 (LunWatch, door->n_slots + 1);
  door->watched = g_new0 (Conn *, door->n_slots + 1);
  door->conns = g_new0 (Conn *, door->n_slots);
  init_lock (door);
  door->workers = fts_workers_new (door->config.max_workers, door);
  door->accept_job.run = run_accept;
  int failed = sodium_init () < 0
                 ? ENOSYS
                 : pthread_create (&door->thread, NULL, watch_volume, door);
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
    Conn *conn = door->conns[i];

    if (conn == NULL)
      continue;
    fts_channel_cancel (conn->channel, FTS_CANCEL_SHUTDOWN);
    if (conn->state == CONN_QUIET)
      queue_locked (door, conn);
  }
}

void
fts_door_stop (FtsDoor *door)
{
  if (door == NULL)
    return;
  pthread_mutex_lock (&door->lock);
  door->ends = true;
  kick_door (door);
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
    Conn *conn = door->conns[i];

    if (conn == NULL)
      continue;
    const FtsPid *pid = fts_channel_pid (conn->channel);
    if (pid->requestor_index == index && pid->requestor_generation == generation)
      fts_channel_cancel (conn->channel, FTS_CANCEL_DEAD);
  }
  kick_door (door);
  pthread_mutex_unlock (&door->lock);
}

void
fts_door_get_stats (FtsDoor *door, FtsDoorStats *out)
{
  pthread_mutex_lock (&door->lock);
  *out = door->stats;
  pthread_mutex_unlock (&door->lock);
  fts_workers_count (door->workers, &out->workers, &out->busy_workers);
}
