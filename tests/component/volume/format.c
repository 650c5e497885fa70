/* Making and opening volumes on file LUNs, and what is wrong with damaged ones. */
#include "fixture.h"

#include "base/error.h"
#include "volume/head.h"
#include "volume/record.h"

#include <glib/gstdio.h>
#include <lunpath/emul.h>
#include <string.h>

#define MIB (UINT64_C (1) << 20)

static void
check_map (FtsVolume *volume)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  g_autofree bool *seen = g_new0 (bool, mcb->blk5_tot_seg_num + 1);

  for (uint32_t slot = 1; slot <= mcb->blk5_max_connections; slot++)
    for (uint32_t i = 0; i < 2 * mcb->blk5_maxptr; i++) {
      uint64_t number = fts_volume_segment_number (
        volume, slot, i % 2 ? FTS_DIRECTION_CONNECTOR : FTS_DIRECTION_INITIATOR, i / 2);
      uint64_t lba;
      ck_assert_ptr_nonnull (fts_volume_locate_segment (volume, number, &lba));
      ck_assert (!seen[number]);
      seen[number] = true;
    }
}

static void
round_trip (unsigned n_devices, uint32_t block_size)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, n_devices, 2 * MIB, block_size);
  lab_format (&lab);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "a", &error);
  lab_assert_ok (error);
  ck_assert_str_eq (fts_volume_mcb (volume)->volume_name, "test");
  ck_assert_uint_eq (fts_volume_block_size (volume), block_size);
  ck_assert_uint_eq (fts_volume_payload_max (volume), 16384 - block_size);
  ck_assert_uint_eq (fts_volume_n_devices (volume), n_devices);
  check_map (volume);
  lab_clear (&lab);
}

START_TEST (test_a_formatted_volume_opens)
{
  round_trip (1, 512);
}
END_TEST

START_TEST (test_a_volume_with_4096_byte_blocks_opens)
{
  round_trip (1, 4096);
}
END_TEST

START_TEST (test_a_volume_over_three_devices_opens)
{
  round_trip (3, 512);
}
END_TEST

START_TEST (test_heads_and_entries_are_empty_and_sound)
{
  Lab lab;
  uint8_t block[512];
  FtsHead head;
  FtsEntry entry;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "a", NULL);
  for (uint32_t slot = 1; slot <= 3; slot++) {
    uint64_t lba = fts_volume_head_lba (volume, slot, FTS_DIRECTION_CONNECTOR);
    ck_assert (fts_volume_read (volume, lba, block, 512, NULL));
    ck_assert (fts_head_decode (block, 512, &head, NULL));
    ck_assert_uint_eq (head.slot, slot);
    ck_assert_int_eq (head.direction, FTS_DIRECTION_CONNECTOR);
    ck_assert_uint_eq (head.volume_tag, fts_volume_tag (volume));
    ck_assert (fts_volume_read (volume, lba + 1, block, 512, NULL));
    ck_assert (fts_entry_decode ((FtsEntryDisk *) block + 3, 0, fts_volume_tag (volume),
                                 &entry));
    ck_assert_uint_eq (
      entry.ptr_process_segment_ptr,
      fts_volume_segment_number (volume, slot, FTS_DIRECTION_CONNECTOR, 3));
  }
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_damaged_control_block_is_replaced_by_its_copy)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  g_log_set_fatal_mask (NULL, G_LOG_LEVEL_ERROR);
  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  lab_poke (&lab, 0, FTS_MCB_BLOCK * 512 + 100, "damage", 6);
  g_autoptr (FtsVolume) volume = lab_open (&lab, "a", &error);
  lab_assert_ok (error);
  ck_assert_str_eq (fts_volume_mcb (volume)->volume_name, "test");
  lab_clear (&lab);
}
END_TEST

START_TEST (test_damage_to_both_control_blocks_is_reported)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  lab_poke (&lab, 0, FTS_MCB_BLOCK * 512 + 100, "damage", 6);
  lab_poke (&lab, 0, 2 * MIB - 512 + 100, "damage", 6);
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_CORRUPT);
  ck_assert_ptr_nonnull (strstr (error->message, "lun0.img"));
  lab_clear (&lab);
}
END_TEST

START_TEST (test_an_empty_lun_is_no_volume)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_NOT_VOLUME);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_lun_given_to_something_else_is_no_volume)
{
  Lab lab;
  uint8_t zero[4096] = { 0 };
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  lab_poke (&lab, 0, 0, zero,
            sizeof zero); /* as mkfs does; the old copy is still there */
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_NOT_VOLUME);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_truncated_lun_is_too_small)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  ck_assert_int_eq (truncate (lab.paths[0], MIB), 0);
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_TOO_SMALL);
  lab_clear (&lab);
}
END_TEST

