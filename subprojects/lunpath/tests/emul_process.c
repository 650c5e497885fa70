/* Several processes on one LUN: what they share, and what the death of one leaves behind. */
#include "base/futex.h"
#include "emul/state.h"
#include "emul_lun.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define KA 0xaaaa
#define KB 0xbbbb

/* Runs BODY in a process of its own with an opener of its own. */
static pid_t
start (const char *image, void (*body) (LunEmul *emul, int *ready))
{
  int ready[2];

  ck_assert_int_eq (pipe (ready), 0);
  pid_t pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid == 0) {
    LunEmul *emul = lun_emul_open (image, false, NULL);
    if (emul == NULL)
      _exit (99);
    close (ready[0]);
    body (emul, &ready[1]);
    lun_emul_close (emul);
    _exit (0);
  }
  close (ready[1]);
  char byte;
  ck_assert_int_eq (read (ready[0], &byte, 1), 1);
  close (ready[0]);
  return pid;
}

static void
say_ready (const int *ready)
{
  if (write (*ready, "x", 1) != 1)
    _exit (98);
}

static void
die_of_kill (pid_t pid)
{
  int status;

  ck_assert_int_eq (kill (pid, SIGKILL), 0);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
}

static void
end_well (pid_t pid)
{
  int status;

  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 0);
}

static void
sleep_for_ever (void)
{
  for (;;)
    pause ();
}

/* ---- one LUN ---- */

static void
register_and_write (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");

  if (test_register (b, KB).outcome != LUN_OUTCOME_GOOD ||
      test_reserve (b, 5, KB).outcome != LUN_OUTCOME_GOOD ||
      test_write_byte (b, 1, 0x42).outcome != LUN_OUTCOME_GOOD)
    _exit (1);
  say_ready (ready);
}

START_TEST (test_processes_see_one_lun)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t block[512];

  assert_good (test_write_byte (a, 0, 1));
  end_well (start (lun.image, register_and_write));
  assert_good (test_read (a, 1, block, 1));
  ck_assert_uint_eq (block[0], 0x42);
  ck_assert_uint_eq (test_reservation (a).key, KB);
  assert_conflict (test_write_byte (a, 0, 1));
  /* the port keeps its registration over its process */
  assert_good (test_write_byte (test_nexus (&lun, "b"), 0, 1));
}
END_TEST

static void
count_up (LunEmul *emul, int *ready)
{
  LunEmulNexus *nexus = test_nexus_of (emul, "counter");

  say_ready (ready);
  for (int n = 0; n < 2000;) {
    uint8_t data[1024];
    test_read (nexus, 3, data, 1);
    memcpy (data + 512, data, 512);
    lun_be32_put (data + 512, lun_be32_get (data) + 1);
    LunResult result =
      test_out (nexus, lun_cdb_compare_and_write (3, 1), data, sizeof data);
    n += result.outcome == LUN_OUTCOME_GOOD;
  }
}

START_TEST (test_compare_and_write_loses_no_count)
{
  g_auto (TestLun) lun = test_lun_new (8);
  pid_t one = start (lun.image, count_up);
  pid_t two = start (lun.image, count_up);

  end_well (one);
  end_well (two);
  ck_assert_uint_eq (lun_be32_get (lun_emul_map (lun.emul, 3, 1)), 4000);
}
END_TEST

#define N_WRITERS 40 /* more than the opener has slots */

typedef struct {
  LunEmulNexus *nexus;
  uint64_t lba;
} Writer;

static void *
write_much (void *data)
{
  Writer *writer = data;

  for (unsigned i = 0; i < 500; i++)
    if (test_write_byte (writer->nexus, writer->lba, (uint8_t) i).outcome)
      return data;
  return NULL;
}

START_TEST (test_more_writers_than_slots_all_get_through)
{
  g_auto (TestLun) lun = test_lun_new (N_WRITERS);
  pthread_t threads[N_WRITERS];
  Writer writers[N_WRITERS];
  void *failed;

  for (unsigned i = 0; i < N_WRITERS; i++) {
    writers[i] = (Writer){ test_nexus (&lun, "a"), i };
    ck_assert_int_eq (pthread_create (&threads[i], NULL, write_much, &writers[i]), 0);
  }
  for (unsigned i = 0; i < N_WRITERS; i++) {
    pthread_join (threads[i], &failed);
    ck_assert_ptr_null (failed);
    ck_assert_uint_eq (lun_emul_map (lun.emul, i, 1)[511], 499 % 256);
  }
  for (unsigned i = 0; i < LUN_STATE_WRITE_SLOTS; i++)
    ck_assert_uint_eq (lun.emul->opener->slots[i] & 0xffff, 0);
}
END_TEST

