/* reservation/rejoin.c - a path that came up: registered and verified before it carries data.
 *
 * REGISTER AND IGNORE EXISTING KEY puts our key on the path whatever was there: right after a
 * session loss or a repair, and wrong when another host has just removed us.  So:
 *   1. READ KEYS over any path: our key must be there (by another path of ours, or by this one,
 *      whose registration outlived the outage).  If it is not, the caller finds out why (check.c).
 *   2. REGISTER AND IGNORE EXISTING KEY over the path.
 *   3. READ KEYS.  The generation grew by one: nobody but us did anything, and the path may carry
 *      data.  Our key is there more often than before: nobody removed it.
 *   4. Else a preempt may have come between 1 and 2: take the registration back (REGISTER with
 *      key 0) and start again; when our key is gone then, we are fenced.
 */
#include "reservation/reservation.h"

#include "base/sense.h"

#define TRIES_MAX 3

typedef struct {
  unsigned n_ours;
  uint32_t generation;
} Seen;

static bool
see (LunReservation *r, Seen *out, GError **error)
{
  LunPrKeys keys;

  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  *out = (Seen){ .n_ours = lun_resv_count_key (&keys, r->config.key),
                 .generation = keys.generation };
  g_free (keys.keys);
  return true;
}

static bool
fail_path (LunReservation *r, unsigned path, GError **error)
{
  g_autofree char *why = lun_result_text (&r->last);

  g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH,
               "path %s could not be registered: %s",
               r->port.ops->path_name (r->port.data, path), why);
  r->port.ops->fail_path (r->port.data, path, why);
  return false;
}

static bool
register_path (LunReservation *r, unsigned path)
{
  for (int tries = 0; tries < 2; tries++) /* twice, as Figure 5 */
    if (lun_resv_out (r, path, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, r->config.key) ==
        LUN_RESV_DONE)
      return true;
  return false;
}

bool
lun_resv_rejoin (LunReservation *r, unsigned path, GError **error)
{
  for (int tries = 0; tries < TRIES_MAX; tries++) {
    Seen before, after;
    if (!see (r, &before, error)) /* 1 */
      return false;
    if (before.n_ours == 0) {
      if (!lun_resv_check (r, error))
        return false;
      return lun_resv_is_registered_path (r, path) || fail_path (r, path, error);
    }
    lun_resv_wait_for_siblings (r);
    if (!register_path (r, path)) /* 2 */
      return fail_path (r, path, error);
    if (!see (r, &after, error)) /* 3 */
      return false;
    r->paths[path].dead = false;
    r->paths[path].registered = true;
    if (after.n_ours > 0 &&
        (after.generation == before.generation + 1 || after.n_ours > before.n_ours)) {
      r->generation = after.generation;
      r->may_leave_keys = true;
      return true;
    }
    lun_resv_unregister (r, path); /* 4 */
  }
  return fail_path (r, path, error);
}

void
lun_resv_rejoin_all (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n && r->state != LUN_RESV_FENCED; i++) {
    g_autoptr (GError) error = NULL;
    if (r->paths[i].registered || r->paths[i].dead ||
        !r->port.ops->is_usable (r->port.data, i))
      continue;
    if (!lun_resv_rejoin (r, i, &error))
      g_message ("%s", error ? error->message : "a path could not be registered");
  }
}
