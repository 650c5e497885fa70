/* Check finds each kind of damage and puts right what can be; a volume in use is left alone. */
#include "fixture.h"

#include "base/crc.h"
#include "base/error.h"
#include "volume/check.h"
#include "volume/head.h"
#include "volume/membership.h"
#include "volume/observe.h"
#include "volume/pidtab.h"
#include "volume/record.h"
#include "volume/segment.h"

#include <string.h>

#define MIB (UINT64_C (1) << 20)

typedef struct {
  Lab lab;
  FtsVolume *volume;
  FtsPeers peers;
  FtsCheck *check;
} World;

static void
look (World *w)
{
  g_autoptr (GError) error = NULL;

  memset (&w->peers, 0, sizeof w->peers);
  fts_observe_hosts (w->volume, &w->peers, 1000, &error);
  lab_assert_ok (error);
  fts_check_free (w->check);
  w->check = fts_check_run (w->volume, &w->peers, &error);
  lab_assert_ok (error);
}

static void
world_init (World *w, unsigned n_devices)
{
  g_autoptr (GError) error = NULL;

  memset (w, 0, sizeof *w);
  lab_init (&w->lab, n_devices, 2 * MIB, 512);
  lab_format (&w->lab);
  w->volume = lab_open (&w->lab, "c", &error);
  lab_assert_ok (error);
}

static void
world_clear (World *w)
{
  fts_check_free (w->check);
  fts_volume_close (w->volume);
  lab_clear (&w->lab);
}

static const FtsFinding *
find (const World *w, uint64_t block)
{
  for (guint i = 0; i < w->check->findings->len; i++) {
    const FtsFinding *finding = g_ptr_array_index (w->check->findings, i);
    if (finding->block == block)
      return finding;
  }
  return NULL;
}

static void
assert_clean (const World *w)
{
  for (guint i = 0; i < w->check->findings->len; i++) {
    const FtsFinding *f = g_ptr_array_index (w->check->findings, i);
    ck_abort_msg ("block %lu: %s %u: %s", (unsigned long) f->block, f->structure,
                  f->index, f->what);
  }
}

static void
repair (World *w)
{
  g_autoptr (GError) error = NULL;

  fts_check_repair (w->volume, w->check, &w->peers, &error);
  lab_assert_ok (error);
}

START_TEST (test_a_new_volume_is_clean)
{
  for (unsigned n = 1; n <= 2; n++) {
    World w;
    world_init (&w, n);
    look (&w);
    assert_clean (&w);
    ck_assert_uint_gt (w.check->n_checked, 100);
    world_clear (&w);
  }
}
END_TEST

/* Damages one byte of each structure; it must be found there and be gone after repair. */
START_TEST (test_damage_to_each_structure_is_found_and_repaired)
{
  World w;
  FtsRegion regions[FTS_N_REGIONS];

  world_init (&w, 1);
  fts_layout_regions (fts_volume_mcb (w.volume), regions);
  for (int r = FTS_REGION_ZERO; r < FTS_N_REGIONS; r++) {
    uint64_t block = regions[r].start + (regions[r].blocks > 2 ? 2 : 0);
    if (r == FTS_REGION_SEGMENTS || r == FTS_REGION_DEVICES)
      continue;
    lab_poke (&w.lab, 0, block * 512 + 17, "\x5a", 1);
    look (&w);
    const FtsFinding *finding = find (&w, block);
    ck_assert_msg (finding != NULL, "%s: not found", regions[r].name);
    ck_assert_str_eq (finding->structure, regions[r].name);
    repair (&w);
    look (&w);
    assert_clean (&w);
  }
  world_clear (&w);
}
END_TEST

START_TEST (test_a_damaged_device_entry_is_found)
{
  World w;

  world_init (&w, 2);
  uint64_t block = fts_volume_mcb (w.volume)->blk5_secondary_device_table_ptr + 1;
  lab_poke (&w.lab, 0, block * 512 + 30, "\x5a", 1);
  look (&w);
  ck_assert_ptr_nonnull (find (&w, block));
  ck_assert_int_eq (find (&w, block)->level, FTS_FINDING_DAMAGE);
  world_clear (&w);
}
END_TEST

START_TEST (test_a_secondary_devices_control_block_is_restored)
{
  World w;

  world_init (&w, 2);
  lab_poke (&w.lab, 1, FTS_MCB_BLOCK * 512 + 30, "\x5a", 1);
  look (&w);
  ck_assert_uint_eq (w.check->findings->len, 1);
  ck_assert_uint_eq (find (&w, FTS_MCB_BLOCK)->device, 1);
  repair (&w);
  look (&w);
  assert_clean (&w);
  world_clear (&w);
}
END_TEST

