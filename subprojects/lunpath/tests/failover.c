/* failover.c - paths that fail, and come back. */
#include "puppet.h"

/* ---- stuck commands: over a path that blocks its threads, and one that answers later ---- */

#define ASYNC_A "async(A)+ram:p?threaded=1"
#define ASYNC_B "async(B)+ram:p?threaded=1"

static const char *const held_a[] = { A, ASYNC_A };
static const char *const held_a_b[] = { A_B, ASYNC_A "|" ASYNC_B };

START_TEST (test_a_stuck_write_goes_over_the_other_path)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a_b[_i], (LunDeviceConfig){ .try_ms = 30 });

  set_stuck (0, true);
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_ge (get (0).n_stuck, 1); /* a check may be another one */
  ck_assert_int_eq (read_byte (device, 1), 1);
  ck_assert_int_eq (state_of (device, held_a[_i]), LUN_PATH_DOWN);
  set_stuck (0, false);
  await_state (device, held_a[_i], LUN_PATH_UP);
}
END_TEST

START_TEST (test_a_stuck_read_leaves_the_buffer_alone_when_it_ends)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a_b[_i], (LunDeviceConfig){ .try_ms = 30 });
  uint8_t block[BLOCK];

  ck_assert (write_byte (device, 1, 1, NULL));
  set_stuck (0, true);
  ck_assert (lun_device_read (device, 1, block, BLOCK, LUN_PRIO_BULK, NULL));
  memset (block, 7, BLOCK);
  set_stuck (0, false);
  await_state (device, held_a[_i], LUN_PATH_UP);
  for (int i = 0; i < BLOCK; i++)
    ck_assert_int_eq (block[i], 7);
}
END_TEST

START_TEST (test_the_deadline_does_not_wait_for_a_stuck_path)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a[_i], (LunDeviceConfig){ .timeout_ms = 50 });
  g_autoptr (GError) error = NULL;

  set_stuck (0, true);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_TIMEOUT));
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 2 * G_USEC_PER_SEC);
  ck_assert_uint_ge (get (0).n_stuck, 1); /* a check may be another one */
  set_stuck (0, false);
}
END_TEST

static void *
release_later (void *data)
{
  g_usleep (150 * 1000);
  set_stuck (0, false);
  return NULL;
}

START_TEST (test_a_write_that_must_settle_waits_for_the_stuck_one)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a_b[_i], (LunDeviceConfig){ .try_ms = 20 });
  uint8_t block[BLOCK] = { 5 };
  pthread_t thread;

  set_stuck (0, true);
  ck_assert_int_eq (pthread_create (&thread, NULL, release_later, NULL), 0);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (lun_device_write_settled (device, 1, block, BLOCK, NULL));
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 100 * 1000);
  ck_assert_uint_eq (get (1).n_writes, 0); /* the first one was done after all */
  pthread_join (thread, NULL);
}
END_TEST

START_TEST (test_what_waits_behind_a_stuck_command_moves)
{
  g_autoptr (LunDevice) device = open_puppets (
    held_a_b[_i], (LunDeviceConfig){ .try_ms = 30, .policy = "round-robin" });
  uint8_t blocks[20 * BLOCK] = { 0 };

  set_stuck (0, true);
  for (unsigned i = 0; i < 20; i++)
    ck_assert (lun_device_write (device, i, blocks, BLOCK, LUN_PRIO_BULK, NULL));
  set_stuck (0, false);
}
END_TEST

static void
set_stuck_cdbs (bool stuck)
{
  LUN_LOCKED (&lock);
  strings[0].stuck_cdbs = stuck;
  pthread_cond_broadcast (&changed);
}

static void
note_end (LunIo *io)
{
  __atomic_store_n ((bool *) io->user_data, true, __ATOMIC_SEQ_CST);
}

