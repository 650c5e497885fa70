#include "volume/membership.h"

#include "base/error.h"
#include "volume/identity.h"
#include "volume/join.h"
#include "volume/member.h"
#include "volume/reserved.h"

#include <string.h>
#include <time.h>

#define LOOK_US       2000
#define MOST_LOOKS    1000

/* How often a table is read again while joining or waiting for the lock. */
#define READ_PAUSE_US 20000

FtsVolume *
fts_member_volume (const FtsMember *member)
{
  return member->volume;
}

const FtsHost *
fts_member_self (const FtsMember *member)
{
  return &member->self;
}

void
fts_member_fence (FtsMember *member, const char *why)
{
  if (!atomic_exchange (&member->is_fenced, true))
    g_warning ("%s (%s) stops using the volume: %s", member->self.name,
               fts_host_role_name (member->self.role), why);
}

bool
fts_member_is_fenced (const FtsMember *member)
{
  int64_t limit_us =
    (member->self.dead_ms - member->self.heartbeat_ms) * INT64_C (1000);

  if (atomic_load (&member->is_fenced))
    return true;
  if (g_get_monotonic_time () - atomic_load (&member->last_beat_us) <= limit_us)
    return false;
  fts_member_fence ((FtsMember *) member,
                    "its heartbeat could not be written for the dead time");
  return true;
}

static uint32_t
find_gone (const FtsHost *table, uint32_t n, uint32_t damaged)
{
  uint32_t gone = 0;

  for (uint32_t i = 0; i < n; i++)
    if (!(damaged & 1U << i) && fts_identity_is_gone (&table[i]))
      gone |= 1U << i;
  return gone;
}

static void
update_peers (FtsMember *member, const FtsHost *table, uint32_t damaged)
{
  uint32_t n = fts_volume_mcb (member->volume)->max_hosts;
  FtsPeersRead read = { .table = table,
                        .n = n,
                        .damaged = damaged,
                        .gone = find_gone (table, n, damaged),
                        .max_gap_us = member->self.heartbeat_ms * INT64_C (2000) };
  FtsDeath deaths[2 * FTS_MAX_HOSTS];
  unsigned n_deaths;

  pthread_mutex_lock (&member->mutex);
  read.now_us = g_get_monotonic_time ();
  n_deaths = fts_peers_update (&member->peers, &read, deaths);
  if (n_deaths > 0) {
    member->deaths = g_renew (FtsDeath, member->deaths, member->n_deaths + n_deaths);
    memcpy (member->deaths + member->n_deaths, deaths, n_deaths * sizeof *deaths);
    member->n_deaths += n_deaths;
    pthread_cond_signal (&member->wake);
  }
  pthread_mutex_unlock (&member->mutex);
}

bool
fts_member_refresh (FtsMember *member, FtsHost table[FTS_MAX_HOSTS], uint32_t *damaged,
                    GError **error)
{
  FtsHost own_table[FTS_MAX_HOSTS];
  uint32_t own_damaged;
  bool ok;

  if (table == NULL)
    table = own_table;
  if (damaged == NULL)
    damaged = &own_damaged;
  memset (table, 0, sizeof own_table);
  pthread_mutex_lock (&member->read_mutex);
  ok = fts_hosttab_load_all (member->volume, table, damaged, error);
  if (ok)
    update_peers (member, table, *damaged);
  pthread_mutex_unlock (&member->read_mutex);
  return ok;
}

bool
fts_member_is_holder_dead (uint32_t index, uint64_t generation, void *user_data)
{
  FtsMember *member = user_data;
  int64_t last_read_us;
  bool is_alive;

  pthread_mutex_lock (&member->mutex);
  last_read_us = member->peers.last_read_us;
  pthread_mutex_unlock (&member->mutex);
  if (g_get_monotonic_time () - last_read_us < READ_PAUSE_US)
    return false;
  if (!fts_member_refresh (member, NULL, NULL, NULL))
    return false;
  pthread_mutex_lock (&member->mutex);
  is_alive = fts_peers_is_alive (&member->peers, index, generation);
  pthread_mutex_unlock (&member->mutex);
  return !is_alive;
}

