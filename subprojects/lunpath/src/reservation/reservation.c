/* reservation/reservation.c - the public face: dispatch of the open options (Figure 7), and the
 * calls of the life of an open reservation. */
#include "reservation/reservation.h"

#include "base/lock.h"

#include <string.h>

LunReservation *
lun_reservation_new_over (const LunResvPort *port, const LunReservationConfig *config)
{
  LunReservation *r = g_new0 (LunReservation, 1);

  g_assert (config->key != 0);
  r->port = *port;
  r->config = *config;
  r->local_lock = -1;
  r->holder = LUN_RESV_NOBODY;
  lun_rivals_init (&r->siblings);
  pthread_mutex_init (&r->lock, NULL);
  return r;
}

LunReservation *
lun_reservation_new (LunDevice *device, const LunReservationConfig *config)
{
  LunResvPort port = lun_resv_port_of_device (device);

  LunReservation *r = lun_reservation_new_over (&port, config);
  r->keeper = lun_resv_keeper_new (r, device);
  r->device = device;
  lun_resv_guard_paths (r, device);
  return r;
}

void
lun_reservation_free (LunReservation *reservation)
{
  if (!reservation)
    return;
  if (reservation->device)
    lun_resv_unguard_paths (reservation->device);
  lun_resv_keeper_free (reservation->keeper);
  lun_resv_local_unlock (reservation);
  if (reservation->holds_data)
    reservation->port.ops->resume (reservation->port.data);
  if (reservation->port.free)
    reservation->port.free (reservation->port.data);
  lun_rivals_clear (&reservation->siblings);
  pthread_mutex_destroy (&reservation->lock);
  g_free (reservation);
}

LunResvState
lun_reservation_state (LunReservation *reservation)
{
  LUN_LOCKED (&reservation->lock);
  return reservation->state;
}

/* ---- Figure 7 ---- */

static bool
run_option (LunReservation *r, GError **error)
{
  switch (r->option) {
  case LUN_RESV_DEFAULT:
  case LUN_RESV_SINGLE:
    return lun_resv_open_default (r, error);
  case LUN_RESV_FORCED:
    return lun_resv_open_forced (r, error);
  case LUN_RESV_RETAIN:
    return lun_resv_open_retain (r, error);
  case LUN_RESV_NO_RESERVE:
    return lun_resv_open_no_reserve (r, error);
  case LUN_RESV_SHARED:
    return lun_resv_open_shared (r, error);
  }
  g_assert_not_reached ();
}

/* A failed open leaves nothing of ours: a registered path of a host that may not use the LUN could
 * write under types 5 to 8. */
static bool
undo (LunReservation *r)
{
  if (r->state != LUN_RESV_FENCED) {
    r->holder = LUN_RESV_NOBODY;
    lun_resv_unregister_all (r);
    lun_resv_event (r, LUN_RESV_ON_REFUSED);
  }
  lun_resv_local_unlock (r);
  return false;
}

static bool
open_as (LunReservation *r, LunResvOption option, GError **error)
{
  g_autoptr (GError) why = NULL;

  LUN_LOCKED (&r->lock);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  r->option = option;
  r->retain = false;
  r->holder = LUN_RESV_NOBODY;
  if (!lun_resv_local_lock (r, error))
    return false;
  lun_resv_event (r, LUN_RESV_ON_OPEN);
  bool ok = run_option (r, &why);
  if (!ok && g_error_matches (why, LUN_ERROR, LUN_ERROR_UNSUPPORTED) &&
      lun_resv_is_unknown_command (r)) {
    g_clear_error (&why);
    ok = lun_resv_compat_open (r, &why);
  }
  r->saw_reset = r->saw_preempted = r->saw_power_on =
    false; /* all that was read is newer */
  if (ok)
    return true;
  g_propagate_error (error, g_steal_pointer (&why));
  return undo (r);
}

/* Some targets tell the size of a reserved LUN to registered paths only.  Without the lock: what the
 * device finds out by reading may cast doubt on the reservation, which the keeper sees to. */
static void
learn_size (LunReservation *r)
{
  g_autoptr (GError) error = NULL;

  if (r->device && !lun_device_learn_size (r->device, &error))
    g_info ("%s", error->message);
}