START_TEST (test_a_command_that_blocks_holds_up_neither_its_caller_nor_blocks)
{
  g_autoptr (LunDevice) device = open_puppets (ASYNC_A, (LunDeviceConfig){ 0 });
  bool has_ended = false;
  LunIo io = {
    .op = LUN_OP_CDB, .cdb_len = 6, .done = note_end, .user_data = &has_ended
  };

  set_stuck_cdbs (true);
  lun_device_submit (device, &io);
  while (get (0).n_stuck == 0)
    g_usleep (1000);
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert (!__atomic_load_n (&has_ended, __ATOMIC_SEQ_CST));
  set_stuck_cdbs (false);
  while (!__atomic_load_n (&has_ended, __ATOMIC_SEQ_CST))
    g_usleep (1000);
  ck_assert_int_eq (io.result.outcome, LUN_OUTCOME_GOOD);
}
END_TEST

#define N_BURST 30 /* more than ASYNC_A takes at a time */

static void
count_end (LunIo *io)
{
  ck_assert_int_eq (io->result.outcome, LUN_OUTCOME_GOOD);
  __atomic_add_fetch ((unsigned *) io->user_data, 1, __ATOMIC_SEQ_CST);
}

START_TEST (test_what_waits_is_sent_by_who_makes_room_for_it)
{
  g_autoptr (LunDevice) device = open_puppets (ASYNC_A, (LunDeviceConfig){ 0 });
  static uint8_t block[BLOCK];
  struct iovec iov = { block, BLOCK };
  bool has_ended = false;
  unsigned n_ended = 0;
  LunIo cdb = {
    .op = LUN_OP_CDB, .cdb_len = 6, .done = note_end, .user_data = &has_ended
  };
  LunIo writes[N_BURST];

  set_stuck_cdbs (true);
  lun_device_submit (device, &cdb); /* the path's only thread is busy */
  while (get (0).n_stuck == 0)
    g_usleep (1000);
  set_stuck (0, true);
  for (unsigned i = 0; i < N_BURST; i++) {
    writes[i] = (LunIo){ .op = LUN_OP_WRITE,
                         .lba = i,
                         .blocks = 1,
                         .iov = &iov,
                         .n_iov = 1,
                         .done = count_end,
                         .user_data = &n_ended };
    lun_device_submit (device, &writes[i]);
  }
  set_stuck (0, false);
  int64_t until_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  while (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST) < N_BURST &&
         g_get_monotonic_time () < until_us)
    g_usleep (1000);
  ck_assert_uint_eq (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST), N_BURST);
  ck_assert (!__atomic_load_n (&has_ended, __ATOMIC_SEQ_CST));
  set_stuck_cdbs (false);
  while (!__atomic_load_n (&has_ended, __ATOMIC_SEQ_CST))
    g_usleep (1000);
}
END_TEST

/* ---- a gate that is stopped ---- */

static void *
stop_later (void *data)
{
  g_usleep (100 * 1000);
  lun_device_set_gate (data, LUN_GATE_STOPPED);
  return NULL;
}

START_TEST (test_a_stopped_gate_gives_up_what_is_stuck_and_the_path_is_none_the_worse)
{
  g_autoptr (LunDevice) device = open_puppets (A, (LunDeviceConfig){ 0 });
  g_autoptr (GError) error = NULL;
  pthread_t thread;

  set_stuck (0, true);
  ck_assert_int_eq (pthread_create (&thread, NULL, stop_later, device), 0);
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_FENCED));
  pthread_join (thread, NULL);
  ck_assert_int_eq (state_of (device, A), LUN_PATH_UP);
  set_stuck (0, false);
  ck_assert (!write_byte (device, 1, 2, NULL));
  lun_device_reopen_gate (device);
  ck_assert (write_byte (device, 1, 3, NULL));
}
END_TEST

/* ---- no path ---- */

#define MEMORY_A   "puppet(A)+ram:p"
#define MEMORY_A_B MEMORY_A "|puppet(B)+ram:p"

static const char *const pairs[] = { A_B, MEMORY_A_B };

