/* options.h - the command line of ftsd.
 *
 * Errors: CONFIG, G_OPTION_ERROR.  Owner: main().
 */
#pragma once

#include "prog/common/volume_options.h"

typedef struct {
  FtsVolumeOptions volume;
  char **exports;
  char *config;
  char *secrets;
  char *state_dir;
  char *stats_file;
  char *pid_file;
  int workers;
  int watches;
  int ready_fd;
  gboolean foreground;
  gboolean check_config;
  gboolean version;
} FtsdOptions;

bool ftsd_options_parse (FtsdOptions *options, int *argc, char ***argv, GError **error);
void ftsd_options_clear (FtsdOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsdOptions, ftsd_options_clear)