/* ---- death ---- */

static void
die_half_way_through_a_change (LunEmul *emul, int *ready)
{
  LunEmulCore *core = &emul->state->core;

  lun_state_lock (emul);
  lun_state_begin (emul);
  memset (core->ports, 0x55, sizeof core->ports);
  core->res_type = 3;
  say_ready (ready);
  sleep_for_ever ();
}

START_TEST (test_death_in_a_change_undoes_it)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");

  assert_good (test_register (a, KA));
  assert_good (test_reserve (a, 7, KA));
  die_of_kill (start (lun.image, die_half_way_through_a_change));
  ck_assert_uint_eq (test_reservation (a).type, 7);
  assert_good (test_write_byte (a, 0, 1));
  assert_conflict (test_write_byte (b, 0, 1));
  assert_good (test_register (b, KB));
}
END_TEST

static void
die_after_a_change (LunEmul *emul, int *ready)
{
  lun_state_lock (emul);
  lun_state_begin (emul);
  lun_core_reset (&emul->state->core);
  lun_state_commit (emul);
  say_ready (ready);
  sleep_for_ever ();
}

START_TEST (test_death_after_a_change_keeps_it)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  die_of_kill (start (lun.image, die_after_a_change));
  ck_assert_uint_eq (test_next_attention (a), 0x2903);
  ck_assert_uint_eq (test_next_attention (a), 0);
}
END_TEST

static void
die_in_compare_and_write (LunEmul *emul, int *ready)
{
  LunCawIntent *caw = &emul->state->caw;

  lun_state_lock (emul);
  caw->offset = 2 * 512;
  memset (caw->data, 0x77, 512);
  atomic_store (&caw->len, 512);
  memset (emul->image + 2 * 512, 0x77, 100);
  say_ready (ready);
  sleep_for_ever ();
}

START_TEST (test_death_in_compare_and_write_leaves_the_block_whole)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  die_of_kill (start (lun.image, die_in_compare_and_write));
  assert_good (test_caw (a, 2, 0x77, 0x78));
}
END_TEST

static void
change_without_end (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");
  LunEmulNexus *c = test_nexus_of (emul, "c");

  say_ready (ready);
  for (uint64_t i = 1;; i++) {
    test_register (b, i);
    test_reserve (b, 5, i);
    test_register (c, i + 1);
    test_caw (c, 2, (uint8_t) (i - 1), (uint8_t) i);
    test_pr_out (c, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, i + 1, i);
    test_pr_out (c, LUN_PR_OUT_CLEAR, 0, i + 1, 0);
  }
}

static void
check_invariants (const LunEmulCore *core)
{
  if (core->res_type != 0) {
    ck_assert (lun_pr_type_is_valid (core->res_type));
    ck_assert_uint_gt (lun_core_n_registered (core), 0);
    if (core->res_type < 7)
      ck_assert (core->ports[core->holder].registered);
  }
  ck_assert (!core->scsi2);
}

START_TEST (test_death_at_any_instant_leaves_a_sound_lun)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  for (unsigned i = 0; i < 40; i++) {
    pid_t pid = start (lun.image, change_without_end);
    g_usleep (500 + i * 137 % 1000);
    die_of_kill (pid);
    assert_good (test_register (a, KA));
    check_invariants (&lun.emul->state->core);
    assert_good (test_pr_out (a, LUN_PR_OUT_CLEAR, 0, KA, 0));
    assert_good (test_write_byte (a, 0, 1));
    const uint8_t *block = lun_emul_map (lun.emul, 2, 1);
    for (int at = 1; at < 512; at++)
      ck_assert_uint_eq (block[at], block[0]);
  }
}
END_TEST

static void
hold_scsi2_reservation (LunEmul *emul, int *ready)
{
  test_none (test_nexus_of (emul, "b"), lun_cdb_reserve_6 ());
  say_ready (ready);
  sleep_for_ever ();
}

START_TEST (test_death_of_its_process_ends_a_scsi2_reservation)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  pid_t pid = start (lun.image, hold_scsi2_reservation);

  assert_conflict (test_write_byte (a, 0, 1));
  die_of_kill (pid);
  assert_good (test_write_byte (a, 0, 1));
}
END_TEST

