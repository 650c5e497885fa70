#include "lun.h"

#include <lunpath/transport.h>

#define BLOCK 512

static bool
write_byte (LunDevice *device, uint64_t lba, int byte)
{
  uint8_t block[BLOCK];

  memset (block, byte, BLOCK);
  return lun_device_write (device, lba, block, BLOCK, LUN_PRIO_BULK, NULL);
}

static void
read_block (LunDevice *device, uint64_t lba, uint8_t *block)
{
  ck_assert (lun_device_read (device, lba, block, BLOCK, LUN_PRIO_BULK, NULL));
}

/* Number of bits by which BLOCK differs from all BYTE. */
static int
count_wrong_bits (const uint8_t *block, uint8_t byte)
{
  int n = 0;

  for (int i = 0; i < BLOCK; i++)
    n += __builtin_popcount (block[i] ^ byte);
  return n;
}

/* ---- stats ---- */

static void
keep (const char *path, const char *layer, const char *key, uint64_t value,
      void *user_data)
{
  uint64_t *copy = g_new (uint64_t, 1);

  *copy = value;
  g_hash_table_insert (user_data, g_strdup_printf ("%s %s", layer, key), copy);
}

static uint64_t
statistic (LunDevice *device, const char *key)
{
  g_autoptr (GHashTable) all =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  lun_device_visit_stats (device, keep, all);
  const uint64_t *value = g_hash_table_lookup (all, key);
  return value ? *value : 0;
}

START_TEST (test_stats_count_exactly)
{
  g_autoptr (LunDevice) device = open_device ("stats+fault(fail-write:count=1)+ram:s");
  uint8_t block[BLOCK];
  uint64_t opening = statistic (device, "stats read.count");

  ck_assert (!write_byte (device, 1, 'a'));
  ck_assert (write_byte (device, 1, 'a'));
  ck_assert (write_byte (device, 2, 'a'));
  read_block (device, 1, block);
  ck_assert_uint_eq (statistic (device, "stats write.count"), 3);
  ck_assert_uint_eq (statistic (device, "stats write.errors"), 1);
  ck_assert_uint_eq (statistic (device, "stats write.bytes"), 2 * BLOCK);
  ck_assert_uint_eq (statistic (device, "stats read.count"), opening + 1);
  ck_assert_uint_eq (statistic (device, "fault fail-write.fired"), 1);
  ck_assert_uint_eq (statistic (device, "device writes"), 2);
  ck_assert_uint_eq (statistic (device, "device errors"), 1);
  ck_assert_uint_eq (statistic (device, "path up"), 1);
}
END_TEST

static void
add_bucket (const char *path, const char *layer, const char *key, uint64_t value,
            void *user_data)
{
  if (g_str_has_prefix (key, "write.us_below_"))
    *(uint64_t *) user_data += value;
}

START_TEST (test_stats_histogram_has_every_command)
{
  g_autoptr (LunDevice) device = open_device ("stats+ram:s");
  uint64_t n = 0;

  for (unsigned i = 0; i < 100; i++)
    write_byte (device, i, 1);
  lun_device_visit_stats (device, add_bucket, &n);
  ck_assert_uint_eq (n, 100);
}
END_TEST

START_TEST (test_stats_are_appended_to_a_file)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *file = g_build_filename (lun.dir, "stats", NULL);
  g_autofree char *name = g_strdup_printf ("stats(%s)+%s", file, lun.name);
  g_autofree char *text = NULL;
  LunDevice *device = open_device (name);

  write_byte (device, 1, 1);
  lun_device_close (device);
  ck_assert (g_file_get_contents (file, &text, NULL, NULL));
  g_unlink (file);
  ck_assert_ptr_nonnull (strstr (text, " write.count 1\n"));
}
END_TEST

/* ---- trace ---- */