START_TEST (test_a_wrong_segment_number_is_found_and_restored)
{
  World w;

  world_init (&w, 1);
  uint64_t block = fts_volume_head_lba (w.volume, 2, FTS_DIRECTION_CONNECTOR) + 1;
  lab_poke (&w.lab, 0, block * 512 + 32, "\1\0\0\0\0\0\0\0", 8);
  look (&w);
  ck_assert_ptr_nonnull (find (&w, block));
  ck_assert_uint_eq (find (&w, block)->index, 2);
  repair (&w);
  look (&w);
  assert_clean (&w);
  world_clear (&w);
}
END_TEST

START_TEST (test_what_dead_processes_left_is_freed)
{
  World w;
  FtsHost host = { .index = 3,
                   .state = FTS_HOST_ACTIVE,
                   .role = FTS_ROLE_MOUNT,
                   .name = "ghost",
                   .generation = 77,
                   .heartbeat_ms = 10,
                   .dead_ms = 50 };
  FtsPid pid = { .pro_process_id = 2,
                 .pro_flag_process = FTS_PRO_FLAG_ALLOCATED,
                 .epoch = 5,
                 .service = FTS_SERVICE_FILES,
                 .requestor_index = 3,
                 .requestor_generation = 77 };

  world_init (&w, 1);
  ck_assert (fts_hosttab_store (w.volume, &host, NULL));
  ck_assert (fts_pidtab_store (w.volume, &pid, NULL));
  look (&w);
  ck_assert_uint_eq (w.check->n_live, 0);
  ck_assert_uint_eq (w.check->findings->len, 2);
  repair (&w);
  look (&w);
  assert_clean (&w);
  ck_assert (fts_pidtab_load (w.volume, 2, &pid, NULL));
  ck_assert_uint_eq (pid.epoch, 5);
  ck_assert_uint_eq (pid.pro_flag_process, 0);
  world_clear (&w);
}
END_TEST

START_TEST (test_a_damaged_connection_keeps_its_epoch)
{
  World w;
  FtsPid pid = { .pro_process_id = 2, .epoch = 5 };

  world_init (&w, 1);
  ck_assert (fts_pidtab_store (w.volume, &pid, NULL));
  uint64_t block = fts_volume_mcb (w.volume)->blk5_process_id_table_ptr + 1;
  lab_poke (&w.lab, 0, fts_volume_head_lba (w.volume, 2, FTS_DIRECTION_INITIATOR) * 512,
            "x", 1);
  look (&w);
  repair (&w); /* gives the head the connection's epoch */
  lab_poke (&w.lab, 0, block * 512 + 17, "\x5a", 1);
  look (&w);
  repair (&w);
  ck_assert (fts_pidtab_load (w.volume, 2, &pid, NULL));
  ck_assert_uint_eq (pid.epoch, 5);
  world_clear (&w);
}
END_TEST