START_TEST (test_without_a_path_a_command_waits_as_configured)
{
  g_autoptr (LunDevice) device =
    open_puppets (pairs[_i], (LunDeviceConfig){ .no_path_wait_ms = 100 });
  g_autoptr (GError) error = NULL;

  set_dead (0, true);
  set_dead (1, true);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_NO_PATH));
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 100 * 1000);
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 5 * G_USEC_PER_SEC);
  set_dead (0, false);
  set_dead (1, false);
  int64_t until_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  while (!write_byte (device, 1, 2, NULL))
    ck_assert_int_lt (g_get_monotonic_time (), until_us);
  ck_assert_int_eq (read_byte (device, 1), 2);
}
END_TEST

static void *
revive_later (void *data)
{
  g_usleep (100 * 1000);
  set_dead (1, false);
  return NULL;
}

START_TEST (test_a_stopped_gate_ends_what_waits_for_a_path)
{
  g_autoptr (LunDevice) device = open_puppets (pairs[_i], (LunDeviceConfig){ 0 });
  g_autoptr (GError) error = NULL;
  pthread_t thread;

  set_dead (0, true);
  set_dead (1, true);
  ck_assert_int_eq (pthread_create (&thread, NULL, stop_later, device), 0);
  int64_t start_us = g_get_monotonic_time ();
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_FENCED));
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 5 * G_USEC_PER_SEC);
  pthread_join (thread, NULL);
  set_dead (0, false);
  set_dead (1, false);
}
END_TEST

START_TEST (test_a_path_that_returns_takes_what_waits)
{
  g_autoptr (LunDevice) device = open_puppets (pairs[_i], (LunDeviceConfig){ 0 });
  pthread_t thread;

  set_dead (0, true);
  set_dead (1, true);
  ck_assert_int_eq (pthread_create (&thread, NULL, revive_later, NULL), 0);
  ck_assert (write_byte (device, 1, 3, NULL));
  pthread_join (thread, NULL);
}
END_TEST

/* ---- checks ---- */

START_TEST (test_a_check_finds_an_idle_path_that_died)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .check_ms = 20 });

  set_dead (1, true);
  await_state (device, B, LUN_PATH_DOWN);
  set_dead (1, false);
  await_state (device, B, LUN_PATH_UP);
  ck_assert_int_eq (state_of (device, A), LUN_PATH_UP);
}
END_TEST

START_TEST (test_a_check_that_hangs_takes_the_path_down)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .check_ms = 20, .check_timeout_ms = 30 });

  set_stuck (1, true);
  await_state (device, B, LUN_PATH_DOWN);
  set_stuck (1, false);
  await_state (device, B, LUN_PATH_UP);
}
END_TEST

START_TEST (test_a_lun_that_shrank_is_refused)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .check_ms = 20 });

  {
    LUN_LOCKED (&lock);
    strings[1].shrunken = true;
  }
  await_state (device, B, LUN_PATH_REFUSED);
  ck_assert (write_byte (device, 1, 1, NULL));
}
END_TEST

static void
set_alua (int which, LunAlua state)
{
  LUN_LOCKED (&lock);
  strings[which].alua = 1 + (int) state;
}

static void
await_writes (LunDevice *device, int which, bool wanted)
{
  int64_t until_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  for (;;) {
    unsigned n_writes = get (which).n_writes;
    ck_assert (write_byte (device, 1, 1, NULL));
    if ((get (which).n_writes > n_writes) == wanted)
      return;
    ck_assert_int_lt (g_get_monotonic_time (), until_us);
    g_usleep (1000);
  }
}

START_TEST (test_port_groups_are_honoured)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .check_ms = 20, .check_max_ms = 20 });

  set_alua (0, LUN_ALUA_NON_OPTIMIZED);
  set_alua (1, LUN_ALUA_OPTIMIZED);
  await_writes (device, 1, true); /* though A is the first */
  set_alua (0, LUN_ALUA_STANDBY);
  await_state (device, A, LUN_PATH_STANDBY);
  set_alua (0, LUN_ALUA_OPTIMIZED);
  await_state (device, A, LUN_PATH_UP);
  await_writes (device, 0, true);
}
END_TEST

