/* daemon.h - the server's life: exports, volume, membership, door; then signals until the end.
 *
 * SIGTERM and SIGINT end it: connections are closed, the host entry is freed.  SIGHUP reads
 * exports and secrets again; what is wrong with them is said and changes nothing.  (In the
 * foreground of a terminal SIGHUP ends it: the terminal is gone.)  SIGUSR1 writes the counters.
 * It ends by itself, with an error, when another host shuts this one out.  After too long a time without
 * a path to the volume it joins again by itself (membership.h): connections end, all else stays.
 *
 * Threads: main() only; the door and the member have their own.
 */
#pragma once

#include "prog/ftsd/background.h"
#include "prog/ftsd/options.h"

/* Prints what OPTIONS would export, a line each; false when something is wrong. */
bool ftsd_daemon_check_config (const FtsdOptions *options, GError **error);
bool ftsd_daemon_run (FtsdOptions *options, FtsdBackground *background, GError **error);
