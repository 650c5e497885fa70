/* main.c - ftsd: serves directories to the hosts that share a volume (ftsd(8)). */
#include "prog/common/program.h"
#include "prog/ftsd/daemon.h"

#include <stdio.h>

int
main (int argc, char **argv)
{
  g_auto (FtsdOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  FtsdBackground background = { .report_fd = -1 };

  argv = fts_program_take_arguments (argc, argv);
  fts_program_start ("ftsd");
  if (!ftsd_options_parse (&options, &argc, &argv, &error))
    return fts_program_usage ("%s", error->message);
  if (options.version) {
    printf ("ftsd %s\n", FTS_VERSION);
    return FTS_EXIT_OK;
  }
  if (options.check_config)
    return ftsd_daemon_check_config (&options, &error) ? FTS_EXIT_OK
                                                       : fts_program_fail (error);
  if (!options.foreground && !ftsd_background_split (&background, &error))
    return fts_program_fail (error);
  if (!ftsd_daemon_run (&options, &background, &error))
    return fts_program_fail (error);
  return FTS_EXIT_OK;
}
