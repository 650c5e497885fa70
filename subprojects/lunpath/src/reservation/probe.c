/* reservation/probe.c - under which key is this host registered already?
 *
 * Processes of one host may use the same nexuses (through a kernel driver, or a file LUN), and then
 * share their registrations.  REGISTER with the key X, to be replaced by X, answers GOOD where the
 * path is registered under X, changing nothing, and conflicts everywhere else.
 *   1. READ KEYS.
 *   2. For each candidate that is there: REGISTER X>X over a usable path.
 */
#include "reservation/reservation.h"

#include "base/lock.h"

static bool
is_registered_as (LunReservation *r, uint64_t key)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n; i++)
    if (r->port.ops->is_usable (r->port.data, i) &&
        lun_resv_out (r, i, LUN_PR_OUT_REGISTER, key, key) == LUN_RESV_DONE)
      return true;
  return false;
}

bool
lun_reservation_find_own_key (LunReservation *r, const uint64_t *candidates, unsigned n,
                              uint64_t *found, GError **error)
{
  LunPrKeys keys;

  LUN_LOCKED (&r->lock);
  *found = 0;
  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  for (unsigned i = 0; i < n && *found == 0; i++)
    if (lun_resv_count_key (&keys, candidates[i]) > 0 &&
        is_registered_as (r, candidates[i]))
      *found = candidates[i];
  g_free (keys.keys);
  return true;
}
