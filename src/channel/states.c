#include "channel/states.h"

#include <glib.h>

/* Short names keep the table readable as a table. */
#define STAY(life)                   \
  {                                  \
    FTS_LIFE_##life, FTS_ACTION_NONE \
  }
#define GO(life, action)                 \
  {                                      \
    FTS_LIFE_##life, FTS_ACTION_##action \
  }

static const FtsStep table[FTS_LIFE_N][FTS_EVENT_N] = {
  [FTS_LIFE_REQUESTED] = {
    [FTS_EVENT_ACCEPTED] = GO (OPEN, NONE),
    [FTS_EVENT_REFUSED] = GO (REFUSED, NONE),
    [FTS_EVENT_CLOSE] = GO (CLOSING, SAY_CLOSING),
    [FTS_EVENT_PEER_CLOSING] = STAY (REQUESTED),
    [FTS_EVENT_PEER_CLOSED] = STAY (REQUESTED),
    [FTS_EVENT_PEER_RESET] = STAY (REQUESTED),
    [FTS_EVENT_FAILURE] = GO (RESET, SAY_RESET),
    [FTS_EVENT_PEER_DEAD] = GO (LOST, NONE),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = STAY (REQUESTED),
  },
  [FTS_LIFE_OPEN] = {
    [FTS_EVENT_ACCEPTED] = STAY (OPEN),
    [FTS_EVENT_REFUSED] = STAY (OPEN),
    [FTS_EVENT_CLOSE] = GO (CLOSING, SAY_CLOSING),
    [FTS_EVENT_PEER_CLOSING] = GO (PEER_CLOSING, NONE),
    [FTS_EVENT_PEER_CLOSED] = GO (PEER_CLOSING, NONE),
    [FTS_EVENT_PEER_RESET] = GO (CLOSED, SAY_CLOSED),
    [FTS_EVENT_FAILURE] = GO (RESET, SAY_RESET),
    [FTS_EVENT_PEER_DEAD] = GO (LOST, NONE),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = STAY (OPEN),
  },
  [FTS_LIFE_CLOSING] = {
    [FTS_EVENT_ACCEPTED] = STAY (CLOSING),
    [FTS_EVENT_REFUSED] = GO (REFUSED, NONE),
    [FTS_EVENT_CLOSE] = STAY (CLOSING),
    [FTS_EVENT_PEER_CLOSING] = GO (CLOSED, SAY_CLOSED),
    [FTS_EVENT_PEER_CLOSED] = GO (CLOSED, NONE),
    [FTS_EVENT_PEER_RESET] = GO (CLOSED, SAY_CLOSED),
    [FTS_EVENT_FAILURE] = GO (RESET, SAY_RESET),
    [FTS_EVENT_PEER_DEAD] = GO (LOST, NONE),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = GO (ENDED, LEAVE_SLOT),
  },
  [FTS_LIFE_PEER_CLOSING] = {
    [FTS_EVENT_ACCEPTED] = STAY (PEER_CLOSING),
    [FTS_EVENT_REFUSED] = STAY (PEER_CLOSING),
    [FTS_EVENT_CLOSE] = GO (CLOSED, SAY_CLOSED),
    [FTS_EVENT_PEER_CLOSING] = STAY (PEER_CLOSING),
    [FTS_EVENT_PEER_CLOSED] = STAY (PEER_CLOSING),
    [FTS_EVENT_PEER_RESET] = GO (CLOSED, SAY_CLOSED),
    [FTS_EVENT_FAILURE] = GO (RESET, SAY_RESET),
    [FTS_EVENT_PEER_DEAD] = GO (LOST, NONE),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = STAY (PEER_CLOSING),
  },
  [FTS_LIFE_REFUSED] = {
    [FTS_EVENT_ACCEPTED] = STAY (REFUSED),
    [FTS_EVENT_REFUSED] = STAY (REFUSED),
    [FTS_EVENT_CLOSE] = GO (ENDED, FREE_SLOT),
    [FTS_EVENT_PEER_CLOSING] = STAY (REFUSED),
    [FTS_EVENT_PEER_CLOSED] = STAY (REFUSED),
    [FTS_EVENT_PEER_RESET] = STAY (REFUSED),
    [FTS_EVENT_FAILURE] = STAY (REFUSED),
    /* A refused connector never touched the slot: the initiator may free it all the same. */
    [FTS_EVENT_PEER_DEAD] = STAY (REFUSED),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = STAY (REFUSED),
  },
  /* A peer that said closed has nothing under way, dead or not. */
  [FTS_LIFE_CLOSED] = {
    [FTS_EVENT_ACCEPTED] = STAY (CLOSED),
    [FTS_EVENT_REFUSED] = STAY (CLOSED),
    [FTS_EVENT_CLOSE] = GO (ENDED, FREE_SLOT),
    [FTS_EVENT_PEER_CLOSING] = STAY (CLOSED),
    [FTS_EVENT_PEER_CLOSED] = STAY (CLOSED),
    [FTS_EVENT_PEER_RESET] = STAY (CLOSED),
    [FTS_EVENT_FAILURE] = STAY (CLOSED),
    [FTS_EVENT_PEER_DEAD] = STAY (CLOSED),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = STAY (CLOSED),
  },
  [FTS_LIFE_RESET] = {
    [FTS_EVENT_ACCEPTED] = STAY (RESET),
    [FTS_EVENT_REFUSED] = GO (REFUSED, NONE),
    [FTS_EVENT_CLOSE] = STAY (RESET),
    [FTS_EVENT_PEER_CLOSING] = STAY (RESET),
    [FTS_EVENT_PEER_CLOSED] = GO (CLOSED, NONE),
    [FTS_EVENT_PEER_RESET] = GO (CLOSED, NONE),
    [FTS_EVENT_FAILURE] = STAY (RESET),
    [FTS_EVENT_PEER_DEAD] = GO (LOST, NONE),
    [FTS_EVENT_GONE] = GO (LOST, NONE),
    [FTS_EVENT_GIVE_UP] = GO (ENDED, LEAVE_SLOT),
  },
  [FTS_LIFE_LOST] = {
    [FTS_EVENT_ACCEPTED] = STAY (LOST),
    [FTS_EVENT_REFUSED] = STAY (LOST),
    [FTS_EVENT_CLOSE] = GO (ENDED, LEAVE_SLOT),
    [FTS_EVENT_PEER_CLOSING] = STAY (LOST),
    [FTS_EVENT_PEER_CLOSED] = STAY (LOST),
    [FTS_EVENT_PEER_RESET] = STAY (LOST),
    [FTS_EVENT_FAILURE] = STAY (LOST),
    [FTS_EVENT_PEER_DEAD] = STAY (LOST),
    [FTS_EVENT_GONE] = STAY (LOST),
    [FTS_EVENT_GIVE_UP] = STAY (LOST),
  },
  [FTS_LIFE_ENDED] = {
    [FTS_EVENT_ACCEPTED] = STAY (ENDED),
    [FTS_EVENT_REFUSED] = STAY (ENDED),
    [FTS_EVENT_CLOSE] = STAY (ENDED),
    [FTS_EVENT_PEER_CLOSING] = STAY (ENDED),
    [FTS_EVENT_PEER_CLOSED] = STAY (ENDED),
    [FTS_EVENT_PEER_RESET] = STAY (ENDED),
    [FTS_EVENT_FAILURE] = STAY (ENDED),
    [FTS_EVENT_PEER_DEAD] = STAY (ENDED),
    [FTS_EVENT_GONE] = STAY (ENDED),
    [FTS_EVENT_GIVE_UP] = STAY (ENDED),
  },
};

