/* paths.c - several paths to one LUN: failover, resting and returning, lost answers, order. */
#include "lun.h"

#include <lunpath/transport.h>

#include <pthread.h>
#include <unistd.h>

#define BLOCK 512

static bool
write_byte (LunDevice *device, uint64_t lba, int byte, GError **error)
{
  uint8_t block[BLOCK];

  memset (block, byte, BLOCK);
  return lun_device_write (device, lba, block, BLOCK, LUN_PRIO_BULK, error);
}

static LunDevice *
open_policy (const char *name, const char *policy, uint32_t timeout_ms)
{
  const char *const paths[] = { name, NULL };

  return open_with (
    &(LunDeviceConfig){ .paths = paths, .policy = policy, .timeout_ms = timeout_ms });
}

typedef struct {
  const char *path;
  uint64_t up, writes;
} PathStats;

static void
keep_path (const char *path, const char *layer, const char *key, uint64_t value,
           void *user_data)
{
  PathStats *stats = user_data;

  if (!g_str_equal (path, stats->path))
    return;
  if (g_str_equal (key, "up"))
    stats->up = value;
  if (g_str_equal (key, "write.count"))
    stats->writes = value;
}

static PathStats
path_stats (LunDevice *device, const char *path)
{
  PathStats stats = { .path = path };

  lun_device_visit_stats (device, keep_path, &stats);
  return stats;
}

START_TEST (test_round_robin_uses_all_paths)
{
  const char *name = "stats+ram:p|stats+ram:p?threaded=0";
  g_autoptr (LunDevice) device = open_policy (name, "round-robin", 0);

  for (unsigned i = 0; i < 100; i++)
    ck_assert (write_byte (device, i, 1, NULL));
  ck_assert_uint_eq (path_stats (device, "stats+ram:p").writes, 50);
  ck_assert_uint_eq (path_stats (device, "stats+ram:p?threaded=0").writes, 50);
}
END_TEST

/* With and without threads. */
static bool other_identity;

static const char *const pairs[] = {
  "fault(down=after:20)+ram:p|ram:p",
  "fault(down=after:20)+ram:p?threaded=1|ram:p?threaded=1",
  "fault(fail=0.01:as=transport:after=9)+ram:p|fault(fail=0.01:as=timeout:after=9:seed=3)+"
  "ram:p",
  "fault(fail=0.2:as=hardware:after=9)+ram:p?threaded=1|ram:p?threaded=1",
};

START_TEST (test_a_dead_path_costs_nobody_a_write)
{
  g_autoptr (LunDevice) device = open_policy (pairs[_i], "round-robin", 5000);
  uint8_t block[BLOCK];
  LunStats stats;

  for (unsigned i = 0; i < 200; i++)
    ck_assert (write_byte (device, i, (int) i, NULL));
  for (unsigned i = 0; i < 200; i++) {
    ck_assert (lun_device_read (device, i, block, BLOCK, LUN_PRIO_BULK, NULL));
    ck_assert_uint_eq (block[BLOCK - 1], i);
  }
  lun_device_get_stats (device, &stats);
  ck_assert_uint_ge (stats.retries, 1);
  ck_assert_uint_eq (stats.errors, 0);
}
END_TEST

START_TEST (test_no_path_left)
{
  g_autoptr (LunDevice) device =
    open_policy ("fault(down=after:3)+ram:p|fault(down=after:3)+ram:p", NULL, 100);
  g_autoptr (GError) error = NULL;
  int64_t start = g_get_monotonic_time ();

  while (write_byte (device, 1, 1, &error))
    ;
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_NO_PATH));
  ck_assert_int_lt (g_get_monotonic_time () - start, 3 * G_USEC_PER_SEC);
}
END_TEST

static const char *const returning[] = { "", "?threaded=1" };

START_TEST (test_a_path_returns)
{
  g_autofree char *flag =
    g_strdup_printf ("/dev/shm/lunpath-down-%d-%d", getpid (), _i);
  g_autofree char *first =
    g_strdup_printf ("fault(down=while:%s)+ram:p%s", flag, returning[_i]);
  g_autofree char *name = g_strdup_printf ("%s|ram:p%s", first, returning[_i]);
  g_autoptr (LunDevice) device = open_policy (name, "basic-failover", 2000);

  ck_assert (g_file_set_contents (flag, "", 0, NULL));
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (path_stats (device, first).up, 0);
  g_unlink (flag);
  int64_t until = g_get_monotonic_time () + 5 * G_USEC_PER_SEC;
  while (!path_stats (device, first).up && g_get_monotonic_time () < until) {
    g_usleep (2000);
    ck_assert (write_byte (device, 1, 1, NULL));
  }
  ck_assert_uint_eq (path_stats (device, first).up, 1);
}
END_TEST

START_TEST (test_single_path_recovers_within_the_deadline)
{
  g_autoptr (LunDevice) device =
    open_policy (_i ? "fault(down=after:5:for=4)+ram:p?threaded=1"
                    : "fault(down=after:5:for=4)+ram:p",
                 NULL, 5000);

  for (unsigned i = 0; i < 20; i++)
    ck_assert (write_byte (device, i, 1, NULL));
}
END_TEST

