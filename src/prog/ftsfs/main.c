/* ftsfs, mount.fuse.ftsfs - mounts a directory that a peer exports (doc/man/ftsfs.1.rst). */
#include "prog/common/program.h"
#include "prog/ftsfs/life.h"
#include "prog/ftsfs/options.h"

#include <stdio.h>

int
main (int argc, char **argv)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  fts_program_start ("ftsfs");
  if (!fts_mount_options_parse (argc, argv, &options, &error))
    return fts_program_usage ("%s", error->message);
  if (options.help) {
    fputs (fts_mount_usage, stdout);
    return FTS_EXIT_OK;
  }
  if (options.version) {
    puts ("ftsfs " FTS_VERSION);
    return FTS_EXIT_OK;
  }
  return fts_mount_run (&options);
}