bool
lun_reservation_open (LunReservation *r, LunResvOption option, GError **error)
{
  bool ok = open_as (r, option, error);

  if (ok)
    learn_size (r);
  else if (r->device)
    lun_resv_explain (r, error);
  return ok;
}

bool
lun_reservation_register (LunReservation *r, GError **error)
{
  LunPrKeys keys;

  LUN_LOCKED (&r->lock);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  r->option = LUN_RESV_NO_RESERVE;
  lun_resv_event (r, LUN_RESV_ON_OPEN);
  if (!lun_resv_register_all (r, error) || !lun_resv_look_keys (r, &keys, error))
    return undo (r);
  g_free (keys.keys);
  lun_resv_event (r, LUN_RESV_ON_REGISTERED);
  return true;
}

static bool
close_locked (LunReservation *r, GError **error)
{
  if (r->state == LUN_RESV_FENCED || r->state == LUN_RESV_NONE)
    return true;
  bool ok = r->state == LUN_RESV_COMPAT ? lun_resv_compat_close (r, error)
                                        : lun_resv_close (r, error);
  lun_resv_event (r, LUN_RESV_ON_CLOSED);
  lun_resv_local_unlock (r);
  return ok;
}

bool
lun_reservation_close (LunReservation *r, GError **error)
{
  LUN_LOCKED (&r->lock);
  return close_locked (r, error);
}

/* ---- Figure 6 ----
 *   1. The reserved flag names a path: the reservation was retained at close.
 *   2. It is released over the path that made it.
 *   3. Every registered path is unregistered.
 * An earlier process may have retained it: the paths are registered under its key again, which
 * changes nothing on the LUN, and what is found there is released. */
bool
lun_reservation_remove (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  LUN_LOCKED (&r->lock);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  r->retain = false;
  if (r->state == LUN_RESV_COMPAT)
    return close_locked (r, error);
  r->option = LUN_RESV_NO_RESERVE;
  if (r->state == LUN_RESV_NONE) {
    lun_resv_event (r, LUN_RESV_ON_OPEN);
    if (!lun_resv_register_all (r, error))
      return undo (r);
    lun_resv_event (r, LUN_RESV_ON_REGISTERED);
  }
  if (!lun_resv_look_reservation (r, &found, error))
    return undo (r);
  if (found.reserved && found.key == r->config.key) {
    r->config.type = (LunPrType) found.type; /* RELEASE has to name it */
    if (r->holder == LUN_RESV_NOBODY)
      r->holder = LUN_RESV_ANY;
  }
  return close_locked (r, error);
}

/* ---- while open ---- */

static int
find_path (const LunReservation *r, const char *name)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n; i++)
    if (g_str_equal (r->port.ops->path_name (r->port.data, i), name))
      return (int) i;
  return -1;
}

static bool
refuse_path (const LunReservation *r, const char *name, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: there is no path \"%s\"",
               r->port.ops->device_name (r->port.data), name);
  return false;
}

static bool
is_in_charge (const LunReservation *r)
{
  return r->state == LUN_RESV_REGISTERED || r->state == LUN_RESV_HELD ||
         r->state == LUN_RESV_MOVING || r->state == LUN_RESV_CHECKING;
}

static bool
settle_after_up (LunReservation *r, GError **error)
{
  if (r->state == LUN_RESV_MOVING)
    return lun_resv_move (r, error);
  if (r->state == LUN_RESV_CHECKING)
    return lun_resv_check (r, error);
  return true;
}

bool
lun_resv_path_up (LunReservation *r, unsigned path, GError **error)
{
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  if (r->state == LUN_RESV_COMPAT && (int) path != r->holder) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
                 "SCSI-2 RESERVE allows one path only");
    return false;
  }
  if (!is_in_charge (r))
    return true;
  r->paths[path].dead = false;
  r->paths[path].registered = false;
  return lun_resv_rejoin (r, path, error) && settle_after_up (r, error);
}

bool
lun_reservation_path_up (LunReservation *r, const char *path, GError **error)
{
  LUN_LOCKED (&r->lock);
  int index = find_path (r, path);

  if (index < 0)
    return refuse_path (r, path, error);
  return lun_resv_path_up (r, (unsigned) index, error);
}

