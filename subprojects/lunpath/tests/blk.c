/* blk.c - what is special about paths to block devices, by io_uring and by threads.
 *
 * On a loop device of its own; skipped where there can be none (no root, a container, no module).
 * With LUNPATH_STUCK="DEVICE;COMMAND;COMMAND" in the environment, it is asked instead what happens when
 * that device keeps its commands: the first shell command makes it do so, the second lets them go.
 */
#include "loop_disk.h"

#include <lunpath/memory.h>
#include <lunpath/paths.h>
#include <lunpath/transport.h>

#include "transport/command.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define SIZE  (8 << 20)
#define BLOCK 512

static const char *const ways[] = { "?uring=1", "?uring=0" };

static bool
has_uring (void)
{
  return syscall (SYS_io_uring_setup, 0, NULL) < 0 && errno == EFAULT;
}

static char *
name_of (const char *node, int way)
{
  return g_strconcat ("blk:", node, ways[way], NULL);
}

static LunTransport *
open_transport (const LoopDisk *disk, int way)
{
  g_autofree char *name = name_of (disk->node, way);
  g_autoptr (GError) error = NULL;
  LunTransport *transport =
    lun_transport_open (name, &(LunTransportConfig){ 0 }, &error);

  ck_assert_msg (transport != NULL, "%s", error ? error->message : "no error");
  return transport;
}

static LunResult
run (LunTransport *transport, LunOp op, uint64_t lba, uint32_t blocks,
     struct iovec *iov, int n_iov)
{
  LunIo io = { .op = op, .lba = lba, .blocks = blocks, .iov = iov, .n_iov = n_iov };

  return lun_transport_run (transport, &io, 1, 10000);
}

static void
fill (char *data, size_t len, unsigned seed)
{
  for (size_t i = 0; i < len; i++)
    data[i] = (char) ((i + seed) * 2654435761u >> 13);
}

/* ---- which way ---- */

static char *
method_of (const char *name)
{
  g_autoptr (LunDevice) device = open_device (name);
  unsigned n;
  LunPathInfo *infos = lun_device_list_paths (device, &n);
  char *method = g_strdup (infos[0].method);

  lun_path_infos_free (infos, n);
  return method;
}

START_TEST (test_a_path_says_how_its_blocks_go)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autofree char *plain = g_strconcat ("blk:", disk.node, NULL);
  g_autofree char *deep = g_strconcat ("stats+blk:", disk.node, "?depth=100", NULL);
  g_autofree char *threads = g_strconcat ("blk:", disk.node, "?uring=0&depth=3", NULL);
  g_autofree char *by_plain = method_of (plain), *by_deep = method_of (deep),
                  *by_threads = method_of (threads);

  if (has_uring ()) {
    ck_assert_str_eq (by_plain, "io_uring, 32 at a time");
    ck_assert_str_eq (by_deep, "io_uring, 100 at a time");
  } else {
    ck_assert_msg (g_str_has_prefix (by_plain, "8 threads (io_uring: "), "%s",
                   by_plain);
    ck_assert_msg (g_str_has_prefix (by_deep, "16 threads (io_uring: "), "%s", by_deep);
  }
  ck_assert_str_eq (by_threads, "3 threads (uring=0)");
}
END_TEST

START_TEST (test_wrong_options_are_refused)
{
  static const char *const wrong[][2] = { { "depth=129", "1 to 128" },
                                          { "uring=2", "0 or 1" },
                                          { "uring=yes", "uring" },
                                          { "colour=red", "colour" } };
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *name = g_strconcat ("blk:", disk.node, "?", wrong[i][0], NULL);
    ck_assert_int_eq (open_fails (name, wrong[i][1]), LUN_ERROR_CONFIG);
  }
}
END_TEST

