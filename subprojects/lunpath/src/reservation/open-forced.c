/* reservation/open-forced.c - FORCED_OPEN (Figure 8).
 *
 *   1. Register every path (Figure 5 does so at each open): only a registered path may preempt.
 *   2. Preempt the orphans of our own former incarnations.
 *   3. READ RESERVATION.
 *   4. Our key: nothing to do, the LUN is ours.
 *   5. No key: there is nothing to break; RESERVE.
 *   6. Another key: PREEMPT AND ABORT it; his registrations go, his commands end, and the
 *      reservation is ours.  Under types 7 and 8 there is no such key (it reads as 0, and a
 *      PREEMPT with 0 would remove our own paths too): the reservation, which is ours too since
 *      step 1, is replaced by one of our type, and every foreign key preempted.
 *   7. Read back what is there: it must be ours.
 *   8. Data may use every registered path.
 */
#include "reservation/reservation.h"

/* Step 6, types 7 and 8. */
static bool
preempt_everybody (LunReservation *r, GError **error)
{
  LunPrKeys keys;
  bool ok = lun_resv_look_keys (r, &keys, error);

  for (uint32_t i = 0; ok && i < keys.n_keys; i++)
    if (keys.keys[i] != r->config.key)
      ok = lun_resv_preempt (r, keys.keys[i], error);
  g_free (keys.keys);
  return ok;
}

/* *GONE: nobody has reserved the LUN for all registrants any more. */
static bool
release_for_all (LunReservation *r, uint8_t type, bool *gone, GError **error)
{
  LunPrReservation found = { 0 };
  int path = lun_resv_pick (r);

  if (path < 0)
    return lun_resv_no_path (r, error);
  if (lun_resv_out_typed (r, (unsigned) path, LUN_PR_OUT_RELEASE, (LunPrType) type,
                          r->config.key, 0) == LUN_RESV_LOST)
    lun_resv_lose_path (r, (unsigned) path);
  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  *gone = !found.reserved || found.type != type;
  return true;
}

static bool
replace (LunReservation *r, uint8_t type, GError **error)
{
  bool gone = false;

  for (int tries = 0; !gone && tries < 3; tries++)
    if (!release_for_all (r, type, &gone, error))
      return false;
  return lun_resv_reserve (r, error);
}

static bool
steal (LunReservation *r, const LunPrReservation *found, GError **error)
{
  if (!lun_pr_type_is_all_registrants (found->type))
    return lun_resv_preempt (r, found->key, error);
  return replace (r, found->type, error) && preempt_everybody (r, error);
}

/* Step 7.  Another's key again: he registered and reserved in between. */
static bool
verify (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (!found.reserved)
    return lun_resv_reserve (r, error);
  if (!lun_resv_is_ours (r, &found))
    return lun_resv_refuse_reserved (r, &found, error);
  if (r->holder == LUN_RESV_NOBODY)
    r->holder = LUN_RESV_ANY;
  return true;
}

bool
lun_resv_open_forced (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_register_all (r, error) ||           /* 1 */
      !lun_resv_preempt_orphans (r, error) ||        /* 2 */
      !lun_resv_look_reservation (r, &found, error)) /* 3 */
    return false;
  if (found.reserved && lun_resv_is_ours (r, &found)) /* 4 */
    r->holder = LUN_RESV_ANY;
  else if (!found.reserved) { /* 5 */
    if (!lun_resv_reserve (r, error))
      return false;
  } else if (!steal (r, &found, error) || !verify (r, error)) /* 6, 7 */
    return false;
  lun_resv_event (r, LUN_RESV_ON_RESERVED); /* 8 */
  return true;
}
