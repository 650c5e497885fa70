/* balance.c - several paths of a limited rate each carry more together.
 *
 * Rates are such that one path takes about 0.4 s; what several paths gain is asked for with a wide
 * margin, as machines that run tests are busy.  tests/bench has the numbers. */
#include "lun.h"

#include "base/lock.h"

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

/* Seconds for BYTES in pieces, all under way at once. */
static double
measure (const char *path, unsigned n_paths, const char *policy, LunOp op)
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
  LUN_LOCKED (&lock);
  while (n_left > 0)
    pthread_cond_wait (&ended, &lock);
  return (double) (g_get_monotonic_time () - start_us) / G_USEC_PER_SEC;
}

static const char *const policies[] = { "round-robin", "least-queue", "least-blocks",
                                        "service-time", "weighted" };

START_TEST (test_paths_add_up)
{
  const char *path = "rate(10M)+ram:p?size=8M";
  double one = measure (path, 1, policies[_i], LUN_OP_WRITE);
  double two = measure (path, 2, policies[_i], LUN_OP_WRITE);
  double four = measure (path, 4, policies[_i], LUN_OP_READ);

  ck_assert_double_ge (one, 0.35); /* the limit holds */
  ck_assert_double_ge (one / two, 1.3);
  ck_assert_double_ge (one / four, 1.9);
}
END_TEST

START_TEST (test_one_path_of_several_is_used_where_that_is_asked_for)
{
  const char *path = "rate(10M)+ram:p?size=8M";

  ck_assert_double_ge (measure (path, 2, "basic-failover", LUN_OP_WRITE), 0.35);
  ck_assert_double_ge (measure (path, 2, "no-redirect", LUN_OP_WRITE), 0.35);
}
END_TEST

START_TEST (test_one_long_write_uses_all_paths)
{
  g_autoptr (LunDevice) device =
    open_paths ("rate(10M)+ram:p?size=8M", 4, "service-time");
  g_autofree uint8_t *data = g_malloc0 (BYTES);
  int64_t start_us = g_get_monotonic_time ();

  ck_assert (lun_device_write (device, 0, data, BYTES, LUN_PRIO_BULK, NULL));
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 300 * 1000);
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
  const TTest *const loops[] = { test_paths_add_up };
  const TTest *const tests[] = {
    test_one_path_of_several_is_used_where_that_is_asked_for,
    test_one_long_write_uses_all_paths,
    test_wrong_rates_are_told,
  };

  return lun_suite_run_loops ("lunpath/balance", loops, 1, G_N_ELEMENTS (policies),
                              tests, G_N_ELEMENTS (tests));
}
