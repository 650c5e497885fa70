/* clear.c - fts-admin clear: removes every registration and the reservation. */
#include "prog/admin/reservation.h"

#include <stddef.h>

static bool
clear (FtsResv *resv, gboolean force, GError **error)
{
  if (!force) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "this removes the registrations of all hosts, also of those that use "
                 "the device; say --force if that is wanted");
    return false;
  }
  return lun_reservation_register (resv->reservation, error) &&
         lun_reservation_clear (resv->reservation, error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_auto (FtsResv) resv = { 0 };
  gboolean force = FALSE;
  const GOptionEntry entries[] = { { "force", 'f', 0, G_OPTION_ARG_NONE, &force,
                                     "Also when hosts use the device", NULL },
                                   { 0 } };
  g_autoptr (GError) error = NULL;

  if (!fts_resv_open (&resv, admin, &fts_admin_clear, entries, 0, &argc, &argv,
                      &error) ||
      !clear (&resv, force, &error) || !fts_resv_show (&resv, admin, &error))
    return fts_admin_fail (error);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_clear = {
  "clear", "", "remove all registrations and the reservation of a device", run, NULL
};
