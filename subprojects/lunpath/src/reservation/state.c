#include "reservation/state.h"

/* +1, so that what is not named is 0: the state stays. */
#define TO(state) (LUN_RESV_##state + 1)
#define ON(event) [LUN_RESV_ON_##event]

static const uint8_t table[LUN_RESV_N_STATES][LUN_RESV_N_EVENTS] = {
  [LUN_RESV_NONE] = {
    ON (OPEN) = TO (REGISTERING),
    ON (PREEMPTED) = TO (FENCED),
  },
  [LUN_RESV_REGISTERING] = {
    ON (REGISTERED) = TO (REGISTERED),
    ON (RESERVED) = TO (HELD),
    ON (REFUSED) = TO (NONE),
    ON (NO_PR) = TO (COMPAT),
    ON (PREEMPTED) = TO (FENCED),
    ON (CLOSED) = TO (NONE),
  },
  [LUN_RESV_REGISTERED] = {
    ON (OPEN) = TO (REGISTERING),
    ON (RESERVED) = TO (HELD),
    ON (REFUSED) = TO (NONE),
    ON (DOUBT) = TO (CHECKING),
    ON (GONE) = TO (REGISTERING),
    ON (PREEMPTED) = TO (FENCED),
    ON (CLOSED) = TO (NONE),
  },
  [LUN_RESV_HELD] = {
    ON (OPEN) = TO (REGISTERING),
    ON (REGISTERED) = TO (REGISTERED),
    ON (HOLDER_LOST) = TO (MOVING),
    ON (DOUBT) = TO (CHECKING),
    ON (GONE) = TO (REGISTERING),
    ON (PREEMPTED) = TO (FENCED),
    ON (RELEASED) = TO (REGISTERED),
    ON (CLOSED) = TO (NONE),
  },
  [LUN_RESV_MOVING] = {
    ON (MOVED) = TO (HELD),
    ON (DOUBT) = TO (CHECKING),
    ON (GONE) = TO (REGISTERING),
    ON (PREEMPTED) = TO (FENCED),
    ON (CLOSED) = TO (NONE),
  },
  [LUN_RESV_CHECKING] = {
    ON (REGISTERED) = TO (REGISTERED),
    ON (RESERVED) = TO (HELD),
    ON (GONE) = TO (REGISTERING),
    ON (PREEMPTED) = TO (FENCED),
    ON (CLOSED) = TO (NONE),
  },
  [LUN_RESV_FENCED] = { 0 },
  [LUN_RESV_COMPAT] = {
    ON (PREEMPTED) = TO (FENCED),
    ON (CLOSED) = TO (NONE),
    ON (REFUSED) = TO (NONE),
  },
};

LunResvState
lun_resv_next (LunResvState state, LunResvEvent event)
{
  uint8_t next = table[state][event];

  return next == 0 ? state : (LunResvState) (next - 1);
}

bool
lun_resv_holds_data_back (LunResvState state)
{
  return state == LUN_RESV_REGISTERING || state == LUN_RESV_MOVING ||
         state == LUN_RESV_CHECKING;
}

const char *
lun_resv_state_name (LunResvState state)
{
  static const char *const names[LUN_RESV_N_STATES] = {
    [LUN_RESV_NONE] = "none",
    [LUN_RESV_REGISTERING] = "registering",
    [LUN_RESV_REGISTERED] = "registered",
    [LUN_RESV_HELD] = "held",
    [LUN_RESV_MOVING] = "moving",
    [LUN_RESV_CHECKING] = "checking",
    [LUN_RESV_FENCED] = "fenced",
    [LUN_RESV_COMPAT] = "scsi2",
  };

  return names[state];
}

const char *
lun_resv_event_name (LunResvEvent event)
{
  static const char *const names[LUN_RESV_N_EVENTS] = {
    [LUN_RESV_ON_OPEN] = "open",
    [LUN_RESV_ON_REGISTERED] = "registered",
    [LUN_RESV_ON_RESERVED] = "reserved",
    [LUN_RESV_ON_REFUSED] = "refused",
    [LUN_RESV_ON_NO_PR] = "no persistent reserve",
    [LUN_RESV_ON_HOLDER_LOST] = "holder's path lost",
    [LUN_RESV_ON_MOVED] = "moved",
    [LUN_RESV_ON_DOUBT] = "doubt",
    [LUN_RESV_ON_GONE] = "gone",
    [LUN_RESV_ON_PREEMPTED] = "preempted",
    [LUN_RESV_ON_RELEASED] = "released",
    [LUN_RESV_ON_CLOSED] = "closed",
  };

  return names[event];
}
