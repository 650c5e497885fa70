/* contract.c - what every transport, plain or wrapped, must do alike.
 *
 * With path names in the environment variable LUNPATH_CONTRACT (blanks between) it is asked of
 * those, and overwrites the LUN they lead to.
 */
#include "fake_sg.h"

static const char *const known_kinds[] = {
  "ram:c?size=16M",
  "ram:c?size=16M&block=4096",
  "ram:c?size=16M&threaded=1",
  "ram:c?size=16M|ram:c?threaded=1",
  "FILE",
  "FILE4K",
  "FILE?path=1|FILE?path=2",
  "FILE?threaded=1",
  "FILE?threaded=1&port=2|FILE?threaded=1&path=2&port=3",
  "SG",
  "SG|SG",
  "stats+FILE",
  "trace(/dev/null)+stats+ram:c?size=16M&threaded=1",
  "fault()+FILE",
  "rate(1G)+FILE",
  "fault(delay-ms=0:jitter=1)+ram:c?size=16M",
  "stats+fault(reorder=1/3)+FILE",
  "fault(ua=29/00:every=5)+FILE",
  "fault(ua=2a/03:every=4;fail=1/7:as=busy)+ram:c?size=16M&threaded=1",
  "fault(fail=0.1:as=transport)+FILE|FILE?path=2",
};

static const char *const *kinds = known_kinds;

typedef struct {
  FileLun lun;
  LunDevice *device;
  uint32_t block_size;
} World;

static char *
replace (const char *text, const char *word, const char *by)
{
  g_auto (GStrv) parts = g_strsplit (text, word, -1);

  return g_strjoinv (by, parts);
}

/* As much as the tests use is zero in a LUN that was just made. */
static void
blank (const char *name)
{
  size_t len = 1 << 20;
  g_autofree uint8_t *zeroes = g_malloc0 (len);
  g_autoptr (LunDevice) device = open_device (name);

  ck_assert (lun_device_write (device, 0, zeroes, len, LUN_PRIO_BULK, NULL));
}

static World
world_over (const char *name, FileLun lun)
{
  World world = { .lun = lun, .device = open_device (name) };

  world.block_size = lun_device_facts (world.device)->block_size;
  return world;
}

static World
world_new (int kind)
{
  if (kinds != known_kinds) {
    blank (kinds[kind]);
    return world_over (kinds[kind], (FileLun){ 0 });
  }
  bool is_4k = g_str_equal (kinds[kind], "FILE4K");
  FileLun lun = file_lun_new (16 << 20, is_4k ? 4096 : 512);
  fake_sg_start (&lun);
  g_autofree char *node = fake_sg_node ("sg0");
  g_autofree char *sg = replace (kinds[kind], "SG", node);
  g_autofree char *name = replace (is_4k ? "FILE" : sg, "FILE", lun.name);
  return world_over (name, lun);
}

static void
world_clear (World *world)
{
  lun_device_close (world->device);
  if (kinds != known_kinds)
    return;
  fake_sg_stop ();
  file_lun_clear (&world->lun);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

static void
fill (uint8_t *data, size_t len, unsigned seed)
{
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t) ((i + seed) * 2654435761u >> 13);
}

static void
write_ok (const World *world, uint64_t lba, const void *data, size_t len)
{
  g_autoptr (GError) error = NULL;

  lun_device_write (world->device, lba, data, len, LUN_PRIO_BULK, &error);
  ck_assert_msg (error == NULL, "%s", error->message);
}

static void
assert_content (const World *world, uint64_t lba, const uint8_t *data, size_t len)
{
  g_autofree uint8_t *back = g_malloc (len);
  g_autoptr (GError) error = NULL;

  lun_device_read (world->device, lba, back, len, LUN_PRIO_BULK, &error);
  ck_assert_msg (error == NULL, "%s", error->message);
  ck_assert_int_eq (memcmp (back, data, len), 0);
}

START_TEST (test_reads_what_was_written)
{
  g_auto (World) world = world_new (_i);
  size_t len = 3 * world.block_size;
  g_autofree uint8_t *data = g_malloc (len);

  for (unsigned i = 0; i < 20; i++) {
    fill (data, len, i);
    write_ok (&world, 10 + i, data, len);
    assert_content (&world, 10 + i, data, len);
  }
}
END_TEST