/* ---- PREEMPT AND ABORT ---- */

static void
write_for_100_ms (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");
  LunWriteSlot *slot = lun_state_write_start (emul, b->port);

  say_ready (ready);
  g_usleep (100000);
  emul->image[0] = 0x99;
  lun_state_write_end (slot);
}

static void
write_for_ever (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");

  lun_state_write_start (emul, b->port);
  say_ready (ready);
  sleep_for_ever ();
}

static void
prepare_fence (LunEmulNexus *a, LunEmulNexus *b)
{
  assert_good (test_register (a, KA));
  assert_good (test_register (b, KB));
  assert_good (test_reserve (a, 7, KA));
}

START_TEST (test_preempt_and_abort_waits_for_writes_under_way)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  prepare_fence (a, test_nexus (&lun, "b"));
  pid_t pid = start (lun.image, write_for_100_ms);
  assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KA, KB));
  ck_assert_uint_eq (lun_emul_map (lun.emul, 0, 1)[0], 0x99);
  end_well (pid);
}
END_TEST

START_TEST (test_preempt_and_abort_does_not_wait_for_the_dead)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  prepare_fence (a, test_nexus (&lun, "b"));
  die_of_kill (start (lun.image, write_for_ever));
  gint64 before = g_get_monotonic_time ();
  assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KA, KB));
  ck_assert_int_lt (g_get_monotonic_time () - before, G_USEC_PER_SEC);
}
END_TEST

START_TEST (test_preempt_and_abort_waits_for_its_victims_only)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *c = test_nexus (&lun, "c");

  prepare_fence (a, test_nexus (&lun, "b"));
  assert_good (test_register (c, 0xcccc));
  pid_t pid = start (lun.image, write_for_ever);
  gint64 before = g_get_monotonic_time ();
  assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KA, 0xcccc));
  ck_assert_int_lt (g_get_monotonic_time () - before, G_USEC_PER_SEC);
  die_of_kill (pid);
}
END_TEST

/* A victim that writes as fast as it can; after the fence not a byte of it may arrive. */
static void
write_without_end (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");
  g_autofree uint8_t *buf = g_malloc (256 * 512);
  bool said = false;

  for (uint8_t byte = 1;; byte = (uint8_t) (byte % 200 + 1)) {
    memset (buf, byte, 256 * 512);
    if (test_write (b, 0, buf, 256).outcome != LUN_OUTCOME_GOOD)
      continue;
    if (!said)
      say_ready (ready);
    said = true;
  }
}

START_TEST (test_nothing_of_a_fenced_writer_arrives_later)
{
  g_auto (TestLun) lun = test_lun_new (256);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");

  for (int round = 0; round < 20; round++) {
    while (test_next_attention (b) != 0)
      ;
    prepare_fence (a, b);
    pid_t pid = start (lun.image, write_without_end);
    assert_good (test_pr_out (a, LUN_PR_OUT_PREEMPT_AND_ABORT, 7, KA, KB));
    g_autofree uint8_t *buf = g_malloc (256 * 512);
    memset (buf, 0xff, 256 * 512);
    assert_good (test_write (a, 0, buf, 256));
    g_usleep (2000);
    ck_assert_mem_eq (lun_emul_map (lun.emul, 0, 256), buf, 256 * 512);
    die_of_kill (pid);
    assert_good (test_pr_out (a, LUN_PR_OUT_CLEAR, 0, KA, 0));
  }
}
END_TEST

/* ---- waiting ---- */

/* Echoes block 0 to block 16 whenever its first byte changes, up to 200. */
static void
echo (LunEmul *emul, int *ready)
{
  LunEmulNexus *b = test_nexus_of (emul, "b");
  const volatile uint8_t *ping = lun_emul_map (emul, 0, 1);
  uint32_t *word = lun_emul_wake_word (emul, 0);

  say_ready (ready);
  for (uint8_t seen = 0; seen < 200;) {
    lun_emul_wait_begin (emul, 0);
    LunFutex futex = { word, __atomic_load_n (word, __ATOMIC_SEQ_CST), true };
    if (*ping == seen)
      lun_futex_wait (&futex, 1, g_get_monotonic_time () + 5 * G_USEC_PER_SEC);
    lun_emul_wait_end (emul, 0);
    if (*ping == seen)
      continue;
    seen = *ping;
    test_write_byte (b, 16, seen);
  }
}

