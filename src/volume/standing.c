/* standing.c - whether a member may use the volume, who uses it, and the end of that.
 *
 *              clock: no heartbeat for dead time - margin          paths return, nobody uses it:
 *   GOOD  ------------------------------------------------> AWAY  ------------------------------> GOOD
 *     |      (who does not rejoin: SHUT_OUT)                 |        joined again (rejoin.c)
 *     |                                                      | the volume is another one; the program ends
 *     '-- preempted, entry freed or written by another ----> SHUT_OUT
 *
 * The clock is asked before anything else is believed, so that what others did to a member that was
 * silent is never taken for more than the consequence of its silence.  It is one that goes on while the
 * machine sleeps.
 *
 * Leaving GOOD stops the gates of all devices: what waits for a path ends at once, what is stuck is given
 * up, and nobody hangs in an incarnation that is over.  The watchman does that in time even when
 * everybody waits in a command.
 */
#include "base/error.h"
#include "volume/member.h"

#include <lunpath/paths.h>

#include <time.h>

/* Who is about to end says good-bye for so long without a path, and no longer. */
#define HURRY_US (3 * G_USEC_PER_SEC)
/* How often he looks then whether there is a path. */
#define LOOK_US  (200 * 1000)

int64_t
fts_standing_clock_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);
  return (int64_t) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static FtsStanding
standing_now (const FtsMember *member)
{
  return (FtsStanding) atomic_load (&member->standing);
}

void
fts_standing_stop_io (FtsMember *member)
{
  for (unsigned i = 0; i < fts_volume_n_devices (member->volume); i++) {
    LunDevice *device = fts_volume_device (member->volume, i);
    lun_device_set_gate (device, LUN_GATE_STOPPED);
    lun_device_wake (device);
  }
}

/* From GOOD, once. */
static void
lose (FtsMember *member, FtsStanding to, const char *why)
{
  int good = FTS_STANDING_GOOD;

  if (!atomic_compare_exchange_strong (&member->standing, &good, (int) to))
    return;
  fts_standing_stop_io (member);
  g_warning ("%s (%s) stops using the volume%s: %s", member->self.name,
             fts_host_role_name (member->self.role),
             to == FTS_STANDING_AWAY ? " until a path returns" : "", why);
}

static int64_t
limit_us (const FtsMember *member)
{
  return (member->self.dead_ms - member->self.heartbeat_ms) * INT64_C (1000);
}

/* For as long as the program wants the volume. */
static FtsStanding
after_silence (const FtsMember *member)
{
  return member->rejoins && !fts_member_is_ending (member) ? FTS_STANDING_AWAY
                                                           : FTS_STANDING_SHUT_OUT;
}

FtsStanding
fts_member_standing (const FtsMember *member)
{
  if (standing_now (member) == FTS_STANDING_GOOD &&
      fts_standing_clock_us () - atomic_load (&member->last_beat_us) >
        limit_us (member))
    lose ((FtsMember *) member, after_silence (member),
          "its heartbeat could not be written for the dead time");
  return standing_now (member);
}

void
fts_member_fence (FtsMember *member, const char *why)
{
  if (fts_member_standing (member) == FTS_STANDING_GOOD)
    lose (member, FTS_STANDING_SHUT_OUT, why);
}

bool
fts_member_is_fenced (const FtsMember *member)
{
  return fts_member_standing (member) != FTS_STANDING_GOOD;
}

bool
fts_member_check (const FtsMember *member, GError **error)
{
  switch (fts_member_standing (member)) {
  case FTS_STANDING_GOOD:
    return true;
  case FTS_STANDING_AWAY:
    g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH,
                 "no path to the volume for longer than the dead time; it is joined "
                 "again when one returns");
    return false;
  case FTS_STANDING_SHUT_OUT:
    break;
  }
  g_set_error (error, FTS_ERROR, FTS_ERROR_FENCED,
               "this process was shut out of the volume, or stopped itself; it has to "
               "be started again");
  return false;
}

/* ---- who uses it ---- */

