/* fence.c - fts-admin fence: removes one key, and proves that it is gone. */
#include "prog/admin/reservation.h"

#include <stddef.h>

/* PREEMPT has to name the type that is there, for it may move the reservation to us. */
static bool
take_type (FtsResv *resv, bool *was_registered, GError **error)
{
  LunReservationConfig config = { .key = resv->key,
                                  .survives_power_loss = resv->persist };
  LunResvView view;

  if (!lun_reservation_read (resv->reservation, &view, error))
    return false;
  config.type = view.is_reserved ? view.type : (LunPrType) resv->type;
  *was_registered = false;
  for (guint i = 0; i < view.keys->len; i++)
    *was_registered |= g_array_index (view.keys, uint64_t, i) == resv->key;
  lun_resv_view_clear (&view);
  g_clear_pointer (&resv->reservation, lun_reservation_free);
  resv->reservation = lun_reservation_new (resv->device, &config);
  return true;
}

/* What was only for the command goes again; a reservation that is ours now stays. */
static bool
unregister (FtsResv *resv, GError **error)
{
  LunResvView view;

  if (!lun_reservation_read (resv->reservation, &view, error))
    return false;
  bool is_holder = view.is_reserved && view.holder_key == resv->key;
  lun_resv_view_clear (&view);
  return is_holder || lun_reservation_close (resv->reservation, error);
}

static bool
fence (FtsResv *resv, const char *victim_text, GError **error)
{
  uint64_t victim;
  bool was_registered;

  if (victim_text == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "which key is to be removed?");
    return false;
  }
  return fts_resv_parse_key (victim_text, &victim, error) &&
         take_type (resv, &was_registered, error) &&
         lun_reservation_register (resv->reservation, error) &&
         lun_reservation_fence (resv->reservation, victim, error) &&
         (was_registered || unregister (resv, error));
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_auto (FtsResv) resv = { 0 };
  g_autoptr (GError) error = NULL;

  if (!fts_resv_open (&resv, admin, &fts_admin_fence, NULL, 1, &argc, &argv, &error) ||
      !fence (&resv, argv[1], &error) || !fts_resv_show (&resv, admin, &error))
    return fts_admin_fail (error);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_fence = {
  "fence", "KEY ", "remove a host's key from a device, and prove it", run,
  "Registers this host for the time of the command, if need be.  The commands of the other\n"
  "host that are under way are ended; what it alone held is this host's then.\n"
};
