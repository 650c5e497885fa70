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

/* Called when a path that is removed has carried its last command, and before it is closed, on the
 * thread that removes it: takes back what the guard did.  Commands over PATH through
 * lun_guard_cdb(), over the others through the device. */
typedef void (*LunPathFarewell) (LunDevice *device, LunPath *path, void *user_data);

void lun_device_set_farewell (LunDevice *device, LunPathFarewell farewell,
                              void *user_data);

/* A command on the guarded or leaving PATH, within guard and farewell only. */
LunResult lun_guard_cdb (LunPath *path, const uint8_t *cdb, size_t cdb_len,
                         LunDirection dir, void *data, size_t len);
const char *lun_guard_path_name (const LunPath *path);

/* ---- what there is ---- */

/* Bucket i of a histogram: how many took less than 2^i and not less than 2^(i-1) microseconds; the
 * last one has all that took longer. */
#define LUN_PATH_BUCKETS 25

typedef struct {
  char *name;
  LunPathState state;
  char *reason;      /* of the last change of state */
  char *method;      /* how its blocks go, where there are several ways; or NULL */
  int64_t since_us;  /* when that was (g_get_monotonic_time()) */
  bool is_preferred; /* its target port group is optimised, or there are no groups */
  uint32_t queued;   /* commands waiting or in flight */
  uint32_t window;   /* most in flight since the LUN said TASK SET FULL; 0 = no limit */
  uint64_t failures; /* how often it was usable and failed */

  /* Not counted where commands complete in the caller's thread (layer "stats" counts there). */
  uint64_t commands, errors, bytes;
  uint64_t stuck; /* commands that were given up while their path was stuck */
  uint64_t latency[LUN_PATH_BUCKETS];
} LunPathInfo;

/* N_PATHS of them, in the order of their adding; free with lun_path_infos_free(). */
LunPathInfo *lun_device_list_paths (LunDevice *device, unsigned *n_paths);
void lun_path_infos_free (LunPathInfo *infos, unsigned n_paths);

/* ---- changes while the device is in use ---- */

/* The new path carries data once a check was good; it must lead to the same LUN and take commands
 * as long as the others do.  A device in memory takes paths in memory only. */
bool lun_device_add_path (LunDevice *device, const char *name, GError **error);
/* A path that could not be added because of WHY (nobody answers) is tried again every two seconds, like
 * those that were dead when the device was opened, and listed as down meanwhile. */
bool lun_device_expect_path (LunDevice *device, const char *name, const GError *why,
                             GError **error);
/* By its name with or without the secret.  Its last commands end, then it is closed; what waits for it goes elsewhere.  Not the last one. */
bool lun_device_remove_path (LunDevice *device, const char *name, GError **error);
/* Down: carries no new commands and is not checked, until it is set up.  Up: is checked at once,
 * even when it led to another LUN. */
bool lun_device_set_path_down (LunDevice *device, const char *name, GError **error);
bool lun_device_set_path_up (LunDevice *device, const char *name, GError **error);
