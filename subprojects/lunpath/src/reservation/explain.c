/* reservation/explain.c - who has the LUN, in words.
 *
 * An error RESERVED comes of a conflict, which says no more.  What is on the LUN says who it is: key
 * and type by READ RESERVATION, the holder's initiator ports by READ FULL STATUS where the target has
 * that.  Nothing is changed on the LUN.
 */
#include "reservation/reservation.h"

const char *
lun_pr_type_name (LunPrType type)
{
  switch (type) {
  case LUN_PR_WRITE_EXCLUSIVE:
    return "write exclusive";
  case LUN_PR_EXCLUSIVE_ACCESS:
    return "exclusive access";
  case LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS:
    return "write exclusive, registrants only";
  case LUN_PR_EXCLUSIVE_ACCESS_REGISTRANTS:
    return "exclusive access, registrants only";
  case LUN_PR_WRITE_EXCLUSIVE_ALL:
    return "write exclusive, all registrants";
  case LUN_PR_EXCLUSIVE_ACCESS_ALL:
    return "exclusive access, all registrants";
  }
  return "unknown";
}

static bool
is_new (const GArray *keys, guint i)
{
  for (guint j = 0; j < i; j++)
    if (g_array_index (keys, uint64_t, j) == g_array_index (keys, uint64_t, i))
      return false;
  return true;
}

static void
add_keys (GString *text, const LunResvView *view)
{
  const char *separator = ", keys ";

  for (guint i = 0; i < view->keys->len; i++) {
    if (!is_new (view->keys, i))
      continue;
    g_string_append_printf (text, "%s0x%016" G_GINT64_MODIFIER "x", separator,
                            g_array_index (view->keys, uint64_t, i));
    separator = ", ";
  }
}

static void
add_ports (GString *text, const LunResvView *view)
{
  const char *separator = ", port ";

  for (guint i = 0; view->registrations && i < view->registrations->len; i++) {
    const LunResvRegistration *one =
      &g_array_index (view->registrations, LunResvRegistration, i);
    if (!one->is_holder)
      continue;
    g_string_append_printf (text, "%s%s", separator, one->port);
    separator = ", ";
  }
}

char *
lun_resv_view_describe (const LunResvView *view)
{
  GString *text = g_string_new (NULL);

  if (view->holder_key == 0) {
    g_string_printf (text, "other hosts (type %u: %s", view->type,
                     lun_pr_type_name (view->type));
    add_keys (text, view);
  } else {
    g_string_printf (text,
                     "another host (key 0x%016" G_GINT64_MODIFIER "x, type %u: %s",
                     view->holder_key, view->type, lun_pr_type_name (view->type));
  }
  add_ports (text, view);
  g_string_append_c (text, ')');
  return g_string_free (text, FALSE);
}

/* Under RESERVE(6) of another host nothing can be read, where it can be at all. */
static char *
describe_scsi_2 (const LunReservation *r)
{
  bool has_it = r->last.outcome == LUN_OUTCOME_RESERVATION_CONFLICT ||
                lun_resv_is_unknown_command (r);

  return has_it ? g_strdup ("another host holds it with SCSI-2 RESERVE") : NULL;
}

/* NULL: nobody, or we. */
static char *
describe (LunReservation *r)
{
  g_autofree char *who = NULL;
  LunResvView view;

  if (!lun_reservation_read (r, &view, NULL))
    return describe_scsi_2 (r);
  if (view.is_reserved && view.holder_key != r->config.key)
    who = lun_resv_view_describe (&view);
  lun_resv_view_clear (&view);
  return who ? g_strdup_printf ("reserved by %s", who) : NULL;
}

bool
lun_resv_explain (LunReservation *r, GError **error)
{
  if (!error || !g_error_matches (*error, LUN_ERROR, LUN_ERROR_RESERVED))
    return false;
  g_autofree char *what = describe (r);
  if (!what)
    return false;
  g_clear_error (error);
  g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED, "%s: %s",
               r->port.ops->device_name (r->port.data), what);
  return true;
}

bool
lun_device_explain_reserved (LunDevice *device, GError **error)
{
  LunReservationConfig config = { .key = 1 };

  if (!error || !g_error_matches (*error, LUN_ERROR, LUN_ERROR_RESERVED))
    return false;
  g_autoptr (LunReservation) r = lun_reservation_new (device, &config);
  return lun_resv_explain (r, error);
}
