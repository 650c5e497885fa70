/* life.h - a mount from start to end.
 *
 *   parent                     child
 *   fork, wait on a pipe       open volume, join, connect, mount
 *                              serve; once the root's attributes came through the mount:
 *   exit 0              <----  "live"
 *   print, exit status  <----  or what went wrong, at any step before
 *
 * In the foreground there is no fork and the same steps.  The mount ends by umount or by SIGINT,
 * SIGTERM, SIGHUP.  SIGUSR1 writes the statistics.
 *
 * Signals are blocked in all threads but two: the main one (libfuse's handlers for the ends) and
 * the attendant (SIGUSR1).
 */
#pragma once

#include "base/error.h"
#include "prog/ftsfs/options.h"

/* Runs the mount; the status the program ends with.  Messages go to stderr. */
FtsExit fts_mount_run (FtsMountOptions *options);
