/* reservation/probe.c - under which key is this host registered already?
 *
 * Processes of one host may use the same nexuses (through a kernel driver, or a file LUN), and then
 * share their registrations.  REGISTER with the key X, to be replaced by X, answers GOOD where the
 * path is registered under X, changing nothing, and conflicts everywhere else.
 *   1. READ KEYS.
 *   2. For each candidate that is there, or a flag for it: REGISTER X>X over a usable path.  An answer
 *      that was lost: again, for it changes nothing.
 */
#include "reservation/reservation.h"

#include "base/lock.h"

/* Looks until a path of ours was not caught between two keys. */
#define FLAG_TRIES    5
#define FLAG_PAUSE_US 1000

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

/* KEY may be there as a flag (flags.c): a process of this host is setting it, or taking it back. */
static bool
ask_about (LunReservation *r, const LunPrKeys *raw, uint64_t key, bool *is_ours,
           GError **error)
{
  uint64_t flag;

  *is_ours = false;
  if (lun_resv_count_key (raw, key) > 0 && !ask_paths (r, key, is_ours, error))
    return false;
  return *is_ours || !lun_resv_is_flagged_as (r, raw, key, &flag) ||
         ask_paths (r, flag, is_ours, error);
}

static bool
look_for_own_key (LunReservation *r, const uint64_t *candidates, unsigned n,
                  uint64_t *found, GError **error)
{
  bool ok = true, is_ours;
  LunPrKeys keys;

  if (!lun_resv_look_raw_keys (r, &keys, error))
    return false;
  for (unsigned i = 0; ok && i < n && *found == 0; i++) {
    ok = ask_about (r, &keys, candidates[i], &is_ours, error);
    *found = ok && is_ours ? candidates[i] : 0;
  }
  g_free (keys.keys);
  return ok;
}

bool
lun_reservation_find_own_key (LunReservation *r, const uint64_t *candidates, unsigned n,
                              uint64_t *found, GError **error)
{
  int tries = r->config.has_flags && n > 0 ? FLAG_TRIES : 1;

  LUN_LOCKED (&r->lock);
  *found = 0;
  for (int i = 0; i < tries && *found == 0; i++) {
    if (i > 0)
      g_usleep (FLAG_PAUSE_US);
    if (!look_for_own_key (r, candidates, n, found, error))
      return false;
  }
  return true;
}
