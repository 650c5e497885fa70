/* path/window.h - how many commands a path may have under way after the LUN said TASK SET FULL.
 *
 * The LUN's task set is shared with other paths and other hosts, so nobody can tell its size.  As with
 * congestion windows: at TASK SET FULL the window shrinks to what was under way beside the command that
 * was refused (at least 1), then it grows by one each time as many commands as it is wide, times
 * LUN_WINDOW_CALM, have ended well, until it is as wide as the queue depth and forgotten.
 */
#pragma once

#include "path/device.h"

#define LUN_WINDOW_CALM 4

/* A command ended with RESULT and is not in path->in_flight any more.  Under path->lock. */
void lun_window_heed (LunPath *path, const LunResult *result);
