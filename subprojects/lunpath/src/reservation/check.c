/* reservation/check.c - is what we believe about the LUN still true?
 *
 * Asked after a unit attention (29h: power on, reset, nexus loss; 2Ah/03h to 05h), after a
 * reservation conflict on data, and after anything else that casts doubt.
 *   1. Data stops (state CHECKING).
 *   2. READ KEYS.
 *   3. Our key is not there.  Was it taken, or did the LUN forget everything?  It forgot when the
 *      generation is lower than the one we knew, no key at all is left, or a unit attention says
 *      that the power was switched on (29h/01h), and none spoke of a preempt: register again, and reserve again.  Everything else is a fence.  (A
 *      LUN RESET takes unit attentions away, so their absence alone proves nothing.)
 *   4. Our key is there.  After 29h a path may have lost its registration (some targets tie it to
 *      the session): each is registered again, which harms nothing where it was not lost.
 *   5. READ RESERVATION.  Ours: go on.  None: the holder left, or gave it up: RESERVE, unless we
 *      asked for none.  Another's: with a shared LUN that is a member; with one owner at a time it
 *      means that we are not it any more.
 */
#include "reservation/reservation.h"

static bool
forgot_everything (const LunReservation *r, const LunPrKeys *keys)
{
  return !r->saw_preempted &&
         (keys->n_total == 0 || r->saw_power_on || keys->generation < r->generation);
}

static void
forget_paths (LunReservation *r)
{
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    r->paths[i].registered = false;
}

static bool
settle_for_owner (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (found.reserved && !lun_resv_is_ours (r, &found))
    return lun_resv_fenced (r, error);
  if (!found.reserved && !lun_resv_reserve (r, error))
    return g_error_matches (error ? *error : NULL, LUN_ERROR, LUN_ERROR_RESERVED)
             ? (g_clear_error (error), lun_resv_fenced (r, error))
             : false;
  if (found.reserved && r->holder == LUN_RESV_NOBODY)
    r->holder = LUN_RESV_ANY;
  lun_resv_event (r, LUN_RESV_ON_RESERVED);
  return true;
}

/* Step 5. */
static bool
settle (LunReservation *r, GError **error)
{
  bool held = false;

  switch (r->option) {
  case LUN_RESV_NO_RESERVE:
    lun_resv_event (r, LUN_RESV_ON_REGISTERED);
    return true;
  case LUN_RESV_SHARED:
    if (!lun_resv_join (r, &held, error))
      return false;
    lun_resv_event (r, held ? LUN_RESV_ON_RESERVED : LUN_RESV_ON_REGISTERED);
    return true;
  case LUN_RESV_DEFAULT:
  case LUN_RESV_FORCED:
  case LUN_RESV_RETAIN:
  case LUN_RESV_SINGLE:
    break;
  }
  return settle_for_owner (r, error);
}

/* Step 3. */
static bool
start_anew (LunReservation *r, GError **error)
{
  g_message (
    "%s: the device lost its registrations (reset or power loss); registering again",
    r->port.ops->device_name (r->port.data));
  lun_resv_event (r, LUN_RESV_ON_GONE);
  r->holder = LUN_RESV_NOBODY;
  forget_paths (r);
  LunPrKeys keys;
  if (!lun_resv_register_all (r, error) || !lun_resv_look_keys (r, &keys, error))
    return false;
  g_free (keys.keys);
  return settle (r, error);
}

static bool
examine (LunReservation *r, GError **error)
{
  LunPrKeys keys;

  if (!lun_resv_look_keys (r, &keys, error)) /* 2 */
    return false;
  unsigned n_ours = lun_resv_count_key (&keys, r->config.key);
  bool forgot = forgot_everything (r, &keys);
  g_free (keys.keys);
  if (n_ours == 0) /* 3 */
    return forgot ? start_anew (r, error) : lun_resv_fenced (r, error);
  if (r->saw_reset) { /* 4 */
    forget_paths (r);
    if (r->holder >= 0)
      r->holder = LUN_RESV_ANY;
  }
  lun_resv_rejoin_all (r);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  return settle (r, error); /* 5 */
}

bool
lun_resv_check (LunReservation *r, GError **error)
{
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  if (r->state == LUN_RESV_NONE || r->state == LUN_RESV_REGISTERING)
    return true;
  if (r->state == LUN_RESV_COMPAT)
    return lun_resv_compat_check (r, error);
  lun_resv_event (r, LUN_RESV_ON_DOUBT); /* 1 */
  if (!examine (r, error))
    return false;
  r->saw_reset = r->saw_preempted = r->saw_power_on = false;
  return true;
}
