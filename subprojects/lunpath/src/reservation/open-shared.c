/* reservation/open-shared.c - one of several hosts that use a LUN together (ours).
 *
 *   1. Register every path, preempt orphans.
 *   2. READ RESERVATION.
 *   3. None: RESERVE.  Another host that was faster has done our work.
 *   4. One of our type: under types 7 and 8 it is ours as well; under 5 and 6 another member holds
 *      it, and being registered is enough.  The holder's key must look like ours (same volume):
 *      a stranger's reservation protects nothing of ours.
 *   5. Any other: the open fails.
 */
#include "reservation/reservation.h"

static bool
is_members (const LunReservation *r, const LunPrReservation *found)
{
  const uint64_t volume = ~(uint64_t) 0 << 40;

  return found->type == (uint8_t) lun_resv_type (r) &&
         (lun_pr_type_is_all_registrants (found->type) ||
          ((found->key ^ r->config.key) & volume) == 0);
}

/* Steps 2 to 5; *HELD: the reservation is ours. */
bool
lun_resv_join (LunReservation *r, bool *held, GError **error)
{
  g_autoptr (GError) late = NULL;
  LunPrReservation found = { 0 };

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (!found.reserved) {
    if (lun_resv_reserve (r, &late)) {
      *held = true;
      return true;
    }
    if (!g_error_matches (late, LUN_ERROR, LUN_ERROR_RESERVED)) {
      g_propagate_error (error, g_steal_pointer (&late));
      return false;
    }
    if (!lun_resv_look_reservation (r, &found, error))
      return false;
  }
  *held = lun_resv_is_ours (r, &found);
  if (*held && r->holder == LUN_RESV_NOBODY)
    r->holder = LUN_RESV_ANY;
  return *held || is_members (r, &found) || lun_resv_refuse_reserved (r, &found, error);
}

bool
lun_resv_open_shared (LunReservation *r, GError **error)
{
  bool held = false;

  if (!lun_resv_register_all (r, error) || !lun_resv_preempt_orphans (r, error) ||
      !lun_resv_join (r, &held, error))
    return false;
  lun_resv_event (r, held ? LUN_RESV_ON_RESERVED : LUN_RESV_ON_REGISTERED);
  return true;
}
