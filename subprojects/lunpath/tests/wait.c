#include "lun.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 512

/* Loop tests run over a LUN that wakes and one that is polled. */
enum {
  WAKES,
  POLLED,
  N_KINDS
};

static LunDevice *
open_kind (int kind, const FileLun *lun)
{
  return open_device (kind == WAKES ? lun->name : "ram:w?size=16M");
}

static const LunWaitPlan patient = { .spin_us = 20, .timeout_us = 10 * G_USEC_PER_SEC };

typedef struct {
  LunDevice *device;
  uint64_t lba;
  int after_us;
  pthread_t thread;
} Writer;

static void *
write_later (void *data)
{
  Writer *writer = data;
  char block[BLOCK];

  memset (block, 'n', sizeof block);
  g_usleep ((gulong) writer->after_us);
  ck_assert (lun_device_write (writer->device, writer->lba, block, BLOCK,
                               LUN_PRIO_CONTROL, NULL));
  return NULL;
}

static void
start_writer (Writer *writer)
{
  ck_assert_int_eq (pthread_create (&writer->thread, NULL, write_later, writer), 0);
}

static void
join_writer (Writer *writer)
{
  pthread_join (writer->thread, NULL);
}

START_TEST (test_sees_a_change_made_before)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  char seen[BLOCK] = { 1 }, buf[BLOCK];
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = buf };

  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &patient, NULL),
                    LUN_WAIT_CHANGED);
  ck_assert (watch.differs);
  ck_assert_int_eq (buf[0], 0);
}
END_TEST

START_TEST (test_sees_a_change_made_while_asleep)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = seen };
  Writer writer = { .device = device, .lba = 3, .after_us = 20000 };
  LunStats stats;

  start_writer (&writer);
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &patient, NULL),
                    LUN_WAIT_CHANGED);
  join_writer (&writer);
  lun_device_get_stats (device, &stats);
  ck_assert_int_eq (seen[0], 'n'); /* buf may be seen */
  ck_assert_uint_eq (stats.wakes, 1);
  ck_assert_uint_eq (stats.reads, 1);
  if (_i == WAKES)
    ck_assert_uint_eq (stats.polls, 0);
  else
    ck_assert_uint_ge (stats.polls, 1);
}
END_TEST

START_TEST (test_a_change_elsewhere_is_none)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = seen };
  Writer neighbour = { .device = device, .lba = 4, .after_us = 5000 };
  LunWaitPlan plan = { .timeout_us = 30000 };

  start_writer (&neighbour); /* shares the wake word */
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &plan, NULL), LUN_WAIT_TIMEOUT);
  ck_assert (!watch.differs);
  join_writer (&neighbour);
}
END_TEST

START_TEST (test_times_out_in_time)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = seen };
  int64_t start = g_get_monotonic_time ();

  ck_assert_int_eq (
    lun_device_wait (device, &watch, 1, &(LunWaitPlan){ .timeout_us = 20000 }, NULL),
    LUN_WAIT_TIMEOUT);
  ck_assert_int_ge (g_get_monotonic_time () - start, 20000);
  ck_assert_int_lt (g_get_monotonic_time () - start, 2000000);
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &(LunWaitPlan){ 0 }, NULL),
                    LUN_WAIT_TIMEOUT);
}
END_TEST

typedef struct {
  LunDevice *device;
  int cancel;
} Canceller;

static void *
cancel_later (void *data)
{
  Canceller *canceller = data;

  g_usleep (20000);
  lun_device_wake (canceller->device); /* alone it ends nothing */
  g_usleep (20000);
  __atomic_store_n (&canceller->cancel, 1, __ATOMIC_SEQ_CST);
  lun_device_wake (canceller->device);
  return NULL;
}

START_TEST (test_is_cancelled)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  Canceller canceller = { .device = device };
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = seen };
  LunWaitPlan plan = { .timeout_us = -1, .cancel = &canceller.cancel };
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, cancel_later, &canceller), 0);
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &plan, NULL),
                    LUN_WAIT_CANCELLED);
  pthread_join (thread, NULL);
}
END_TEST

