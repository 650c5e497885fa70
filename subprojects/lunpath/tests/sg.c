/* The sg transport over a kernel that the test plays (fake_sg.h). */
#include "fake_sg.h"

#include "base/sense.h"

#include <lunpath/paths.h>
#include <lunpath/reservation.h>
#include <lunpath/transport.h>

typedef struct {
  FileLun lun;
} World;

static World
world_new (void)
{
  World world = { .lun = file_lun_new (4 << 20, 512) };

  fake_sg_start (&world.lun);
  return world;
}

static void
world_clear (World *world)
{
  fake_sg_stop ();
  file_lun_clear (&world->lun);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

/* ---- headers, made and read ---- */

START_TEST (test_data_is_gathered_by_the_kernel)
{
  char first[512], second[1024];
  struct iovec iov[] = { { first, 512 }, { second, 1024 } };
  LunIo io = { .op = LUN_OP_WRITE, .lba = 7, .blocks = 3, .iov = iov, .n_iov = 2 };
  uint8_t cdb[LUN_CDB_MAX], sense[LUN_SENSE_MAX];
  static const uint8_t expected[16] = { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3 };
  sg_io_hdr_t header;

  lun_sg_fill (&io, &header, cdb, sense);
  ck_assert_int_eq (header.interface_id, 'S');
  ck_assert_int_eq (header.dxfer_direction, SG_DXFER_TO_DEV);
  ck_assert_uint_eq (header.iovec_count, 2);
  ck_assert_ptr_eq (header.dxferp, iov);
  ck_assert_uint_eq (header.dxfer_len, 1536);
  ck_assert_uint_eq (header.cmd_len, 16);
  ck_assert_mem_eq (cdb, expected, 16);
}
END_TEST

START_TEST (test_one_piece_is_flat_and_time_is_given)
{
  char data[512];
  struct iovec iov = { data, 512 };
  LunIo io = {
    .op = LUN_OP_READ, .blocks = 1, .iov = &iov, .n_iov = 1, .timeout_ms = 1234
  };
  uint8_t cdb[LUN_CDB_MAX], sense[LUN_SENSE_MAX];
  sg_io_hdr_t header;

  lun_sg_fill (&io, &header, cdb, sense);
  ck_assert_uint_eq (header.iovec_count, 0);
  ck_assert_ptr_eq (header.dxferp, data);
  ck_assert_int_eq (header.dxfer_direction, SG_DXFER_FROM_DEV);
  ck_assert_uint_eq (header.timeout, 1234);
}
END_TEST

START_TEST (test_every_status_has_its_outcome)
{
  static const struct {
    unsigned host, driver, status;
    LunOutcome outcome;
  } cases[] = {
    { 0x00, 0, 0x00, LUN_OUTCOME_GOOD },
    { 0x00, 0, 0x02, LUN_OUTCOME_CHECK_CONDITION },
    { 0x00, 8, 0x02, LUN_OUTCOME_CHECK_CONDITION },
    { 0x10, 8, 0x02, LUN_OUTCOME_CHECK_CONDITION },
    { 0x13, 8, 0x02, LUN_OUTCOME_CHECK_CONDITION },
    { 0x00, 0, 0x18, LUN_OUTCOME_RESERVATION_CONFLICT },
    { 0x11, 0, 0x18, LUN_OUTCOME_RESERVATION_CONFLICT },
    { 0x00, 0, 0x08, LUN_OUTCOME_BUSY },
    { 0x00, 0, 0x28, LUN_OUTCOME_BUSY },
    { 0x00, 0, 0x40, LUN_OUTCOME_ABORTED },
    { 0x01, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x03, 0, 0x00, LUN_OUTCOME_TIMEOUT },
    { 0x03, 6, 0x00, LUN_OUTCOME_TIMEOUT },
    { 0x00, 6, 0x00, LUN_OUTCOME_TIMEOUT },
    { 0x05, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x07, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x08, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x0b, 0, 0x00, LUN_OUTCOME_BUSY },
    { 0x00, 0, 0x30, LUN_OUTCOME_BUSY },
    { 0x02, 0, 0x00, LUN_OUTCOME_BUSY },
    { 0x04, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x0c, 0, 0x00, LUN_OUTCOME_BUSY },
    { 0x0d, 0, 0x00, LUN_OUTCOME_BUSY },
    { 0x12, 0, 0x00, LUN_OUTCOME_BUSY },
    { 0x0e, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x0f, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x11, 0, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
    { 0x00, 7, 0x00, LUN_OUTCOME_TRANSPORT_ERROR },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t sense[18] = { 0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0x00 };
    sg_io_hdr_t header = { .host_status = (unsigned short) cases[i].host,
                           .driver_status = (unsigned short) cases[i].driver,
                           .status = (unsigned char) cases[i].status,
                           .sbp = sense,
                           .sb_len_wr = cases[i].status == 0x02 ? 18 : 0 };
    LunResult result = lun_sg_result (&header);
    LunSense found;

    ck_assert_msg (result.outcome == cases[i].outcome, "case %zu", i);
    if (result.outcome == LUN_OUTCOME_CHECK_CONDITION) {
      ck_assert (lun_result_sense (&result, &found));
      ck_assert_uint_eq (found.asc, 0x29);
    }
  }
}
END_TEST

/* ---- a path ---- */

START_TEST (test_a_lun_is_what_it_says)
{
  g_auto (World) world = world_new ();
  g_autofree char *a = fake_sg_node ("a"), *b = fake_sg_node ("b");
  g_autofree char *name = g_strconcat (a, "|", b, NULL);
  g_autoptr (LunDevice) device = open_device (name);
  const LunFacts *facts = lun_device_facts (device);

  ck_assert_uint_eq (facts->n_blocks, (4 << 20) / 512);
  ck_assert_uint_eq (facts->block_size, 512);
  ck_assert (facts->has_caw && facts->has_pr && !facts->in_memory);
  ck_assert_msg (g_str_has_prefix (facts->identity, "naa.602"), "%s", facts->identity);
}
END_TEST

START_TEST (test_a_short_answer_is_no_success)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");
  g_autoptr (LunDevice) device = open_device (name);
  char block[512];
  LunStats stats;

  fake_sg.next = (FakeSgAnswer){ .resid = 512, .count = 1 };
  ck_assert (lun_device_read (device, 0, block, sizeof block, LUN_PRIO_BULK, NULL));
  lun_device_get_stats (device, &stats);
  ck_assert_uint_ge (stats.retries, 1);
}
END_TEST

START_TEST (test_a_dead_node_is_opened_again)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");
  g_autoptr (LunDevice) device = open_device (name);
  char block[512];

  fake_sg_put ("a", "another file, so another nexus: only a new open() sees it");
  fake_sg.next = (FakeSgAnswer){ .os_errno = ENODEV, .count = 3 };
  ck_assert (lun_device_read (device, 0, block, sizeof block, LUN_PRIO_BULK, NULL));
  ck_assert_uint_eq (fake_sg.next.count, 0);
}
END_TEST