START_TEST (test_a_flapping_path_is_used_last_until_it_is_calm)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .check_ms = 20, .flaps = 2, .flap_ms = 300 });

  for (int i = 0; i < 2; i++) {
    set_dead (0, true);
    ck_assert (write_byte (device, 1, 1, NULL));
    ck_assert_int_eq (state_of (device, A), LUN_PATH_DOWN);
    set_dead (0, false);
    await_state (device, A, i == 0 ? LUN_PATH_UP : LUN_PATH_SUSPECT);
  }
  unsigned n_writes = get (0).n_writes;
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (get (0).n_writes, n_writes);
  set_dead (1, true); /* better than nothing */
  ck_assert (write_byte (device, 1, 1, NULL));
  set_dead (1, false);
  await_state (device, A, LUN_PATH_UP);
}
END_TEST

START_TEST (test_a_path_that_returns_may_have_to_wait)
{
  g_autoptr (LunDevice) device =
    open_puppets (A_B, (LunDeviceConfig){ .failback_ms = 100 });

  set_dead (0, true);
  ck_assert (write_byte (device, 1, 1, NULL));
  set_dead (0, false);
  await_state (device, A, LUN_PATH_UP);
  int64_t up_us = g_get_monotonic_time ();
  unsigned n_writes = get (0).n_writes;
  while (get (0).n_writes == n_writes)
    ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_int_ge (g_get_monotonic_time () - up_us, 50 * 1000);
}
END_TEST

START_TEST (test_no_redirect_waits_for_its_path)
{
  g_autoptr (LunDevice) device = open_puppets (
    A_B, (LunDeviceConfig){ .policy = "no-redirect", .no_path_wait_ms = 50 });
  g_autoptr (GError) error = NULL;

  set_dead (0, true);
  ck_assert (!write_byte (device, 1, 1, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_NO_PATH));
  ck_assert_uint_eq (get (1).n_writes, 0);
}
END_TEST

/* ---- the administrator's hand ---- */

#define C "puppet(C)+ram:p?threaded=1"

static unsigned
count_paths (LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  lun_path_infos_free (infos, n_paths);
  return n_paths;
}

START_TEST (test_a_path_is_added_and_another_one_removed)
{
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ 0 });
  g_autoptr (GError) error = NULL;

  ck_assert (lun_device_add_path (device, C, NULL));
  await_state (device, C, LUN_PATH_UP);
  ck_assert (lun_device_remove_path (device, A, NULL));
  ck_assert (lun_device_remove_path (device, B, NULL));
  ck_assert_uint_eq (count_paths (device), 1);
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (get (2).n_writes, 1);
  ck_assert (!lun_device_remove_path (device, C, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "last path"));
  ck_assert (lun_device_add_path (device, A, NULL)); /* the place is free again */
  await_state (device, A, LUN_PATH_UP);
}
END_TEST

START_TEST (test_what_cannot_be_added)
{
  static const struct {
    const char *name, *why;
  } wrong[] = { { A, "such a path already" },
                { "ram:q?threaded=1", "leads to ram:q" },
                { "ram:p2?threaded=1&block=4096", "leads to ram:p2" },
                { "ram:p|ram:q", "" },
                { "colour:red", "no kind of path" } };
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ 0 });

  for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    ck_assert (!lun_device_add_path (device, wrong[i].name, &error));
    ck_assert_msg (strstr (error->message, wrong[i].why) != NULL, "%s", error->message);
  }
  ck_assert_uint_eq (count_paths (device), 2);
}
END_TEST

static const char *const memory_or_not[] = { A, MEMORY_A };

