/* ftsfs, mount.fuse.ftsfs - mounts a directory that a peer exports (doc/man/ftsfs.1.rst). */
#include "prog/common/program.h"
#include "prog/ftsfs/life.h"
#include "prog/ftsfs/options.h"

#include <stdio.h>

/* What mount(8) knows: 1 wrong call, 32 failed. */
static int
status_for (const FtsMountOptions *options, FtsExit status)
{
  if (!options->is_helper || status == FTS_EXIT_OK)
    return (int) status;
  return status == FTS_EXIT_USAGE ? 1 : 32;
}

int
main (int argc, char **argv)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  argv = fts_program_take_arguments (argc, argv);
  fts_program_start ("ftsfs");
  if (!fts_mount_options_parse (argc, argv, &options, &error))
    return status_for (&options, fts_program_usage ("%s", error->message));
  if (options.help) {
    fputs (fts_mount_usage, stdout);
    return FTS_EXIT_OK;
  }
  if (options.version) {
    puts ("ftsfs " FTS_VERSION);
    return FTS_EXIT_OK;
  }
  return status_for (&options, fts_mount_run (&options));
}