/* A holder that is known only to be one of ours is asked for: with the dead path it may be gone. */
static bool
may_be_holder (LunReservation *r, int index)
{
  return !lun_pr_type_is_all_registrants ((uint8_t) lun_resv_type (r)) &&
         (r->holder == index || r->holder == LUN_RESV_ANY);
}

bool
lun_reservation_path_down (LunReservation *r, const char *path, GError **error)
{
  LUN_LOCKED (&r->lock);
  int index = find_path (r, path);

  if (index < 0)
    return refuse_path (r, path, error);
  if (!is_in_charge (r))
    return true;
  lun_resv_lose_path (r, (unsigned) index);
  if (r->state == LUN_RESV_HELD && may_be_holder (r, index))
    return lun_resv_move (r, error);
  return true;
}

bool
lun_reservation_remove_path (LunReservation *r, const char *path, GError **error)
{
  LUN_LOCKED (&r->lock);
  int index = find_path (r, path);

  if (index < 0)
    return refuse_path (r, path, error);
  return !is_in_charge (r) || lun_resv_remove_path (r, (unsigned) index, error);
}

bool
lun_resv_let_path_go (LunReservation *r, unsigned path, GError **error)
{
  LUN_LOCKED (&r->lock);
  return !is_in_charge (r) || lun_resv_remove_path (r, path, error);
}

bool
lun_reservation_check (LunReservation *r, GError **error)
{
  LUN_LOCKED (&r->lock);
  return lun_resv_check (r, error);
}

static bool
refuse_unregistered (const LunReservation *r, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "%s: no path is registered; register first",
               r->port.ops->device_name (r->port.data));
  return false;
}

static bool
take_over (LunReservation *r, GError **error)
{
  bool held = false;

  LUN_LOCKED (&r->lock);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  if (r->state != LUN_RESV_REGISTERED && r->state != LUN_RESV_HELD)
    return refuse_unregistered (r, error);
  if (!lun_resv_join (r, &held, error))
    return false;
  lun_resv_event (r, held ? LUN_RESV_ON_RESERVED : LUN_RESV_ON_REGISTERED);
  return true;
}

bool
lun_reservation_takeover (LunReservation *r, GError **error)
{
  bool ok = take_over (r, error);

  if (ok)
    learn_size (r);
  return ok;
}

/* After the victim is gone: types 5 and 6 gave us what he held. */
static bool
settle_after_fence (LunReservation *r, GError **error)
{
  LunPrReservation found = { 0 };

  if (!lun_resv_look_reservation (r, &found, error))
    return false;
  if (!lun_resv_is_ours (r, &found))
    return true;
  if (r->holder == LUN_RESV_NOBODY)
    r->holder = LUN_RESV_ANY;
  lun_resv_event (r, LUN_RESV_ON_RESERVED);
  return true;
}

bool
lun_reservation_fence (LunReservation *r, uint64_t victim, GError **error)
{
  LUN_LOCKED (&r->lock);
  if (r->state == LUN_RESV_FENCED)
    return lun_resv_fenced (r, error);
  if (r->state != LUN_RESV_REGISTERED && r->state != LUN_RESV_HELD)
    return refuse_unregistered (r, error);
  if (victim == 0 || victim == r->config.key) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "key 0x%016" G_GINT64_MODIFIER "x %s", victim,
                 victim == 0 ? "is no key" : "is our own");
    return false;
  }
  return lun_resv_preempt (r, victim, error) && settle_after_fence (r, error);
}

/* A lost answer: what is there shows whether it is sent again, over another path. */
static bool
try_clear (LunReservation *r, unsigned *n_left, GError **error)
{
  LunPrKeys keys = { 0 };
  int path = lun_resv_pick (r);

  if (path < 0)
    return refuse_unregistered (r, error);
  if (lun_resv_out (r, (unsigned) path, LUN_PR_OUT_CLEAR, r->config.key, 0) ==
      LUN_RESV_LOST)
    lun_resv_lose_path (r, (unsigned) path);
  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  g_free (keys.keys);
  *n_left = keys.n_total;
  return true;
}

