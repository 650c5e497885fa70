/* lunpath/paths.h - the single paths of a device: what they do, and changing them while in use.
 *
 * All calls from any thread.  A path is named by its path name, as it was given.
 */
#pragma once

#include <lunpath/device.h>

/* What each state means and how it is left: src/path/state.h. */
typedef enum {
  LUN_PATH_UNKNOWN,
  LUN_PATH_UP,
  LUN_PATH_STANDBY,
  LUN_PATH_SUSPECT,
  LUN_PATH_DOWN,
  LUN_PATH_OFF,
  LUN_PATH_REFUSED,
  LUN_PATH_REMOVED,
} LunPathState;

#define LUN_PATH_N_STATES (LUN_PATH_REMOVED + 1)

/* "up", "standby", ... */
const char *lun_path_state_name (LunPathState state);

/* ---- the guard ----
 * Called when a path was found to be good and before it carries data: registers the path with a
 * reservation, and verifies it.  Not called for the paths that a device is opened with.  On a
 * thread of the path: commands through lun_guard_cdb() only, never through the device.  False
 * with GError leaves the path down; it is asked again at the next check. */
typedef bool (*LunPathGuard) (LunDevice *device, LunPath *path, void *user_data,
                              GError **error);

/* NULL: no guard.  A guard that runs at the time may still run when this returns. */
void lun_device_set_guard (LunDevice *device, LunPathGuard guard, void *user_data);

/* A command on the guarded PATH, within guard only. */
LunResult lun_guard_cdb (LunPath *path, const uint8_t *cdb, size_t cdb_len,
                         LunDirection dir, void *data, size_t len);
const char *lun_guard_path_name (const LunPath *path);