START_TEST (test_the_last_block_is_within)
{
  g_auto (World) world = world_new (_i);
  g_autofree uint8_t *data = g_malloc (world.block_size);
  uint64_t last = lun_device_facts (world.device)->n_blocks - 1;

  fill (data, world.block_size, 1);
  write_ok (&world, last, data, world.block_size);
  assert_content (&world, last, data, world.block_size);
  ck_assert (!lun_device_write (world.device, last + 1, data, world.block_size,
                                LUN_PRIO_BULK, NULL));
}
END_TEST

START_TEST (test_odd_scatter_gather)
{
  g_auto (World) world = world_new (_i);
  size_t len = 6 * (size_t) world.block_size, cut = len / 3 + 1;
  g_autofree uint8_t *data = g_malloc (len), *back = g_malloc0 (len);
  struct iovec out[] = { { data, 0 },
                         { data, 1 },
                         { data + 1, cut },
                         { data + 1 + cut, 0 },
                         { data + 1 + cut, len - cut - 1 } };
  struct iovec in[] = { { back, len - 3 }, { back + len - 3, 3 } };

  fill (data, len, 2);
  ck_assert (lun_device_writev (world.device, 7, out, 5, LUN_PRIO_BULK, NULL));
  ck_assert (lun_device_readv (world.device, 7, in, 2, LUN_PRIO_BULK, NULL));
  ck_assert_int_eq (memcmp (back, data, len), 0);
}
END_TEST

START_TEST (test_long_transfers)
{
  g_auto (World) world = world_new (_i);
  size_t len = 9 << 20;
  g_autofree uint8_t *data = g_malloc (len);

  fill (data, len, 3);
  write_ok (&world, 1, data, len);
  assert_content (&world, 1, data, len);
}
END_TEST

START_TEST (test_compare_and_write_decides)
{
  g_auto (World) world = world_new (_i);
  size_t len = world.block_size;
  g_autofree uint8_t *old = g_malloc0 (len), *new = g_malloc (len);

  if (kinds != known_kinds && !lun_device_facts (world.device)->has_caw)
    return; /* not every target has it */
  ck_assert (lun_device_facts (world.device)->has_caw);
  fill (new, len, 4);
  for (int i = 0; i < 10; i++) {
    ck_assert_int_eq (
      lun_device_compare_and_write (world.device, 20 + (uint64_t) i, old, new, NULL),
      LUN_CAW_DONE);
    ck_assert_int_eq (
      lun_device_compare_and_write (world.device, 20 + (uint64_t) i, old, new, NULL),
      LUN_CAW_MISMATCH);
    assert_content (&world, 20 + (uint64_t) i, new, len);
  }
}
END_TEST

START_TEST (test_flush)
{
  g_auto (World) world = world_new (_i);

  ck_assert (lun_device_flush (world.device, NULL));
}
END_TEST

START_TEST (test_counts_what_was_done)
{
  g_auto (World) world = world_new (_i);
  g_autofree uint8_t *data = g_malloc0 (2 * world.block_size);
  LunStats stats;

  for (unsigned i = 0; i < 10; i++)
    write_ok (&world, i, data, 2 * world.block_size);
  lun_device_read (world.device, 0, data, world.block_size, LUN_PRIO_CONTROL, NULL);
  lun_device_get_stats (world.device, &stats);
  ck_assert_uint_eq (stats.writes, 10);
  ck_assert_uint_eq (stats.written_bytes, 20 * world.block_size);
  ck_assert_uint_eq (stats.reads, 1);
  ck_assert_uint_eq (stats.errors, 0);
}
END_TEST

/* ---- many in flight ---- */

#define N_IOS 500

typedef struct {
  LunIo io;
  struct iovec iov;
  uint8_t *data;
} Flight;

static unsigned n_ended; /* atomic */

static void
on_ended (LunIo *io)
{
  __atomic_add_fetch (&n_ended, 1, __ATOMIC_SEQ_CST);
}

