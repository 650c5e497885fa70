/* volume_options.h - options by which every program names its volume and itself.
 *
 *   --volume SPEC   master device, configuration name or file
 *   --device SPEC   a secondary device; may be repeated
 *   --name NAME     this process's member name
 *
 * Owner: the program; a zeroed struct is empty.
 */
#pragma once

#include "volume/config.h"
#include "volume/membership.h"

typedef struct {
  char *volume;
  char **devices;
  char *name;
  char *secret_file; /* from the configuration, unless the program set it before */
} FtsVolumeOptions;

typedef enum {
  FTS_VOLUME_OPTIONS_PLAIN,     /* --volume and --device */
  FTS_VOLUME_OPTIONS_WITH_NAME, /* and --name */
} FtsVolumeOptionsKind;

void fts_volume_options_add (FtsVolumeOptions *options, FtsVolumeOptionsKind kind,
                             GOptionContext *context);
void fts_volume_options_clear (FtsVolumeOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsVolumeOptions, fts_volume_options_clear)

/* What they name; the texts stay theirs. */
FtsVolumeSpec fts_volume_options_spec (const FtsVolumeOptions *options);

/* Opens what the options name; a configuration's `host` becomes options->name where the user
 * gave none.  Errors: CONFIG (no --volume), those of fts_volume_open(). */
FtsVolume *fts_volume_options_open (FtsVolumeOptions *options, bool read_only,
                                    GError **error);
