#include "volume/membership.h"

#include "base/error.h"
#include "volume/identity.h"
#include "volume/member.h"
#include "volume/reserved.h"

#include <string.h>
#include <time.h>

#define LOOK_US       2000
#define MOST_LOOKS    1000

/* How often the table is read again while waiting for the lock. */
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
    pthread_cond_broadcast (&member->wake);
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

/* ---- joining and leaving ---- */

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
  member->rejoins = config->rejoins;
  member->on_return = config->on_return;
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
  member->generations = g_array_new (FALSE, FALSE, sizeof (uint64_t));
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
  fts_member_forget (member);
  g_array_unref (member->generations);
  g_free (member->deaths);
  g_free (member->why_away);
  pthread_cond_destroy (&member->wake);
  pthread_mutex_destroy (&member->mutex);
  pthread_mutex_destroy (&member->read_mutex);
  g_free (member);
}

FtsLockOwner
fts_member_lock_owner (FtsMember *member, uint32_t index)
{
  return (FtsLockOwner){ .index = index,
                         .generation = member->self.generation,
                         .is_dead = fts_member_is_holder_dead,
                         .user_data = member };
}

int64_t
fts_member_lock_wait_us (const FtsMember *member)
{
  const FtsMcb *mcb = fts_volume_mcb (member->volume);
  int64_t wait_ms = 2 * (int64_t) MAX (mcb->dead_ms, member->self.dead_ms);

  /* by delay, one attempt alone takes two I/O time-outs */
  if (mcb->lock_method == FTS_LOCK_DELAY)
    wait_ms += 8 * (int64_t) mcb->io_timeout_ms;
  return wait_ms * 1000;
}

static FtsMember *
join (FtsVolume *volume, const FtsMemberConfig *config, GError **error)
{
  FtsMember *member = new_member (volume);

  if (!take_config (member, config, error) || !fts_member_get_in (member, error)) {
    free_member (member);
    return NULL;
  }
  member->n_deaths = 0; /* those before we came are nobody's news */
  if (!fts_standing_start (member, error) || !fts_heartbeat_start (member, error)) {
    fts_standing_stop (member);
    fts_member_free_entry (member);
    fts_member_get_out (member);
    free_member (member);
    return NULL;
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
  if (member == NULL)
    return;
  fts_member_hurry (member);
  fts_heartbeat_stop (member);
  if (!fts_member_is_fenced (member))
    fts_member_free_entry (member);
  if (!fts_member_is_fenced (member))
    fts_member_get_out (member);
  fts_standing_stop (member);
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
static bool
look (FtsMember *member, GError **error)
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
fts_member_look (FtsMember *member, GError **error)
{
  if (!fts_member_hold (member, error))
    return false;
  bool ok = look (member, error);
  fts_member_let_go (member);
  return ok;
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
  if (!fts_member_hold (member, error))
    return false;
  FtsLockOwner owner = fts_member_lock_owner (member, member->self.index);
  if (fts_lock_take (member->lock, &owner, fts_member_lock_wait_us (member), error))
    return true;
  fts_member_let_go (member);
  return false;
}

void
fts_member_unlock (FtsMember *member)
{
  fts_lock_release (member->lock);
  fts_member_let_go (member);
}

unsigned
fts_member_list (FtsMember *member, FtsHostRole role, FtsHost out[FTS_MAX_HOSTS])
{
  unsigned n = 0;

  fts_member_look (member, NULL);
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
