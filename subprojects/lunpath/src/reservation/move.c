/* reservation/move.c - keeping the reservation when the holder's path dies (types 1 to 6).
 *
 *   T=0  the path of the holder fails; the reservation stays with it on the LUN
 *   1. Data stops (state MOVING): step 3 leaves our other paths unregistered for a moment.
 *   2. Take another registered path.
 *   3. PREEMPT with our own key, over it: the reservation moves to it, and the registrations of all
 *      our other paths, the dead one too, are gone.  A conflict means that this path is not
 *      registered: our key gone altogether is a fence; else the path is registered and tries again.
 *   4. READ RESERVATION: it must be ours.  A lost answer is resolved here: repeating would be
 *      harmless, for data is stopped.
 *   5. READ KEYS: some targets remove the registration of the path that preempts as well.  The
 *      reservation bears our key, so nobody else removed it: the path is registered again.
 *   6. Register the others again.
 *   7. Data goes on.
 */
#include "reservation/reservation.h"

#define TRIES_MAX 3

static void
forget_others (LunReservation *r, unsigned path)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n; i++)
    if (i != path)
      r->paths[i].registered = false;
}

/* Step 3, after a conflict. */
static bool
resolve_conflict (LunReservation *r, unsigned path, GError **error)
{
  r->paths[path].registered = false;
  return lun_resv_rejoin (r, path, error);
}

/* Step 5. */
static bool
see_to_own_path (LunReservation *r, unsigned path, GError **error)
{
  LunPrKeys keys;

  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  unsigned n_ours = lun_resv_count_key (&keys, r->config.key);
  g_free (keys.keys);
  return n_ours > 0 ||
         lun_resv_out (r, path, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, r->config.key) ==
           LUN_RESV_DONE ||
         lun_resv_no_path (r, error);
}

/* Step 4: *MOVED, or try again. */
static bool
verify (LunReservation *r, unsigned path, LunResvAnswer answer, bool *moved,
        GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (found.reserved && !lun_resv_is_ours (r, &found))
    return lun_resv_fenced (r, error);
  *moved = found.reserved && answer == LUN_RESV_DONE;
  if (!found.reserved && !lun_resv_reserve (r, error))
    return false;
  if (*moved) {
    r->holder = (int) path;
    forget_others (r, path);
    if (!see_to_own_path (r, path, error)) /* 5 */
      return false;
  }
  *moved |= !found.reserved;
  return true;
}

static bool
move_to (LunReservation *r, unsigned path, bool *moved, GError **error)
{
  LunResvAnswer answer =
    lun_resv_out (r, path, LUN_PR_OUT_PREEMPT, r->config.key, r->config.key);

  if (answer == LUN_RESV_CONFLICT)
    return resolve_conflict (r, path, error);
  return verify (r, path, answer, moved, error);
}

bool
lun_resv_move (LunReservation *r, GError **error)
{
  bool moved = false;

  lun_resv_event (r, LUN_RESV_ON_HOLDER_LOST); /* 1 */
  r->holder = LUN_RESV_ANY;
  for (int tries = 0; !moved && tries < TRIES_MAX; tries++) {
    int path = lun_resv_pick (r); /* 2 */
    if (path < 0)
      return lun_resv_no_path (r, error);
    if (!move_to (r, (unsigned) path, &moved, error)) /* 3, 4 */
      return false;
  }
  if (!moved)
    return lun_resv_no_path (r, error);
  lun_resv_rejoin_all (r);               /* 6 */
  lun_resv_event (r, LUN_RESV_ON_MOVED); /* 7 */
  return true;
}
