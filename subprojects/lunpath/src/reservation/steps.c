/* reservation/steps.c - steps that several figures share. */
#include "reservation/reservation.h"

#include "base/sense.h"

/* Looks until a path was not caught under a flag. */
#define SHARED_TRIES    100
#define SHARED_PAUSE_US 2000

LunPrType
lun_resv_type (const LunReservation *r)
{
  return r->config.type != 0 ? r->config.type : LUN_PR_EXCLUSIVE_ACCESS_REGISTRANTS;
}

static void
hold_data (LunReservation *r, bool hold)
{
  if (hold == r->holds_data)
    return;
  r->holds_data = hold;
  if (hold)
    r->port.ops->suspend (r->port.data);
  else
    r->port.ops->resume (r->port.data);
}

void
lun_resv_event (LunReservation *r, LunResvEvent event)
{
  LunResvState next = lun_resv_next (r->state, event);

  if (next != r->state)
    g_info ("%s: reservation: %s; %s -> %s", r->port.ops->device_name (r->port.data),
            lun_resv_event_name (event), lun_resv_state_name (r->state),
            lun_resv_state_name (next));
  if (next == LUN_RESV_FENCED && r->state != LUN_RESV_FENCED) {
    r->port.ops->stop (r->port.data);
    g_warning (
      "%s: another host removed the registration of key 0x%016" G_GINT64_MODIFIER
      "x; nothing is read or written any more",
      r->port.ops->device_name (r->port.data), r->config.key);
  }
  if (next == LUN_RESV_REGISTERED || next == LUN_RESV_HELD)
    r->generation = r->seen_generation;
  r->state = next;
  if (r->keeper)
    lun_resv_keeper_note (r->keeper, next);
  hold_data (r, lun_resv_holds_data_back (next));
}

bool
lun_resv_fenced (LunReservation *r, GError **error)
{
  lun_resv_event (r, LUN_RESV_ON_PREEMPTED);
  g_set_error (
    error, LUN_ERROR, LUN_ERROR_FENCED,
    "%s: another host removed the registration of key 0x%016" G_GINT64_MODIFIER
    "x; start anew with a new key when that host agrees",
    r->port.ops->device_name (r->port.data), r->config.key);
  return false;
}

bool
lun_resv_is_registered_path (const LunReservation *r, unsigned path)
{
  return r->paths[path].registered && !r->paths[path].dead &&
         r->port.ops->is_usable (r->port.data, path);
}

void
lun_resv_lose_path (LunReservation *r, unsigned path)
{
  r->may_leave_keys |= r->paths[path].registered;
  r->paths[path].registered = false;
}

int
lun_resv_pick (const LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  if (r->holder >= 0 && lun_resv_is_registered_path (r, (unsigned) r->holder))
    return r->holder;
  for (unsigned i = 0; i < n; i++)
    if (lun_resv_is_registered_path (r, i))
      return (int) i;
  return -1;
}

static void
give_up_path (LunReservation *r, unsigned path)
{
  g_autofree char *why = lun_result_text (&r->last);

  lun_resv_lose_path (r, path);
  r->paths[path].dead = true;
  r->port.ops->fail_path (r->port.data, path, why);
}

/* A path that another process of this host has registered stays as it is, also while that one has
 * its flag set there: no other key is put over it unseen. */
static bool
is_registered_already (LunReservation *r, unsigned path)
{
  uint64_t key = r->config.key;

  for (int tries = 0; r->config.is_shared_key && tries < SHARED_TRIES; tries++) {
    if (lun_resv_out (r, path, LUN_PR_OUT_REGISTER, key, key) == LUN_RESV_DONE ||
        lun_resv_out (r, path, LUN_PR_OUT_REGISTER, 0, key) == LUN_RESV_DONE)
      return true;
    if (!r->config.has_flags || r->last.outcome != LUN_OUTCOME_RESERVATION_CONFLICT)
      return false;
    g_usleep (SHARED_PAUSE_US);
  }
  return false;
}

/* Twice at most; REGISTER AND IGNORE may be repeated after a lost answer. */
static LunResvAnswer
register_path (LunReservation *r, unsigned path)
{
  LunResvAnswer answer = LUN_RESV_LOST;

  if (is_registered_already (r, path)) {
    r->paths[path].registered = true;
    return LUN_RESV_DONE;
  }
  for (int tries = 0; tries < 2 && answer != LUN_RESV_DONE; tries++) {
    answer = lun_resv_out (r, path, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, r->config.key);
    if (answer == LUN_RESV_REFUSED && lun_resv_is_unknown_command (r))
      break;
  }
  r->paths[path].registered = answer == LUN_RESV_DONE;
  return answer;
}

static bool
refuse_registering (LunReservation *r, LunResvAnswer answer, GError **error)
{
  const char *name = r->port.ops->device_name (r->port.data);
  g_autofree char *why = lun_result_text (&r->last);

  if (answer == LUN_RESV_CONFLICT)
    g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED,
                 "%s: another host holds the device with SCSI-2 RESERVE; it has to "
                 "release it, or a LUN reset does",
                 name);
  else if (answer == LUN_RESV_REFUSED && r->config.survives_power_loss &&
           !lun_resv_is_unknown_command (r))
    g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
                 "%s: the device cannot keep registrations over a power loss: %s", name,
                 why);
  else if (answer == LUN_RESV_REFUSED)
    g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
                 "%s: no persistent reservations: %s", name, why);
  else
    lun_resv_no_path (r, error);
  return false;
}

