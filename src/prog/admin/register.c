/* register.c - fts-admin register: all paths under one key (Figure 5). */
#include "prog/admin/reservation.h"

static bool
act (FtsResv *resv, GError **error)
{
  return lun_reservation_register (resv->reservation, error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  return fts_resv_run (admin, &fts_admin_register, argc, argv, act);
}

const FtsCommand fts_admin_register = { "register", "",
                                        "register all paths of this host on a device",
                                        run, "Nothing is reserved.\n" };