bool
lun_reservation_clear (LunReservation *r, GError **error)
{
  unsigned n_left = 1;

  LUN_LOCKED (&r->lock);
  for (int tries = 0; n_left > 0 && tries < 2; tries++)
    if (!try_clear (r, &n_left, error))
      return false;
  if (n_left > 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO,
                 "%s: %u registrations are left after CLEAR",
                 r->port.ops->device_name (r->port.data), n_left);
    return false;
  }
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    r->paths[i].registered = false;
  r->holder = LUN_RESV_NOBODY;
  lun_resv_event (r, LUN_RESV_ON_CLOSED);
  lun_resv_local_unlock (r);
  return true;
}

/* ---- the keeper's round ---- */

static bool
is_members_only (LunReservation *r)
{
  return r->option == LUN_RESV_SHARED && r->state == LUN_RESV_REGISTERED;
}

static void
look_after_path (LunReservation *r, unsigned path)
{
  bool is_usable = r->port.ops->is_usable (r->port.data, path);
  LunResvPath *mine = &r->paths[path];
  g_autoptr (GError) error = NULL;
  bool ok = true;

  if (mine->registered && !is_usable) {
    lun_resv_lose_path (r, path);
    if (r->state == LUN_RESV_HELD && may_be_holder (r, (int) path))
      ok = lun_resv_move (r, &error);
  } else if (!mine->registered && is_usable) {
    mine->dead = false;
    ok = lun_resv_rejoin (r, path, &error) && settle_after_up (r, &error);
  }
  if (!ok)
    g_info ("%s", error ? error->message : "a path could not be registered");
}

void
lun_resv_look_after (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  bool held = false;

  for (unsigned i = 0; i < n && is_in_charge (r); i++)
    look_after_path (r, i);
  if (is_members_only (r) && lun_resv_join (r, &held, NULL) && held)
    lun_resv_event (r, LUN_RESV_ON_RESERVED);
  if (r->state == LUN_RESV_CHECKING || r->state == LUN_RESV_MOVING)
    lun_resv_check (r, NULL);
  else if (is_in_charge (r))
    lun_resv_take_back_flags (r);
}

/* ---- what is on the LUN ---- */

static void
clear_registration (gpointer data)
{
  LunResvRegistration *registration = data;

  g_free (registration->port);
}

/* READ FULL STATUS is optional: any path that can be asked, no answer is no error. */
static GArray *
read_full_status (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  g_autofree uint8_t *data = g_malloc (UINT16_MAX);
  LunPrFullStatus status = { 0 };
  LunResvAnswer answer = LUN_RESV_LOST;
  size_t got = 0;

  for (unsigned i = 0; i < n && answer == LUN_RESV_LOST; i++)
    if (r->port.ops->is_usable (r->port.data, i))
      answer = lun_resv_in (r, i, LUN_PR_IN_READ_FULL_STATUS, data, UINT16_MAX, &got);
  if (answer != LUN_RESV_DONE || !lun_pr_full_status_decode (data, got, &status))
    return NULL;
  GArray *out = g_array_new (FALSE, TRUE, sizeof (LunResvRegistration));
  g_array_set_clear_func (out, clear_registration);
  for (guint i = 0; i < status.registrations->len; i++) {
    LunPrStatus *from = &g_array_index (status.registrations, LunPrStatus, i);
    LunResvRegistration to = { .key = from->key,
                               .is_holder = from->holder,
                               .relative_port = from->relative_port,
                               .port = g_steal_pointer (&from->port) };
    g_array_append_val (out, to);
  }
  lun_pr_full_status_clear (&status);
  return out;
}

bool
lun_reservation_read (LunReservation *r, LunResvView *out, GError **error)
{
  LunPrReservation found = { 0 };
  LunPrKeys keys;

  LUN_LOCKED (&r->lock);
  memset (out, 0, sizeof *out);
  if (!lun_resv_look_keys (r, &keys, error))
    return false;
  if (!lun_resv_look_reservation (r, &found, error)) {
    g_free (keys.keys);
    return false;
  }
  out->generation = keys.generation;
  out->keys = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  g_array_append_vals (out->keys, keys.keys, keys.n_keys);
  g_free (keys.keys);
  out->is_reserved = found.reserved;
  out->holder_key = found.key;
  out->type = (LunPrType) found.type;
  out->registrations = read_full_status (r);
  return true;
}

void
lun_resv_view_clear (LunResvView *view)
{
  g_clear_pointer (&view->keys, g_array_unref);
  g_clear_pointer (&view->registrations, g_array_unref);
}