static void
fly (const World *world, Flight *flights, LunOp op)
{
  n_ended = 0;
  for (unsigned i = 0; i < N_IOS; i++) {
    Flight *flight = &flights[i];
    flight->iov = (struct iovec){ flight->data, world->block_size };
    flight->io = (LunIo){ .op = op,
                          .priority = i % 3 ? LUN_PRIO_BULK : LUN_PRIO_CONTROL,
                          .lba = i,
                          .blocks = 1,
                          .iov = &flight->iov,
                          .n_iov = 1,
                          .done = on_ended };
    lun_device_submit (world->device, &flight->io);
  }
  while (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST) < N_IOS)
    g_usleep (1000);
  for (unsigned i = 0; i < N_IOS; i++)
    ck_assert (lun_device_check (world->device, &flights[i].io, NULL));
}

START_TEST (test_many_in_flight)
{
  g_auto (World) world = world_new (_i);
  g_autofree Flight *flights = g_new0 (Flight, N_IOS);
  size_t len = (size_t) N_IOS * world.block_size;
  g_autofree uint8_t *data = g_malloc (len), *back = g_malloc0 (len);

  fill (data, len, 5);
  for (unsigned i = 0; i < N_IOS; i++)
    flights[i].data = data + (size_t) i * world.block_size;
  fly (&world, flights, LUN_OP_WRITE);
  for (unsigned i = 0; i < N_IOS; i++)
    flights[i].data = back + (size_t) i * world.block_size;
  fly (&world, flights, LUN_OP_READ);
  ck_assert_int_eq (memcmp (data, back, len), 0);
}
END_TEST

START_TEST (test_closing_waits_for_what_is_under_way)
{
  g_auto (World) world = world_new (_i);
  uint8_t *data = g_malloc0 (world.block_size);
  Flight *flights = g_new0 (Flight, 50);

  n_ended = 0;
  for (unsigned i = 0; i < 50; i++) {
    flights[i].iov = (struct iovec){ data, world.block_size };
    flights[i].io = (LunIo){ .op = LUN_OP_WRITE,
                             .lba = i,
                             .blocks = 1,
                             .iov = &flights[i].iov,
                             .n_iov = 1,
                             .done = on_ended };
    lun_device_submit (world.device, &flights[i].io);
  }
  lun_device_close (g_steal_pointer (&world.device));
  ck_assert_uint_eq (__atomic_load_n (&n_ended, __ATOMIC_SEQ_CST), 50);
  g_free (flights);
  g_free (data);
}
END_TEST

START_TEST (test_wait_sees_a_write)
{
  g_auto (World) world = world_new (_i);
  g_autofree uint8_t *seen = g_malloc0 (world.block_size),
                     *new = g_malloc (world.block_size);
  LunWatch watch = { .lba = 2, .blocks = 1, .seen = seen, .buf = seen };
  LunWaitPlan plan = { .timeout_us = 5000 };

  ck_assert_int_eq (lun_device_wait (world.device, &watch, 1, &plan, NULL),
                    LUN_WAIT_TIMEOUT);
  fill (new, world.block_size, 6);
  write_ok (&world, 2, new, world.block_size);
  plan.timeout_us = 5 * G_USEC_PER_SEC;
  ck_assert_int_eq (lun_device_wait (world.device, &watch, 1, &plan, NULL),
                    LUN_WAIT_CHANGED);
  ck_assert_int_eq (memcmp (seen, new, world.block_size), 0);
}
END_TEST

int
main (void)
{
  const char *given = g_getenv ("LUNPATH_CONTRACT");
  g_auto (GStrv) given_kinds = given ? g_strsplit (given, " ", -1) : NULL;
  int n_kinds = G_N_ELEMENTS (known_kinds);
  const TTest *const tests[] = {
    test_reads_what_was_written,
    test_the_last_block_is_within,
    test_odd_scatter_gather,
    test_long_transfers,
    test_compare_and_write_decides,
    test_flush,
    test_counts_what_was_done,
    test_many_in_flight,
    test_closing_waits_for_what_is_under_way,
    test_wait_sees_a_write,
  };

  if (given) {
    kinds = (const char *const *) given_kinds;
    n_kinds = (int) g_strv_length (given_kinds);
  }
  return lun_suite_run_loops ("lunpath/contract", tests, G_N_ELEMENTS (tests), n_kinds,
                              NULL, 0);
}
