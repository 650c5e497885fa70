#include "prog/format/exclusive.h"

#include "volume/identity.h"

struct FtsExclusive {
  unsigned n;
  LunReservation **reservations; /* NULL for a device that needs none */
};

static bool
is_no_orphan (uint64_t key, void *user_data)
{
  return false;
}

static bool
open_device (LunReservation **out, LunDevice *device, bool force, GError **error)
{
  LunReservationConfig config = { .is_orphan = is_no_orphan };
  g_autoptr (GError) why = NULL;

  config.key = lun_resv_key (fts_identity_random (), 0, fts_identity_random ());
  *out = lun_reservation_new (device, &config);
  if (lun_reservation_open (*out, force ? LUN_RESV_FORCED : LUN_RESV_DEFAULT, &why))
    return true;
  if (g_error_matches (why, LUN_ERROR, LUN_ERROR_UNSUPPORTED) &&
      !lun_device_facts (device)->has_pr) {
    g_message ("%s: neither persistent nor SCSI-2 reservations: nothing keeps other "
               "hosts off while it is formatted",
               lun_device_name (device));
    return true;
  }
  g_propagate_error (error, g_steal_pointer (&why));
  if (!force)
    g_prefix_error (error, "the device is in use (--force takes it): ");
  return false;
}

void
fts_exclusive_explain (LunDevice *device, GError **error)
{
  if (device == NULL || !g_error_matches (*error, LUN_ERROR, LUN_ERROR_RESERVED))
    return;
  lun_device_explain_reserved (device, error);
  g_prefix_error (error, "the device is in use (--force takes it): ");
}

FtsExclusive *
fts_exclusive_open (LunDevice *const *devices, unsigned n, bool force, GError **error)
{
  g_autoptr (FtsExclusive) exclusive = g_new0 (FtsExclusive, 1);

  exclusive->n = n;
  exclusive->reservations = g_new0 (LunReservation *, n);
  for (unsigned i = 0; i < n; i++)
    if (!open_device (&exclusive->reservations[i], devices[i], force, error))
      return NULL;
  return g_steal_pointer (&exclusive);
}

void
fts_exclusive_close (FtsExclusive *exclusive)
{
  if (exclusive == NULL)
    return;
  for (unsigned i = 0; i < exclusive->n; i++) {
    g_autoptr (GError) error = NULL;
    LunReservation *reservation = exclusive->reservations[i];
    if (reservation != NULL && !lun_reservation_close (reservation, &error))
      g_warning ("%s", error->message);
    lun_reservation_free (reservation);
  }
  g_free (exclusive->reservations);
  g_free (exclusive);
}
