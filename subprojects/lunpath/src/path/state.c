#include "path/state.h"

#include <glib.h>

#define UNKNOWN LUN_PATH_UNKNOWN
#define UP      LUN_PATH_UP
#define STANDBY LUN_PATH_STANDBY
#define SUSPECT LUN_PATH_SUSPECT
#define DOWN    LUN_PATH_DOWN
#define OFF     LUN_PATH_OFF
#define REFUSED LUN_PATH_REFUSED
#define REMOVED LUN_PATH_REMOVED

/* clang-format off */
static const LunPathState next[LUN_PATH_N_STATES][LUN_PATH_N_EVENTS] = {
  /*            good     standby  flapping failed   other    io failed set up   set down remove */
  [UNKNOWN] = { UP,      STANDBY, SUSPECT, DOWN,    REFUSED, DOWN,     UNKNOWN, OFF,     REMOVED },
  [UP]      = { UP,      STANDBY, UP,      DOWN,    REFUSED, DOWN,     UP,      OFF,     REMOVED },
  [STANDBY] = { UP,      STANDBY, SUSPECT, DOWN,    REFUSED, DOWN,     STANDBY, OFF,     REMOVED },
  [SUSPECT] = { UP,      STANDBY, SUSPECT, DOWN,    REFUSED, DOWN,     SUSPECT, OFF,     REMOVED },
  [DOWN]    = { UP,      STANDBY, SUSPECT, DOWN,    REFUSED, DOWN,     UNKNOWN, OFF,     REMOVED },
  [OFF]     = { OFF,     OFF,     OFF,     OFF,     OFF,     OFF,      UNKNOWN, OFF,     REMOVED },
  [REFUSED] = { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED,  UNKNOWN, OFF,     REMOVED },
  [REMOVED] = { REMOVED, REMOVED, REMOVED, REMOVED, REMOVED, REMOVED,  REMOVED, REMOVED, REMOVED },
};
/* clang-format on */

LunPathState
lun_path_state_next (LunPathState state, LunPathEvent event)
{
  g_assert ((unsigned) state < LUN_PATH_N_STATES &&
            (unsigned) event < LUN_PATH_N_EVENTS);
  return next[state][event];
}

bool
lun_path_state_is_checked (LunPathState state)
{
  return state != OFF && state != REFUSED && state != REMOVED;
}

const char *
lun_path_state_name (LunPathState state)
{
  static const char *const names[] = {
    [UNKNOWN] = "unknown", [UP] = "up",   [STANDBY] = "standby", [SUSPECT] = "suspect",
    [DOWN] = "down",       [OFF] = "off", [REFUSED] = "refused", [REMOVED] = "removed",
  };

  return names[state];
}

const char *
lun_path_event_name (LunPathEvent event)
{
  static const char *const names[] = {
    [LUN_PATH_CHECK_GOOD] = "check good",
    [LUN_PATH_CHECK_STANDBY] = "port in standby",
    [LUN_PATH_CHECK_FLAPPING] = "failed too often",
    [LUN_PATH_CHECK_FAILED] = "check failed",
    [LUN_PATH_OTHER_LUN] = "another LUN",
    [LUN_PATH_IO_FAILED] = "command failed",
    [LUN_PATH_SET_UP] = "set up",
    [LUN_PATH_SET_DOWN] = "set down",
    [LUN_PATH_REMOVE] = "removed",
  };

  return names[event];
}
