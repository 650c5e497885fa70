#include "suite.h"

#include "reservation/state.h"

#include <string.h>

/* One row a state, one column an event: open registered reserved refused no-pr holder-lost moved
 * doubt gone preempted released closed.  '.' = stays. */
static const char *const cells[LUN_RESV_N_STATES] = {
  /*  N = none, r = registering, R = registered, H = held, M = moving, C = checking,
   *  F = fenced, S = SCSI-2 */
  [LUN_RESV_NONE] = "r........F..",       [LUN_RESV_REGISTERING] = ".RHNS....F.N",
  [LUN_RESV_REGISTERED] = "r.HN...CrF.N", [LUN_RESV_HELD] = "rR...M.CrFRN",
  [LUN_RESV_MOVING] = "......HCrF.N",     [LUN_RESV_CHECKING] = ".RH.....rF.N",
  [LUN_RESV_FENCED] = "............",     [LUN_RESV_COMPAT] = "...N.....F.N",
};

START_TEST (test_every_state_and_event)
{
  static const char letters[] = "NrRHMCFS";

  for (int state = 0; state < LUN_RESV_N_STATES; state++)
    for (int event = 0; event < LUN_RESV_N_EVENTS; event++) {
      LunResvState next = lun_resv_next ((LunResvState) state, (LunResvEvent) event);
      char want = cells[state][event];
      ck_assert_msg (want == '.' ? (int) next == state : letters[next] == want,
                     "%s, %s: %s", lun_resv_state_name ((LunResvState) state),
                     lun_resv_event_name ((LunResvEvent) event),
                     lun_resv_state_name (next));
    }
}
END_TEST

START_TEST (test_nothing_leaves_fenced)
{
  for (int event = 0; event < LUN_RESV_N_EVENTS; event++)
    ck_assert_int_eq (lun_resv_next (LUN_RESV_FENCED, (LunResvEvent) event),
                      LUN_RESV_FENCED);
}
END_TEST

START_TEST (test_data_waits_while_registrations_change)
{
  ck_assert (lun_resv_holds_data_back (LUN_RESV_REGISTERING));
  ck_assert (lun_resv_holds_data_back (LUN_RESV_MOVING));
  ck_assert (lun_resv_holds_data_back (LUN_RESV_CHECKING));
  ck_assert (!lun_resv_holds_data_back (LUN_RESV_REGISTERED));
  ck_assert (!lun_resv_holds_data_back (LUN_RESV_HELD));
  ck_assert (!lun_resv_holds_data_back (LUN_RESV_COMPAT));
}
END_TEST

START_TEST (test_a_key_is_never_zero)
{
  for (uint32_t host = 0; host < 300; host++)
    ck_assert (lun_resv_key (0, host, 0) != 0);
}
END_TEST

START_TEST (test_layout_of_a_key)
{
  uint64_t key = lun_resv_key (1, 2, 0x1111111122222222);

  ck_assert_uint_eq (key & 0xffffffff, 0x33333333);
  ck_assert_uint_eq (key >> 32 & 0xff, 3);
  ck_assert_uint_eq (key >> 40, 0x9e3779);
}
END_TEST

START_TEST (test_an_older_incarnation_is_recognised)
{
  uint64_t old = lun_resv_key (77, 4, 1), new = lun_resv_key (77, 4, 2);

  ck_assert (old != new);
  ck_assert (lun_resv_key_is_same_owner (old, new));
  ck_assert (!lun_resv_key_is_same_owner (old, lun_resv_key (77, 5, 1)));
  ck_assert (!lun_resv_key_is_same_owner (old, lun_resv_key (78, 4, 1)));
  ck_assert (lun_resv_key_is_of_volume (old, 77));
  ck_assert (!lun_resv_key_is_of_volume (old, 78));
}
END_TEST

LUN_SUITE ("lunpath/resv_state", test_every_state_and_event, test_nothing_leaves_fenced,
           test_data_waits_while_registrations_change, test_a_key_is_never_zero,
           test_layout_of_a_key, test_an_older_incarnation_is_recognised)
