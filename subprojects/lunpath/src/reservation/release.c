/* reservation/release.c - release at close (Figure 12), and removing one path.
 *
 *   1. RETAIN_RESERVATION: nothing is released, nothing unregistered; data just stops.
 *   2. Nothing held: the request is ignored and ends well; the paths are unregistered.  The same
 *      for a shared LUN: RELEASE would take the reservation from all hosts under types 7 and 8;
 *      when the last host unregisters it ends by itself.
 *   3. Close all paths but the holder's: data stops, and they are unregistered.
 *   4. RELEASE over the path that holds the reservation.
 *   5. READ RESERVATION: a RELEASE from the wrong path answers GOOD too.  Still ours: make this
 *      path the holder (PREEMPT of our own key), release again.
 *   6. A path that died, or a session that was lost where targets tie registrations to sessions, has
 *      left our key behind, which would hold a reservation for all registrants for ever: when there
 *      are more keys of ours than paths, they are preempted, our own with them.
 *   7. Unregister the holder's path.  An answer that was lost: READ KEYS, and what is still there is
 *      unregistered again.
 */
#include "reservation/reservation.h"

/* Step 4 and 5. */
static bool
try_release (LunReservation *r, bool *released, GError **error)
{
  LunPrReservation found = { 0 };
  int path = lun_resv_pick (r);

  if (path < 0)
    return lun_resv_no_path (r, error);
  lun_resv_out (r, (unsigned) path, LUN_PR_OUT_RELEASE, r->config.key, 0);
  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  *released = !found.reserved || !lun_resv_is_ours (r, &found);
  return true;
}

/* Step 5, PREEMPT: nothing has to be registered again, we are leaving. */
static void
become_holder (LunReservation *r)
{
  int path = lun_resv_pick (r);

  if (path >= 0)
    lun_resv_out (r, (unsigned) path, LUN_PR_OUT_PREEMPT, r->config.key, r->config.key);
}

bool
lun_resv_release (LunReservation *r, GError **error)
{
  bool released = false;

  for (int tries = 0; !released && tries < 3; tries++) {
    if (tries > 0)
      become_holder (r);
    if (!try_release (r, &released, error))
      return false;
  }
  if (!released) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO,
                 "%s: the reservation is still there after RELEASE",
                 r->port.ops->device_name (r->port.data));
    return false;
  }
  r->holder = LUN_RESV_NOBODY;
  return true;
}

/* Step 3. */
static void
close_others (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  int holder = lun_resv_pick (r);

  for (unsigned i = 0; i < n; i++)
    if ((int) i != holder && r->holder >= 0)
      lun_resv_unregister (r, i);
}

/* Step 6. */
static void
drop_lost_sessions (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data), n_registered = 0;
  int path = lun_resv_pick (r);
  LunPrKeys keys;

  if (!r->may_leave_keys || path < 0 || !lun_resv_look_keys (r, &keys, NULL))
    return;
  for (unsigned i = 0; i < n; i++)
    n_registered += lun_resv_is_registered_path (r, i);
  unsigned n_ours = lun_resv_count_key (&keys, r->config.key);
  g_free (keys.keys);
  if (n_ours <= n_registered)
    return;
  lun_resv_make_anew (r, (unsigned) path);
  lun_resv_out (r, (unsigned) path, LUN_PR_OUT_PREEMPT, r->config.key, r->config.key);
}

/* Step 2: everybody's reservation is not given up by one who only registered. */
static bool
is_ours_to_release (const LunReservation *r)
{
  if (r->option == LUN_RESV_SHARED)
    return false;
  return r->option != LUN_RESV_NO_RESERVE ||
         !lun_pr_type_is_all_registrants ((uint8_t) lun_resv_type (r));
}

bool
lun_resv_close (LunReservation *r, GError **error)
{
  bool ok = true;

  if (r->retain) /* 1 */
    return true;
  r->port.ops->suspend (r->port.data);
  if (r->holder != LUN_RESV_NOBODY && is_ours_to_release (r)) {
    close_others (r);                 /* 3 */
    ok = lun_resv_release (r, error); /* 4, 5 */
  }
  drop_lost_sessions (r);      /* 6 */
  lun_resv_unregister_all (r); /* 2, 7 */
  r->port.ops->resume (r->port.data);
  return ok;
}

/* Taking one path away: a reservation that it holds, or may hold, moves to another one first,
 * for unregistering the holder would release it. */
bool
lun_resv_remove_path (LunReservation *r, unsigned path, GError **error)
{
  bool may_hold = r->holder == (int) path ||
                  (r->holder == LUN_RESV_ANY &&
                   !lun_pr_type_is_all_registrants ((uint8_t) lun_resv_type (r)));

  if (may_hold && r->state == LUN_RESV_HELD) {
    r->paths[path].dead = true; /* do not pick it */
    bool ok = lun_resv_move (r, error);
    r->paths[path].dead = false;
    if (!ok)
      return false;
  } else {
    lun_resv_unregister (r, path);
  }
  r->paths[path].registered = false;
  r->paths[path].dead = true;
  return true;
}
