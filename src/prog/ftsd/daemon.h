/* daemon.h - the server's life: exports, volume, membership, door; then signals until the end.
 *
 * SIGTERM and SIGINT (in the foreground SIGHUP too) end it: connections are closed, the host
 * entry is freed.  SIGUSR1 writes the counters.  It ends by itself, with an error, when this
 * host is fenced.
 *
 * Threads: main() only; the door and the member have their own.
 */
#pragma once

#include "prog/ftsd/background.h"
#include "prog/ftsd/options.h"

bool ftsd_daemon_run (FtsdOptions *options, FtsdBackground *background, GError **error);
