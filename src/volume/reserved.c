#include "volume/reserved.h"

#include <lunpath/reservation.h>

static bool
is_reserved (GError **error)
{
  return error != NULL && g_error_matches (*error, LUN_ERROR, LUN_ERROR_RESERVED);
}

static void
advise (const LunDevice *device, GError **error)
{
  g_autofree char *message = g_strdup_printf (
    "%s; let it release the device, or shut it out by `fts-admin --device "
    "'%s' takeover` and then `release`",
    (*error)->message, lun_device_name (device));
  g_clear_error (error);
  g_set_error_literal (error, LUN_ERROR, LUN_ERROR_RESERVED, message);
}

bool
fts_reserved_explain (LunDevice *device, char *const *paths, GError **error)
{
  LunDeviceConfig config = { .paths = (const char *const *) paths,
                             .read_only = true,
                             .may_lack_size = true };
  g_autoptr (LunDevice) opened = NULL;

  if (!is_reserved (error))
    return false;
  if (device == NULL)
    device = opened = lun_device_open (&config, NULL);
  if (device == NULL || !lun_device_explain_reserved (device, error))
    return false;
  advise (device, error);
  return true;
}
