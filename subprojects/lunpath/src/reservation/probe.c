/* reservation/probe.c - under which key is this host registered already?
 *
 * Processes of one host may use the same nexuses (through a kernel driver, or a file LUN), and then
 * share their registrations.  REGISTER with the key X, to be replaced by X, answers GOOD where the
 * path is registered under X, changing nothing, and conflicts everywhere else.
 *   1. READ KEYS.
 *   2. For each candidate that is there: REGISTER X>X over a usable path.  An answer that was lost:
 *      again, for it changes nothing.
 */
#include "reservation/reservation.h"

#include "base/lock.h"

static LunResvAnswer
try_path (LunReservation *r, unsigned path, uint64_t key)
{
  LunResvAnswer answer = LUN_RESV_LOST;

  for (int tries = 0; answer == LUN_RESV_LOST && tries < 2; tries++)
    answer = lun_resv_out (r, path, LUN_PR_OUT_REGISTER, key, key);
  return answer;
}

/* A path that does not answer leaves it open, and who takes a new key then takes it from the other
 * process: unless another path says, that is an error. */
static bool
ask_paths (LunReservation *r, uint64_t key, bool *is_ours, GError **error)
{
  unsigned n = r->port.ops->n_paths (r->port.data), n_answers = 0;

  *is_ours = false;
  for (unsigned i = 0; i < n && !*is_ours; i++) {
    if (!r->port.ops->is_usable (r->port.data, i))
      continue;
    LunResvAnswer answer = try_path (r, i, key);
    *is_ours = answer == LUN_RESV_DONE;
    n_answers += answer != LUN_RESV_LOST;
  }
  return n_answers > 0 || lun_resv_no_path (r, error);
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
  bool ok = true, is_ours;
  for (unsigned i = 0; ok && i < n && *found == 0; i++) {
    if (lun_resv_count_key (&keys, candidates[i]) == 0)
      continue;
    ok = ask_paths (r, candidates[i], &is_ours, error);
    *found = ok && is_ours ? candidates[i] : 0;
  }
  g_free (keys.keys);
  return ok;
}
