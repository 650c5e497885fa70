/* path/state.h - the states of a path, as a pure table: states x events.
 *
 *   UNKNOWN   just added or set up; asked who it is before it carries anything
 *   UP        carries commands
 *   STANDBY   answers, but its target port does not serve the LUN now (ALUA)
 *   SUSPECT   works, but failed too often lately: used only while no path is UP
 *   DOWN      failed; checked again and again, sooner at first
 *   OFF       set down by the administrator; not checked
 *   REFUSED   leads to another LUN (or to one that shrank): never used until set up again
 *   REMOVED   carries its last commands, then it is gone
 *
 * UP and SUSPECT are usable.  What a check finds is one event, and only a check (identity,
 * TEST UNIT READY, READ, capacity, port group, guard) makes a path usable.
 *
 *                     .-------- CHECK_GOOD --------.
 *                     |                            v
 *   UNKNOWN ----> DOWN <------ IO_FAILED --------- UP <---> STANDBY
 *                  |  ^                            ^
 *   CHECK_FLAPPING |  | IO_FAILED                  | CHECK_GOOD (it was calm long enough)
 *                  v  |                            |
 *                 SUSPECT -------------------------'
 *
 * A path that dies and returns (defaults; two paths A, B):
 *   T=0 s      a command on A gets no answer; 4 s later its try is over (at once when the
 *              transport reports an error): A goes UP -> DOWN, the command goes to B
 *   T+5 ms     first check of A, then after 10 ms, 20 ms ... at most 1 s apart (250 ms in memory)
 *   T=60 s     the cable is back; within 1 s a check is good: identity, commands, registration
 *              (guard), then DOWN -> UP
 *   5 times within 60 s: the check says CHECK_FLAPPING, A is SUSPECT until 60 s after its last
 *              failure, then a check makes it UP
 *
 * Tests: tests/path_state.c has every cell.
 */
#pragma once

#include <lunpath/paths.h>

#include <stdbool.h>

typedef enum {
  LUN_PATH_CHECK_GOOD,
  LUN_PATH_CHECK_STANDBY,  /* answers, its target port group is not active */
  LUN_PATH_CHECK_FLAPPING, /* good, but it failed too often lately */
  LUN_PATH_CHECK_FAILED,
  LUN_PATH_OTHER_LUN, /* a check met another identity or a smaller LUN */
  LUN_PATH_IO_FAILED, /* a command ended as only a broken path ends it */
  LUN_PATH_SET_UP,    /* by the administrator */
  LUN_PATH_SET_DOWN,
  LUN_PATH_REMOVE,
} LunPathEvent;

#define LUN_PATH_N_EVENTS (LUN_PATH_REMOVE + 1)

LunPathState lun_path_state_next (LunPathState state, LunPathEvent event);

static inline bool
lun_path_state_is_usable (LunPathState state)
{
  return state == LUN_PATH_UP || state == LUN_PATH_SUSPECT;
}

/* Whether checks go on in STATE. */
bool lun_path_state_is_checked (LunPathState state);

const char *lun_path_event_name (LunPathEvent event);