START_TEST (test_reset_reaches_the_lun)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");
  LunTransportConfig config = { 0 };
  g_autoptr (LunTransport) path = lun_transport_open (name, &config, NULL);

  ck_assert_ptr_nonnull (path);
  ck_assert (lun_transport_reset (path, NULL));
  ck_assert_uint_eq (fake_sg.n_resets, 1);
}
END_TEST

/* ---- refused ---- */

/* ---- a target that tells the size to nobody but registered paths ---- */

static LunReservation *
reservation_of (LunDevice *device, uint64_t key)
{
  return lun_reservation_new (device, &(LunReservationConfig){ .key = key });
}

START_TEST (test_a_size_that_is_not_told_is_learnt_with_the_reservation)
{
  g_auto (World) world = world_new ();
  g_autofree char *theirs = fake_sg_node ("b"), *ours = fake_sg_node ("a"),
                  *later = fake_sg_node ("a2");
  const char *const paths[] = { ours, NULL };
  LunDeviceConfig config = { .paths = paths, .may_lack_size = true };
  g_autoptr (GError) error = NULL, refused = NULL;
  uint8_t block[512] = { 7 };

  fake_sg.hides_size = true;
  g_autoptr (LunDevice) holder = open_device (theirs);
  g_autoptr (LunReservation) held = reservation_of (holder, lun_resv_key (1, 2, 1));
  ck_assert (lun_reservation_open (held, LUN_RESV_DEFAULT, NULL));

  ck_assert_int_eq (open_fails (ours, "reserved"), LUN_ERROR_RESERVED);
  g_autoptr (LunDevice) device = open_with (&config);
  g_autoptr (LunReservation) r = reservation_of (device, lun_resv_key (1, 1, 1));
  ck_assert_uint_eq (lun_device_facts (device)->n_blocks, 0);
  ck_assert (lun_device_facts (device)->has_pr);
  ck_assert (!lun_device_write (device, 3, block, 512, LUN_PRIO_BULK, &error));
  ck_assert_int_eq (error->code, LUN_ERROR_RESERVED);
  ck_assert (!lun_device_learn_size (device, &refused));
  ck_assert_int_eq (refused->code, LUN_ERROR_RESERVED);

  ck_assert (lun_reservation_open (r, LUN_RESV_FORCED, NULL));
  ck_assert_uint_eq (lun_device_facts (device)->n_blocks, 8192);
  ck_assert_uint_gt (lun_device_facts (device)->max_io_blocks, 1);
  ck_assert (lun_device_facts (device)->has_caw);
  ck_assert (lun_device_write (device, 3, block, 512, LUN_PRIO_BULK, NULL));
  ck_assert (lun_device_add_path (device, later, NULL)); /* not registered yet */
  ck_assert (lun_device_write (device, 8191, block, 512, LUN_PRIO_BULK, NULL));
}
END_TEST

