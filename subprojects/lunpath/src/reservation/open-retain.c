/* reservation/open-retain.c - RETAIN_RESERVATION (Figure 9).
 *
 *   1. Register every path and read the reservation, as for the default open.
 *   2. No key: RESERVE; its failure fails the open.
 *   3. Our key: nothing to do; it was retained by an earlier open.
 *   4. Another key: the open fails.
 *   5. Note the holder, and that close() shall leave the reservation.
 * On the LUN that is Figure 11; what differs is step 5.
 */
#include "reservation/reservation.h"

bool
lun_resv_open_retain (LunReservation *r, GError **error)
{
  if (!lun_resv_open_default (r, error)) /* 1 to 4 */
    return false;
  r->retain = true; /* 5 */
  return true;
}