/* ---- shutting out ---- */

static bool
is_key_alive (const FtsMember *member, const FtsPeers *peers, uint64_t key)
{
  if (key == fts_fence_key (member->fence))
    return true;
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsPeer *peer = &peers->peer[i];
    if (peer->is_known && !peer->is_dead && peer->host.state != FTS_HOST_FREE &&
        peer->host.pr_key == key)
      return true;
  }
  return false;
}

bool
fts_member_shut_out (FtsMember *member, const FtsPeers *peers, const FtsHost *host,
                     GError **error)
{
  if (member->fence == NULL || host->state == FTS_HOST_FREE || host->pr_key == 0 ||
      is_key_alive (member, peers, host->pr_key))
    return true;
  if (!fts_fence_shut_out (member->fence, host->pr_key, error))
    return false;
  g_message ("%s (%s) is dead and shut out: key 0x%016" G_GINT64_MODIFIER
             "x is on no device",
             host->name, fts_host_role_name (host->role), host->pr_key);
  return true;
}

/* ---- joining ---- */

static bool
take_config (FtsMember *member, const FtsMemberConfig *config, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (member->volume);
  FtsHost *self = &member->self;

  fts_identity_fill (self);
  fts_identity_host_name (self->name);
  if (config->name != NULL) {
    if (config->name[0] == '\0' || strlen (config->name) >= FTS_NAME_LEN) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "member name \"%s\": must have 1 to %u bytes", config->name,
                   FTS_NAME_LEN - 1);
      return false;
    }
    g_strlcpy (self->name, config->name, sizeof self->name);
  }
  self->role = config->role;
  g_strlcpy (self->program, config->program != NULL ? config->program : "",
             sizeof self->program);
  self->state = FTS_HOST_ACTIVE;
  self->heartbeat = 1;
  self->heartbeat_ms =
    config->heartbeat_ms != 0 ? config->heartbeat_ms : mcb->heartbeat_ms;
  self->dead_ms = config->dead_ms != 0 ? config->dead_ms : mcb->dead_ms;
  self->io_timeout_ms = mcb->io_timeout_ms;
  member->on_peer_dead = config->on_peer_dead;
  member->user_data = config->user_data;
  if (self->dead_ms >= 2 * self->heartbeat_ms)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "the dead time (%u ms) must be two heartbeat periods (%u ms) at least",
               self->dead_ms, self->heartbeat_ms);
  return false;
}

static FtsMember *
new_member (FtsVolume *volume)
{
  FtsMember *member = g_new0 (FtsMember, 1);
  pthread_condattr_t attr;

  member->volume = volume;
  pthread_mutex_init (&member->read_mutex, NULL);
  pthread_mutex_init (&member->mutex, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&member->wake, &attr);
  pthread_condattr_destroy (&attr);
  return member;
}

static void
free_member (FtsMember *member)
{
  fts_lock_free (member->lock);
  fts_fence_free (member->fence);
  g_free (member->deaths);
  pthread_cond_destroy (&member->wake);
  pthread_mutex_destroy (&member->mutex);
  pthread_mutex_destroy (&member->read_mutex);
  g_free (member);
}

static FtsJoin
choose (FtsMember *member, char *name)
{
  FtsJoin join;

  pthread_mutex_lock (&member->mutex);
  join = fts_join_choose (&member->peers, fts_volume_mcb (member->volume)->max_hosts,
                          member->self.role, name, &member->self.index);
  pthread_mutex_unlock (&member->mutex);
  return join;
}

static FtsLockOwner
owner_of (FtsMember *member, uint32_t index)
{
  return (FtsLockOwner){ .index = index,
                         .generation = member->self.generation,
                         .is_dead = fts_member_is_holder_dead,
                         .user_data = member };
}

static int64_t
lock_wait_us (const FtsMember *member)
{
  const FtsMcb *mcb = fts_volume_mcb (member->volume);
  int64_t wait_ms = 2 * (int64_t) MAX (mcb->dead_ms, member->self.dead_ms);

  /* by delay, one attempt alone takes two I/O time-outs */
  if (mcb->lock_method == FTS_LOCK_DELAY)
    wait_ms += 8 * (int64_t) mcb->io_timeout_ms;
  return wait_ms * 1000;
}