START_TEST (test_a_path_set_down_rests_until_it_is_set_up)
{
  g_autoptr (LunDevice) device = open_puppets (pairs[_i], (LunDeviceConfig){ 0 });
  const char *path = memory_or_not[_i];

  ck_assert (lun_device_set_path_down (device, path, NULL));
  for (int i = 0; i < 10; i++)
    ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (get (0).n_writes, 0);
  ck_assert_int_eq (state_of (device, path), LUN_PATH_OFF);
  ck_assert (lun_device_set_path_up (device, path, NULL));
  int64_t until_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  while (get (0).n_writes == 0 && g_get_monotonic_time () < until_us)
    ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_int_eq (state_of (device, path), LUN_PATH_UP);
  ck_assert (!lun_device_set_path_up (device, "ram:none", NULL));
}
END_TEST

static void *
write_on (void *data)
{
  for (int i = 0; i < 2000; i++)
    ck_assert (write_byte (data, (uint64_t) i % 100, i, NULL));
  return NULL;
}

START_TEST (test_paths_come_and_go_under_load)
{
  g_autoptr (LunDevice) device =
    open_puppets (pairs[_i], (LunDeviceConfig){ .policy = "round-robin" });
  g_auto (GStrv) names = lun_path_name_split (pairs[_i]);
  pthread_t threads[2];

  for (int i = 0; i < 2; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, write_on, device), 0);
  for (int i = 0; i < 20; i++) {
    ck_assert (lun_device_remove_path (device, names[i % 2], NULL));
    ck_assert (lun_device_add_path (device, names[i % 2], NULL));
    await_state (device, names[i % 2], LUN_PATH_UP);
  }
  for (int i = 0; i < 2; i++)
    pthread_join (threads[i], NULL);
}
END_TEST

START_TEST (test_a_path_counts_its_commands)
{
  g_autoptr (LunDevice) device = open_puppets (A_B, (LunDeviceConfig){ 0 });
  uint64_t sum = 0;
  unsigned n_paths;

  for (int i = 0; i < 10; i++)
    ck_assert (write_byte (device, 1, 1, NULL));
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  ck_assert_uint_eq (n_paths, 2);
  ck_assert_str_eq (infos[0].name, A);
  ck_assert_uint_ge (infos[0].commands, 10);
  ck_assert_uint_ge (infos[0].bytes, 10 * BLOCK);
  for (int i = 0; i < LUN_PATH_BUCKETS; i++)
    sum += infos[0].latency[i];
  ck_assert_uint_eq (sum, infos[0].commands);
  lun_path_infos_free (infos, n_paths);
}
END_TEST

START_TEST (test_a_path_that_was_dead_at_opening_comes_later)
{
  const char *const paths[] = { "unborn+ram:p?threaded=1", B, NULL };
  LunDeviceConfig config = { .paths = paths };

  set_up ();
  set_dead (2, true);
  g_autoptr (LunDevice) device = open_with (&config);
  ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_uint_eq (count_paths (device), 2);
  ck_assert_int_eq (state_of (device, paths[0]), 99);
  set_dead (2, false);
  await_state (device, paths[0], LUN_PATH_UP);
  ck_assert_uint_eq (count_paths (device), 2);
}
END_TEST

START_TEST (test_a_path_that_is_expected_is_added_when_it_answers)
{
  static const char name[] = "unborn+ram:p?threaded=1";
  g_autoptr (LunDevice) device = open_puppets (A, (LunDeviceConfig){ 0 });

  for (int i = 0; i < 2; i++) { /* once there was none missing, and nobody looked */
    g_autoptr (GError) why = NULL;
    set_dead (2, true);
    ck_assert (!lun_device_add_path (device, name, &why));
    ck_assert (lun_device_expect_path (device, name, why, NULL));
    ck_assert_uint_eq (count_paths (device), 2);
    set_dead (2, false);
    await_state (device, name, LUN_PATH_UP);
    ck_assert (lun_device_remove_path (device, name, NULL));
    ck_assert_uint_eq (count_paths (device), 1);
  }
}
END_TEST

