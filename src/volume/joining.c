/* joining.c - how a member gets its entry in the host table, with its registrations and its lock: when it
 * joins, and when it joins again (rejoin.c).
 */
#include "base/error.h"
#include "volume/join.h"
#include "volume/member.h"

#include <string.h>

/* How often the table is read again while an entry may be dead. */
#define READ_PAUSE_US 20000

/* What earlier incarnations of this very member left is known to be dead. */
static void
bury_own_locked (FtsMember *member)
{
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    FtsPeer *peer = &member->peers.peer[i];
    if (peer->is_known && peer->host.state != FTS_HOST_FREE &&
        fts_member_is_own (member, peer->host.generation))
      peer->is_dead = true;
  }
}

bool
fts_member_is_own (const FtsMember *member, uint64_t generation)
{
  for (guint i = 0; i < member->generations->len; i++)
    if (g_array_index (member->generations, uint64_t, i) == generation)
      return true;
  return false;
}

static FtsJoin
choose (FtsMember *member, char *name)
{
  FtsJoin join;

  pthread_mutex_lock (&member->mutex);
  bury_own_locked (member);
  join = fts_join_choose (&member->peers, fts_volume_mcb (member->volume)->max_hosts,
                          member->self.role, name, &member->self.index);
  pthread_mutex_unlock (&member->mutex);
  return join;
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

/* Who shows it does not hold the member: it is left alone when it stays. */
static void
set_name (FtsMember *member, const char *name)
{
  if (strcmp (member->self.name, name) != 0)
    g_strlcpy (member->self.name, name, sizeof member->self.name);
}

/* Under the lock the choice is made again, from a table nobody else joins meanwhile. */
static bool
take_entry (FtsMember *member, const char *base, FtsJoin *join, GError **error)
{
  FtsLockOwner owner = fts_member_lock_owner (member, FTS_LOCK_NO_INDEX);
  char name[FTS_NAME_LEN] = { 0 };
  bool ok;

  g_strlcpy (name, base, sizeof name);
  if (!fts_lock_take (member->lock, &owner, fts_member_lock_wait_us (member), error))
    return false;
  ok = fts_member_refresh (member, NULL, NULL, error);
  if (ok)
    *join = choose (member, name);
  if (ok && *join == FTS_JOIN_TAKE)
    ok = shut_out_former (member, error);
  if (ok && *join == FTS_JOIN_TAKE) {
    atomic_store (&member->last_beat_us, fts_standing_clock_us ());
    set_name (member, name);
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
    if (join != FTS_JOIN_WAIT || fts_member_is_ending (member))
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
  member->fence =
    fts_fence_join (member->volume, &member->self, member->generations, error);
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

void
fts_member_get_out (FtsMember *member)
{
  if (member->fence != NULL)
    fts_fence_leave (member->fence);
  fts_member_forget (member);
}

/* The lock first: it may use the registrations. */
void
fts_member_forget (FtsMember *member)
{
  fts_lock_free (g_steal_pointer (&member->lock));
  fts_fence_free (g_steal_pointer (&member->fence));
}

void
fts_member_free_entry (FtsMember *member)
{
  const FtsHost empty = { .index = member->self.index };
  g_autoptr (GError) error = NULL;

  if (!fts_hosttab_store (member->volume, &empty, &error) &&
      !fts_member_is_fenced (member))
    g_warning ("host table entry %u could not be freed: %s", empty.index,
               error->message);
}

bool
fts_member_get_in (FtsMember *member, GError **error)
{
  g_array_append_val (member->generations, member->self.generation);
  if (!register_paths (member, error) ||
      (member->lock = fts_lock_new (member->volume, reservation_of (member), error)) ==
        NULL ||
      !find_entry (member, error)) {
    fts_member_get_out (member);
    return false;
  }
  if (member->fence != NULL)
    fts_fence_published (member->fence);
  if (fts_member_refresh (member, NULL, NULL, error))
    return true;
  fts_member_free_entry (member);
  fts_member_get_out (member);
  return false;
}