/* With the entry goes what tells the key of the dead member who had it. */
static bool
shut_out_former (FtsMember *member, GError **error)
{
  FtsPeers peers;

  pthread_mutex_lock (&member->mutex);
  peers = member->peers;
  pthread_mutex_unlock (&member->mutex);
  return fts_member_shut_out (member, &peers, &peers.peer[member->self.index].host,
                              error);
}

/* Under the lock the choice is made again, from a table nobody else joins meanwhile. */
static bool
take_entry (FtsMember *member, const char *base, FtsJoin *join, GError **error)
{
  FtsLockOwner owner = owner_of (member, FTS_LOCK_NO_INDEX);
  bool ok;

  if (!fts_lock_take (member->lock, &owner, lock_wait_us (member), error))
    return false;
  g_strlcpy (member->self.name, base, sizeof member->self.name);
  ok = fts_member_refresh (member, NULL, NULL, error);
  if (ok)
    *join = choose (member, member->self.name);
  if (ok && *join == FTS_JOIN_TAKE)
    ok = shut_out_former (member, error);
  if (ok && *join == FTS_JOIN_TAKE) {
    atomic_store (&member->last_beat_us, g_get_monotonic_time ());
    ok = fts_hosttab_store (member->volume, &member->self, error);
  }
  fts_lock_release (member->lock);
  return ok;
}

static bool
refuse_join (FtsMember *member, FtsJoin join, GError **error)
{
  const FtsHost *other = &member->peers.peer[member->self.index].host;

  if (join == FTS_JOIN_BUSY)
    g_set_error (error, FTS_ERROR, FTS_ERROR_BUSY,
                 "a %s named \"%s\" (pid %u, %s) already runs on this volume",
                 fts_host_role_name (other->role), other->name, other->pid,
                 other->program);
  else
    g_set_error (error, FTS_ERROR, FTS_ERROR_NO_SLOT,
                 "all %u entries of the volume's host table are in use",
                 fts_volume_mcb (member->volume)->max_hosts);
  return false;
}

static bool
find_entry (FtsMember *member, GError **error)
{
  char base[FTS_NAME_LEN];
  int64_t pause_us =
    MIN (READ_PAUSE_US, fts_volume_mcb (member->volume)->heartbeat_ms * INT64_C (250));

  g_strlcpy (base, member->self.name, sizeof base);
  for (;;) {
    char name[FTS_NAME_LEN] = { 0 };
    FtsJoin join;
    g_strlcpy (name, base, sizeof name);
    if (!fts_member_refresh (member, NULL, NULL, error))
      return false;
    join = choose (member, name);
    if (join == FTS_JOIN_TAKE) {
      if (!take_entry (member, base, &join, error))
        return false;
      if (join == FTS_JOIN_TAKE)
        return true;
    }
    if (join != FTS_JOIN_WAIT)
      return refuse_join (member, join, error);
    g_usleep ((gulong) pause_us);
  }
}

/* Before the lock is taken: who is not registered cannot write it. */
static bool
register_paths (FtsMember *member, GError **error)
{
  if (fts_volume_mcb (member->volume)->fence_mode == FTS_FENCE_OFF)
    return true;
  member->fence = fts_fence_join (member->volume, &member->self, error);
  if (member->fence == NULL)
    return false;
  member->self.pr_key = fts_fence_key (member->fence);
  return true;
}

static LunReservation *
reservation_of (FtsMember *member)
{
  return member->fence != NULL ? fts_fence_reservation (member->fence) : NULL;
}

static FtsMember *
give_up_joining (FtsMember *member)
{
  if (member->fence != NULL)
    fts_fence_leave (member->fence);
  free_member (member);
  return NULL;
}

