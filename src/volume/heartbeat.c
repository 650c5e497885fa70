/* heartbeat.c - the member's thread: one write and one read a period.
 *
 * Each period: read the table; learn who died and say so; look for slots of the dead now and
 * then; write the own entry.  The read comes first, so that it shows what another writer left
 * in the own entry since the last heartbeat.  Only the lowest live entry frees them, in a thread of its own,
 * because waiting for the volume lock must not delay a heartbeat.
 */
#include "base/error.h"
#include "volume/member.h"

#include <string.h>
#include <time.h>

/* The Process Id Table is read every so many periods while nobody is known to have died. */
#define LOOK_PERIODS 16

/* True when the member stops. */
static bool
wait_until (FtsMember *member, int64_t until_us)
{
  struct timespec until = { .tv_sec = until_us / G_USEC_PER_SEC,
                            .tv_nsec = until_us % G_USEC_PER_SEC * 1000 };
  bool is_stopping;

  pthread_mutex_lock (&member->mutex);
  while (!member->is_stopping && member->n_deaths == 0 &&
         pthread_cond_timedwait (&member->wake, &member->mutex, &until) == 0)
    ;
  is_stopping = member->is_stopping;
  pthread_mutex_unlock (&member->mutex);
  return is_stopping;
}

static void
write_beat (FtsMember *member)
{
  g_autoptr (GError) error = NULL;
  int64_t now_us = fts_standing_clock_us ();
  FtsHost host;

  if (fts_member_is_fenced (member))
    return;
  host = member->self;
  host.heartbeat = ++member->heartbeat;
  if (fts_hosttab_store (member->volume, &host, &error))
    atomic_store (&member->last_beat_us, now_us);
  else if (g_error_matches (error, LUN_ERROR, LUN_ERROR_FENCED))
    fts_member_fence (member, "another host shut this one out");
  else
    g_warning ("heartbeat of %s could not be written: %s", member->self.name,
               error->message);
}

/* Whoever has fewer heartbeats is the younger one and stops. */
static bool
is_younger (const FtsMember *member, const FtsHost *other)
{
  if (member->heartbeat != other->heartbeat)
    return member->heartbeat < other->heartbeat;
  return member->self.generation < other->generation;
}

static void
check_own_entry (FtsMember *member, const FtsHost *found)
{
  const FtsHost *self = &member->self;

  if (found->generation == self->generation && found->heartbeat == member->heartbeat)
    return;
  if (found->generation != self->generation &&
      fts_member_is_own (member, found->generation))
    return; /* a command of an earlier incarnation that was stuck: the next heartbeat mends it */
  if (found->state == FTS_HOST_FREE)
    fts_member_fence (member, "another host took it for dead and freed its entry");
  else if (found->generation == self->generation &&
           found->heartbeat < member->heartbeat)
    return; /* our last write failed; the LUN still has an older one */
  else if (is_younger (member, found))
    fts_member_fence (member, "another process writes the same host table entry "
                              "(a copied machine?)");
  else
    g_warning ("another process (pid %u, %s) writes host table entry %u of %s",
               found->pid, found->program, self->index, self->name);
}

static void
report_deaths (FtsMember *member)
{
  g_autofree FtsDeath *deaths = NULL;
  unsigned n_deaths;

  pthread_mutex_lock (&member->mutex);
  deaths = g_steal_pointer (&member->deaths);
  n_deaths = member->n_deaths;
  member->n_deaths = 0;
  pthread_mutex_unlock (&member->mutex);
  for (unsigned i = 0; i < n_deaths; i++) {
    member->is_suspicious = true;
    if (member->on_peer_dead != NULL &&
        !fts_member_is_own (member, deaths[i].generation))
      member->on_peer_dead (deaths[i].index, deaths[i].generation, member->user_data);
  }
}

/* Their slots and entries are freed only after that.  One that cannot be shut out now is tried
 * again in the next round. */
static bool
shut_out_the_dead (FtsMember *member, const FtsPeers *peers, GError **error)
{
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsPeer *peer = &peers->peer[i];
    if (!peer->is_known || !peer->is_dead ||
        member->shut_out[i] == peer->host.generation)
      continue;
    if (!fts_member_shut_out (member, peers, &peer->host, error))
      return false;
    member->shut_out[i] = peer->host.generation;
  }
  return true;
}

