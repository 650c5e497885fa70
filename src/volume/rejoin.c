/* rejoin.c - a member that was silent for too long joins again, when a path is back.
 *
 * It is another incarnation: another generation and nonce in the host table and, with fencing, another
 * key.  Nothing of the old one is taken up again.  In order:
 *
 *   1. Nobody uses the member any more: its connections are closed, its lock is released, so that none
 *      of the old incarnation's commands is waited for by anybody.
 *   2. Registrations and lock are forgotten; what they left on the LUN stays for now.
 *   3. The gates are opened.  The Master Control Blocks are read, however long that takes: here is
 *      waited for a path.  It must still be the same volume.
 *   4. It joins like any other, under the name that it had.  The old entry is known to be dead and is
 *      taken over; the old key is preempted and its commands are aborted before (joining.c).
 *   5. on_return(), then the standing is GOOD.
 *
 * What goes wrong is tried again in the next period, from step 3.  On the member's thread.
 */
#include "base/error.h"
#include "volume/identity.h"
#include "volume/member.h"

static bool
is_in_use (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  bool is_in_use = member->n_holds > 0;
  pthread_mutex_unlock (&member->mutex);
  return is_in_use;
}

/* Not for a program that is about to end. */
static bool
open_gates (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  bool is_wanted = atomic_load (&member->standing) == FTS_STANDING_AWAY;
  for (unsigned i = 0; is_wanted && i < fts_volume_n_devices (member->volume); i++)
    lun_device_reopen_gate (fts_volume_device (member->volume, i));
  pthread_mutex_unlock (&member->mutex);
  return is_wanted;
}

/* Whoever formatted it meanwhile did not mean us. */
static bool
is_another_volume (const GError *error)
{
  return g_error_matches (error, FTS_ERROR, FTS_ERROR_MISMATCH) ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_NOT_VOLUME);
}

static bool
join_again (FtsMember *member, GError **error)
{
  fts_identity_fill (&member->self);
  member->self.pr_key = 0;
  return fts_member_get_in (member, error);
}

static void
tell_failure (FtsMember *member, const GError *error)
{
  if (fts_member_standing (member) != FTS_STANDING_AWAY ||
      g_strcmp0 (member->why_away, error->message) == 0)
    return;
  g_free (member->why_away);
  member->why_away = g_strdup (error->message);
  g_message ("%s (%s) cannot join the volume again yet: %s", member->self.name,
             fts_host_role_name (member->self.role), error->message);
}

/* The first heartbeat was written when the entry was taken. */
static void
be_back (FtsMember *member)
{
  int away = FTS_STANDING_AWAY;
  int64_t away_us = fts_standing_clock_us () - member->away_since_us;

  member->heartbeat = member->self.heartbeat;
  member->is_suspicious = true;
  member->is_over = false;
  g_clear_pointer (&member->why_away, g_free);
  if (member->on_return != NULL)
    member->on_return (member->user_data);
  if (atomic_compare_exchange_strong (&member->standing, &away, FTS_STANDING_GOOD))
    g_message ("%s (%s) is on the volume again after %.1f s, as a new incarnation",
               member->self.name, fts_host_role_name (member->self.role),
               (double) away_us / G_USEC_PER_SEC);
  pthread_mutex_lock (&member->mutex);
  pthread_cond_broadcast (&member->wake); /* the watchman watches again */
  pthread_mutex_unlock (&member->mutex);
}

static void
end_incarnation (FtsMember *member)
{
  member->is_over = true;
  member->away_since_us = atomic_load (&member->last_beat_us);
  fts_member_forget (member);
}

void
fts_member_come_back (FtsMember *member)
{
  g_autoptr (GError) error = NULL;

  if (is_in_use (member))
    return;
  if (!member->is_over)
    end_incarnation (member);
  if (!open_gates (member))
    return;
  if (fts_volume_verify (member->volume, &error) && join_again (member, &error)) {
    be_back (member);
    return;
  }
  tell_failure (member, error);
  fts_standing_stop_io (member);
  if (is_another_volume (error))
    fts_standing_end (member);
}
