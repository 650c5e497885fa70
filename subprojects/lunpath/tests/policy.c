#include "suite.h"

#include "path/policy.h"

#include <glib.h>

static int
choose (const char *name, const LunPathView *paths, int n_paths, unsigned turn)
{
  const LunPolicy *policy = lun_policy_find (name);

  ck_assert_ptr_nonnull (policy);
  return policy->choose (paths, n_paths, turn);
}

START_TEST (test_none_is_usable)
{
  LunPathView paths[2] = { { 0 } };
  g_autofree char *all = lun_policy_names ();
  g_auto (GStrv) names = g_strsplit (all, " ", -1);

  for (unsigned i = 0; names[i]; i++)
    ck_assert_int_eq (choose (names[i], paths, 2, 5), -1);
}
END_TEST

START_TEST (test_round_robin_takes_turns_and_skips)
{
  LunPathView paths[3] = { { .usable = true },
                           { .usable = false },
                           { .usable = true } };

  ck_assert_int_eq (choose ("round-robin", paths, 3, 0), 0);
  ck_assert_int_eq (choose ("round-robin", paths, 3, 1), 2);
  ck_assert_int_eq (choose ("round-robin", paths, 3, 2), 2);
  ck_assert_int_eq (choose ("round-robin", paths, 3, 3), 0);
}
END_TEST

START_TEST (test_basic_failover_stays_with_the_first)
{
  LunPathView paths[2] = { { .usable = true }, { .usable = true } };

  ck_assert_int_eq (choose ("basic-failover", paths, 2, 1), 0);
  paths[0].usable = false;
  ck_assert_int_eq (choose ("basic-failover", paths, 2, 2), 1);
}
END_TEST

START_TEST (test_least_queue_and_least_blocks)
{
  LunPathView paths[2] = { { .usable = true, .queued = 3, .queued_blocks = 3 },
                           { .usable = true, .queued = 2, .queued_blocks = 800 } };

  ck_assert_int_eq (choose ("least-queue", paths, 2, 0), 1);
  ck_assert_int_eq (choose ("least-blocks", paths, 2, 0), 0);
}
END_TEST

START_TEST (test_service_time_weighs_speed_and_queue)
{
  LunPathView paths[2] = { { .usable = true, .load = 4, .service_us = 100 },
                           { .usable = true, .load = 0, .service_us = 400 } };

  ck_assert_int_eq (choose ("service-time", paths, 2, 0), 1);
  paths[0].load = 1;
  ck_assert_int_eq (choose ("service-time", paths, 2, 0), 0);
}
END_TEST

START_TEST (test_service_time_takes_an_unknown_path_for_an_average_one)
{
  LunPathView paths[2] = { { .usable = true, .load = 1, .service_us = 100 },
                           { .usable = true, .load = 5 } };

  ck_assert_int_eq (choose ("service-time", paths, 2, 0), 0);
  paths[1].load = 0;
  ck_assert_int_eq (choose ("service-time", paths, 2, 0), 1);
}
END_TEST

START_TEST (test_weighted_gives_turns_in_proportion)
{
  LunPathView paths[3] = { { .usable = true, .weight = 3 },
                           { .usable = true },
                           { .usable = false, .weight = 9 } };
  int n[3] = { 0 };

  for (unsigned turn = 0; turn < 40; turn++)
    n[choose ("weighted", paths, 3, turn)]++;
  ck_assert_int_eq (n[0], 30);
  ck_assert_int_eq (n[1], 10);
}
END_TEST

START_TEST (test_no_redirect_stays_with_the_first_even_when_it_is_down)
{
  LunPathView paths[3] = { { 0 },
                           { .exists = true, .usable = true },
                           { .exists = true, .usable = true } };

  ck_assert_int_eq (choose ("no-redirect", paths, 3, 1), 1);
  paths[1].usable = false;
  ck_assert_int_eq (choose ("no-redirect", paths, 3, 1), -1);
}
END_TEST

START_TEST (test_unknown_policy)
{
  ck_assert_ptr_null (lun_policy_find ("fastest"));
}
END_TEST

LUN_SUITE ("lunpath/policy", test_none_is_usable,
           test_round_robin_takes_turns_and_skips,
           test_basic_failover_stays_with_the_first, test_least_queue_and_least_blocks,
           test_service_time_weighs_speed_and_queue,
           test_service_time_takes_an_unknown_path_for_an_average_one,
           test_weighted_gives_turns_in_proportion,
           test_no_redirect_stays_with_the_first_even_when_it_is_down,
           test_unknown_policy)