START_TEST (test_a_device_opens_when_one_path_answers)
{
  const char *const paths[] = { A, B, NULL };
  LunDeviceConfig config = { .paths = paths };
  g_autoptr (GError) error = NULL;

  set_up ();
  set_dead (0, true);
  set_dead (1, true);
  ck_assert_ptr_null (lun_device_open (&config, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "dead"));
  set_dead (1, false);
  g_autoptr (LunDevice) device = open_with (&config);
  ck_assert_int_eq (state_of (device, A), LUN_PATH_DOWN);
  set_dead (0, false);
  await_state (device, A, LUN_PATH_UP);
}
END_TEST

/* ---- the guard ---- */

static int may_pass; /* atomic */
static int n_asked;  /* atomic */

static bool
guard (LunDevice *device, LunPath *path, void *user_data, GError **error)
{
  static const uint8_t test_unit_ready[6] = { 0 };
  LunResult result = lun_guard_cdb (path, test_unit_ready, 6, LUN_DIR_NONE, NULL, 0);

  ck_assert_str_eq (user_data, "data");
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  __atomic_add_fetch (&n_asked, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n (&may_pass, __ATOMIC_SEQ_CST))
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED, "%s: cannot be registered",
               lun_guard_path_name (path));
  return false;
}

START_TEST (test_the_guard_comes_before_data)
{
  g_autoptr (LunDevice) device = open_puppets (pairs[_i], (LunDeviceConfig){ 0 });
  g_auto (GStrv) names = lun_path_name_split (pairs[_i]);

  lun_device_set_guard (device, guard, (void *) "data");
  set_dead (0, true);
  ck_assert (write_byte (device, 1, 1, NULL));
  set_dead (0, false);
  unsigned n_writes = get (0).n_writes;
  while (__atomic_load_n (&n_asked, __ATOMIC_SEQ_CST) < 3)
    ck_assert (write_byte (device, 1, 1, NULL));
  ck_assert_int_eq (state_of (device, names[0]), LUN_PATH_DOWN);
  ck_assert_uint_eq (get (0).n_writes, n_writes);
  __atomic_store_n (&may_pass, 1, __ATOMIC_SEQ_CST);
  while (state_of (device, names[0]) != LUN_PATH_UP)
    ck_assert (write_byte (device, 1, 1, NULL));
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = {
    test_without_a_path_a_command_waits_as_configured,
    test_a_stopped_gate_ends_what_waits_for_a_path,
    test_a_path_that_returns_takes_what_waits,
    test_the_guard_comes_before_data,
    test_a_path_set_down_rests_until_it_is_set_up,
    test_paths_come_and_go_under_load,
    test_a_stuck_write_goes_over_the_other_path,
    test_a_stuck_read_leaves_the_buffer_alone_when_it_ends,
    test_the_deadline_does_not_wait_for_a_stuck_path,
    test_a_write_that_must_settle_waits_for_the_stuck_one,
    test_what_waits_behind_a_stuck_command_moves,
  };
  const TTest *const tests[] = {
    test_a_command_that_blocks_holds_up_neither_its_caller_nor_blocks,
    test_what_waits_is_sent_by_who_makes_room_for_it,
    test_a_stopped_gate_gives_up_what_is_stuck_and_the_path_is_none_the_worse,
    test_a_check_finds_an_idle_path_that_died,
    test_a_check_that_hangs_takes_the_path_down,
    test_a_lun_that_shrank_is_refused,
    test_port_groups_are_honoured,
    test_a_flapping_path_is_used_last_until_it_is_calm,
    test_a_path_that_returns_may_have_to_wait,
    test_no_redirect_waits_for_its_path,
    test_a_path_is_added_and_another_one_removed,
    test_what_cannot_be_added,
    test_a_path_counts_its_commands,
    test_a_path_that_was_dead_at_opening_comes_later,
    test_a_path_that_is_expected_is_added_when_it_answers,
    test_a_device_opens_when_one_path_answers,
  };

  return lun_suite_run_loops ("lunpath/failover", loops, G_N_ELEMENTS (loops), 2, tests,
                              G_N_ELEMENTS (tests));
}
