/* path/options.h - options of a device among its path names.
 *
 *   A|B|?policy=weighted&weights=3:1&no-path-wait-ms=10000
 *
 * Pure.  What stands there counts more than what the program asks for.
 */
#pragma once

#include "path/policy.h"

#include <lunpath/device.h>

typedef struct {
  LunDeviceConfig config; /* overwritten where an option says so */
  uint32_t
    weights[LUN_PATHS_MAX]; /* by path in the order of their names; 0 = not given */
  char *policy;             /* what config.policy points to, or NULL */
} LunOptions;

/* True when one of the names between '|' holds options instead of a path. */
bool lun_options_is (const char *name);

/* Reads all options in NAMES ("A|B|?..."); LUN_ERROR_CONFIG tells what is wrong. */
bool lun_options_read (LunOptions *options, const char *names, GError **error);
void lun_options_clear (LunOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LunOptions, lun_options_clear)
