/* reservation/flags.c - keys that are flags for a moment.
 *
 * Where a LunSwap works by registrations (swap-pr.c) beside an open reservation, a path of a member is
 * registered under a flag instead of its key while the member is inside.  It is registered all the
 * same: whoever looks for the key takes the flag for it, and whoever sends a command over that path
 * names the flag.
 *
 * Processes that share a port share its key.  One that dies with its flag set leaves it to the others;
 * they take it back before other hosts, after twice the time, would remove it with the registration.
 */
#include "reservation/reservation.h"

#include "path/device.h"

#define SIBLING_TRIES    100
#define SIBLING_PAUSE_US 2000

uint64_t
lun_resv_unflag (const LunReservation *r, uint64_t key)
{
  return r->config.has_flags && lun_flag_is_of_volume (key, r->config.key)
           ? lun_flag_base (key, r->config.key)
           : key;
}

bool
lun_resv_stands_for (const LunReservation *r, uint64_t raw, uint64_t key)
{
  return raw == key || (r->config.has_flags && lun_flag_is_of_volume (raw, key) &&
                        lun_flag_base (raw, key) == key);
}

uint64_t
lun_resv_own_key (const LunReservation *r, unsigned path)
{
  return r->flag != 0 && r->flag_path == (int) path ? r->flag : r->config.key;
}

bool
lun_resv_is_flagged_as (LunReservation *r, const LunPrKeys *raw, uint64_t key,
                        uint64_t *flag)
{
  for (uint32_t i = 0; i < raw->n_keys; i++)
    if (raw->keys[i] != key && raw->keys[i] != r->flag &&
        lun_resv_stands_for (r, raw->keys[i], key)) {
      *flag = raw->keys[i];
      return true;
    }
  return false;
}

void
lun_resv_wait_for_siblings (LunReservation *r)
{
  for (int tries = 0; r->config.has_flags && tries < SIBLING_TRIES; tries++) {
    uint64_t flag;
    LunPrKeys keys;
    if (!lun_resv_look_raw_keys (r, &keys, NULL))
      return;
    bool is_inside = lun_resv_is_flagged_as (r, &keys, r->config.key, &flag);
    g_free (keys.keys);
    if (!is_inside)
      return;
    g_usleep (SIBLING_PAUSE_US);
  }
}

/* ---- those who died ---- */

/* A port of its own is nobody else's. */
static bool
may_have_siblings (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; r->device && i < n; i++) {
    g_autofree char *nexus = lun_path_nexus (r->device, i);
    if (nexus)
      return true;
  }
  return false;
}

static bool
take_back (LunReservation *r, uint64_t flag)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n; i++)
    if (lun_resv_is_registered_path (r, i) &&
        lun_resv_out (r, i, LUN_PR_OUT_REGISTER, flag, r->config.key) == LUN_RESV_DONE)
      return true;
  return false;
}

void
lun_resv_take_back_flags (LunReservation *r)
{
  int64_t now_us = g_get_monotonic_time ();
  LunPrKeys keys;

  if (r->flag_stale_us == 0 || !may_have_siblings (r) ||
      !lun_resv_look_raw_keys (r, &keys, NULL))
    return;
  lun_rivals_see (&r->siblings, &keys, lun_flag_of (r->config.key, 0), now_us);
  g_free (keys.keys);
  for (guint i = 0; i < r->siblings.list->len; i++) {
    LunRival *rival = &g_array_index (r->siblings.list, LunRival, i);
    if (lun_resv_unflag (r, rival->flag) == r->config.key && rival->flag != r->flag &&
        now_us - rival->since_us > r->flag_stale_us / 2 && take_back (r, rival->flag))
      g_message ("%s: the flag of a process of this host that died is taken back",
                 r->port.ops->device_name (r->port.data));
  }
}
