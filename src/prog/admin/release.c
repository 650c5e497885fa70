/* release.c - fts-admin release: releases and unregisters (Figures 12 and 6). */
#include "prog/admin/reservation.h"

static bool
act (FtsResv *resv, GError **error)
{
  return lun_reservation_remove (resv->reservation, error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  return fts_resv_run (admin, &fts_admin_release, argc, argv, act);
}

const FtsCommand fts_admin_release = { "release", "",
                                       "release a device and unregister this host", run,
                                       "Does nothing to what another host holds.\n" };
