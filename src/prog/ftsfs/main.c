/* ftsfs, mount.fuse.ftsfs - mounts a directory that a peer exports (doc/man/ftsfs.1.rst). */
#include "prog/common/program.h"
#include "prog/ftsfs/life.h"
#include "prog/ftsfs/options.h"

#include <malloc.h>
#include <stdio.h>

/* What mount(8) knows: 1 wrong call, 32 failed. */
static int
status_for (const FtsMountOptions *options, FtsExit status)
{
  if (!options->is_helper || status == FTS_EXIT_OK)
    return (int) status;
  return status == FTS_EXIT_USAGE ? 1 : 32;
}

/* One heap for all workers, which keeps what it has: with one for each, as glibc would have it, all
 * of them grow and shrink by single pages, a quarter of the time that a listing takes here. */
static void
keep_memory (void)
{
  mallopt (M_ARENA_MAX, 1);
  mallopt (M_TOP_PAD, 1 << 20);
  mallopt (M_TRIM_THRESHOLD, 16 << 20);
  mallopt (M_MMAP_THRESHOLD, 1 << 20);
}

int
main (int argc, char **argv)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  keep_memory ();
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
