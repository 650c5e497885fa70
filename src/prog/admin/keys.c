/* keys.c - fts-admin keys: registrations and reservation of a device. */
#include "prog/admin/reservation.h"

static bool
act (FtsResv *resv, GError **error)
{
  return true;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  return fts_resv_run (admin, &fts_admin_keys, argc, argv, act);
}

const FtsCommand fts_admin_keys = { "keys", "",
                                    "registrations and reservation of a device", run,
                                    "Changes nothing.\n" };