/* Writes block 5 anew with one field changed and a right CRC. */
static void
change_mcb (const Lab *lab, size_t offset, FtsLe64 value, size_t len)
{
  uint8_t block[512];

  lab_peek (lab, 0, FTS_MCB_BLOCK * 512, block, sizeof block);
  memcpy (block + offset, &value, len);
  fts_record_seal (block);
  lab_poke (lab, 0, FTS_MCB_BLOCK * 512, block, sizeof block);
}

START_TEST (test_another_format_version_is_refused)
{
  Lab lab;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  for (uint32_t version = 0; version <= 2; version += 2) {
    g_autoptr (GError) error = NULL;
    change_mcb (&lab, offsetof (FtsMcbDisk, blk5_version), fts_le64 (version), 4);
    ck_assert_ptr_null (lab_open (&lab, "a", &error));
    lab_assert_error (error, FTS_ERROR, FTS_ERROR_VERSION);
  }
  lab_clear (&lab);
}
END_TEST

START_TEST (test_only_unknown_incompatible_features_are_refused)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab_format (&lab);
  change_mcb (&lab, offsetof (FtsMcbDisk, features_compat), fts_le64 (64), 8);
  FtsVolume *volume = lab_open (&lab, "a", &error);
  lab_assert_ok (error);
  fts_volume_close (volume);
  change_mcb (&lab, offsetof (FtsMcbDisk, features_incompat), fts_le64 (64), 8);
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_VERSION);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_missing_secondary_device_is_named)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 2, 2 * MIB, 512);
  lab_format (&lab);
  FtsVolumeSpec spec = { .volume = lab.paths[0] };
  ck_assert_ptr_null (fts_volume_open (&spec, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND);
  ck_assert_ptr_nonnull (strstr (error->message, "uuid:"));
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_foreign_secondary_device_is_refused)
{
  Lab lab, other;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 2, 2 * MIB, 512);
  lab_init (&other, 2, 2 * MIB, 512);
  memcpy (other.wish.volume_uuid, "another", 7);
  lab_format (&lab);
  lab_format (&other);
  FtsVolumeSpec spec = { .volume = lab.paths[0],
                         .devices = (char *[]){ other.paths[1], NULL } };
  ck_assert_ptr_null (fts_volume_open (&spec, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_MISMATCH);
  lab_clear (&lab);
  lab_clear (&other);
}
END_TEST

