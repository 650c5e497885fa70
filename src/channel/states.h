/* states.h - the life of a connection as a pure table: states x events -> next state, action.
 *
 *            ACCEPTED            CLOSE                PEER_CLOSED
 *  REQUESTED ---------> OPEN -----------> CLOSING -----------------> CLOSED
 *      |                 |                                             ^
 *      | REFUSED         | PEER_CLOSING                      CLOSE     |
 *      v                 +-----------> PEER_CLOSING -------------------+
 *   REFUSED
 *  REQUESTED, OPEN, CLOSING, PEER_CLOSING: FAILURE -> RESET; PEER_DEAD, GONE -> LOST;
 *  PEER_RESET -> CLOSED (not REQUESTED: the connector has no word before its proof).
 *
 * The channel performs the action after it entered the state.  Every state is tested against
 * every event (tests/unit/channel/states.c, with the table in doc/protocol.md).
 */
#pragma once

#include <stdbool.h>

typedef enum {
  /* Initiator only: the slot is allocated and its entry written; the connector has not answered.
   * Early data may be sent (A9).  Nothing is delivered before the connector's proof was seen. */
  FTS_LIFE_REQUESTED,
  /* Both sides may send.  A connector is born here. */
  FTS_LIFE_OPEN,
  /* The own head says closing.  Nothing is sent any more but acknowledgements and re-sends; the
   * peer owes `closed`. */
  FTS_LIFE_CLOSING,
  /* The peer's head says closing.  What it published is still delivered, then the caller sees
   * the end.  The own side owes `closed`. */
  FTS_LIFE_PEER_CLOSING,
  /* Initiator only: the connector said no (pro_con_rc).  The slot is still the initiator's. */
  FTS_LIFE_REFUSED,
  /* Both sides are done; nothing is written to tables or segments any more. */
  FTS_LIFE_CLOSED,
  /* The own side broke the connection off; its head says why.  The peer may still be writing
   * until it sees that; it answers `closed`. */
  FTS_LIFE_RESET,
  /* The peer's process is dead, the slot is no longer this connection's, or this host is shut
   * out: nothing at all may be written.  Whoever reaps the dead frees the slot. */
  FTS_LIFE_LOST,
  /* The slot was given back (initiator) or left (connector); the object is about to be freed. */
  FTS_LIFE_ENDED,
  FTS_LIFE_N
} FtsLife;

typedef enum {
  FTS_EVENT_ACCEPTED, /* the entry says PROCESSING and the connector's proof is right */
  FTS_EVENT_REFUSED,  /* the entry has a refusal in pro_con_rc */
  FTS_EVENT_CLOSE,    /* the own side wants to end, or to go on with ending */
  FTS_EVENT_PEER_CLOSING, /* the peer's head says closing */
  FTS_EVENT_PEER_CLOSED,  /* the peer's head says closed */
  FTS_EVENT_PEER_RESET,   /* the peer's head says reset */
  FTS_EVENT_FAILURE,   /* damage, protocol breach, LUN error, interrupted: seen here */
  FTS_EVENT_PEER_DEAD, /* the peer's heartbeat stopped, or it started anew */
  FTS_EVENT_GONE,      /* the slot's entry is free or of another epoch; or fenced */
  FTS_EVENT_GIVE_UP,   /* the peer did not say closed in time */
  FTS_EVENT_N
} FtsEvent;

typedef enum {
  FTS_ACTION_NONE,
  FTS_ACTION_SAY_CLOSING, /* write the own head with `closing` */
  FTS_ACTION_SAY_CLOSED,  /* write the own head with `closed` */
  FTS_ACTION_SAY_RESET,   /* write the own head with `reset` and the reason */
  FTS_ACTION_FREE_SLOT, /* initiator: clear the entry under the lock.  Connector: only where
                             the initiator left the slot to it */
  FTS_ACTION_LEAVE_SLOT, /* initiator: mark the entry, so that the connector clears it.
                             Connector: say `closed` where `closing` stands; then as above */
} FtsAction;

typedef struct {
  FtsLife next;
  FtsAction action;
} FtsStep;

FtsStep fts_states_step (FtsLife life, FtsEvent event);

/* May messages be sent in LIFE? */
bool fts_states_can_send (FtsLife life);
/* May blocks of this side be written in LIFE? */
bool fts_states_can_write (FtsLife life);

const char *fts_states_life_name (FtsLife life);
const char *fts_states_event_name (FtsEvent event);
