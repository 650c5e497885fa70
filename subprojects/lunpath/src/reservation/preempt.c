/* reservation/preempt.c - removing another key for sure (fencing).
 *
 *   1. READ KEYS: the key that is not there needs no command.
 *   2. PREEMPT AND ABORT over a registered path, with the victim's key, which is not 0: it removes
 *      all his registrations, moves a registrants-only reservation that he held to us, and ends
 *      the commands that he has under way, so that none of his writes lands later.
 *   3. A device without it (05h): PREEMPT, then LUN RESET, which answers when commands under way
 *      have ended.  Under types 7 and 8 the reservation is made anew by us before: such a target
 *      (tgt) remembers which registration made it, and when that is removed by PREEMPT, a later
 *      registration is taken for it, and type and protection are lost.
 *   4. READ KEYS: the key must be gone.  Our own key gone: the victim was faster, we are fenced.
 *      A lost answer is resolved here too.  Still there: again, TRIES_MAX times in all.
 */
#include "reservation/reservation.h"

#include "base/sense.h"

#define TRIES_MAX 4

typedef enum {
  LOOK_GONE,
  LOOK_THERE,
  LOOK_FAILED,
} Look;

/* Steps 1 and 4; *AS: his key as it is there, or a flag for it. */
static Look
look (LunReservation *r, uint64_t victim, uint64_t *as, GError **error)
{
  LunPrKeys keys;
  unsigned n_ours = 0, n_his = 0;

  if (!lun_resv_look_raw_keys (r, &keys, error))
    return LOOK_FAILED;
  for (uint32_t i = 0; i < keys.n_keys; i++) {
    n_ours += lun_resv_stands_for (r, keys.keys[i], r->config.key);
    if (!lun_resv_stands_for (r, keys.keys[i], victim))
      continue;
    n_his++;
    *as = keys.keys[i];
  }
  g_free (keys.keys);
  if (n_ours == 0) {
    lun_resv_fenced (r, error);
    return LOOK_FAILED;
  }
  return n_his == 0 ? LOOK_GONE : LOOK_THERE;
}

/* Step 3.  The victim is registered still, so he can do nothing that he could not do before. */
void
lun_resv_make_anew (LunReservation *r, unsigned path)
{
  if (!lun_pr_type_is_all_registrants ((uint8_t) lun_resv_type (r)))
    return;
  lun_resv_out (r, path, LUN_PR_OUT_RELEASE, r->config.key, 0);
  lun_resv_out (r, path, LUN_PR_OUT_RESERVE, r->config.key, 0);
}

/* Over any path: the one that was used may have died. */
static bool
drain (LunReservation *r, unsigned first, GError **error)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  if (r->port.ops->reset (r->port.data, first, error))
    return true;
  for (unsigned i = 0; i < n; i++) {
    if (i == first || !r->port.ops->is_usable (r->port.data, i))
      continue;
    g_clear_error (error);
    if (r->port.ops->reset (r->port.data, i, error))
      return true;
  }
  return false;
}

/* Step 3.  An answer that was lost needs the reset too: the PREEMPT may have been executed. */
static LunResvAnswer
preempt_and_drain (LunReservation *r, unsigned path, uint64_t key, uint64_t victim)
{
  g_autoptr (GError) error = NULL;

  lun_resv_make_anew (r, path);
  LunResvAnswer answer = lun_resv_out (r, path, LUN_PR_OUT_PREEMPT, key, victim);
  bool may_be_done = answer == LUN_RESV_DONE || answer == LUN_RESV_LOST;
  if (may_be_done && !drain (r, path, &error))
    g_warning (
      "%s: the device has neither PREEMPT AND ABORT nor a LUN reset here (%s); "
      "commands of key 0x%016" G_GINT64_MODIFIER "x that are under way can still land",
      r->port.ops->device_name (r->port.data), error->message, victim);
  return answer;
}

/* Steps 2 and 3. */
LunResvAnswer
lun_resv_preempt_over (LunReservation *r, unsigned path, uint64_t key, uint64_t victim)
{
  LunResvAnswer answer =
    lun_resv_out (r, path, LUN_PR_OUT_PREEMPT_AND_ABORT, key, victim);

  return answer == LUN_RESV_REFUSED ? preempt_and_drain (r, path, key, victim) : answer;
}

static bool
preempt (LunReservation *r, uint64_t victim, GError **error)
{
  int path = lun_resv_pick (r);

  if (path < 0)
    return lun_resv_no_path (r, error);
  LunResvAnswer answer =
    lun_resv_preempt_over (r, (unsigned) path, r->config.key, victim);
  if (answer == LUN_RESV_LOST)
    lun_resv_lose_path (r, (unsigned) path); /* another one, while there is one */
  if (answer != LUN_RESV_REFUSED)
    return true;
  g_autofree char *why = lun_result_text (&r->last);
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "%s: PREEMPT: %s",
               r->port.ops->device_name (r->port.data), why);
  return false;
}

bool
lun_resv_preempt (LunReservation *r, uint64_t victim, GError **error)
{
  uint64_t as = victim;
  Look found = look (r, victim, &as, error);

  for (int tries = 0; found == LOOK_THERE && tries < TRIES_MAX; tries++) {
    if (!preempt (r, as, error))
      return false;
    found = look (r, victim, &as, error);
  }
  if (found == LOOK_THERE)
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO,
                 "%s: key 0x%016" G_GINT64_MODIFIER "x is still registered after %d "
                 "preempts",
                 r->port.ops->device_name (r->port.data), victim, TRIES_MAX);
  return found == LOOK_GONE;
}
