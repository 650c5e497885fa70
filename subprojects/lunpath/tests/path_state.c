/* path_state.c - every cell of the table of path states (src/path/state.h). */
#include "suite.h"

#include "path/state.h"

#include <string.h>

/* One line a state: what follows from each event, as the initial of the next state. */
static const struct {
  LunPathState state;
  const char
    *next; /* good standby flapping failed other io-failed set-up set-down remove */
} cells[] = {
  { LUN_PATH_UNKNOWN, "u t s d r d n o x" }, { LUN_PATH_UP, "u t u d r d u o x" },
  { LUN_PATH_STANDBY, "u t s d r d t o x" }, { LUN_PATH_SUSPECT, "u t s d r d s o x" },
  { LUN_PATH_DOWN, "u t s d r d n o x" },    { LUN_PATH_OFF, "o o o o o o n o x" },
  { LUN_PATH_REFUSED, "r r r r r r n o x" }, { LUN_PATH_REMOVED, "x x x x x x x x x" },
};

static const char initials[LUN_PATH_N_STATES + 1] = "nutsdorx";

START_TEST (test_every_cell)
{
  ck_assert_int_eq (sizeof cells / sizeof *cells, LUN_PATH_N_STATES);
  for (unsigned i = 0; i < LUN_PATH_N_STATES; i++) {
    ck_assert_int_eq (strlen (cells[i].next), 2 * LUN_PATH_N_EVENTS - 1);
    for (unsigned event = 0; event < LUN_PATH_N_EVENTS; event++) {
      LunPathState next = lun_path_state_next (cells[i].state, (LunPathEvent) event);
      ck_assert_msg (initials[next] == cells[i].next[2 * event], "%s, %s: %s",
                     lun_path_state_name (cells[i].state),
                     lun_path_event_name ((LunPathEvent) event),
                     lun_path_state_name (next));
    }
  }
}
END_TEST

START_TEST (test_only_a_check_makes_a_path_usable)
{
  for (unsigned state = 0; state < LUN_PATH_N_STATES; state++)
    for (unsigned event = LUN_PATH_CHECK_FAILED; event < LUN_PATH_N_EVENTS; event++) {
      LunPathState next =
        lun_path_state_next ((LunPathState) state, (LunPathEvent) event);
      ck_assert (!lun_path_state_is_usable (next) || next == (LunPathState) state);
    }
}
END_TEST

START_TEST (test_what_is_not_checked_is_left_by_hand_only)
{
  for (unsigned state = 0; state < LUN_PATH_N_STATES; state++)
    for (unsigned event = 0; event < LUN_PATH_SET_UP; event++)
      if (!lun_path_state_is_checked ((LunPathState) state))
        ck_assert_int_eq (
          lun_path_state_next ((LunPathState) state, (LunPathEvent) event), state);
}
END_TEST

LUN_SUITE ("lunpath/path_state", test_every_cell, test_only_a_check_makes_a_path_usable,
           test_what_is_not_checked_is_left_by_hand_only)