static void *
run_reaper (void *data)
{
  FtsMember *member = data;
  g_autoptr (GError) error = NULL;
  FtsPeers peers;

  if (fts_member_lock (member, &error)) {
    /* One that joined since the last look may have the key of the dead. */
    bool is_known = fts_member_refresh (member, NULL, NULL, &error);
    pthread_mutex_lock (&member->mutex);
    peers = member->peers;
    pthread_mutex_unlock (&member->mutex);
    if (is_known && shut_out_the_dead (member, &peers, &error))
      fts_reaper_free_due (member->reaper, &peers, g_get_monotonic_time (), &error);
    fts_member_unlock (member);
  }
  if (error != NULL)
    g_warning ("what a dead process left could not be freed: %s", error->message);
  pthread_mutex_lock (&member->mutex);
  member->is_reaping = false;
  pthread_mutex_unlock (&member->mutex);
  return NULL;
}

static void
join_reaper (FtsMember *member)
{
  if (member->has_reap_thread)
    pthread_join (member->reap_thread, NULL);
  member->has_reap_thread = false;
}

/* With nothing under way: true, and the reaper is this thread's. */
static bool
own_reaper (FtsMember *member)
{
  bool is_reaping;

  pthread_mutex_lock (&member->mutex);
  is_reaping = member->is_reaping;
  pthread_mutex_unlock (&member->mutex);
  if (!is_reaping)
    join_reaper (member);
  return !is_reaping;
}

static bool
is_our_turn (FtsMember *member)
{
  bool is_lowest;

  pthread_mutex_lock (&member->mutex);
  is_lowest = fts_peers_lowest_alive (&member->peers) == member->self.index;
  pthread_mutex_unlock (&member->mutex);
  return is_lowest && !fts_member_is_fenced (member) &&
         (member->is_suspicious || member->beats % LOOK_PERIODS == 0);
}

static void
start_reaping (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  member->is_reaping = true;
  pthread_mutex_unlock (&member->mutex);
  member->has_reap_thread =
    pthread_create (&member->reap_thread, NULL, run_reaper, member) == 0;
  if (member->has_reap_thread)
    return;
  pthread_mutex_lock (&member->mutex);
  member->is_reaping = false;
  pthread_mutex_unlock (&member->mutex);
}

static void
look_for_orphans (FtsMember *member)
{
  FtsReapState state;

  pthread_mutex_lock (&member->mutex);
  state = fts_reaper_note (member->reaper, &member->peers, g_get_monotonic_time ());
  pthread_mutex_unlock (&member->mutex);
  member->is_suspicious = state.is_pending;
  if (state.is_due)
    start_reaping (member);
}

static void
beat (FtsMember *member)
{
  FtsHost table[FTS_MAX_HOSTS];
  uint32_t damaged;
  g_autoptr (GError) error = NULL;
  bool has_slots = false;

  if (is_our_turn (member) && own_reaper (member))
    has_slots = fts_reaper_load (member->reaper, &error);
  if (error == NULL && fts_member_refresh (member, table, &damaged, &error)) {
    if (!(damaged & 1U << member->self.index))
      check_own_entry (member, &table[member->self.index]);
    if (has_slots)
      look_for_orphans (member);
  }
  if (error != NULL && !fts_member_is_fenced (member))
    g_warning ("the volume's tables could not be read: %s", error->message);
  write_beat (member);
  member->beats++;
}

static void
do_period (FtsMember *member)
{
  switch (fts_member_standing (member)) {
  case FTS_STANDING_GOOD:
    beat (member);
    return;
  case FTS_STANDING_AWAY:
    join_reaper (member);
    fts_member_come_back (member);
    return;
  case FTS_STANDING_SHUT_OUT:
    return;
  }
}

static void *
run (void *data)
{
  FtsMember *member = data;
  int64_t period_us = member->self.heartbeat_ms * INT64_C (1000);
  int64_t next_us = g_get_monotonic_time () + period_us;

  while (!wait_until (member, next_us)) {
    int64_t now_us = g_get_monotonic_time ();
    if (now_us >= next_us) {
      do_period (member);
      next_us = MAX (next_us + period_us, now_us + period_us / 2);
    }
    report_deaths (member);
  }
  return NULL;
}

bool
fts_heartbeat_start (FtsMember *member, GError **error)
{
  int errnum;

  member->reaper = fts_reaper_new (member->volume);
  member->is_suspicious = true;
  member->heartbeat = member->self.heartbeat;
  errnum = pthread_create (&member->thread, NULL, run, member);
  if (errnum == 0)
    return true;
  fts_reaper_free (member->reaper);
  return fts_set_errno (error, errnum, "heartbeat thread");
}

void
fts_heartbeat_stop (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  member->is_stopping = true;
  pthread_cond_broadcast (&member->wake);
  pthread_mutex_unlock (&member->mutex);
  pthread_join (member->thread, NULL);
  join_reaper (member);
  fts_reaper_free (member->reaper);
}
