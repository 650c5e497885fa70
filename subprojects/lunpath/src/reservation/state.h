/* reservation/state.h - the states of a reservation, as a pure table.
 *
 *            OPEN              REGISTERED             RESERVED
 *   NONE ----------> REGISTERING -------> REGISTERED ----------> HELD
 *    ^                 |    |  NO_PR         |   ^  RELEASED       | | HOLDER_LOST
 *    |     REFUSED     |    '------> COMPAT  |   '-----------------' | '--> MOVING
 *    '-----------------'                     | DOUBT                 |  MOVED |
 *    '-- CLOSED (every state but FENCED)     '------> CHECKING <-----' <------'
 *                                                 GONE |  | REGISTERED, RESERVED
 *                                        REGISTERING <-'  '-> REGISTERED, HELD
 *   every state -- PREEMPTED --> FENCED, where every event is swallowed
 *
 * state        on the LUN                                  data may go   left by
 * NONE         nothing of ours is relied upon              not our say   OPEN
 * REGISTERING  some paths are registered                   no            REGISTERED, RESERVED, REFUSED
 * REGISTERED   all usable paths are registered             yes           RESERVED, DOUBT
 * HELD         and the reservation protects us             yes           RELEASED, DOUBT
 * MOVING       held, by a path that is dead                no            MOVED
 * CHECKING     unknown                                     no            what reading shows
 * FENCED       our key is gone, somebody wanted it so      never         nothing
 * COMPAT       RESERVE(6) of one path                      yes           CLOSED, PREEMPTED
 */
#pragma once

#include <lunpath/reservation.h>

typedef enum {
  LUN_RESV_ON_OPEN,        /* an open option or registration begins */
  LUN_RESV_ON_REGISTERED,  /* usable paths are registered; another or nobody holds */
  LUN_RESV_ON_RESERVED,    /* the reservation is ours, read back or answered GOOD */
  LUN_RESV_ON_REFUSED,     /* the procedure failed and was undone */
  LUN_RESV_ON_NO_PR,       /* the device does not know PERSISTENT RESERVE */
  LUN_RESV_ON_HOLDER_LOST, /* the holder's path died */
  LUN_RESV_ON_MOVED,       /* another path of ours is the holder */
  LUN_RESV_ON_DOUBT,       /* unit attention 29h, 2Ah, conflict, lost answer */
  LUN_RESV_ON_GONE,        /* a reset or power loss took everything */
  LUN_RESV_ON_PREEMPTED,   /* another host removed our key */
  LUN_RESV_ON_RELEASED,    /* no reservation of ours any more */
  LUN_RESV_ON_CLOSED,
} LunResvEvent;

#define LUN_RESV_N_STATES (LUN_RESV_COMPAT + 1)
#define LUN_RESV_N_EVENTS (LUN_RESV_ON_CLOSED + 1)

/* STATE itself for an event that means nothing there. */
LunResvState lun_resv_next (LunResvState state, LunResvEvent event);
/* Data waits in the device while this is true. */
bool lun_resv_holds_data_back (LunResvState state);
const char *lun_resv_event_name (LunResvEvent event);
