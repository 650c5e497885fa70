/* background.h - a daemon whose caller learns whether it works.
 *
 * The calling process stays until the daemon says ready or ends, and passes its exit status on.
 * The daemon writes its messages to the caller's stderr until then and to syslog afterwards.
 *
 * Threads: before any other is started (split); any (ready).
 */
#pragma once

#include "base/error.h"

typedef struct {
  int report_fd; /* the caller waits at the other end; -1 in the foreground */
} FtsdBackground;

/* Returns in the daemon alone; the caller waits and exits in here. */
bool ftsd_background_split (FtsdBackground *background, GError **error);
/* The daemon works: lets the caller go and leaves its terminal. */
void ftsd_background_ready (FtsdBackground *background);
