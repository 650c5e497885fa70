/* The volume lock by each method: several processes, several threads, dead holders. */
#include "fixture.h"

#include "base/error.h"
#include "volume/lock.h"
#include "volume/membership.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB      (UINT64_C (1) << 20)
#define WAIT_US  (20 * G_USEC_PER_SEC)
#define N_PEERS  3
#define N_ROUNDS 40

static const FtsLockOwner nobody = { .index = FTS_LOCK_NO_INDEX, .generation = 1 };

static void
make_lab (Lab *lab, FtsLockMethod method)
{
  lab_init (lab, 1, 2 * MIB, 512);
  lab->wish.lock_method = method;
  lab->wish.io_timeout_ms = method == FTS_LOCK_DELAY ? 2 : 100;
  lab_format (lab);
}

/* A counter on the LUN that loses counts when two change it at a time. */
static void
count_once (FtsVolume *volume)
{
  uint8_t block[512];
  uint64_t lba = fts_volume_mcb (volume)->device_blocks - 2;

  ck_assert (fts_volume_read (volume, lba, block, sizeof block, NULL));
  for (int i = 0; i < 20; i++)
    sched_yield ();
  block[0]++;
  ck_assert (fts_volume_write (volume, lba, block, sizeof block, NULL));
}

static void
count_in_process (const Lab *lab, const char *host, uint32_t index, int rounds)
{
  g_autoptr (FtsVolume) volume = lab_open (lab, host, NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  FtsLockOwner owner = { .index = index, .generation = index + 1 };

  ck_assert_ptr_nonnull (lock);
  for (int i = 0; i < rounds; i++) {
    g_autoptr (GError) error = NULL;
    fts_lock_take (lock, &owner, WAIT_US, &error);
    lab_assert_ok (error);
    count_once (volume);
    fts_lock_release (lock);
  }
  fts_lock_free (lock);
}

static void
check_counter (const Lab *lab, uint8_t expected)
{
  uint8_t count;

  lab_peek (lab, 0, 2 * MIB - 1024, &count, 1);
  ck_assert_uint_eq (count, expected);
}

/* HOSTS: N_PEERS letters, a host's name each. */
static void
check_exclusion (FtsLockMethod method, const char *hosts, int rounds)
{
  Lab lab;
  pid_t pids[N_PEERS];
  int status;

  make_lab (&lab, method);
  for (uint32_t i = 0; i < N_PEERS; i++) {
    const char host[2] = { hosts[i] };
    pids[i] = fork ();
    if (pids[i] == 0) {
      count_in_process (&lab, host, i, rounds);
      _exit (0);
    }
  }
  for (int i = 0; i < N_PEERS; i++) {
    ck_assert_int_eq (waitpid (pids[i], &status, 0), pids[i]);
    ck_assert_int_eq (status, 0);
  }
  check_counter (&lab, (uint8_t) (N_PEERS * rounds));
  lab_clear (&lab);
}

START_TEST (test_processes_exclude_each_other_by_compare_and_write)
{
  check_exclusion (FTS_LOCK_CAW, "abc", N_ROUNDS);
}
END_TEST

START_TEST (test_processes_exclude_each_other_by_file_lock)
{
  check_exclusion (FTS_LOCK_FILE, "abc", N_ROUNDS);
}
END_TEST

START_TEST (test_hosts_exclude_each_other_by_registrations)
{
  check_exclusion (FTS_LOCK_PR, "abc", N_ROUNDS);
}
END_TEST

START_TEST (test_processes_of_one_port_exclude_each_other_by_registrations)
{
  check_exclusion (FTS_LOCK_PR, "aab", N_ROUNDS);
}
END_TEST

START_TEST (test_hosts_exclude_each_other_by_scsi2)
{
  check_exclusion (FTS_LOCK_SCSI2, "abc", N_ROUNDS);
}
END_TEST

START_TEST (test_processes_of_one_port_exclude_each_other_by_scsi2)
{
  check_exclusion (FTS_LOCK_SCSI2, "aab", N_ROUNDS);
}
END_TEST

START_TEST (test_processes_exclude_each_other_by_delay)
{
  check_exclusion (FTS_LOCK_DELAY, "abc", 3);
}
END_TEST

typedef struct {
  FtsVolume *volume;
  FtsLock *lock;
} Shared;

static void *
count_in_thread (void *data)
{
  Shared *shared = data;

  for (int i = 0; i < N_ROUNDS; i++) {
    ck_assert (fts_lock_take (shared->lock, &nobody, WAIT_US, NULL));
    count_once (shared->volume);
    fts_lock_release (shared->lock);
  }
  return NULL;
}

START_TEST (test_threads_of_one_member_exclude_each_other)
{
  Lab lab;
  pthread_t threads[N_PEERS];
  Shared shared;

  make_lab (&lab, FTS_LOCK_FILE);
  shared.volume = lab_open (&lab, "x", NULL);
  shared.lock = fts_lock_new (shared.volume, NULL, NULL);
  for (int i = 0; i < N_PEERS; i++)
    pthread_create (&threads[i], NULL, count_in_thread, &shared);
  for (int i = 0; i < N_PEERS; i++)
    pthread_join (threads[i], NULL);
  check_counter (&lab, N_PEERS * N_ROUNDS);
  fts_lock_free (shared.lock);
  fts_volume_close (shared.volume);
  lab_clear (&lab);
}
END_TEST

static bool
never_dead (uint32_t index, uint64_t generation, void *user_data)
{
  return false;
}

/* What a process leaves behind that is killed with the lock in its hands. */
static void
leave_held (const Lab *lab, uint32_t index, uint64_t generation)
{
  g_autoptr (FtsVolume) volume = lab_open (lab, "x", NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  FtsLockOwner owner = { .index = index, .generation = generation };

  ck_assert (fts_lock_take (lock, &owner, WAIT_US, NULL));
  fts_lock_free (lock);
}

START_TEST (test_a_live_holders_lock_is_not_taken_over)
{
  Lab lab;
  FtsLockOwner owner = { .index = 2, .generation = 5, .is_dead = never_dead };
  g_autoptr (GError) error = NULL;

  make_lab (&lab, FTS_LOCK_CAW);
  leave_held (&lab, 1, 99);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  ck_assert (!fts_lock_take (lock, &owner, 50000, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_BUSY);
  fts_lock_free (lock);
  lab_clear (&lab);
}
END_TEST

static void
check_take_over (FtsLockMethod method)
{
  Lab lab;
  FtsMemberConfig config = { .name = "a", .role = FTS_ROLE_SERVER };
  g_autoptr (GError) error = NULL;

  make_lab (&lab, method);
  leave_held (&lab, 5, 99); /* entry 5 is free: its owner is gone */
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  FtsMember *member = fts_member_join (volume, &config, &error);
  lab_assert_ok (error);
  fts_member_lock (member, &error);
  lab_assert_ok (error);
  fts_member_unlock (member);
  fts_member_leave (member);
  lab_clear (&lab);
}

START_TEST (test_a_dead_holders_lock_is_taken_over_by_compare_and_write)
{
  check_take_over (FTS_LOCK_CAW);
}
END_TEST

START_TEST (test_a_dead_holders_lock_is_taken_over_by_delay)
{
  check_take_over (FTS_LOCK_DELAY);
}
END_TEST

START_TEST (test_the_lock_of_one_who_died_while_joining_is_void_after_the_dead_time)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  make_lab (&lab, FTS_LOCK_CAW);
  leave_held (&lab, FTS_LOCK_NO_INDEX, 99);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  int64_t begin_us = g_get_monotonic_time ();
  fts_lock_take (lock, &nobody, WAIT_US, &error);
  lab_assert_ok (error);
  ck_assert_int_ge (g_get_monotonic_time () - begin_us, 300 * 1000);
  fts_lock_release (lock);
  fts_lock_free (lock);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_killed_process_frees_its_file_lock)
{
  Lab lab;
  int pipe_fds[2];
  char byte;
  g_autoptr (GError) error = NULL;

  make_lab (&lab, FTS_LOCK_FILE);
  ck_assert_int_eq (pipe (pipe_fds), 0);
  pid_t pid = fork ();
  if (pid == 0) {
    FtsVolume *volume = lab_open (&lab, "y", NULL);
    FtsLock *lock = fts_lock_new (volume, NULL, NULL);
    if (fts_lock_take (lock, &nobody, WAIT_US, NULL))
      (void) !write (pipe_fds[1], "l", 1);
    for (;;)
      pause ();
  }
  ck_assert_int_eq (read (pipe_fds[0], &byte, 1), 1);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  ck_assert (!fts_lock_take (lock, &nobody, 20000, NULL));
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  fts_lock_take (lock, &nobody, WAIT_US, &error);
  lab_assert_ok (error);
  fts_lock_release (lock);
  fts_lock_free (lock);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_damaged_lock_block_is_reported)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  make_lab (&lab, FTS_LOCK_CAW);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  lab_poke (&lab, 0, fts_volume_mcb (volume)->lock_ptr * 512 + 40, "damage", 6);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  ck_assert (!fts_lock_take (lock, &nobody, WAIT_US, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_CORRUPT);
  fts_lock_free (lock);
  lab_clear (&lab);
}
END_TEST

static unsigned
n_commands (FtsVolume *volume)
{
  LunStats stats;

  lun_device_get_stats (fts_volume_master (volume), &stats);
  return (unsigned) (stats.reads + stats.writes + stats.caws + stats.cdbs +
                     stats.flushes);
}

static void
check_cost (FtsLockMethod method, unsigned commands)
{
  Lab lab;

  make_lab (&lab, method);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  FtsLock *lock = fts_lock_new (volume, NULL, NULL);
  ck_assert (fts_lock_take (lock, &nobody, WAIT_US, NULL)); /* unit attentions */
  fts_lock_release (lock);
  unsigned before = n_commands (volume);
  ck_assert (fts_lock_take (lock, &nobody, WAIT_US, NULL));
  fts_lock_release (lock);
  ck_assert_uint_eq (n_commands (volume) - before, commands);
  fts_lock_free (lock);
  lab_clear (&lab);
}

START_TEST (test_taking_and_releasing_costs_a_handful_of_commands)
{
  static const struct {
    FtsLockMethod method;
    unsigned commands;
  } costs[] = { { FTS_LOCK_FILE, 0 },
                { FTS_LOCK_CAW, 3 },
                { FTS_LOCK_PR, 11 },
                { FTS_LOCK_SCSI2, 9 },
                { FTS_LOCK_DELAY, 5 } };

  for (size_t i = 0; i < G_N_ELEMENTS (costs); i++)
    check_cost (costs[i].method, costs[i].commands);
}
END_TEST

START_TEST (test_the_best_method_that_works_is_chosen)
{
  static const struct {
    const char *without;
    FtsLockMethod method;
  } cases[] = { { NULL, FTS_LOCK_CAW },
                { "caw", FTS_LOCK_PR },
                { "caw:abort", FTS_LOCK_PR },
                { "caw:pr", FTS_LOCK_SCSI2 } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Lab lab;
    FtsLockMethod chosen;
    lab_init (&lab, 1, 2 * MIB, 512);
    lab.without = cases[i].without;
    FtsLockTrial trial = { .master = lab_device (&lab, 0, "x"), .dead_ms = 300 };
    ck_assert (fts_lock_choose (&trial, &chosen, NULL));
    ck_assert_int_eq (chosen, cases[i].method);
    lun_device_close (trial.master);
    lab_clear (&lab);
  }
}
END_TEST

START_TEST (test_scsi2_does_not_go_together_with_fencing)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  FtsLockTrial trial = { .master = lab_device (&lab, 0, "x"),
                         .fence_mode = FTS_FENCE_ALL_REGISTRANTS,
                         .dead_ms = 300 };
  ck_assert (!fts_lock_try_method (&trial, FTS_LOCK_SCSI2, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_UNSUPPORTED);
  ck_assert (fts_lock_try_method (&trial, FTS_LOCK_PR, NULL));
  lun_device_close (trial.master);
  lab_clear (&lab);
}
END_TEST

static void
check_refusal (FtsLockMethod method, const char *without, const char *what)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  make_lab (&lab, method);
  lab.without = without;
  g_autoptr (FtsVolume) volume = lab_open (&lab, "x", NULL);
  ck_assert_ptr_null (fts_lock_new (volume, NULL, &error));
  lab_assert_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED);
  ck_assert_ptr_nonnull (strstr (error->message, what));
  ck_assert_ptr_nonnull (strstr (error->message, "--lock auto"));
  lab_clear (&lab);
}