bool
lun_resv_register_all (LunReservation *r, GError **error)
{
  unsigned n = r->port.ops->n_paths (r->port.data), n_registered = 0;
  LunResvAnswer last = LUN_RESV_LOST;

  for (unsigned i = 0; i < n; i++) {
    if (!r->port.ops->is_usable (r->port.data, i))
      continue;
    r->paths[i].dead = false;
    last = register_path (r, i);
    if (last == LUN_RESV_DONE)
      n_registered++;
    else if (last == LUN_RESV_REFUSED &&
             (lun_resv_is_unknown_command (r) || r->config.survives_power_loss))
      break;
    else
      give_up_path (r, i);
  }
  return n_registered > 0 || refuse_registering (r, last, error);
}

LunResvAnswer
lun_resv_unregister (LunReservation *r, unsigned path)
{
  LunResvAnswer answer = LUN_RESV_DONE;

  if (lun_resv_is_registered_path (r, path))
    answer = lun_resv_out (r, path, LUN_PR_OUT_REGISTER, r->config.key, 0);
  if (answer == LUN_RESV_LOST)
    lun_resv_lose_path (r, path);
  r->paths[path].registered = false;
  return answer;
}

/* An answer was lost: are we still there?  Over the paths where we are not it conflicts. */
static void
unregister_again (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  LunPrKeys keys = { 0 };

  if (!lun_resv_look_keys (r, &keys, NULL))
    return;
  unsigned n_ours = lun_resv_count_key (&keys, r->config.key);
  g_free (keys.keys);
  for (unsigned i = 0; i < n && n_ours > 0; i++)
    if (r->port.ops->is_usable (r->port.data, i))
      lun_resv_out (r, i, LUN_PR_OUT_REGISTER, r->config.key, 0);
}

void
lun_resv_unregister_all (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  bool is_lost = false;

  for (unsigned i = 0; i < n; i++)
    if ((int) i != r->holder)
      is_lost |= lun_resv_unregister (r, i) == LUN_RESV_LOST;
  if (r->holder >= 0)
    is_lost |= lun_resv_unregister (r, (unsigned) r->holder) == LUN_RESV_LOST;
  r->holder = LUN_RESV_NOBODY;
  if (is_lost)
    unregister_again (r);
}

bool
lun_resv_refuse_reserved (LunReservation *r, const LunPrReservation *found,
                          GError **error)
{
  const char *name = r->port.ops->device_name (r->port.data);

  if (found->reserved && found->key == r->config.key)
    g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED,
                 "%s: this host holds it with a reservation of type %u already, not "
                 "type %u; release that first",
                 name, found->type, lun_resv_type (r));
  else if (found->reserved && found->key != 0)
    g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED,
                 "%s: reserved by another host (key 0x%016" G_GINT64_MODIFIER
                 "x, type %u); let it release the device, or take it by force",
                 name, found->key, found->type);
  else
    g_set_error (
      error, LUN_ERROR, LUN_ERROR_RESERVED,
      "%s: reserved by other hosts (type %u, by everyone registered); let them release "
      "the device, or take it by force",
      name, found->type);
  return false;
}

/* What a RESERVE that did not end well left behind. */
static bool
resolve_reserve (LunReservation *r, unsigned path, bool *again, GError **error)
{
  LunPrReservation found = { 0 };
  bool was_lost = !r->port.ops->is_usable (r->port.data, path) ||
                  r->last.outcome == LUN_OUTCOME_TRANSPORT_ERROR ||
                  r->last.outcome == LUN_OUTCOME_TIMEOUT;

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (lun_resv_is_ours (r, &found)) {
    r->holder = was_lost && found.key != 0 ? (int) path : LUN_RESV_ANY;
    return true;
  }
  if (found.reserved)
    return lun_resv_refuse_reserved (r, &found, error);
  *again = true;
  return true;
}

static bool
refuse_reserve (LunReservation *r, GError **error)
{
  g_autofree char *why = lun_result_text (&r->last);

  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: RESERVE: %s",
               r->port.ops->device_name (r->port.data), why);
  return false;
}

/* A path that does not answer is given up for another one; a conflict while nobody holds the
 * LUN says that our own key is gone. */
static bool
reserve_again (LunReservation *r, unsigned path, LunResvAnswer answer, GError **error)
{
  LunPrKeys keys = { 0 };

  if (answer == LUN_RESV_LOST) {
    give_up_path (r, path);
    return true;
  }
  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  unsigned n_ours = lun_resv_count_key (&keys, r->config.key);
  g_free (keys.keys);
  return n_ours > 0 || lun_resv_fenced (r, error);
}

bool
lun_resv_reserve (LunReservation *r, GError **error)
{
  for (unsigned tries = 0; tries <= LUN_PATHS_MAX; tries++) {
    bool again = false;
    int path = lun_resv_pick (r);
    if (path < 0)
      return lun_resv_no_path (r, error);
    LunResvAnswer answer =
      lun_resv_out (r, (unsigned) path, LUN_PR_OUT_RESERVE, r->config.key, 0);
    if (answer == LUN_RESV_DONE) {
      r->holder = lun_pr_type_is_all_registrants ((uint8_t) lun_resv_type (r))
                    ? LUN_RESV_ANY
                    : path;
      return true;
    }
    if (answer == LUN_RESV_REFUSED)
      return refuse_reserve (r, error);
    if (!resolve_reserve (r, (unsigned) path, &again, error))
      return false;
    if (!again)
      return true;
    if (!reserve_again (r, (unsigned) path, answer, error))
      return false;
  }
  return lun_resv_no_path (r, error);
}
