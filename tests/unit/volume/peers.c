/* Who is alive (a table of states and events), and which entry a newcomer takes. */
#include "volume/peers.h"
#include "volume/join.h"

#include "lib/suite.h"

#include <string.h>

#define MS      INT64_C (1000)
#define GAP_US  (100 * MS)
#define N_HOSTS 4

typedef struct {
  FtsPeers peers;
  FtsHost table[N_HOSTS];
  int64_t now_us;
  FtsDeath deaths[2 * FTS_MAX_HOSTS];
  unsigned n_deaths;
} World;

static void
world_init (World *w)
{
  memset (w, 0, sizeof *w);
  w->now_us = 1;
  for (uint32_t i = 0; i < N_HOSTS; i++)
    w->table[i].index = i;
}

static void
world_host (World *w, uint32_t i, const char *name, FtsHostRole role,
            uint64_t generation)
{
  w->table[i] = (FtsHost){ .index = i,
                           .state = FTS_HOST_ACTIVE,
                           .role = role,
                           .generation = generation,
                           .heartbeat = 1,
                           .heartbeat_ms = 50,
                           .dead_ms = 300 };
  g_strlcpy (w->table[i].name, name, sizeof w->table[i].name);
}

static void
look (World *w, int64_t after_ms, uint32_t damaged, uint32_t gone)
{
  w->now_us += after_ms * MS;
  FtsPeersRead read = { w->table, N_HOSTS, damaged, gone, w->now_us, GAP_US };
  w->n_deaths = fts_peers_update (&w->peers, &read, w->deaths);
}

START_TEST (test_a_beating_host_stays_alive)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  for (int i = 0; i < 20; i++) {
    w.table[1].heartbeat++;
    look (&w, 90, 0, 0);
    ck_assert_uint_eq (w.n_deaths, 0);
    ck_assert (fts_peers_is_alive (&w.peers, 1, 7));
  }
}
END_TEST

START_TEST (test_a_silent_host_dies_once_after_its_dead_time)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  for (int i = 1; i <= 5; i++) {
    look (&w, 50, 0, 0);
    ck_assert_uint_eq (w.n_deaths, 0);
  }
  look (&w, 50, 0, 0);
  ck_assert_uint_eq (w.n_deaths, 1);
  ck_assert_uint_eq (w.deaths[0].index, 1);
  ck_assert_uint_eq (w.deaths[0].generation, 7);
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
  look (&w, 50, 0, 0);
  ck_assert_uint_eq (w.n_deaths, 0);
}
END_TEST

START_TEST (test_time_we_did_not_watch_counts_little)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  look (&w, 100000, 0, 0); /* we were stopped */
  ck_assert_uint_eq (w.n_deaths, 0);
  w.table[1].heartbeat++;
  look (&w, 50, 0, 0);
  ck_assert (fts_peers_is_alive (&w.peers, 1, 7));
}
END_TEST

START_TEST (test_another_generation_means_the_old_one_died)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  w.table[1].generation = 8;
  look (&w, 50, 0, 0);
  ck_assert_uint_eq (w.n_deaths, 1);
  ck_assert_uint_eq (w.deaths[0].generation, 7);
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
  ck_assert (fts_peers_is_alive (&w.peers, 1, 8));
}
END_TEST

START_TEST (test_a_free_entry_means_its_owner_left)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  w.table[1] = (FtsHost){ .index = 1 };
  look (&w, 50, 0, 0);
  ck_assert_uint_eq (w.n_deaths, 1);
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
}
END_TEST

START_TEST (test_a_process_that_is_gone_is_dead_at_once)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  look (&w, 1, 0, 1U << 1);
  ck_assert_uint_eq (w.n_deaths, 1);
  ck_assert (w.peers.peer[1].is_gone);
  look (&w, 1, 0, 1U << 1);
  ck_assert_uint_eq (w.n_deaths, 0);
}
END_TEST

START_TEST (test_a_process_may_be_gone_after_it_fell_silent)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  for (int i = 0; i < 6; i++)
    look (&w, 50, 0, 0); /* a zombie: silent, but its number is taken */
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
  ck_assert (!w.peers.peer[1].is_gone);
  look (&w, 50, 0, 1U << 1);
  ck_assert (w.peers.peer[1].is_gone);
  ck_assert_uint_eq (w.n_deaths, 0);
}
END_TEST

START_TEST (test_an_unreadable_entry_counts_as_silent)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  memset (&w.table[1], 0xff, sizeof w.table[1]);
  look (&w, 50, 1U << 1, 0);
  ck_assert (fts_peers_is_alive (&w.peers, 1, 7));
  for (int i = 0; i < 5; i++)
    look (&w, 50, 1U << 1, 0);
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
}
END_TEST