START_TEST (test_waiters_of_another_process_are_woken)
{
  g_auto (TestLun) lun = test_lun_new (64);
  LunEmulNexus *a = test_nexus (&lun, "a");
  const volatile uint8_t *pong = lun_emul_map (lun.emul, 16, 1);
  uint32_t *word = lun_emul_wake_word (lun.emul, 16 * 512);
  pid_t pid = start (lun.image, echo);
  gint64 before = g_get_monotonic_time ();

  for (uint8_t i = 1; i <= 200; i++) {
    assert_good (test_write_byte (a, 0, i));
    while (*pong != i) {
      lun_emul_wait_begin (lun.emul, 16 * 512);
      LunFutex futex = { word, __atomic_load_n (word, __ATOMIC_SEQ_CST), true };
      if (*pong != i)
        lun_futex_wait (&futex, 1, g_get_monotonic_time () + 5 * G_USEC_PER_SEC);
      lun_emul_wait_end (lun.emul, 16 * 512);
    }
  }
  end_well (pid);
  /* a lost wake-up would cost five seconds */
  ck_assert_int_lt (g_get_monotonic_time () - before, 4 * G_USEC_PER_SEC);
}
END_TEST

START_TEST (test_compare_and_write_wakes_too)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint32_t *word = lun_emul_wake_word (lun.emul, 0);

  lun_emul_wait_begin (lun.emul, 0);
  uint32_t before = *word;
  assert_good (test_caw (a, 1, 0, 1));
  ck_assert_uint_ne (*word, before);
  before = *word;
  ck_assert_int_eq (test_caw (a, 1, 0, 1).outcome, LUN_OUTCOME_CHECK_CONDITION);
  ck_assert_uint_eq (*word, before);
  lun_emul_wait_end (lun.emul, 0);
  assert_good (test_write_byte (a, 1, 9));
  ck_assert_uint_eq (*word, before);
  lun_emul_wake (lun.emul, 0);
  ck_assert_uint_ne (*word, before);
}
END_TEST

START_TEST (test_long_write_wakes_every_piece_it_touches)
{
  g_auto (TestLun) lun = test_lun_new (64);
  LunEmulNexus *a = test_nexus (&lun, "a");
  uint8_t buf[16 * 512] = { 0 };
  uint32_t before[4];

  for (unsigned i = 0; i < 4; i++) {
    lun_emul_wait_begin (lun.emul, i * 4096);
    before[i] = *lun_emul_wake_word (lun.emul, i * 4096);
  }
  assert_good (
    test_write (a, 15, buf, 10)); /* last block of piece 1 to first of piece 3 */
  ck_assert_uint_eq (*lun_emul_wake_word (lun.emul, 0), before[0]);
  for (unsigned i = 1; i < 4; i++)
    ck_assert_uint_ne (*lun_emul_wake_word (lun.emul, i * 4096), before[i]);
}
END_TEST

static void
wait_for_ever (LunEmul *emul, int *ready)
{
  lun_emul_wait_begin (emul, 0);
  lun_emul_wait_begin (emul, 0);
  say_ready (ready);
  sleep_for_ever ();
}

START_TEST (test_dead_waiters_are_forgotten_at_the_next_open)
{
  g_auto (TestLun) lun = test_lun_new (8);

  die_of_kill (start (lun.image, wait_for_ever));
  ck_assert_uint_eq (atomic_load (&lun.emul->state->waiters[0]), 2);
  g_autoptr (LunEmul) next = test_lun_reopen (lun.image);
  ck_assert_uint_eq (atomic_load (&lun.emul->state->waiters[0]), 0);
}
END_TEST

LUN_SUITE ("emul/process", test_processes_see_one_lun,
           test_compare_and_write_loses_no_count,
           test_more_writers_than_slots_all_get_through,
           test_death_in_a_change_undoes_it, test_death_after_a_change_keeps_it,
           test_death_in_compare_and_write_leaves_the_block_whole,
           test_death_at_any_instant_leaves_a_sound_lun,
           test_death_of_its_process_ends_a_scsi2_reservation,
           test_preempt_and_abort_waits_for_writes_under_way,
           test_preempt_and_abort_does_not_wait_for_the_dead,
           test_preempt_and_abort_waits_for_its_victims_only,
           test_nothing_of_a_fenced_writer_arrives_later,
           test_waiters_of_another_process_are_woken, test_compare_and_write_wakes_too,
           test_long_write_wakes_every_piece_it_touches,
           test_dead_waiters_are_forgotten_at_the_next_open)