START_TEST (test_trace_writes_a_line_a_command)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *file = g_build_filename (lun.dir, "trace", NULL);
  g_autofree char *name =
    g_strdup_printf ("trace(%s)+fault(fail-read:lba=9)+%s", file, lun.name);
  g_autofree char *text = NULL;
  g_autoptr (LunDevice) device = open_device (name);
  uint8_t data[2 * BLOCK] = { 0 };

  ck_assert (g_file_set_contents (file, "", 0, NULL) && g_unlink (file) == 0);
  lun_device_close (g_steal_pointer (&device));
  device = open_device (name);
  lun_device_write (device, 7, data, sizeof data, LUN_PRIO_BULK, NULL);
  lun_device_read (device, 9, data, BLOCK, LUN_PRIO_BULK, NULL);
  lun_device_flush (device, NULL);
  ck_assert (g_file_get_contents (file, &text, NULL, NULL));
  g_unlink (file);
  ck_assert_ptr_nonnull (strstr (text, " write 7 2 good "));
  ck_assert_ptr_nonnull (strstr (text, " read 9 1 check:3/11/00 "));
  ck_assert_ptr_nonnull (strstr (text, " flush 0 0 good "));
  ck_assert_ptr_nonnull (strstr (text, " cdb 5e 10 good "));
}
END_TEST

START_TEST (test_trace_wants_a_file)
{
  ck_assert_int_eq (open_fails ("trace+ram:s", "trace wants a file"), LUN_ERROR_CONFIG);
  ck_assert_int_eq (open_fails ("trace(/nowhere/x)+ram:s", "/nowhere/x"),
                    LUN_ERROR_CONFIG);
}
END_TEST

/* ---- fault ---- */

START_TEST (test_flip_write_puts_one_wrong_bit_on_the_lun)
{
  g_autoptr (LunDevice) device = open_device ("fault(flip-write:lba=5)+ram:s");
  uint8_t block[BLOCK];

  ck_assert (write_byte (device, 5, 'a') && write_byte (device, 6, 'a'));
  read_block (device, 5, block);
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 1);
  read_block (device, 6, block);
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 0);
}
END_TEST

START_TEST (test_flip_stays_within_the_blocks_named)
{
  g_autoptr (LunDevice) device = open_device ("fault(flip-write:lba=5)+ram:s");
  uint8_t data[8 * BLOCK];

  for (int i = 0; i < 50; i++) {
    memset (data, 'a', sizeof data);
    ck_assert (lun_device_write (device, 1, data, sizeof data, LUN_PRIO_BULK, NULL));
    ck_assert (lun_device_read (device, 1, data, sizeof data, LUN_PRIO_BULK, NULL));
    ck_assert_int_eq (count_wrong_bits (data + 4 * BLOCK, 'a'), 1);
  }
}
END_TEST

START_TEST (test_flip_write_leaves_the_callers_buffer_alone)
{
  g_autoptr (LunDevice) device = open_device ("fault(flip-write)+ram:s");
  uint8_t block[BLOCK];

  memset (block, 'a', BLOCK);
  ck_assert (lun_device_write (device, 1, block, BLOCK, LUN_PRIO_BULK, NULL));
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 0);
}
END_TEST

START_TEST (test_flip_read_leaves_the_lun_alone)
{
  g_autoptr (LunDevice) device = open_device ("fault(flip-read:lba=5:count=1)+ram:s");
  uint8_t block[BLOCK];

  write_byte (device, 5, 'a');
  read_block (device, 5, block);
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 1);
  read_block (device, 5, block);
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 0);
}
END_TEST

START_TEST (test_lost_write_says_good_and_writes_nothing)
{
  g_autoptr (LunDevice) device = open_device ("fault(lose-write=1/2)+ram:s");
  uint8_t block[BLOCK];

  ck_assert (write_byte (device, 1, 'a') && write_byte (device, 1, 'b'));
  read_block (device, 1, block);
  ck_assert_int_eq (count_wrong_bits (block, 'a'), 0);
}
END_TEST

START_TEST (test_torn_write_ends_in_the_middle)
{
  g_autoptr (LunDevice) device = open_device ("fault(torn-write:lba=1:after=1)+ram:s");
  uint8_t block[BLOCK];
  int edges = 0;

  ck_assert (write_byte (device, 1, 'a') && write_byte (device, 1, 'b'));
  read_block (device, 1, block);
  ck_assert (block[0] == 'b' && block[BLOCK - 1] == 'a');
  for (int i = 1; i < BLOCK; i++)
    edges += block[i] != block[i - 1];
  ck_assert_int_eq (edges, 1);
}
END_TEST

