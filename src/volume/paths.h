/* paths.h - changing the paths of an open volume's devices.
 *
 * A path is known by its name, with its secret or without ("***").  Which of the devices a new path
 * leads to is found out by identity.  Threads: any, one at a time.  Errors: CONFIG (no such path, the
 * last one, there already), LUN_ERROR (IDENTITY: leads to none of the devices; NO_PATH).
 */
#pragma once

#include "volume/volume.h"

bool fts_volume_add_path (FtsVolume *volume, const char *name, GError **error);
/* It carries its last commands first. */
bool fts_volume_remove_path (FtsVolume *volume, const char *name, GError **error);
bool fts_volume_set_path_up (FtsVolume *volume, const char *name, GError **error);
bool fts_volume_set_path_down (FtsVolume *volume, const char *name, GError **error);

typedef struct {
  unsigned added, removed, failed;
  unsigned expected; /* do not answer now, and are tried again */
} FtsPathChanges;

/* Reads the key file that SPEC names again: paths that are new there are added, those that have gone
 * are removed; each that cannot is logged and counted as failed.  One that does not answer is tried
 * again, where it stands beside a path of a device.  Nothing is done for a SPEC that
 * names no file.  Errors: CONFIG (the file). */
bool fts_volume_reload_paths (FtsVolume *volume, const FtsVolumeSpec *spec,
                              FtsPathChanges *changes, GError **error);
