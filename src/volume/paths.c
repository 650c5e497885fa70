#include "volume/paths.h"

#include "base/error.h"
#include "volume/config.h"

#include <lunpath/paths.h>
#include <lunpath/transport.h>

#include <string.h>

/* ---- one path ---- */

static bool
has_path (LunDevice *device, const char *masked)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  bool found = false;

  for (unsigned i = 0; i < n_paths; i++)
    found |= strcmp (infos[i].name, masked) == 0;
  lun_path_infos_free (infos, n_paths);
  return found;
}

static LunDevice *
device_with (FtsVolume *volume, const char *name, GError **error)
{
  g_autofree char *masked = lun_path_name_mask (name);

  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    if (has_path (fts_volume_device (volume, i), masked))
      return fts_volume_device (volume, i);
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "no device of volume \"%s\" has a path \"%s\"",
               fts_volume_mcb (volume)->volume_name, masked);
  return NULL;
}

bool
fts_volume_add_path (FtsVolume *volume, const char *name, GError **error)
{
  g_autofree char *masked = lun_path_name_mask (name);

  if (device_with (volume, name, NULL) != NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "there is a path \"%s\" already",
                 masked);
    return false;
  }
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++) {
    g_autoptr (GError) why = NULL;
    if (lun_device_add_path (fts_volume_device (volume, i), name, &why))
      return true;
    bool is_last = i + 1 == fts_volume_n_devices (volume);
    if (is_last || !g_error_matches (why, LUN_ERROR, LUN_ERROR_IDENTITY)) {
      g_propagate_error (error, g_steal_pointer (&why));
      return false;
    }
  }
  return false;
}

bool
fts_volume_remove_path (FtsVolume *volume, const char *name, GError **error)
{
  LunDevice *device = device_with (volume, name, error);

  return device != NULL && lun_device_remove_path (device, name, error);
}

bool
fts_volume_set_path_up (FtsVolume *volume, const char *name, GError **error)
{
  LunDevice *device = device_with (volume, name, error);

  return device != NULL && lun_device_set_path_up (device, name, error);
}

bool
fts_volume_set_path_down (FtsVolume *volume, const char *name, GError **error)
{
  LunDevice *device = device_with (volume, name, error);

  return device != NULL && lun_device_set_path_down (device, name, error);
}

/* ---- all that a key file says ---- */

static GPtrArray *
wanted_names (const FtsVolumeConfig *config)
{
  GPtrArray *names = g_ptr_array_new ();

  for (unsigned i = 0; i < config->devices->len; i++)
    for (char **path = g_ptr_array_index (config->devices, i); *path != NULL; path++)
      if ((*path)[0] != '?') /* options of the device */
        g_ptr_array_add (names, *path);
  return names;
}

static bool
is_wanted (const GPtrArray *names, const char *masked)
{
  for (unsigned i = 0; i < names->len; i++) {
    g_autofree char *name = lun_path_name_mask (g_ptr_array_index (names, i));
    if (strcmp (name, masked) == 0)
      return true;
  }
  return false;
}

static bool
is_silent (const GError *why)
{
  return g_error_matches (why, LUN_ERROR, LUN_ERROR_NO_PATH) ||
         g_error_matches (why, LUN_ERROR, LUN_ERROR_TIMEOUT) ||
         g_error_matches (why, LUN_ERROR, LUN_ERROR_IO);
}

/* The device that has one of the paths of GROUP, or NULL. */
static LunDevice *
device_of (FtsVolume *volume, char *const *group)
{
  for (; *group != NULL; group++) {
    LunDevice *device = device_with (volume, *group, NULL);
    if (device != NULL)
      return device;
  }
  return NULL;
}

static void
add_one (FtsVolume *volume, char *const *group, const char *name,
         FtsPathChanges *changes)
{
  g_autoptr (GError) why = NULL;

  if (fts_volume_add_path (volume, name, &why)) {
    changes->added++;
    return;
  }
  LunDevice *device = is_silent (why) ? device_of (volume, group) : NULL;
  if (device != NULL && lun_device_expect_path (device, name, why, NULL)) {
    changes->expected++;
    return;
  }
  g_warning ("%s", why->message);
  changes->failed++;
}

static void
add_new (FtsVolume *volume, const FtsVolumeConfig *config, FtsPathChanges *changes)
{
  for (unsigned i = 0; i < config->devices->len; i++) {
    char *const *group = g_ptr_array_index (config->devices, i);
    for (char *const *path = group; *path != NULL; path++)
      if ((*path)[0] != '?' && device_with (volume, *path, NULL) == NULL)
        add_one (volume, group, *path, changes);
  }
}

static void
remove_gone (LunDevice *device, const GPtrArray *names, FtsPathChanges *changes)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  for (unsigned i = 0; i < n_paths; i++) {
    g_autoptr (GError) why = NULL;
    if (is_wanted (names, infos[i].name))
      continue;
    if (lun_device_remove_path (device, infos[i].name, &why)) {
      changes->removed++;
      continue;
    }
    g_warning ("%s", why->message);
    changes->failed++;
  }
  lun_path_infos_free (infos, n_paths);
}

bool
fts_volume_reload_paths (FtsVolume *volume, const FtsVolumeSpec *spec,
                         FtsPathChanges *changes, GError **error)
{
  g_autoptr (FtsVolumeConfig) config = fts_volume_config_load (spec, error);

  *changes = (FtsPathChanges){ 0 };
  if (config == NULL || config->file == NULL)
    return config != NULL;
  g_autoptr (GPtrArray) names = wanted_names (config);
  add_new (volume, config, changes);
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    remove_gone (fts_volume_device (volume, i), names, changes);
  return true;
}
