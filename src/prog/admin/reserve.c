/* reserve.c - fts-admin reserve: registers and reserves, and leaves it so (Figure 9). */
#include "prog/admin/reservation.h"

static bool
act (FtsResv *resv, GError **error)
{
  return lun_reservation_open (resv->reservation, LUN_RESV_RETAIN, error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  return fts_resv_run (admin, &fts_admin_reserve, argc, argv, act);
}

const FtsCommand fts_admin_reserve = {
  "reserve", "", "reserve a device for this host", run,
  "Fails when another host holds it.  The reservation stays until `release`.\n"
};