START_TEST (test_a_method_that_the_device_lacks_is_refused)
{
  check_refusal (FTS_LOCK_CAW, "caw", "lock method, caw,");
  check_refusal (FTS_LOCK_PR, "pr", "lock method, pr,");
}
END_TEST

FTS_SUITE ("volume/lock", test_processes_exclude_each_other_by_compare_and_write,
           test_processes_exclude_each_other_by_file_lock,
           test_hosts_exclude_each_other_by_registrations,
           test_processes_of_one_port_exclude_each_other_by_registrations,
           test_hosts_exclude_each_other_by_scsi2,
           test_processes_of_one_port_exclude_each_other_by_scsi2,
           test_processes_exclude_each_other_by_delay,
           test_threads_of_one_member_exclude_each_other,
           test_a_live_holders_lock_is_not_taken_over,
           test_a_dead_holders_lock_is_taken_over_by_compare_and_write,
           test_a_dead_holders_lock_is_taken_over_by_delay,
           test_the_lock_of_one_who_died_while_joining_is_void_after_the_dead_time,
           test_a_killed_process_frees_its_file_lock,
           test_a_damaged_lock_block_is_reported,
           test_a_method_that_the_device_lacks_is_refused,
           test_taking_and_releasing_costs_a_handful_of_commands,
           test_the_best_method_that_works_is_chosen,
           test_scsi2_does_not_go_together_with_fencing)