START_TEST (test_a_volume_in_use_is_clean_and_not_repaired)
{
  World w;
  FtsMemberConfig config = { .name = "a", .role = FTS_ROLE_SERVER };
  g_autoptr (GError) error = NULL;

  world_init (&w, 1);
  FtsVolume *volume = lab_open (&w.lab, "a", NULL);
  FtsMember *member = fts_member_join (volume, &config, &error);
  lab_assert_ok (error);
  look (&w);
  assert_clean (&w);
  ck_assert_uint_eq (w.check->n_live, 1);
  ck_assert (!fts_check_repair (w.volume, w.check, &w.peers, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_IN_USE);
  fts_member_leave (member);
  fts_volume_close (volume);
  world_clear (&w);
}
END_TEST

START_TEST (test_one_who_joins_meanwhile_stops_the_repair)
{
  World w;
  FtsMemberConfig config = { .name = "a", .role = FTS_ROLE_SERVER };
  g_autoptr (GError) error = NULL;

  world_init (&w, 1);
  look (&w);
  FtsVolume *volume = lab_open (&w.lab, "a", NULL);
  FtsMember *member = fts_member_join (volume, &config, NULL);
  ck_assert (!fts_check_repair (w.volume, w.check, &w.peers, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_IN_USE);
  fts_member_leave (member);
  fts_volume_close (volume);
  world_clear (&w);
}
END_TEST

/* A message of one segment on its way in connection 1, from a live member to itself. */
static uint64_t
put_segment (World *w, const FtsHost *self)
{
  uint64_t tag = fts_volume_tag (w->volume), lba, head_lba;
  uint64_t number =
    fts_volume_segment_number (w->volume, 1, FTS_DIRECTION_INITIATOR, 0);
  FtsPid pid = { .pro_process_id = 1,
                 .pro_flag_process = FTS_PRO_FLAG_ALLOCATED | FTS_PRO_FLAG_PROCESSING,
                 .epoch = 1,
                 .service = FTS_SERVICE_FILES,
                 .requestor_index = self->index,
                 .requestee_index = self->index,
                 .requestor_generation = self->generation,
                 .requestee_generation = self->generation };
  FtsHead head = { .volume_tag = tag, .slot = 1, .epoch = 1, .published = 1 };
  FtsEntry entry = { .ptr_process_segment_ptr = number,
                     .ptr_process_block_seq = 1,
                     .ptr_process_segment_flg =
                       FTS_SEG_FLAG_LAST | FTS_SEG_FLAG_INITIATOR,
                     .ptr_process_blk_read = 2,
                     .byte_len = 100 };
  FtsSeg seg = { .volume_tag = tag,
                 .slot = 1,
                 .epoch = 1,
                 .sequence = 1,
                 .flags = FTS_SEG_FLAG_LAST,
                 .byte_len = 100 };
  uint8_t blocks[1024];

  memset (blocks, 'x', sizeof blocks);
  seg.payload_crc = fts_crc32c (blocks + 512, 100);
  fts_segment_encode (&seg, blocks, 512);
  ck_assert_ptr_nonnull (fts_volume_locate_segment (w->volume, number, &lba));
  ck_assert (fts_volume_write (w->volume, lba, blocks, 1024, NULL));
  head_lba = fts_volume_head_lba (w->volume, 1, FTS_DIRECTION_INITIATOR);
  ck_assert (fts_volume_read (w->volume, head_lba, blocks, 1024, NULL));
  fts_head_encode (&head, NULL, blocks, 512);
  fts_entry_encode (&entry, 1, tag, (FtsEntryDisk *) (blocks + 512));
  ck_assert (fts_volume_write (w->volume, head_lba, blocks, 1024, NULL));
  ck_assert (fts_pidtab_store (w->volume, &pid, NULL));
  return lba;
}

START_TEST (test_a_damaged_segment_on_its_way_is_found)
{
  World w;
  FtsMemberConfig config = { .name = "a", .role = FTS_ROLE_SERVER };

  world_init (&w, 1);
  FtsVolume *volume = lab_open (&w.lab, "a", NULL);
  FtsMember *member = fts_member_join (volume, &config, NULL);
  uint64_t lba = put_segment (&w, fts_member_self (member));
  look (&w);
  assert_clean (&w);
  lab_poke (&w.lab, 0, lba * 512 + 512 + 50, "y", 1);
  look (&w);
  ck_assert_ptr_nonnull (find (&w, lba));
  ck_assert_str_eq (find (&w, lba)->what, "payload has a wrong checksum");
  lab_poke (&w.lab, 0, lba * 512 + 20, "y", 1);
  look (&w);
  ck_assert_str_eq (find (&w, lba)->what, "header cannot be decoded");
  fts_member_leave (member);
  fts_volume_close (volume);
  world_clear (&w);
}
END_TEST

/* Any bytes may stand anywhere, with right checksums too: check must end and repair must heal. */
START_TEST (test_arbitrary_damage_is_survived_and_healed)
{
  World w;
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);

  world_init (&w, 1);
  const FtsMcb *m = fts_volume_mcb (w.volume);
  for (int round = 0; round < 150; round++) {
    for (int i = g_rand_int_range (rand, 1, 5); i > 0; i--) {
      uint8_t block[512];
      uint64_t lba = (uint64_t) g_rand_int_range (
        rand, (gint32) m->lock_ptr, (gint32) m->blk5_mast_sec_start_segment_ptr);
      if (lba == m->blk5_secondary_device_table_ptr)
        continue;
      lab_peek (&w.lab, 0, lba * 512, block, sizeof block);
      for (int k = g_rand_int_range (rand, 1, 9); k > 0; k--)
        block[g_rand_int_range (rand, 0, 512)] = (uint8_t) g_rand_int (rand);
      if (g_rand_boolean (rand))
        fts_record_seal (block);
      lab_poke (&w.lab, 0, lba * 512, block, sizeof block);
    }
    look (&w);
    repair (&w);
    look (&w);
    for (guint i = 0; i < w.check->findings->len; i++) {
      const FtsFinding *f = g_ptr_array_index (w.check->findings, i);
      ck_assert_msg (f->level != FTS_FINDING_DAMAGE, "round %d: %s %u: %s", round,
                     f->structure, f->index, f->what);
    }
  }
  world_clear (&w);
}
END_TEST

FTS_SUITE ("volume/check", test_a_new_volume_is_clean,
           test_damage_to_each_structure_is_found_and_repaired,
           test_a_damaged_device_entry_is_found,
           test_a_secondary_devices_control_block_is_restored,
           test_a_wrong_segment_number_is_found_and_restored,
           test_what_dead_processes_left_is_freed,
           test_a_damaged_connection_keeps_its_epoch,
           test_a_volume_in_use_is_clean_and_not_repaired,
           test_one_who_joins_meanwhile_stops_the_repair,
           test_a_damaged_segment_on_its_way_is_found,
           test_arbitrary_damage_is_survived_and_healed)