/* From now on this process has no io_uring, as under many a container's seccomp profile. */
static void
forbid_uring (void)
{
  struct sock_filter rules[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { .len = G_N_ELEMENTS (rules), .filter = rules };

  ck_assert_int_eq (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ck_assert_int_eq (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static unsigned n_told;

static void
count_told (const char *domain, GLogLevelFlags level, const char *message,
            gpointer data)
{
  n_told += strstr (message, "are read and written by threads") != NULL;
}

START_TEST (test_where_io_uring_is_forbidden_threads_do_it)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autofree char *name = g_strconcat ("blk:", disk.node, NULL);
  char block[BLOCK], back[BLOCK];

  forbid_uring ();
  g_log_set_handler ("lunpath", G_LOG_LEVEL_INFO, count_told, NULL);
  g_autofree char *method = method_of (name);
  ck_assert_str_eq (method, "8 threads (io_uring: Operation not permitted)");
  g_autoptr (LunDevice) device = open_device (name);
  fill (block, BLOCK, 1);
  ck_assert (lun_device_write (device, 9, block, BLOCK, LUN_PRIO_BULK, NULL));
  ck_assert (lun_device_read (device, 9, back, BLOCK, LUN_PRIO_BULK, NULL));
  ck_assert_mem_eq (block, back, BLOCK);
  ck_assert_uint_eq (n_told, 1);
}
END_TEST

/* ---- memory ---- */

START_TEST (test_memory_may_lie_anywhere)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autoptr (LunTransport) transport = open_transport (&disk, _i);
  g_autofree char *data = g_malloc (5 * BLOCK), *back = g_malloc0 (5 * BLOCK);

  fill (data, 5 * BLOCK, 3);
  for (size_t shift = 1; shift < 2 * BLOCK; shift += 101) {
    struct iovec out = { data + shift, 2 * BLOCK };
    struct iovec in[] = { { back, 3 }, { back + 3, 2 * BLOCK - 3 } };
    ck_assert_int_eq (run (transport, LUN_OP_WRITE, 5, 2, &out, 1).outcome,
                      LUN_OUTCOME_GOOD);
    ck_assert_int_eq (run (transport, LUN_OP_READ, 5, 2, in, 2).outcome,
                      LUN_OUTCOME_GOOD);
    ck_assert_mem_eq (back, data + shift, 2 * BLOCK);
  }
}
END_TEST

/* ---- many at a time ---- */

#define N_IOS 400

typedef struct {
  LunIo io;
  struct iovec iov;
} Flight;

static unsigned n_ended; /* atomic */

static void
on_ended (LunIo *io)
{
  __atomic_add_fetch (&n_ended, 1, __ATOMIC_SEQ_CST);
}

static void
fly (LunTransport *transport, Flight *flights, LunOp op, char *memory)
{
  n_ended = 0;
  for (unsigned i = 0; i < N_IOS; i++) {
    Flight *flight = &flights[i];
    flight->iov = (struct iovec){ memory + (size_t) i * BLOCK, BLOCK };
    flight->io = (LunIo){ .op = i % 50 == 49 ? LUN_OP_FLUSH : op,
                          .lba = N_IOS - i,
                          .blocks = 1,
                          .iov = &flight->iov,
                          .n_iov = 1,
                          .done = on_ended,
                          .priv.tag = 1 + i };
    lun_transport_submit (transport, &flight->io);
  }
  while (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST) < N_IOS)
    g_usleep (1000);
  for (unsigned i = 0; i < N_IOS; i++)
    ck_assert_int_eq (flights[i].io.result.outcome, LUN_OUTCOME_GOOD);
}

/* More than the path asks for, and than the ring was made for. */
START_TEST (test_more_in_flight_than_the_depth)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autoptr (LunTransport) transport = open_transport (&disk, 0);
  g_autofree Flight *flights = g_new0 (Flight, N_IOS);
  g_autofree char *data = g_malloc (N_IOS * BLOCK), *back = g_malloc0 (N_IOS * BLOCK);

  fill (data, N_IOS * BLOCK, 4);
  fly (transport, flights, LUN_OP_WRITE, data);
  fly (transport, flights, LUN_OP_READ, back);
  for (unsigned i = 0; i < N_IOS; i++)
    if (i % 50 != 49)
      ck_assert_mem_eq (back + (size_t) i * BLOCK, data + (size_t) i * BLOCK, BLOCK);
}
END_TEST

