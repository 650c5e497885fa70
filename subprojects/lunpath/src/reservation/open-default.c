/* reservation/open-default.c - the default open (Figure 11), and SINGLE.
 *
 *   1. Register every path again with REGISTER AND IGNORE EXISTING KEY, whatever was registered
 *      at configuration: a registration may be gone since, or be of an older key.  A path that
 *      fails twice is dead and ignored (Figure 5).
 *   2. Preempt the orphans of our own former incarnations (ours: the figure's driver has one key
 *      for ever, ours has one an incarnation).
 *   3. READ RESERVATION.
 *   4. A key is returned and is not ours: the open fails with that key.
 *   5. It is ours, and of our type: the LUN is reserved by us already, by a path that we do not
 *      know (RESERVE from it would conflict if it is not the holder).
 *   6. None is returned: RESERVE over a registered path; a path that fails is ignored and the
 *      next one taken; that path is the holder.
 *   7. Data may use every registered path.
 * SINGLE is the same on the LUN; that no other process of this machine has the device open is
 * seen to before (local-lock.c).
 */
#include "reservation/reservation.h"

bool
lun_resv_open_default (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_register_all (r, error) ||           /* 1 */
      !lun_resv_preempt_orphans (r, error) ||        /* 2 */
      !lun_resv_look_reservation (r, &found, error)) /* 3 */
    return false;
  if (found.reserved && !lun_resv_is_ours (r, &found)) /* 4 */
    return lun_resv_refuse_reserved (r, &found, error);
  if (found.reserved) /* 5 */
    r->holder = LUN_RESV_ANY;
  else if (!lun_resv_reserve (r, error)) /* 6 */
    return false;
  lun_resv_event (r, LUN_RESV_ON_RESERVED); /* 7 */
  return true;
}