static LunError
fails_with (const char *rule)
{
  g_autofree char *name = g_strdup_printf ("fault(fail-read:lba=9:as=%s)+ram:s", rule);
  const char *const paths[] = { name, NULL };
  g_autoptr (LunDevice) device =
    open_with (&(LunDeviceConfig){ .paths = paths, .timeout_ms = 50 });
  g_autoptr (GError) error = NULL;
  uint8_t block[BLOCK];

  ck_assert (!lun_device_read (device, 9, block, BLOCK, LUN_PRIO_BULK, &error));
  ck_assert (error->domain == LUN_ERROR);
  ck_assert_ptr_nonnull (strstr (error->message, "block 9"));
  return (LunError) error->code;
}

START_TEST (test_failures_reach_the_caller_under_their_names)
{
  ck_assert_int_eq (fails_with ("medium"), LUN_ERROR_IO);
  ck_assert_int_eq (fails_with ("hardware"), LUN_ERROR_IO);
  ck_assert_int_eq (fails_with ("protect"), LUN_ERROR_IO);
  ck_assert_int_eq (fails_with ("conflict"), LUN_ERROR_RESERVED);
  ck_assert_int_eq (fails_with ("busy"), LUN_ERROR_BUSY);
  ck_assert_int_eq (fails_with ("not-ready"), LUN_ERROR_BUSY);
  ck_assert_int_eq (fails_with ("aborted"), LUN_ERROR_IO);
  ck_assert_int_eq (fails_with ("transport"), LUN_ERROR_NO_PATH);
  ck_assert_int_eq (fails_with ("timeout"), LUN_ERROR_TIMEOUT);
}
END_TEST

START_TEST (test_power_loss_takes_back_what_was_not_flushed)
{
  g_autoptr (LunDevice) device =
    open_device ("fault(power-loss:op=write:after=4)+ram:s");
  uint8_t block[BLOCK];

  ck_assert (write_byte (device, 1, 'a') && write_byte (device, 2, 'a'));
  ck_assert (lun_device_flush (device, NULL));
  ck_assert (write_byte (device, 1, 'b') && write_byte (device, 1, 'c'));
  ck_assert (write_byte (device, 3, 'd')); /* the power fails; then it is repeated */
  read_block (device, 1, block);
  ck_assert_int_eq (block[0], 'a');
  read_block (device, 2, block);
  ck_assert_int_eq (block[0], 'a');
  read_block (device, 3, block);
  ck_assert_int_eq (block[0], 'd');
}
END_TEST

static char order[8]; /* of ends */
static unsigned n_ended;

static void
note_end (LunIo *io)
{
  unsigned at = __atomic_fetch_add (&n_ended, 1, __ATOMIC_SEQ_CST);

  __atomic_store_n (&order[at], *(char *) io->user_data, __ATOMIC_SEQ_CST);
}

START_TEST (test_reordered_commands_change_places)
{
  LunDevice *device = open_device ("fault(reorder:op=write:count=1:ms=5000)+ram:s");
  uint8_t a[BLOCK], b[BLOCK];
  struct iovec iov[2] = { { a, BLOCK }, { b, BLOCK } };
  char names[] = "ab";
  LunIo ios[2];

  memset (a, 'a', BLOCK);
  memset (b, 'b', BLOCK);
  for (int i = 0; i < 2; i++) {
    ios[i] = (LunIo){ .op = LUN_OP_WRITE,
                      .lba = 1,
                      .blocks = 1,
                      .iov = &iov[i],
                      .n_iov = 1,
                      .done = note_end,
                      .user_data = &names[i] };
    lun_device_submit (device, &ios[i]);
  }
  lun_device_close (device);
  ck_assert_str_eq (order, "ba");
}
END_TEST

START_TEST (test_delay_takes_its_time)
{
  g_autoptr (LunDevice) device = open_device ("fault(delay-ms=30:op=write)+ram:s");
  int64_t start = g_get_monotonic_time ();

  ck_assert (!lun_device_facts (device)->in_memory);
  ck_assert (write_byte (device, 1, 'a'));
  ck_assert_int_ge (g_get_monotonic_time () - start, 30000);
}
END_TEST

START_TEST (test_command_that_takes_too_long_is_aborted)
{
  const char *const paths[] = { "fault(delay-ms=20000:op=write)+ram:s", NULL };
  g_autoptr (LunDevice) device =
    open_with (&(LunDeviceConfig){ .paths = paths, .timeout_ms = 50 });
  g_autoptr (GError) error = NULL;
  uint8_t block[BLOCK] = { 0 };
  int64_t start = g_get_monotonic_time ();

  ck_assert (!lun_device_write (device, 1, block, BLOCK, LUN_PRIO_BULK, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_TIMEOUT));
  ck_assert_int_lt (g_get_monotonic_time () - start, 5 * G_USEC_PER_SEC);
}
END_TEST

