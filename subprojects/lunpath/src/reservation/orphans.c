/* reservation/orphans.c - keys of our own that nobody uses any more.
 *
 * A process that was killed leaves its registrations, and where a target ties them to the
 * session they stay without an owner, as holder even.  They are preempted at open, with their own
 * key as the service action key: never with 0, and never with the key in use, for either would
 * remove our own registrations.
 *
 *   1. READ KEYS.
 *   2. For each key that is an orphan: remove it, and see that it is gone (preempt.c).  When it
 *      held the LUN under a registrants-only type we hold it now.
 */
#include "reservation/reservation.h"

static bool
is_orphan (const LunReservation *r, uint64_t key)
{
  if (key == r->config.key || key == 0)
    return false;
  if (r->config.is_orphan)
    return r->config.is_orphan (key, r->config.user_data);
  return lun_resv_key_is_same_owner (key, r->config.key);
}

bool
lun_resv_preempt_orphans (LunReservation *r, GError **error)
{
  LunPrKeys keys;
  bool ok = lun_resv_look_keys (r, &keys, error);

  for (uint32_t i = 0; ok && i < keys.n_keys; i++) {
    bool is_first = true;
    for (uint32_t j = 0; j < i; j++)
      is_first &= keys.keys[j] != keys.keys[i];
    if (!is_first || !is_orphan (r, keys.keys[i]))
      continue;
    g_message ("%s: key 0x%016" G_GINT64_MODIFIER
               "x belongs to nobody any more; it is removed",
               r->port.ops->device_name (r->port.data), keys.keys[i]);
    ok = lun_resv_preempt (r, keys.keys[i], error);
  }
  g_free (keys.keys);
  return ok;
}