#undef STAY
#undef GO

FtsStep
fts_states_step (FtsLife life, FtsEvent event)
{
  g_assert (life < FTS_LIFE_N && event < FTS_EVENT_N);
  return table[life][event];
}

bool
fts_states_can_send (FtsLife life)
{
  return life == FTS_LIFE_REQUESTED || life == FTS_LIFE_OPEN;
}

bool
fts_states_can_write (FtsLife life)
{
  return life == FTS_LIFE_REQUESTED || life == FTS_LIFE_OPEN ||
         life == FTS_LIFE_CLOSING || life == FTS_LIFE_PEER_CLOSING;
}

const char *
fts_states_life_name (FtsLife life)
{
  static const char *const names[FTS_LIFE_N] = {
    "REQUESTED", "OPEN",  "CLOSING", "PEER_CLOSING", "REFUSED",
    "CLOSED",    "RESET", "LOST",    "ENDED",
  };

  return names[life];
}

const char *
fts_states_event_name (FtsEvent event)
{
  static const char *const names[FTS_EVENT_N] = {
    "ACCEPTED",   "REFUSED", "CLOSE",     "PEER_CLOSING", "PEER_CLOSED",
    "PEER_RESET", "FAILURE", "PEER_DEAD", "GONE",         "GIVE_UP",
  };

  return names[event];
}
