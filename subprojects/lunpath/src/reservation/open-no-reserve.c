/* reservation/open-no-reserve.c - NO_RESERVE (Figure 10).
 *
 *   1. Register every path with REGISTER AND IGNORE EXISTING KEY; one that fails gets one REGISTER
 *      more and is ignored when that fails too.
 *   2. READ RESERVATION over a registered path.
 *   3. No key: nobody has the LUN; all paths are opened as they are.
 *   4. Our key, kept by an earlier RETAIN_RESERVATION: it is released, over the path that holds it
 *      (release.c).
 *   5. Another key: the open fails.
 */
#include "reservation/reservation.h"

bool
lun_resv_open_no_reserve (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_register_all (r, error) ||           /* 1 */
      !lun_resv_preempt_orphans (r, error) ||        /* ours, as in Figure 11 */
      !lun_resv_look_reservation (r, &found, error)) /* 2 */
    return false;
  if (found.reserved && !lun_resv_is_ours (r, &found)) /* 5 */
    return lun_resv_refuse_reserved (r, &found, error);
  if (found.reserved) { /* 4 */
    r->holder = LUN_RESV_ANY;
    if (!lun_resv_release (r, error))
      return false;
  }
  lun_resv_event (r, LUN_RESV_ON_REGISTERED); /* 3 */
  return true;
}