START_TEST (test_several_watches_tell_which)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  char seen[3][2 * BLOCK] = { { 0 } }, buf[3][2 * BLOCK];
  LunWatch watches[3];
  Writer writer = { .device = device, .lba = 201, .after_us = 10000 };

  for (int i = 0; i < 3; i++)
    watches[i] = (LunWatch){
      .lba = (uint64_t) i * 100 + 100, .blocks = 2, .seen = seen[i], .buf = buf[i]
    };
  start_writer (&writer);
  ck_assert_int_eq (lun_device_wait (device, watches, 3, &patient, NULL),
                    LUN_WAIT_CHANGED);
  join_writer (&writer);
  ck_assert (!watches[0].differs && watches[1].differs && !watches[2].differs);
  ck_assert_int_eq (buf[1][BLOCK - 1], 0);
  ck_assert_int_eq (buf[1][BLOCK], 'n');
}
END_TEST

/* More 4 KiB pieces than the kernel waits for at once. */
START_TEST (test_watch_of_thousands_of_blocks)
{
  uint32_t blocks = 10000;
  g_auto (FileLun) lun = file_lun_new (16 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  g_autofree char *seen = g_malloc0 ((size_t) blocks * BLOCK);
  LunWatch watch = { .lba = 5, .blocks = blocks, .seen = seen, .buf = seen };
  Writer writer = { .device = device, .lba = 10004, .after_us = 30000 };

  start_writer (&writer);
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &patient, NULL),
                    LUN_WAIT_CHANGED);
  join_writer (&writer);
  ck_assert_int_eq (seen[(size_t) 9999 * BLOCK], 'n');
}
END_TEST

START_TEST (test_beyond_the_end_is_refused)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device = open_kind (_i, &lun);
  g_autoptr (GError) error = NULL;
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 1 << 20, .blocks = 1, .seen = seen, .buf = seen };

  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &patient, &error),
                    LUN_WAIT_ERROR);
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_RANGE));
}
END_TEST

START_TEST (test_read_only_waits_too)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  const char *const paths[] = { lun.name, NULL };
  g_autoptr (LunDevice) reader =
    open_with (&(LunDeviceConfig){ .paths = paths, .read_only = true });
  g_autoptr (LunDevice) device = open_device (lun.name);
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 3, .blocks = 1, .seen = seen, .buf = seen };
  Writer writer = { .device = device, .lba = 3, .after_us = 10000 };

  start_writer (&writer);
  ck_assert_int_eq (lun_device_wait (reader, &watch, 1, &patient, NULL),
                    LUN_WAIT_CHANGED);
  join_writer (&writer);
  ck_assert_int_eq (seen[0], 'n');
}
END_TEST

/* Answers each number that appears in block 0 by the same number in block 8. */
static void
echo (const char *name, int rounds)
{
  g_autoptr (LunDevice) device = open_device (name);
  char seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 0, .blocks = 1, .seen = seen, .buf = seen };

  for (int i = 0; i < rounds; i++) {
    if (lun_device_wait (device, &watch, 1, &patient, NULL) != LUN_WAIT_CHANGED)
      _exit (1);
    if (!lun_device_write (device, 8, seen, BLOCK, LUN_PRIO_CONTROL, NULL))
      _exit (2);
  }
}

START_TEST (test_ping_pong_between_processes)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *other = g_strconcat (lun.name, "?host=other", NULL);
  int rounds = 200, status;
  pid_t child = fork ();

  if (child == 0) {
    echo (other, rounds);
    _exit (0);
  }
  g_autoptr (LunDevice) device = open_device (lun.name);
  char number[BLOCK] = { 0 }, answer[BLOCK] = { 0 };
  LunWatch watch = { .lba = 8, .blocks = 1, .seen = answer, .buf = answer };
  for (int i = 1; i <= rounds; i++) {
    memcpy (number, &i, sizeof i);
    ck_assert (lun_device_write (device, 0, number, BLOCK, LUN_PRIO_CONTROL, NULL));
    ck_assert_int_eq (lun_device_wait (device, &watch, 1, &patient, NULL),
                      LUN_WAIT_CHANGED);
    ck_assert_mem_eq (answer, number, BLOCK);
  }
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
}
END_TEST

int
main (void)
{
  const TTest *const each_kind[] = {
    test_sees_a_change_made_before,
    test_sees_a_change_made_while_asleep,
    test_a_change_elsewhere_is_none,
    test_times_out_in_time,
    test_is_cancelled,
    test_several_watches_tell_which,
    test_watch_of_thousands_of_blocks,
    test_beyond_the_end_is_refused,
  };
  const TTest *const once[] = { test_read_only_waits_too,
                                test_ping_pong_between_processes };

  return lun_suite_run_loops ("lunpath/wait", each_kind, G_N_ELEMENTS (each_kind),
                              N_KINDS, once, G_N_ELEMENTS (once));
}