START_TEST (test_reservation_conflict_leaves_the_path_up)
{
  g_autoptr (LunDevice) device =
    open_policy ("fault(fail-write:as=conflict)+ram:p", NULL, 0);
  g_autoptr (GError) error = NULL;
  LunStats stats;

  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_RESERVED));
  lun_device_get_stats (device, &stats);
  ck_assert_uint_eq (stats.retries, 0);
  ck_assert_uint_eq (path_stats (device, "fault(fail-write:as=conflict)+ram:p").up, 1);
}
END_TEST

/* ---- COMPARE AND WRITE whose answer is lost ---- */

static const char *const losing[] = {
  "fault(lose-answer:op=caw:after=1:count=1)+ram:p", /* the first is the trial */
  "fault(lose-answer:op=caw:after=1:count=1)+ram:p?threaded=1",
  "fault(lose-answer:op=caw:after=1:count=1)+ram:p|ram:p",
};

START_TEST (test_lost_answer_of_one_that_was_done)
{
  g_autoptr (LunDevice) device = open_policy (losing[_i], "basic-failover", 2000);
  uint8_t old[BLOCK] = { 0 }, new[BLOCK] = { 1 }, back[BLOCK];

  ck_assert_int_eq (lun_device_compare_and_write (device, 1, old, new, NULL),
                    LUN_CAW_DONE);
  ck_assert (lun_device_read (device, 1, back, BLOCK, LUN_PRIO_BULK, NULL));
  ck_assert_mem_eq (back, new, BLOCK);
}
END_TEST

START_TEST (test_lost_answer_of_one_that_did_not_match)
{
  g_autoptr (LunDevice) device = open_policy (losing[_i], "basic-failover", 2000);
  uint8_t old[BLOCK] = { 7 }, new[BLOCK] = { 1 };

  ck_assert_int_eq (lun_device_compare_and_write (device, 1, old, new, NULL),
                    LUN_CAW_MISMATCH);
}
END_TEST

static const char *const vanishing[] = {
  "fault(fail:op=caw:as=transport:after=1:count=2)+ram:p",
  "fault(fail:op=caw:as=timeout:after=1:count=2)+ram:p?threaded=1",
  "fault(fail:op=caw:as=aborted:after=1:count=2)+ram:p",
};

START_TEST (test_lost_command_is_sent_again)
{
  g_autoptr (LunDevice) device = open_policy (vanishing[_i], NULL, 2000);
  uint8_t old[BLOCK] = { 0 }, new[BLOCK] = { 1 };

  ck_assert_int_eq (lun_device_compare_and_write (device, 1, old, new, NULL),
                    LUN_CAW_DONE);
  ck_assert_int_eq (lun_device_compare_and_write (device, 1, old, new, NULL),
                    LUN_CAW_MISMATCH);
}
END_TEST

/* ---- order in a path's queue ---- */

static char order[64];
static unsigned n_ended;

static void
note_end (LunIo *io)
{
  unsigned at = __atomic_fetch_add (&n_ended, 1, __ATOMIC_SEQ_CST);

  order[at] = io->priority == LUN_PRIO_CONTROL ? 'c' : 'b';
}

START_TEST (test_control_goes_before_bulk)
{
  LunDevice *device = open_device ("slow+ram:p?threaded=1");
  uint8_t block[BLOCK] = { 0 };
  struct iovec iov = { block, BLOCK };
  LunIo ios[40];

  for (int i = 0; i < 40; i++) {
    ios[i] = (LunIo){ .op = LUN_OP_READ,
                      .lba = 1,
                      .blocks = 1,
                      .iov = &iov,
                      .n_iov = 1,
                      .priority = i < 30 ? LUN_PRIO_BULK : LUN_PRIO_CONTROL,
                      .done = note_end };
  }
  /* the path's thread is busy with a slow one while the rest arrives */
  lun_device_submit (device, &ios[0]);
  g_usleep (10000); /* it is under way now */
  for (int i = 1; i < 40; i++)
    lun_device_submit (device, &ios[i]);
  lun_device_close (device);
  ck_assert_int_eq (order[0], 'b');
  for (int i = 1; i <= 10; i++)
    ck_assert_int_eq (order[i], 'c');
  for (int i = 11; i < 40; i++)
    ck_assert_int_eq (order[i], 'b');
}
END_TEST

/* ---- out of band ---- */

