/* config.h - a volume's key file, and the devices a user's words stand for.
 *
 * /etc/ftsfs/volumes/NAME.conf, or any path that ends in .conf:
 *
 *   [volume]
 *   name=backup             must be the volume's own name when given
 *   host=alpha              this host's member name
 *   policy=service-time     path choice
 *   secret-file=/etc/ftsfs/secret
 *   [device 1]              the master; [device 2]... the secondary devices
 *   paths=file:/a.img?path=1;file:/a.img?path=2
 *
 * Errors: FTS_ERROR_CONFIG; each names file, group and key.  Owner: the caller.
 */
#pragma once

#include "volume/volume.h"

typedef struct {
  char *file;        /* the key file; NULL when the user named the devices */
  char *name;        /* NULL where not given, as all texts here */
  char *host;        /* member name */
  char *policy;      /* path choice, for every device */
  char *secret_file; /* for programs that need one */
  GPtrArray
    *devices; /* of char **: path names of each device; the first is the master */
} FtsVolumeConfig;

/* Reads the key file that spec->volume names, or takes the devices from SPEC itself. */
FtsVolumeConfig *fts_volume_config_load (const FtsVolumeSpec *spec, GError **error);
/* SPEC with every file's name complete, for a program that leaves its directory. */
void fts_volume_spec_complete (const FtsVolumeSpec *spec, FtsVolumeSpec *out);
void fts_volume_spec_clear (FtsVolumeSpec *spec);

void fts_volume_config_free (FtsVolumeConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsVolumeConfig, fts_volume_config_free)