START_TEST (test_to_abort_what_is_not_there_is_harmless)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autoptr (LunTransport) transport = open_transport (&disk, _i);
  char block[BLOCK];
  struct iovec iov = { block, BLOCK };

  for (uint64_t tag = 1; tag < 100; tag++)
    lun_transport_abort (transport, tag);
  ck_assert_int_eq (run (transport, LUN_OP_READ, 1, 1, &iov, 1).outcome,
                    LUN_OUTCOME_GOOD);
}
END_TEST

/* ---- the end of the device ---- */

START_TEST (test_what_lies_beyond_a_device_that_shrank_is_a_path_error)
{
  g_auto (LoopDisk) disk = loop_disk_new (SIZE);
  g_autoptr (LunTransport) transport = open_transport (&disk, _i);
  g_autofree char *data = g_malloc0 (4 * BLOCK);
  struct iovec iov = { data, 4 * BLOCK };
  uint64_t end = SIZE / 2 / BLOCK;

  loop_disk_resize (&disk, SIZE / 2);
  ck_assert_int_eq (run (transport, LUN_OP_READ, end - 4, 4, &iov, 1).outcome,
                    LUN_OUTCOME_GOOD);
  ck_assert_int_eq (run (transport, LUN_OP_READ, end - 2, 4, &iov, 1).outcome,
                    LUN_OUTCOME_TRANSPORT_ERROR);
  ck_assert_int_eq (run (transport, LUN_OP_READ, end, 4, &iov, 1).outcome,
                    LUN_OUTCOME_TRANSPORT_ERROR);
  ck_assert_int_ne (run (transport, LUN_OP_WRITE, end - 2, 4, &iov, 1).outcome,
                    LUN_OUTCOME_GOOD);
}
END_TEST

/* ---- a device that keeps its commands ---- */

static char *stuck_node, *hold_command, *release_command;

static void
shell (const char *command)
{
  ck_assert_msg (system (command) == 0, "%s", command);
}

static LunDevice *
open_stuck (int way)
{
  g_autofree char *name = name_of (stuck_node, way);
  const char *const paths[] = { name, NULL };

  return open_with (&(LunDeviceConfig){
    .paths = paths, .timeout_ms = 500, .check_ms = 60000, .check_max_ms = 60000 });
}

static uint64_t
count_stuck (LunDevice *device)
{
  unsigned n;
  LunPathInfo *infos = lun_device_list_paths (device, &n);
  uint64_t stuck = infos[0].stuck;

  lun_path_infos_free (infos, n);
  return stuck;
}

static void
await_up (LunDevice *device)
{
  for (int i = 0; i < 2000; i++) {
    unsigned n;
    LunPathInfo *infos = lun_device_list_paths (device, &n);
    bool is_up = infos[0].state == LUN_PATH_UP && infos[0].queued == 0;
    lun_path_infos_free (infos, n);
    if (is_up)
      return;
    g_usleep (10 * 1000);
  }
  ck_abort_msg ("the path did not come up again");
}

static void
assert_times_out (LunDevice *device, LunOp op, char *data)
{
  g_autoptr (GError) error = NULL;
  int64_t begin_us = g_get_monotonic_time ();

  if (op == LUN_OP_READ)
    lun_device_read (device, 3, data, 8 * BLOCK, LUN_PRIO_BULK, &error);
  else
    lun_device_write (device, 3, data, 8 * BLOCK, LUN_PRIO_BULK, &error);
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_TIMEOUT));
  ck_assert_int_lt (g_get_monotonic_time () - begin_us, 3 * G_USEC_PER_SEC);
  ck_assert_uint_ge (count_stuck (device), 1);
}

/* Each way with memory that is lent, and with memory that is only aligned. */
#define N_STUCK        (2 * (int) G_N_ELEMENTS (ways))
#define WAY(round)     ((round) % (int) G_N_ELEMENTS (ways))
#define IS_LENT(round) ((round) >= (int) G_N_ELEMENTS (ways))

static char *
new_memory (int round, char filled)
{
  void *memory = IS_LENT (round) ? lun_memory_take (8 * BLOCK) : NULL;

  if (!memory)
    ck_assert_int_eq (posix_memalign (&memory, 4096, 8 * BLOCK), 0);
  memset (memory, filled, 8 * BLOCK);
  return memory;
}