START_TEST (test_wanted_path)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *second = g_strconcat ("stats+", lun.name, "?path=2", NULL);
  g_autofree char *name = g_strconcat (lun.name, "|", second, NULL);
  g_autoptr (LunDevice) device = open_policy (name, "basic-failover", 0);
  static const uint8_t test_unit_ready[6] = { 0 };
  LunResult result;
  g_autoptr (GError) error = NULL;

  /* the first command on a new nexus meets its unit attention, which is the caller's to see */
  ck_assert (lun_device_cdb (device, test_unit_ready, 6, LUN_DIR_NONE, NULL, 0, second,
                             &result, NULL));
  ck_assert (lun_device_cdb (device, test_unit_ready, 6, LUN_DIR_NONE, NULL, 0, second,
                             &result, NULL));
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  ck_assert (!lun_device_cdb (device, test_unit_ready, 6, LUN_DIR_NONE, NULL, 0,
                              "file:/none", &result, &error));
  ck_assert (error->domain == LUN_ERROR);
}
END_TEST

START_TEST (test_a_path_that_returns_to_another_lun_is_refused)
{
  const char *first = "fault(down=after:5:for=1)+other+ram:p";
  g_autofree char *name = g_strconcat (first, "|ram:p", NULL);
  g_autoptr (LunDevice) device = open_policy (name, "basic-failover", 2000);

  other_identity = true;
  for (unsigned i = 0; i < 20; i++) {
    ck_assert (write_byte (device, i, 1, NULL));
    g_usleep (1000);
  }
  ck_assert_uint_eq (path_stats (device, first).up, 0);
}
END_TEST

/* ---- a device used by many threads ---- */

#define N_THREADS 4

static LunDevice *shared;

static void *
work (void *data)
{
  unsigned number = GPOINTER_TO_UINT (data);
  uint8_t block[BLOCK];

  for (unsigned i = 0; i < 200; i++) {
    uint64_t lba = number * 200 + i;
    ck_assert (write_byte (shared, lba, (int) number, NULL));
    ck_assert (lun_device_read (shared, lba, block, BLOCK, LUN_PRIO_CONTROL, NULL));
    ck_assert_uint_eq (block[3], number);
  }
  return NULL;
}

START_TEST (test_many_threads_on_failing_paths)
{
  pthread_t threads[N_THREADS];

  shared = open_policy (pairs[_i], NULL, 10000);
  for (unsigned i = 0; i < N_THREADS; i++)
    ck_assert_int_eq (
      pthread_create (&threads[i], NULL, work, GUINT_TO_POINTER (i + 1)), 0);
  for (unsigned i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
  lun_device_close (shared);
}
END_TEST

/* A layer of the test's own: the first READ takes 50 ms. */
static void
slow_submit (LunTransport *layer, LunIo *io)
{
  if (io->op == LUN_OP_READ && io->lba == 1 && n_ended == 0)
    g_usleep (50000);
  lun_transport_submit (layer->lower, io);
}

static void
slow_close (LunTransport *layer)
{
  g_free (layer);
}

static LunTransport *
slow_wrap (LunTransport *lower, const char *args, GError **error)
{
  LunTransport *layer = g_new0 (LunTransport, 1);

  layer->ops = (LunTransportOps){ .submit = slow_submit, .close = slow_close };
  layer->facts = lower->facts;
  return layer;
}

/* Another: the path leads to another LUN once the flag is set. */
static char *
other_identify (LunTransport *layer, GError **error)
{
  return other_identity ? g_strdup ("ram:q")
                        : lun_transport_identify (layer->lower, error);
}

static LunTransport *
other_wrap (LunTransport *lower, const char *args, GError **error)
{
  LunTransport *layer = g_new0 (LunTransport, 1);

  layer->ops = (LunTransportOps){ .identify = other_identify, .close = slow_close };
  layer->facts = lower->facts;
  return layer;
}

static const LunLayerOps other = { .name = "other", .wrap = other_wrap };
static const LunLayerOps slow = { .name = "slow", .wrap = slow_wrap };

static void
add (Suite *suite, const char *name, const TTest *test, int n_rounds)
{
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test, 0, n_rounds);
  suite_add_tcase (suite, tcase);
}

int
main (void)
{
  Suite *suite = suite_create ("lunpath/paths");

  lun_layer_register (&slow);
  lun_layer_register (&other);
  add (suite, "policy", test_round_robin_uses_all_paths, 1);
  add (suite, "dead", test_a_dead_path_costs_nobody_a_write, G_N_ELEMENTS (pairs));
  add (suite, "none", test_no_path_left, 1);
  add (suite, "returns", test_a_path_returns, G_N_ELEMENTS (returning));
  add (suite, "single", test_single_path_recovers_within_the_deadline, 2);
  add (suite, "conflict", test_reservation_conflict_leaves_the_path_up, 1);
  add (suite, "caw", test_lost_answer_of_one_that_was_done, G_N_ELEMENTS (losing));
  add (suite, "caw", test_lost_answer_of_one_that_did_not_match, G_N_ELEMENTS (losing));
  add (suite, "caw", test_lost_command_is_sent_again, G_N_ELEMENTS (vanishing));
  add (suite, "order", test_control_goes_before_bulk, 1);
  add (suite, "wanted", test_wanted_path, 1);
  add (suite, "identity", test_a_path_that_returns_to_another_lun_is_refused, 1);
  add (suite, "threads", test_many_threads_on_failing_paths, G_N_ELEMENTS (pairs));

  SRunner *runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
