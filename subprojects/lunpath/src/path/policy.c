#include "path/policy.h"

#include <glib.h>

static int
round_robin (const LunPathView *paths, int n_paths, unsigned turn)
{
  for (int i = 0; i < n_paths; i++) {
    int candidate = (int) ((turn + (unsigned) i) % (unsigned) n_paths);
    if (paths[candidate].usable)
      return candidate;
  }
  return -1;
}

static int
first_usable (const LunPathView *paths, int n_paths, unsigned turn)
{
  return round_robin (paths, n_paths, 0);
}

/* The usable path with the least COST; the turn decides among equals. */
static int
cheapest (const LunPathView *paths, int n_paths, unsigned turn,
          uint64_t (*cost) (const LunPathView *path))
{
  uint64_t best_cost = UINT64_MAX;
  int best = -1;

  for (int i = 0; i < n_paths; i++) {
    int candidate = (int) ((turn + (unsigned) i) % (unsigned) n_paths);
    if (!paths[candidate].usable || cost (&paths[candidate]) >= best_cost)
      continue;
    best_cost = cost (&paths[candidate]);
    best = candidate;
  }
  return best;
}

static uint64_t
cost_queue (const LunPathView *path)
{
  return path->queued;
}

static uint64_t
cost_blocks (const LunPathView *path)
{
  return path->queued_blocks;
}

static uint64_t
cost_time (const LunPathView *path)
{
  return ((uint64_t) path->service_us + 1) * (path->load + 1);
}

/* A path of which no command has ended yet is taken for as fast as the others are on average. */
static void
guess_service (LunPathView *paths, int n_paths)
{
  uint64_t sum = 0, n = 0;

  for (int i = 0; i < n_paths; i++)
    if (paths[i].usable && paths[i].service_us > 0) {
      sum += paths[i].service_us;
      n++;
    }
  for (int i = 0; n > 0 && i < n_paths; i++)
    if (paths[i].service_us == 0)
      paths[i].service_us = (uint32_t) (sum / n);
}

static int
least_queue (const LunPathView *paths, int n_paths, unsigned turn)
{
  return cheapest (paths, n_paths, turn, cost_queue);
}

static int
least_blocks (const LunPathView *paths, int n_paths, unsigned turn)
{
  return cheapest (paths, n_paths, turn, cost_blocks);
}

static int
service_time (const LunPathView *paths, int n_paths, unsigned turn)
{
  LunPathView guessed[LUN_PATHS_MAX];

  for (int i = 0; i < n_paths; i++)
    guessed[i] = paths[i];
  guess_service (guessed, n_paths);
  return cheapest (guessed, n_paths, turn, cost_time);
}

static uint32_t
weight_of (const LunPathView *path)
{
  if (!path->usable)
    return 0;
  return path->weight > 0 ? path->weight : 1;
}

/* Rounds of turns: in round r each path whose weight is more than r has one.  So 3:1 is 0 1 0 0. */
static int
weighted (const LunPathView *paths, int n_paths, unsigned turn)
{
  uint64_t total = 0;

  for (int i = 0; i < n_paths; i++)
    total += weight_of (&paths[i]);
  if (total == 0)
    return -1;
  uint64_t left = turn % total;
  for (uint32_t round = 0;; round++)
    for (int i = 0; i < n_paths; i++)
      if (weight_of (&paths[i]) > round && left-- == 0)
        return i;
}

/* The first path, be it usable or not. */
static int
no_redirect (const LunPathView *paths, int n_paths, unsigned turn)
{
  for (int i = 0; i < n_paths; i++)
    if (paths[i].exists)
      return paths[i].usable ? i : -1;
  return -1;
}

static const LunPolicy policies[] = {
  { "round-robin", "one after the other", round_robin, false },
  { "basic-failover", "the first that is up", first_usable, false },
  { "least-queue", "fewest commands under way", least_queue, true },
  { "least-blocks", "fewest blocks under way", least_blocks, true },
  { "service-time", "shortest expected time", service_time, true },
  { "weighted", "turns in proportion to the paths' weights", weighted, false },
  { "no-redirect", "the first, never another", no_redirect, false },
};

const LunPolicy *
lun_policy_find (const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (policies); i++)
    if (g_str_equal (policies[i].name, name))
      return &policies[i];
  return NULL;
}

char *
lun_policy_names (void)
{
  GString *names = g_string_new (policies[0].name);

  for (unsigned i = 1; i < G_N_ELEMENTS (policies); i++)
    g_string_append_printf (names, " %s", policies[i].name);
  return g_string_free (names, FALSE);
}