START_TEST (test_unit_attentions_are_repeated)
{
  g_autoptr (LunDevice) device = open_device ("fault(ua=29/00:every=2)+ram:s");
  LunStats stats;

  for (unsigned i = 0; i < 20; i++)
    ck_assert (write_byte (device, i, 'a'));
  lun_device_get_stats (device, &stats);
  ck_assert_uint_eq (stats.writes, 20);
  ck_assert_uint_ge (stats.retries, 10);
}
END_TEST

/* The LUN's memory and what is read disagree for good. */
START_TEST (test_wait_does_not_spin_when_reads_are_wrong)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *name = g_strconcat ("fault(flip-read:lba=5)+", lun.name, NULL);
  g_autoptr (LunDevice) device = open_device (name);
  uint8_t seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 5, .blocks = 1, .seen = seen, .buf = seen };
  LunWaitPlan plan = { .timeout_us = 100000, .spin_us = 1000 };
  LunStats stats;

  seen[7] ^= 1; /* as read once */
  int changes = 0;
  while (lun_device_wait (device, &watch, 1, &plan, NULL) == LUN_WAIT_CHANGED &&
         changes < 20)
    changes++;
  ck_assert_int_eq (changes, 20); /* each read flips another bit: each is news */
  lun_device_get_stats (device, &stats);
  ck_assert_uint_lt (stats.polls, 20);
}
END_TEST

START_TEST (test_wait_on_a_lun_that_only_reads_see)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autofree char *name = g_strconcat ("sticky+", lun.name, NULL);
  g_autoptr (LunDevice) device = open_device (name);
  uint8_t seen[BLOCK] = { 0 };
  LunWatch watch = { .lba = 5, .blocks = 1, .seen = seen, .buf = seen };
  LunWaitPlan plan = { .timeout_us = 100000, .spin_us = 1000 };
  LunStats stats;

  read_block (device, 5, seen);
  ck_assert_int_eq (lun_device_wait (device, &watch, 1, &plan, NULL), LUN_WAIT_TIMEOUT);
  lun_device_get_stats (device, &stats);
  ck_assert_uint_lt (stats.polls, 120); /* two each pause, up to 5 ms */
}
END_TEST

/* A layer of the test's own: block 5 always reads with its first bit wrong. */
static void
sticky_submit (LunTransport *layer, LunIo *io)
{
  lun_transport_submit (layer->lower, io);
  if (io->op == LUN_OP_READ && io->lba == 5)
    *(uint8_t *) io->iov[0].iov_base ^= 1;
}

static void
sticky_close (LunTransport *layer)
{
  g_free (layer);
}

static LunTransport *
sticky_wrap (LunTransport *lower, const char *args, GError **error)
{
  LunTransport *layer = g_new0 (LunTransport, 1);

  layer->ops = (LunTransportOps){ .submit = sticky_submit, .close = sticky_close };
  layer->facts = lower->facts;
  return layer;
}

static const LunLayerOps sticky = { .name = "sticky", .wrap = sticky_wrap };

int
main (void)
{
  const TTest *const tests[] = {
    test_stats_count_exactly,
    test_stats_histogram_has_every_command,
    test_stats_are_appended_to_a_file,
    test_trace_writes_a_line_a_command,
    test_trace_wants_a_file,
    test_flip_write_puts_one_wrong_bit_on_the_lun,
    test_flip_stays_within_the_blocks_named,
    test_flip_write_leaves_the_callers_buffer_alone,
    test_flip_read_leaves_the_lun_alone,
    test_lost_write_says_good_and_writes_nothing,
    test_torn_write_ends_in_the_middle,
    test_failures_reach_the_caller_under_their_names,
    test_power_loss_takes_back_what_was_not_flushed,
    test_reordered_commands_change_places,
    test_delay_takes_its_time,
    test_command_that_takes_too_long_is_aborted,
    test_unit_attentions_are_repeated,
    test_wait_does_not_spin_when_reads_are_wrong,
    test_wait_on_a_lun_that_only_reads_see,
  };

  lun_layer_register (&sticky);
  return lun_suite_run ("lunpath/layers", tests, G_N_ELEMENTS (tests));
}
