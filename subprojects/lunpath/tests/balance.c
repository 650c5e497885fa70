/* balance.c - several paths of a limited rate share the work.
 *
 * What each path carried is counted, for that is the same on a busy machine; what several paths gain
 * in time is measured by tests/bench.  The one time that is asked for is a lower limit: a path of
 * a limited rate is not faster than that. */
#include "lun.h"

#include "base/lock.h"

#include <lunpath/paths.h>

#include <pthread.h>

#define BYTES (4u << 20)
#define PIECE (32u << 10)
#define N_IOS (BYTES / PIECE)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static unsigned n_left;

static void
on_done (LunIo *io)
{
  ck_assert_int_eq (io->result.outcome, LUN_OUTCOME_GOOD);
  LUN_LOCKED (&lock);
  n_left--;
  pthread_cond_signal (&ended);
}

static LunDevice *
open_paths (const char *path, unsigned n_paths, const char *policy)
{
  g_autoptr (GString) name = g_string_new (path);

  for (unsigned i = 1; i < n_paths; i++)
    g_string_append_printf (name, "|%s", path);
  const char *const paths[] = { name->str, NULL };
  return open_with (&(LunDeviceConfig){ .paths = paths, .policy = policy });
}

/* The least that any of the paths carried. */
static uint64_t
least_share (LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  uint64_t least = UINT64_MAX;

  for (unsigned i = 0; i < n_paths; i++)
    least = MIN (least, infos[i].bytes);
  lun_path_infos_free (infos, n_paths);
  return least;
}

typedef struct {
  double seconds;
  uint64_t least; /* bytes of the path that carried least */
} Run;

/* BYTES in pieces, all under way at once. */
static Run
run (const char *path, unsigned n_paths, const char *policy, LunOp op)
{
  g_autoptr (LunDevice) device = open_paths (path, n_paths, policy);
  g_autofree uint8_t *data = g_malloc0 (BYTES);
  g_autofree struct iovec *iovs = g_new (struct iovec, N_IOS);
  g_autofree LunIo *ios = g_new0 (LunIo, N_IOS);
  int64_t start_us = g_get_monotonic_time ();

  n_left = N_IOS;
  for (unsigned i = 0; i < N_IOS; i++) {
    iovs[i] = (struct iovec){ data + i * PIECE, PIECE };
    ios[i] = (LunIo){ .op = op,
                      .priority = LUN_PRIO_BULK,
                      .lba = i * PIECE / 512,
                      .blocks = PIECE / 512,
                      .iov = &iovs[i],
                      .n_iov = 1,
                      .done = on_done };
    lun_device_submit (device, &ios[i]);
  }
  pthread_mutex_lock (&lock);
  while (n_left > 0)
    pthread_cond_wait (&ended, &lock);
  pthread_mutex_unlock (&lock);
  double seconds = (double) (g_get_monotonic_time () - start_us) / G_USEC_PER_SEC;
  return (Run){ .seconds = seconds, .least = least_share (device) };
}

static const char *const policies[] = { "round-robin", "least-queue", "least-blocks",
                                        "service-time", "weighted" };

START_TEST (test_paths_share_the_work)
{
  const char *path = "rate(10M)+ram:p?size=8M";
  Run one = run (path, 1, policies[_i], LUN_OP_WRITE);
  Run two = run (path, 2, policies[_i], LUN_OP_WRITE);
  Run four = run (path, 4, policies[_i], LUN_OP_READ);

  ck_assert_double_ge (one.seconds, 0.35); /* the limit holds */
  ck_assert_uint_ge (one.least, BYTES);
  ck_assert_uint_ge (two.least, BYTES / 8);
  ck_assert_uint_ge (four.least, BYTES / 16);
}
END_TEST

START_TEST (test_one_path_of_several_is_used_where_that_is_asked_for)
{
  const char *path = "rate(10M)+ram:p?size=8M";

  ck_assert_uint_lt (run (path, 2, "basic-failover", LUN_OP_WRITE).least, PIECE);
  ck_assert_uint_lt (run (path, 2, "no-redirect", LUN_OP_WRITE).least, PIECE);
}
END_TEST

START_TEST (test_one_long_write_uses_all_paths)
{
  g_autoptr (LunDevice) device =
    open_paths ("rate(10M)+ram:p?size=8M", 4, "service-time");
  g_autofree uint8_t *data = g_malloc0 (BYTES);

  ck_assert (lun_device_write (device, 0, data, BYTES, LUN_PRIO_BULK, NULL));
  ck_assert_uint_ge (least_share (device), BYTES / 16);
}
END_TEST

START_TEST (test_wrong_rates_are_told)
{
  open_fails ("rate+ram:p", "wants bytes a second");
  open_fails ("rate(5)+ram:p", "wants bytes a second");
  open_fails ("rate(5T)+ram:p", "wants bytes a second");
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = { test_paths_share_the_work };
  const TTest *const tests[] = {
    test_one_path_of_several_is_used_where_that_is_asked_for,
    test_one_long_write_uses_all_paths,
    test_wrong_rates_are_told,
  };

  return lun_suite_run_loops ("lunpath/balance", loops, 1, G_N_ELEMENTS (policies),
                              tests, G_N_ELEMENTS (tests));
}
