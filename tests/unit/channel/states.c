/* Every state against every event, written down a second time as the table of
 * doc/protocol.md ("Connection life"). */
#include "channel/states.h"

#include "lib/suite.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  const char *life;
  const char *next[FTS_EVENT_N]; /* "" = stays; "+" and an action may follow */
} Row;

static const Row rows[] = {
  /*                 ACCEPTED REFUSED CLOSE PEER_CLOSING PEER_CLOSED PEER_RESET FAILURE
                     PEER_DEAD GONE GIVE_UP */
  { "REQUESTED",
    { "OPEN", "REFUSED", "CLOSING+closing", "", "", "", "RESET+reset", "LOST", "LOST",
      "" } },
  { "OPEN",
    { "", "", "CLOSING+closing", "PEER_CLOSING", "PEER_CLOSING", "CLOSED+closed",
      "RESET+reset", "LOST", "LOST", "" } },
  { "CLOSING",
    { "", "REFUSED", "", "CLOSED+closed", "CLOSED", "CLOSED+closed", "RESET+reset",
      "LOST", "LOST", "ENDED+leave" } },
  { "PEER_CLOSING",
    { "", "", "CLOSED+closed", "", "", "CLOSED+closed", "RESET+reset", "LOST", "LOST",
      "" } },
  { "REFUSED", { "", "", "ENDED+free", "", "", "", "", "", "LOST", "" } },
  { "CLOSED", { "", "", "ENDED+free", "", "", "", "", "", "LOST", "" } },
  { "RESET",
    { "", "REFUSED", "", "", "CLOSED", "CLOSED", "", "LOST", "LOST", "ENDED+leave" } },
  { "LOST", { "", "", "ENDED+leave", "", "", "", "", "", "", "" } },
  { "ENDED", { "", "", "", "", "", "", "", "", "", "" } },
};

static const char *const actions[] = {
  [FTS_ACTION_NONE] = "",
  [FTS_ACTION_SAY_CLOSING] = "+closing",
  [FTS_ACTION_SAY_CLOSED] = "+closed",
  [FTS_ACTION_SAY_RESET] = "+reset",
  [FTS_ACTION_FREE_SLOT] = "+free",
  [FTS_ACTION_LEAVE_SLOT] = "+leave",
};

START_TEST (test_every_state_meets_every_event_as_documented)
{
  ck_assert_uint_eq (sizeof rows / sizeof *rows, FTS_LIFE_N);
  for (int life = 0; life < FTS_LIFE_N; life++) {
    ck_assert_str_eq (rows[life].life, fts_states_life_name ((FtsLife) life));
    for (int event = 0; event < FTS_EVENT_N; event++) {
      FtsStep step = fts_states_step ((FtsLife) life, (FtsEvent) event);
      const char *want = rows[life].next[event];
      char got[64];

      if ((int) step.next == life && step.action == FTS_ACTION_NONE)
        got[0] = '\0';
      else
        snprintf (got, sizeof got, "%s%s", fts_states_life_name (step.next),
                  actions[step.action]);
      ck_assert_msg (strcmp (got, want) == 0, "%s x %s: %s, not %s", rows[life].life,
                     fts_states_event_name ((FtsEvent) event), got, want);
    }
  }
}
END_TEST

START_TEST (test_only_living_connections_send)
{
  for (int life = 0; life < FTS_LIFE_N; life++)
    ck_assert_int_eq (fts_states_can_send ((FtsLife) life),
                      life == FTS_LIFE_REQUESTED || life == FTS_LIFE_OPEN);
}
END_TEST

START_TEST (test_nothing_is_written_after_the_end)
{
  static const FtsLife ends[] = { FTS_LIFE_REFUSED, FTS_LIFE_CLOSED, FTS_LIFE_RESET,
                                  FTS_LIFE_LOST, FTS_LIFE_ENDED };

  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    ck_assert (!fts_states_can_write (ends[i]));
}
END_TEST

START_TEST (test_every_state_has_a_way_to_its_end)
{
  for (int life = 0; life < FTS_LIFE_N; life++) {
    FtsLife at = (FtsLife) life;

    /* what closing does at worst: ask, wait, give up; then once more */
    static const FtsEvent way[] = { FTS_EVENT_CLOSE, FTS_EVENT_GIVE_UP,
                                    FTS_EVENT_CLOSE };
    for (size_t i = 0; i < 3; i++)
      at = fts_states_step (at, way[i]).next;
    ck_assert_msg (at == FTS_LIFE_ENDED, "%s ends in %s",
                   fts_states_life_name ((FtsLife) life), fts_states_life_name (at));
  }
}
END_TEST

FTS_SUITE ("channel/states", test_every_state_meets_every_event_as_documented,
           test_only_living_connections_send, test_nothing_is_written_after_the_end,
           test_every_state_has_a_way_to_its_end)
