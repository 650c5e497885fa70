/* watch.c - the door's thread: waits for changes in the Process Id Table and in the heads of quiet
 * connections, by being woken or by polling, and hands over what has work.
 */
#include "channel/accept.h"
#include "channel/doorstate.h"
#include "channel/slot.h"

#include <string.h>
#include <time.h>

/* How long the door sleeps at most where it is woken; then it looks at all. */
#define WAKE_SLICE_US 1000000

/* ---- the Process Id Table ---- */

/* What an entry means for the connection PID that we hold on its slot: bits of FTS_CANCEL_*. */
static int
sentence (const FtsPid *entry, const FtsPid *pid)
{
  if (!fts_slot_is_ours (entry, pid))
    return FTS_CANCEL_GONE;
  return entry->pro_con_rc == FTS_CON_SHUTDOWN ? FTS_CANCEL_CLOSED : 0;
}

static bool
find_held (FtsDoor *door, uint32_t slot, FtsPid *pid)
{
  pthread_mutex_lock (&door->lock);
  FtsConn *conn = door->conns[slot - 1];
  if (conn != NULL)
    *pid = *fts_channel_pid (conn->channel);
  pthread_mutex_unlock (&door->lock);
  return conn != NULL;
}

/* A slot of which we hold a connection: cleared, given to others, or left to us?  ENTRY may have
 * been read before a worker accepted that connection, so a sentence wants a second reading. */
static void
check_held (FtsDoor *door, const FtsPid *entry)
{
  uint32_t slot = entry->pro_process_id;
  FtsPid pid, fresh;

  if (!find_held (door, slot, &pid) || sentence (entry, &pid) == 0 ||
      !fts_pidtab_load (door->volume, slot, &fresh, NULL))
    return;
  pthread_mutex_lock (&door->lock);
  FtsConn *conn = door->conns[slot - 1];
  if (conn != NULL && fts_channel_pid (conn->channel)->epoch == pid.epoch) {
    fts_channel_cancel (conn->channel, sentence (&fresh, &pid));
    fts_door_kick (door);
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
    fts_door_queue_accept (door);
}

/* ---- quiet connections ---- */

/* Hands over every quiet connection that was cancelled or summoned, or whose peer is dead. */
static void
reap_quiet (FtsDoor *door, bool look_for_dead)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++) {
    FtsConn *conn = door->conns[i];

    if (conn == NULL || conn->state != FTS_CONN_QUIET)
      continue;
    if (conn->is_summoned ||
        __atomic_load_n (&conn->channel->cancel, __ATOMIC_ACQUIRE) != 0 ||
        (look_for_dead && fts_channel_is_peer_dead (conn->channel)))
      fts_door_queue_locked (door, conn);
  }
  pthread_mutex_unlock (&door->lock);
}

/* The quiet connections of now; they stay quiet until the door itself hands them over. */
static int
collect_watches (FtsDoor *door, int n)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++) {
    FtsConn *conn = door->conns[i];

    if (conn == NULL || conn->state != FTS_CONN_QUIET)
      continue;
    fts_channel_watch (conn->channel, &door->watches[n]);
    door->watched[n++] = conn;
  }
  pthread_mutex_unlock (&door->lock);
  return n;
}

static void
hand_over (FtsDoor *door, FtsConn *conn)
{
  fts_channel_noticed (conn->channel);
  pthread_mutex_lock (&door->lock);
  fts_door_queue_locked (door, conn);
  pthread_mutex_unlock (&door->lock);
}

/* The member has said it already, when it is that. */
static void
warn_of_watching (const FtsDoor *door, const GError *error)
{
  if (!fts_member_is_fenced (door->member))
    g_warning ("cannot watch the volume: %s", error->message);
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
  case LUN_WAIT_CANCELLED:
    break;
  case LUN_WAIT_ERROR:
    warn_of_watching (door, error);
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
          FTS_HEADS_ONE_IO)
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
    warn_of_watching (door, error);
    door->interval_us = door->config.poll_max_us;
  }
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

/* Now and then, change or not: who has died, and is there a request whose answer was lost on its
 * way to the LUN? */
static void
look_at_all (FtsDoor *door)
{
  int64_t now_us = g_get_monotonic_time ();

  if (now_us - door->looked_us < WAKE_SLICE_US)
    return;
  door->looked_us = now_us;
  reap_quiet (door, true);
  scan (door);
}

static void
look_and_wait (FtsDoor *door)
{
  bool wakes = lun_device_facts (door->master)->can_wake && !door->config.always_poll;

  if (__atomic_exchange_n (&door->kick, 0, __ATOMIC_ACQ_REL) != 0) {
    reap_quiet (door, false);
    door->interval_us = door->config.poll_min_us;
  }
  look_at_all (door);
  if (wakes)
    watch_round (door);
  else
    poll_round (door);
}

/* The member's incarnation is over: so are all connections.  Whether there will be another one is seen
 * in a moment. */
static void
end_quiet (FtsDoor *door)
{
  pthread_mutex_lock (&door->lock);
  for (uint32_t i = 0; i < door->n_slots; i++)
    if (door->conns[i] != NULL && door->conns[i]->state == FTS_CONN_QUIET)
      fts_door_queue_locked (door, door->conns[i]);
  pthread_mutex_unlock (&door->lock);
  __atomic_store_n (&door->kick, 0, __ATOMIC_RELEASE);
  door->interval_us = door->config.poll_max_us;
  sleep_interval (door);
}

void *
fts_door_watch (void *data)
{
  FtsDoor *door = data;

  while (!has_ended (door)) {
    if (!fts_member_hold (door->member, NULL)) {
      end_quiet (door);
      continue;
    }
    look_and_wait (door);
    fts_member_let_go (door->member);
  }
  return NULL;
}