START_TEST (test_what_multipathd_has_is_refused)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");

  fake_sg_put ("dev/char/0:0/device/block/sdc/holders/dm-4/dm/uuid", "mpath-3600\n");
  fake_sg_put ("dev/char/0:0/device/block/sdc/holders/dm-4/dm/name", "mpathc\n");
  ck_assert_int_eq (open_fails (name, "\"blk:/dev/mapper/mpathc\""), LUN_ERROR_CONFIG);
}
END_TEST

START_TEST (test_what_is_in_use_is_refused)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");

  fake_sg_put ("dev/char/0:0/device/block/sdc/holders/md0/x", "");
  ck_assert_int_eq (open_fails (name, "in use for md0"), LUN_ERROR_CONFIG);
}
END_TEST

START_TEST (test_the_queue_limits_the_length)
{
  g_auto (World) world = world_new ();
  g_autofree char *name = fake_sg_node ("a");

  fake_sg_put ("dev/char/0:0/device/block/sdc/queue/max_sectors_kb", "512\n");
  fake_sg_put ("dev/char/0:0/device/block/sdc/queue/max_segments", "64\n");
  g_autoptr (LunDevice) device = open_device (name);
  ck_assert_uint_eq (lun_device_facts (device)->max_io_blocks, 64 * 4096 / 512);
}
END_TEST

START_TEST (test_what_takes_no_commands_is_refused)
{
  g_auto (World) world = world_new ();
  static const LunSgKernel real = { .ioctl = fake_sg_ioctl, .sysfs = "/nonexistent" };

  lun_sg_kernel = &real;
  ck_assert_int_eq (open_fails ("sg:/dev/nonexistent", "No such file"), LUN_ERROR_IO);
  ck_assert_int_eq (open_fails ("sg:/dev/null?depth=17", "1 to 16"), LUN_ERROR_CONFIG);
  fake_sg.next = (FakeSgAnswer){ .host_status = 1, .count = 1 };
  ck_assert_int_eq (open_fails ("sg:/dev/null", "INQUIRY"), LUN_ERROR_IO);
}
END_TEST

LUN_SUITE ("lunpath/sg", test_data_is_gathered_by_the_kernel,
           test_one_piece_is_flat_and_time_is_given, test_every_status_has_its_outcome,
           test_a_lun_is_what_it_says, test_a_short_answer_is_no_success,
           test_a_dead_node_is_opened_again, test_reset_reaches_the_lun,
           test_a_size_that_is_not_told_is_learnt_with_the_reservation,
           test_what_multipathd_has_is_refused, test_what_is_in_use_is_refused,
           test_the_queue_limits_the_length, test_what_takes_no_commands_is_refused)