START_TEST (test_a_read_that_ends_late_leaves_the_memory_alone)
{
  g_autoptr (LunDevice) device = open_stuck (WAY (_i));
  char *data = new_memory (_i, 'a');

  ck_assert (lun_device_write (device, 3, data, 8 * BLOCK, LUN_PRIO_BULK, NULL));
  shell (hold_command);
  assert_times_out (device, LUN_OP_READ, data);
  memset (data, 'b', 8 * BLOCK);
  shell (release_command);
  await_up (device);
  for (int i = 0; i < 8 * BLOCK; i++)
    ck_assert_int_eq (data[i], 'b');
}
END_TEST

START_TEST (test_a_write_that_ends_late_writes_what_it_was_given)
{
  g_autoptr (LunDevice) device = open_stuck (WAY (_i));
  char *data = new_memory (_i, 'c');

  shell (hold_command);
  assert_times_out (device, LUN_OP_WRITE, data);
  memset (data, 'd', 8 * BLOCK);
  shell (release_command);
  await_up (device);
  ck_assert (lun_device_read (device, 3, data, 8 * BLOCK, LUN_PRIO_BULK, NULL));
  for (int i = 0; i < 8 * BLOCK; i++)
    ck_assert_int_eq (data[i], 'c');
}
END_TEST

START_TEST (test_a_deadline_holds_for_all_of_many)
{
  g_autoptr (LunDevice) device = open_stuck (WAY (_i));
  g_autofree Flight *flights = g_new0 (Flight, N_IOS);
  char block[BLOCK] = { 0 };
  int64_t begin_us = g_get_monotonic_time ();

  shell (hold_command);
  n_ended = 0;
  for (unsigned i = 0; i < N_IOS; i++) {
    flights[i].iov = (struct iovec){ block, BLOCK };
    flights[i].io = (LunIo){ .op = LUN_OP_WRITE,
                             .lba = i,
                             .blocks = 1,
                             .iov = &flights[i].iov,
                             .n_iov = 1,
                             .done = on_ended };
    lun_device_submit (device, &flights[i].io);
  }
  while (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST) < N_IOS)
    g_usleep (1000);
  ck_assert_int_lt (g_get_monotonic_time () - begin_us, 5 * G_USEC_PER_SEC);
  for (unsigned i = 0; i < N_IOS; i++)
    ck_assert (!lun_device_check (device, &flights[i].io, NULL));
  shell (release_command);
  await_up (device);
  ck_assert (lun_device_write (device, 1, block, BLOCK, LUN_PRIO_BULK, NULL));
}
END_TEST

static int
run_stuck (const char *how)
{
  const TTest *const tests[] = {
    test_a_read_that_ends_late_leaves_the_memory_alone,
    test_a_write_that_ends_late_writes_what_it_was_given,
    test_a_deadline_holds_for_all_of_many,
  };
  g_auto (GStrv) parts = g_strsplit (how, ";", 3);

  stuck_node = parts[0];
  hold_command = parts[1];
  release_command = parts[2];
  return lun_suite_run_loops ("lunpath/blk-stuck", tests, G_N_ELEMENTS (tests), N_STUCK,
                              NULL, 0);
}

int
main (void)
{
  const TTest *const both[] = {
    test_memory_may_lie_anywhere,
    test_to_abort_what_is_not_there_is_harmless,
    test_what_lies_beyond_a_device_that_shrank_is_a_path_error,
  };
  const TTest *const tests[] = {
    test_a_path_says_how_its_blocks_go,
    test_wrong_options_are_refused,
    test_where_io_uring_is_forbidden_threads_do_it,
    test_more_in_flight_than_the_depth,
  };
  const char *stuck = g_getenv ("LUNPATH_STUCK");
  const char *trouble = stuck ? NULL : loop_disk_trouble ();

  if (stuck)
    return run_stuck (stuck);
  if (trouble) {
    printf ("1..0 # SKIP no loop device: %s\n", trouble);
    return EXIT_SUCCESS;
  }
  return lun_suite_run_loops ("lunpath/blk", both, G_N_ELEMENTS (both),
                              G_N_ELEMENTS (ways), tests, G_N_ELEMENTS (tests));
}