START_TEST (test_a_host_that_beats_again_lives_again)
{
  World w;

  world_init (&w);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  for (int i = 0; i < 10; i++)
    look (&w, 50, 0, 0);
  ck_assert (!fts_peers_is_alive (&w.peers, 1, 7));
  w.table[1].heartbeat++;
  look (&w, 50, 0, 0);
  ck_assert (fts_peers_is_alive (&w.peers, 1, 7));
  ck_assert_uint_eq (w.n_deaths, 0);
}
END_TEST

START_TEST (test_the_lowest_live_entry_is_found)
{
  World w;

  world_init (&w);
  ck_assert_uint_eq (fts_peers_lowest_alive (&w.peers), FTS_MAX_HOSTS);
  world_host (&w, 1, "a", FTS_ROLE_SERVER, 7);
  world_host (&w, 3, "b", FTS_ROLE_SERVER, 8);
  look (&w, 50, 0, 0);
  ck_assert_uint_eq (fts_peers_lowest_alive (&w.peers), 1);
  look (&w, 50, 0, 1U << 1);
  ck_assert_uint_eq (fts_peers_lowest_alive (&w.peers), 3);
}
END_TEST

/* ---- joining ---- */

static FtsJoin
choose (World *w, FtsHostRole role, const char *wanted, char *name, uint32_t *index)
{
  memset (name, 0, FTS_NAME_LEN);
  strcpy (name, wanted);
  return fts_join_choose (&w->peers, N_HOSTS, role, name, index);
}

START_TEST (test_a_newcomer_takes_a_free_entry)
{
  World w;
  char name[FTS_NAME_LEN];
  uint32_t index;

  world_init (&w);
  world_host (&w, 0, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "b", name, &index), FTS_JOIN_TAKE);
  ck_assert_uint_eq (index, 1);
}
END_TEST

START_TEST (test_a_server_waits_to_see_its_namesake_beat_or_die)
{
  World w;
  char name[FTS_NAME_LEN];
  uint32_t index;

  world_init (&w);
  world_host (&w, 2, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "a", name, &index), FTS_JOIN_WAIT);
  w.table[2].heartbeat++;
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "a", name, &index), FTS_JOIN_BUSY);
  look (&w, 50, 0, 1U << 2);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "a", name, &index), FTS_JOIN_TAKE);
  ck_assert_uint_eq (index, 2);
}
END_TEST

START_TEST (test_another_role_may_have_the_same_name)
{
  World w;
  char name[FTS_NAME_LEN];
  uint32_t index;

  world_init (&w);
  world_host (&w, 2, "a", FTS_ROLE_SERVER, 7);
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_MOUNT, "a", name, &index), FTS_JOIN_TAKE);
  ck_assert_str_eq (name, "a");
}
END_TEST

START_TEST (test_a_long_taken_name_is_cut_for_its_number)
{
  World w;
  char name[FTS_NAME_LEN];
  uint32_t index;
  const char *longest = "1234567890123456789012345678901";

  world_init (&w);
  world_host (&w, 2, longest, FTS_ROLE_MOUNT, 7);
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_MOUNT, longest, name, &index), FTS_JOIN_TAKE);
  ck_assert_str_eq (name, "12345678901234567890123456789.2");
}
END_TEST

START_TEST (test_a_full_table_gives_the_entry_of_a_dead_host)
{
  World w;
  char name[FTS_NAME_LEN];
  uint32_t index;

  world_init (&w);
  for (uint32_t i = 0; i < N_HOSTS; i++)
    world_host (&w, i, "x", FTS_ROLE_MOUNT, i + 1);
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "b", name, &index), FTS_JOIN_WAIT);
  for (uint32_t i = 0; i < N_HOSTS; i++)
    w.table[i].heartbeat++;
  look (&w, 50, 0, 0);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "b", name, &index), FTS_JOIN_FULL);
  look (&w, 50, 0, 1U << 3);
  ck_assert_int_eq (choose (&w, FTS_ROLE_SERVER, "b", name, &index), FTS_JOIN_TAKE);
  ck_assert_uint_eq (index, 3);
}
END_TEST

FTS_SUITE ("volume/peers", test_a_beating_host_stays_alive,
           test_a_silent_host_dies_once_after_its_dead_time,
           test_time_we_did_not_watch_counts_little,
           test_another_generation_means_the_old_one_died,
           test_a_free_entry_means_its_owner_left,
           test_a_process_that_is_gone_is_dead_at_once,
           test_a_process_may_be_gone_after_it_fell_silent,
           test_an_unreadable_entry_counts_as_silent,
           test_a_host_that_beats_again_lives_again,
           test_the_lowest_live_entry_is_found, test_a_newcomer_takes_a_free_entry,
           test_a_server_waits_to_see_its_namesake_beat_or_die,
           test_another_role_may_have_the_same_name,
           test_a_long_taken_name_is_cut_for_its_number,
           test_a_full_table_gives_the_entry_of_a_dead_host)