bool
fts_member_has_path (const FtsMember *member)
{
  bool has = false;
  unsigned n;
  LunPathInfo *paths = lun_device_list_paths (fts_volume_master (member->volume), &n);

  for (unsigned i = 0; i < n; i++)
    has |= paths[i].state == LUN_PATH_UP || paths[i].state == LUN_PATH_SUSPECT;
  lun_path_infos_free (paths, n);
  return has;
}

bool
fts_member_hold (FtsMember *member, GError **error)
{
  bool is_good = fts_member_check (member, error);

  if (!is_good)
    return false;
  pthread_mutex_lock (&member->mutex);
  is_good = standing_now (member) == FTS_STANDING_GOOD;
  member->n_holds += is_good;
  pthread_mutex_unlock (&member->mutex);
  return is_good || fts_member_check (member, error);
}

void
fts_member_let_go (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  member->n_holds--;
  pthread_mutex_unlock (&member->mutex);
}

/* ---- the end ---- */

bool
fts_member_is_ending (const FtsMember *member)
{
  return atomic_load (&member->ending_us) != 0;
}

void
fts_standing_end (FtsMember *member)
{
  int away = FTS_STANDING_AWAY;

  if (atomic_compare_exchange_strong (&member->standing, &away, FTS_STANDING_SHUT_OUT))
    fts_standing_stop_io (member);
}

/* Who is away ends for good: nothing of an incarnation that is over can be said. */
void
fts_member_hurry (FtsMember *member)
{
  pthread_mutex_lock (&member->mutex);
  if (!fts_member_is_ending (member))
    atomic_store (&member->ending_us, fts_standing_clock_us ());
  fts_standing_end (member);
  pthread_cond_broadcast (&member->wake);
  pthread_mutex_unlock (&member->mutex);
}

/* ---- the watchman ---- */

/* When somebody has to look; G_MAXINT64 = not before something happens. */
static int64_t
due_us (const FtsMember *member)
{
  int64_t beat_us = atomic_load (&member->last_beat_us);
  int64_t ending_us = atomic_load (&member->ending_us);

  if (standing_now (member) != FTS_STANDING_GOOD)
    return G_MAXINT64;
  return ending_us == 0
           ? beat_us + limit_us (member) + 1
           : MIN (beat_us + limit_us (member) + 1, MAX (beat_us, ending_us) + HURRY_US);
}

static void
look (FtsMember *member)
{
  if (fts_member_standing (member) == FTS_STANDING_GOOD &&
      fts_member_is_ending (member) && !fts_member_has_path (member))
    lose (member, FTS_STANDING_SHUT_OUT, "it ends without a path");
}

static void
sleep_locked (FtsMember *member, int64_t for_us)
{
  int64_t until_us = g_get_monotonic_time () + for_us;
  struct timespec until = { .tv_sec = until_us / G_USEC_PER_SEC,
                            .tv_nsec = until_us % G_USEC_PER_SEC * 1000 };

  pthread_cond_timedwait (&member->wake, &member->mutex, &until);
}

static void *
watch (void *data)
{
  FtsMember *member = data;

  pthread_mutex_lock (&member->mutex);
  while (!member->has_left) {
    int64_t due = due_us (member), now_us = fts_standing_clock_us ();
    if (due == G_MAXINT64)
      pthread_cond_wait (&member->wake, &member->mutex);
    else if (now_us < due)
      sleep_locked (member, due - now_us);
    if (now_us < due)
      continue;
    pthread_mutex_unlock (&member->mutex);
    look (member);
    pthread_mutex_lock (&member->mutex);
    if (!member->has_left && standing_now (member) == FTS_STANDING_GOOD)
      sleep_locked (member, LOOK_US);
  }
  pthread_mutex_unlock (&member->mutex);
  return NULL;
}

bool
fts_standing_start (FtsMember *member, GError **error)
{
  int errnum = pthread_create (&member->watchman, NULL, watch, member);

  member->has_watchman = errnum == 0;
  return errnum == 0 || fts_set_errno (error, errnum, "heartbeat's watchman");
}

void
fts_standing_stop (FtsMember *member)
{
  if (!member->has_watchman)
    return;
  pthread_mutex_lock (&member->mutex);
  member->has_left = true;
  pthread_cond_broadcast (&member->wake);
  pthread_mutex_unlock (&member->mutex);
  pthread_join (member->watchman, NULL);
}
