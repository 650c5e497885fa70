#include "prog/ftsfs/meanwhile.h"

#include "lib/suite.h"

#include <glib.h>

static int n_done; /* atomic */

static void
count (void *data)
{
  g_usleep (GPOINTER_TO_UINT (data));
  g_atomic_int_inc (&n_done);
}

START_TEST (test_one_job_at_a_time)
{
  FtsMeanwhile *meanwhile = fts_meanwhile_new ();

  ck_assert (fts_meanwhile_reserve (meanwhile));
  ck_assert (!fts_meanwhile_reserve (meanwhile));
  fts_meanwhile_run (meanwhile, count, NULL, GUINT_TO_POINTER (50000));
  while (!fts_meanwhile_reserve (meanwhile))
    g_usleep (100);
  ck_assert_int_eq (g_atomic_int_get (&n_done), 1);
  fts_meanwhile_run (meanwhile, NULL, NULL, NULL);
  fts_meanwhile_free (meanwhile);
}
END_TEST

static FtsMeanwhile *at_work;

static void
count_and_go_on (void *data)
{
  ck_assert (fts_meanwhile_reserve (at_work));
  if (g_atomic_int_add (&n_done, 1) < 10)
    fts_meanwhile_run (at_work, count, count_and_go_on, NULL);
  else
    fts_meanwhile_run (at_work, NULL, NULL, NULL);
}

START_TEST (test_when_done_it_is_free)
{
  at_work = fts_meanwhile_new ();
  ck_assert (fts_meanwhile_reserve (at_work));
  fts_meanwhile_run (at_work, count, count_and_go_on, NULL);
  while (g_atomic_int_get (&n_done) < 10)
    g_usleep (100);
  fts_meanwhile_free (at_work);
}
END_TEST

START_TEST (test_nothing_after_all)
{
  FtsMeanwhile *meanwhile = fts_meanwhile_new ();

  ck_assert (fts_meanwhile_reserve (meanwhile));
  fts_meanwhile_run (meanwhile, NULL, NULL, NULL);
  ck_assert (fts_meanwhile_reserve (meanwhile));
  fts_meanwhile_run (meanwhile, NULL, NULL, NULL);
  fts_meanwhile_free (meanwhile);
}
END_TEST

START_TEST (test_what_was_handed_over_is_done_before_the_end)
{
  for (int i = 0; i < 100; i++) {
    FtsMeanwhile *meanwhile = fts_meanwhile_new ();
    ck_assert (fts_meanwhile_reserve (meanwhile));
    fts_meanwhile_run (meanwhile, count, NULL, GUINT_TO_POINTER (0));
    fts_meanwhile_free (meanwhile);
    ck_assert_int_eq (g_atomic_int_get (&n_done), i + 1);
  }
}
END_TEST

FTS_SUITE ("ftsfs/meanwhile", test_one_job_at_a_time, test_when_done_it_is_free,
           test_nothing_after_all, test_what_was_handed_over_is_done_before_the_end)