static FtsMember *
join (FtsVolume *volume, const FtsMemberConfig *config, GError **error)
{
  FtsMember *member = new_member (volume);

  if (!take_config (member, config, error) || !register_paths (member, error) ||
      (member->lock = fts_lock_new (volume, reservation_of (member), error)) == NULL ||
      !find_entry (member, error))
    return give_up_joining (member);
  if (member->fence != NULL)
    fts_fence_published (member->fence);
  member->n_deaths = 0; /* those before we came are nobody's news */
  if (!fts_member_refresh (member, NULL, NULL, error) ||
      !fts_heartbeat_start (member, error)) {
    FtsHost empty = { .index = member->self.index };
    fts_hosttab_store (volume, &empty, NULL);
    return give_up_joining (member);
  }
  return member;
}

FtsMember *
fts_member_join (FtsVolume *volume, const FtsMemberConfig *config, GError **error)
{
  FtsMember *member = join (volume, config, error);

  for (unsigned i = 0; member == NULL && i < fts_volume_n_devices (volume); i++)
    if (fts_reserved_explain (fts_volume_device (volume, i), NULL, error))
      break;
  return member;
}

/* Without the lock: nobody but its owner writes a live entry. */
void
fts_member_leave (FtsMember *member)
{
  g_autoptr (GError) error = NULL;
  FtsHost empty = { 0 };

  if (member == NULL)
    return;
  fts_heartbeat_stop (member);
  empty.index = member->self.index;
  if (!fts_member_is_fenced (member) &&
      !fts_hosttab_store (member->volume, &empty, &error))
    g_warning ("host table entry %u could not be freed: %s", empty.index,
               error->message);
  if (member->fence != NULL)
    fts_fence_leave (member->fence);
  free_member (member);
}

/* ---- asking ---- */

bool
fts_member_is_alive (FtsMember *member, uint32_t index, uint64_t generation)
{
  bool is_alive;

  pthread_mutex_lock (&member->mutex);
  is_alive = fts_peers_is_alive (&member->peers, index, generation);
  pthread_mutex_unlock (&member->mutex);
  return is_alive;
}

/* While the LUN does not answer the table is being read all the time: who wants to look has no
 * turn, and no use for one. */
bool
fts_member_look (FtsMember *member, GError **error)
{
  for (int i = 0; pthread_mutex_trylock (&member->read_mutex) != 0; i++) {
    if (i == MOST_LOOKS) {
      g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH,
                   "the volume's host table cannot be read now");
      return false;
    }
    g_usleep (LOOK_US);
  }
  pthread_mutex_unlock (&member->read_mutex);
  return fts_member_refresh (member, NULL, NULL, error);
}

bool
fts_member_find (FtsMember *member, const char *name, FtsHostRole role, bool fresh,
                 FtsHost *out)
{
  bool found = false;

  if (fresh && !fts_member_look (member, NULL))
    return false;
  pthread_mutex_lock (&member->mutex);
  for (uint32_t i = 0; i < FTS_MAX_HOSTS && !found; i++) {
    const FtsHost *host = &member->peers.peer[i].host;
    found = host->state == FTS_HOST_ACTIVE && host->role == role &&
            strcmp (host->name, name) == 0 &&
            fts_peers_is_alive (&member->peers, i, host->generation);
    if (found)
      *out = *host;
  }
  pthread_mutex_unlock (&member->mutex);
  return found;
}

bool
fts_member_lock (FtsMember *member, GError **error)
{
  FtsLockOwner owner = owner_of (member, member->self.index);

  if (fts_member_is_fenced (member)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_FENCED,
                 "%s was shut out of the volume or stopped itself", member->self.name);
    return false;
  }
  return fts_lock_take (member->lock, &owner, lock_wait_us (member), error);
}

void
fts_member_unlock (FtsMember *member)
{
  fts_lock_release (member->lock);
}

unsigned
fts_member_list (FtsMember *member, FtsHostRole role, FtsHost out[FTS_MAX_HOSTS])
{
  unsigned n = 0;

  fts_member_refresh (member, NULL, NULL, NULL);
  pthread_mutex_lock (&member->mutex);
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsHost *host = &member->peers.peer[i].host;
    if (host->state == FTS_HOST_ACTIVE && host->role == role &&
        fts_peers_is_alive (&member->peers, i, host->generation))
      out[n++] = *host;
  }
  pthread_mutex_unlock (&member->mutex);
  return n;
}
