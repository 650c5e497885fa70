/* path/policy.h - which of a device's paths takes the next command.
 *
 * Policies are pure: they choose from a view of the paths.  A new one is a line in the table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LUN_PATHS_MAX 32

typedef struct {
  bool exists; /* not removed */
  bool usable;
  uint32_t queued;        /* commands waiting or in flight */
  uint32_t queued_blocks; /* of these commands */
  uint64_t load;          /* of these commands: one each, and one for each 64 KiB */
  uint32_t service_us;    /* moving average of the time for one such load */
  uint32_t weight;        /* 0 is taken for 1 */
} LunPathView;

typedef struct {
  const char *name;
  const char *about;
  /* TURN counts the device's commands.  The index of a usable path, or -1. */
  int (*choose) (const LunPathView *paths, int n_paths, unsigned turn);
  /* A path with nothing to do may take what waits for another one: what was known when it was
   * chosen was a guess. */
  bool shares;
} LunPolicy;

#define LUN_POLICY_DEFAULT "service-time"

/* NULL when there is none with this NAME. */
const LunPolicy *lun_policy_find (const char *name);
/* All names with blanks between. */
char *lun_policy_names (void);
