/* takeover.c - fts-admin takeover: breaks another host's reservation (Figure 8). */
#include "prog/admin/reservation.h"

static bool
act (FtsResv *resv, GError **error)
{
  return lun_reservation_open (resv->reservation, LUN_RESV_FORCED, error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  return fts_resv_run (admin, &fts_admin_takeover, argc, argv, act);
}

const FtsCommand fts_admin_takeover = {
  "takeover", "", "reserve a device, by force if another host holds it", run,
  "The other host is shut out, and its commands under way are ended.\n"
};