START_TEST (test_a_secondary_device_of_an_older_format_is_refused)
{
  Lab lab;
  uint8_t block[512];
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 2, 2 * MIB, 512);
  lab_format (&lab);
  lab_peek (&lab, 1, FTS_MCB_BLOCK * 512, block, sizeof block);
  lab.wish.seed = 0x9999999900000001;
  lab_format (&lab);
  lab_poke (&lab, 1, FTS_MCB_BLOCK * 512, block, sizeof block);
  ck_assert_ptr_null (lab_open (&lab, "a", &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_MISMATCH);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_secondary_device_is_not_taken_for_the_master)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 2, 2 * MIB, 512);
  lab_format (&lab);
  FtsVolumeSpec spec = { .volume = lab.paths[1],
                         .devices = (char *[]){ lab.paths[0], NULL } };
  ck_assert_ptr_null (fts_volume_open (&spec, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_MISMATCH);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_key_file_names_the_devices)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 2, 2 * MIB, 512);
  lab_format (&lab);
  g_autofree char *file = g_build_filename (lab.dir, "vol.conf", NULL);
  g_autofree char *text = g_strdup_printf (
    "[volume]\nname=test\n[device 1]\npaths=file:%s?path=1;file:%s?path=2\n"
    "[device 2]\npaths=%s\n",
    lab.paths[0], lab.paths[0], lab.paths[1]);
  ck_assert (g_file_set_contents (file, text, -1, NULL));
  FtsVolumeSpec spec = { .volume = file };
  g_autoptr (FtsVolume) volume = fts_volume_open (&spec, &error);
  lab_assert_ok (error);
  ck_assert_uint_eq (fts_volume_n_devices (volume), 2);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_key_file_with_a_wrong_key_names_file_group_and_key)
{
  Lab lab;
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  g_autofree char *file = g_build_filename (lab.dir, "vol.conf", NULL);
  ck_assert (g_file_set_contents (file, "[device 1]\npath=/x\n", -1, NULL));
  FtsVolumeSpec spec = { .volume = file };
  ck_assert_ptr_null (fts_volume_open (&spec, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_CONFIG);
  ck_assert_ptr_nonnull (strstr (error->message, "vol.conf"));
  ck_assert_ptr_nonnull (strstr (error->message, "[device 1]"));
  ck_assert_ptr_nonnull (strstr (error->message, "path"));
  lab_clear (&lab);
}
END_TEST

/* Formats device 0 through RULES (of the fault layer), the others as they are. */
static bool
format_through (Lab *lab, const char *rules)
{
  g_autofree char *path = g_strdup_printf ("fault(%s)+file:%s", rules, lab->paths[0]);
  LunDeviceConfig config = { .paths = (const char *const[]){ path, NULL } };
  g_autoptr (LunDevice) master = lun_device_open (&config, NULL);
  g_autoptr (LunDevice) second = lab->n_devices > 1 ? lab_device (lab, 1, "f") : NULL;
  LunDevice *devices[] = { master, second };
  FtsFormatDevice facts[2];
  g_autoptr (FtsFormatPlan) plan = NULL;

  ck_assert_ptr_nonnull (master);
  for (unsigned i = 0; i < lab->n_devices; i++)
    facts[i] = (FtsFormatDevice){ lun_device_facts (devices[i])->n_blocks,
                                  lun_device_facts (devices[i])->identity };
  plan = fts_format_plan (&lab->wish, facts, lab->n_devices, NULL);
  return fts_format_write (plan, devices, NULL);
}

/* The power fails after write k: from there on nothing reaches the master.  It must not look like
 * the old volume or the new one until the last write. */
static void
crash_after_each_write (unsigned n_devices)
{
  Lab lab;
  unsigned writes = 0;
  bool is_done = false;

  g_log_set_fatal_mask (NULL, G_LOG_LEVEL_ERROR);
  lab_init (&lab, n_devices, 2 * MIB, 512);
  for (; !is_done; writes++) {
    g_autofree char *rule = g_strdup_printf ("lose-write:after=%u", writes);
    g_autoptr (GError) error = NULL;
    memcpy (lab.wish.volume_uuid, "old", 4);
    lab_format (&lab);
    memcpy (lab.wish.volume_uuid, "new", 4);
    lab.wish.seed += UINT64_C (1) << 32;
    format_through (&lab, rule);
    g_autoptr (FtsVolume) volume = lab_open (&lab, "a", &error);
    is_done =
      volume != NULL && memcmp (fts_volume_mcb (volume)->volume_uuid, "new", 4) == 0;
    if (writes > 0 && !is_done)
      ck_assert_msg (volume == NULL, "looks like a volume after write %u", writes);
  }
  ck_assert_uint_gt (writes, 4);
  ck_assert_uint_lt (writes, 30);
  lab_clear (&lab);
}

START_TEST (test_an_interrupted_format_never_looks_like_a_volume)
{
  crash_after_each_write (1);
}
END_TEST

START_TEST (test_an_interrupted_format_of_two_devices_never_looks_like_a_volume)
{
  crash_after_each_write (2);
}
END_TEST

START_TEST (test_a_format_that_fails_at_any_write_says_so)
{
  Lab lab;
  unsigned k = 0;

  lab_init (&lab, 1, 2 * MIB, 512);
  for (;; k++) {
    g_autofree char *rule = g_strdup_printf ("fail-write:after=%u:count=1", k);
    g_autoptr (GError) error = NULL;
    if (format_through (&lab, rule))
      break;
    ck_assert_ptr_null (lab_open (&lab, "a", &error));
    lab_assert_error (error, FTS_ERROR, FTS_ERROR_NOT_VOLUME);
  }
  ck_assert_uint_ge (k, 4);
  lab_clear (&lab);
}
END_TEST

FTS_SUITE ("volume/format", test_an_interrupted_format_never_looks_like_a_volume,
           test_an_interrupted_format_of_two_devices_never_looks_like_a_volume,
           test_a_format_that_fails_at_any_write_says_so, test_a_formatted_volume_opens,
           test_a_volume_with_4096_byte_blocks_opens,
           test_a_volume_over_three_devices_opens,
           test_heads_and_entries_are_empty_and_sound,
           test_a_damaged_control_block_is_replaced_by_its_copy,
           test_damage_to_both_control_blocks_is_reported,
           test_an_empty_lun_is_no_volume,
           test_a_lun_given_to_something_else_is_no_volume,
           test_a_truncated_lun_is_too_small, test_another_format_version_is_refused,
           test_only_unknown_incompatible_features_are_refused,
           test_a_missing_secondary_device_is_named,
           test_a_foreign_secondary_device_is_refused,
           test_a_secondary_device_of_an_older_format_is_refused,
           test_a_secondary_device_is_not_taken_for_the_master,
           test_a_key_file_names_the_devices,
           test_a_key_file_with_a_wrong_key_names_file_group_and_key)
