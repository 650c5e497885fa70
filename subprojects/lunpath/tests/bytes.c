/* CDBs, parameter data and vital product data against bytes written down from the standards. */
#include "base/alua.h"
#include "base/be.h"
#include "base/pr.h"
#include "base/vpd.h"
#include "suite.h"

#include <string.h>

static void
check_cdb (LunCdb cdb, const char *hex)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (int i = 0; i < cdb.len; i++)
    g_string_append_printf (text, "%02x", cdb.b[i]);
  ck_assert_str_eq (text->str, hex);
}

static void
check_bytes (const uint8_t *bytes, size_t len, const char *hex)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (size_t i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  ck_assert_str_eq (text->str, hex);
}

START_TEST (test_target_port_groups)
{
  uint8_t data[LUN_PORT_GROUPS_LEN];
  static const uint8_t page[] = { 0, 0x83, 0,    16,   0x61, 0x94, 0, 4, 0,    0,
                                  0, 7,    0x61, 0x95, 0,    4,    0, 0, 0x01, 0x02 };
  uint16_t group;
  LunAlua state;

  check_cdb (lun_cdb_report_target_port_groups (0x1024), "a30a00000000000010240000");
  check_bytes (data, lun_port_group_encode (0x0102, LUN_ALUA_STANDBY, 7, data),
               "0000000c028f01020000000100000007");
  ck_assert (lun_port_groups_decode (data, sizeof data, 0x0102, &state));
  ck_assert_int_eq (state, LUN_ALUA_STANDBY);
  ck_assert (!lun_port_groups_decode (data, sizeof data, 1, &state));
  ck_assert (!lun_port_groups_decode (data, 11, 0x0102, &state));
  ck_assert (lun_alua_group_decode (page, sizeof page, &group));
  ck_assert_uint_eq (group, 0x0102);
  ck_assert (!lun_alua_group_decode (page, 12, &group));
}
END_TEST

START_TEST (test_cdbs_have_their_bytes)
{
  check_cdb (lun_cdb_test_unit_ready (), "000000000000");
  check_cdb (lun_cdb_request_sense (252), "03000000fc00");
  check_cdb (lun_cdb_inquiry (0x0124), "120000012400");
  check_cdb (lun_cdb_inquiry_vpd (0x83, 0x0400), "120183040000");
  check_cdb (lun_cdb_mode_sense_6 (0x3f, 192), "1a083f00c000");
  check_cdb (lun_cdb_report_luns (0x1008), "a00000000000000010080000");
  check_cdb (lun_cdb_reserve_6 (), "160000000000");
  check_cdb (lun_cdb_release_6 (), "170000000000");
  check_cdb (lun_cdb_read_capacity_10 (), "25000000000000000000");
  check_cdb (lun_cdb_read_capacity_16 (32), "9e100000000000000000000000200000");
  check_cdb (lun_cdb_read_16 (0x0102030405060708, 0x0a0b0c0d),
             "880001020304050607080a0b0c0d0000");
  check_cdb (lun_cdb_write_16 (0x0102030405060708, 0x0a0b0c0d),
             "8a0001020304050607080a0b0c0d0000");
  check_cdb (lun_cdb_synchronize_cache_16 (1, 2), "91000000000000000001000000020000");
  check_cdb (lun_cdb_compare_and_write (0x10, 1), "89000000000000000010000000010000");
  check_cdb (lun_cdb_pr_in (LUN_PR_IN_READ_FULL_STATUS, 0x1234),
             "5e030000000000123400");
  check_cdb (lun_cdb_pr_out (LUN_PR_OUT_PREEMPT_AND_ABORT, 7, 24),
             "5f050700000000001800");
}
END_TEST

START_TEST (test_ranges_are_found_in_every_form)
{
  static const struct {
    const char *hex;
    uint64_t lba;
    uint32_t blocks;
    uint8_t protect;
    bool fua;
  } cases[] = {
    { "081f02030400", 0x1f0203, 4, 0, false },
    { "08ff02030000", 0x1f0203, 256, 0, false },
    { "28680102030400050600", 0x01020304, 0x0506, 3, true },
    { "a80001020304050607080000", 0x01020304, 0x05060708, 0, false },
    { "8a0801020304050607080a0b0c0d0000", 0x0102030405060708, 0x0a0b0c0d, 0, true },
    { "89000000000000000010000000090000", 0x10, 9, 0, false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t cdb[16];
    size_t len = strlen (cases[i].hex) / 2;
    LunCdbRange range;
    for (size_t b = 0; b < len; b++)
      cdb[b] = (uint8_t) (g_ascii_xdigit_value (cases[i].hex[2 * b]) << 4 |
                          g_ascii_xdigit_value (cases[i].hex[2 * b + 1]));
    ck_assert (lun_cdb_range (cdb, len, &range));
    ck_assert_uint_eq (range.lba, cases[i].lba);
    ck_assert_uint_eq (range.blocks, cases[i].blocks);
    ck_assert_uint_eq (range.protect, cases[i].protect);
    ck_assert_uint_eq (range.fua, cases[i].fua);
    ck_assert (!lun_cdb_range (cdb, len - 1, &range));
  }
  ck_assert (!lun_cdb_range ((const uint8_t[16]){ 0x12 }, 16, &(LunCdbRange){ 0 }));
}
END_TEST

START_TEST (test_capacity_round_trip)
{
  LunCapacity capacity = { .n_blocks = 0x100000000,
                           .block_size = 4096,
                           .physical_exponent = 3 };
  LunCapacity back;
  uint8_t bytes[LUN_READ_CAPACITY_16_LEN];

  lun_capacity_encode (&capacity, bytes);
  check_bytes (bytes, 16, "00000000ffffffff0000100000030000");
  ck_assert (lun_capacity_decode (bytes, sizeof bytes, &back));
  ck_assert_uint_eq (back.n_blocks, capacity.n_blocks);
  ck_assert_uint_eq (back.block_size, capacity.block_size);
  ck_assert_uint_eq (back.physical_exponent, capacity.physical_exponent);
  ck_assert (!lun_capacity_decode (bytes, 11, &back));
  memset (bytes, 0xff, 8);
  ck_assert (!lun_capacity_decode (bytes, sizeof bytes, &back));
}
END_TEST

START_TEST (test_reserve_out_list)
{
  LunPrOut param = { .key = 0x1122334455667788,
                     .service_key = 0x99aabbccddeeff00,
                     .all_tg_pt = true,
                     .aptpl = true };
  LunPrOut back;
  uint8_t bytes[LUN_PR_OUT_LEN];

  lun_pr_out_encode (&param, bytes);
  check_bytes (bytes, sizeof bytes, "112233445566778899aabbccddeeff000000000005000000");
  ck_assert (lun_pr_out_decode (bytes, sizeof bytes, &back));
  ck_assert_uint_eq (back.key, param.key);
  ck_assert_uint_eq (back.service_key, param.service_key);
  ck_assert (back.all_tg_pt && back.aptpl && !back.spec_i_pt);
  ck_assert (!lun_pr_out_decode (bytes, 23, &back));
}
END_TEST

START_TEST (test_move_list)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  LunPrMove back;
  LunPrMove move = { .key = 1,
                     .service_key = 2,
                     .unregister = true,
                     .aptpl = true,
                     .relative_port = 1,
                     .port = (char *) "iqn.x:y,i,0x1" };

  lun_pr_move_encode (&move, bytes);
  check_bytes (bytes->data, bytes->len,
               "00000000000000010000000000000002"
               "0003000100000018"
               "45000014"
               "69716e2e783a792c692c307831000000"
               "00000000");
  ck_assert (lun_pr_move_decode (bytes->data, bytes->len, &back));
  ck_assert_str_eq (back.port, "iqn.x:y,i,0x1");
  ck_assert (back.unregister && back.aptpl && back.relative_port == 1);
  g_free (back.port);
  ck_assert (!lun_pr_move_decode (bytes->data, bytes->len - 1, &back));
  bytes->data[23]--;
  ck_assert (!lun_pr_move_decode (bytes->data, bytes->len, &back));
}
END_TEST

START_TEST (test_keys_list)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  uint64_t values[] = { 0xaa, 0x1122334455667788 };
  LunPrKeys keys = { .generation = 0x01020304, .n_keys = 2, .keys = values };
  LunPrKeys back;

  lun_pr_keys_encode (&keys, bytes);
  check_bytes (bytes->data, bytes->len,
               "010203040000001000000000000000aa1122334455667788");
  ck_assert (lun_pr_keys_decode (bytes->data, 23, &back));
  ck_assert_uint_eq (back.n_total, 2);
  ck_assert_uint_eq (back.n_keys, 1);
  g_free (back.keys);
  ck_assert (!lun_pr_keys_decode (bytes->data, 7, &back));
}
END_TEST

START_TEST (test_reservation_data)
{
  g_autoptr (GByteArray) held = g_byte_array_new ();
  g_autoptr (GByteArray) none = g_byte_array_new ();
  LunPrReservation reservation = {
    .generation = 3, .reserved = true, .key = 0xabcd, .type = 6
  };
  LunPrReservation back;

  lun_pr_reservation_encode (&reservation, held);
  check_bytes (held->data, held->len,
               "0000000300000010000000000000abcd0000000000060000");
  ck_assert (lun_pr_reservation_decode (held->data, held->len, &back));
  ck_assert (back.reserved && back.key == 0xabcd && back.type == 6 && back.scope == 0);
  ck_assert (!lun_pr_reservation_decode (held->data, 23, &back));

  reservation.reserved = false;
  lun_pr_reservation_encode (&reservation, none);
  check_bytes (none->data, none->len, "0000000300000000");
  ck_assert (lun_pr_reservation_decode (none->data, none->len, &back));
  ck_assert (!back.reserved);
}
END_TEST

START_TEST (test_capabilities_data)
{
  /* LIO's: CRH, ATP_C, SIP_C, PTPL_C; TMV, PTPL_A; all types */
  static const uint8_t bytes[8] = { 0, 8, 0x1d, 0x81, 0xea, 0x01, 0, 0 };
  LunPrCapabilities capabilities;
  uint8_t back[8];

  ck_assert (lun_pr_capabilities_decode (bytes, sizeof bytes, &capabilities));
  ck_assert (capabilities.compatible_reserve && capabilities.spec_i_pt &&
             capabilities.all_tg_pt && capabilities.aptpl_capable &&
             capabilities.aptpl_active && capabilities.types_valid);
  for (uint8_t type = 0; type < 16; type++)
    ck_assert_int_eq (capabilities.types >> type & 1, lun_pr_type_is_valid (type));
  lun_pr_capabilities_encode (&capabilities, back);
  ck_assert_mem_eq (back, bytes, sizeof bytes);
  ck_assert (!lun_pr_capabilities_decode (bytes, 7, &capabilities));
}
END_TEST

START_TEST (test_full_status_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  LunPrStatus status[2] = {
    { .key = 0xa, .holder = true, .type = 5, .relative_port = 1, .port = (char *) "a" },
    { .key = 0xb, .all_tg_pt = true, .relative_port = 2, .port = (char *) "b" },
  };
  LunPrFullStatus back;

  lun_pr_full_status_encode (9, status, 2, bytes);
  check_bytes (bytes->data, 8 + 24 + 24,
               "0000000900000060"
               "000000000000000a00000000010500000000000100000018"
               "050000146100000000000000000000000000000000000000");
  ck_assert (lun_pr_full_status_decode (bytes->data, bytes->len, &back));
  ck_assert_uint_eq (back.registrations->len, 2);
  const LunPrStatus *second = &g_array_index (back.registrations, LunPrStatus, 1);
  ck_assert (second->key == 0xb && second->all_tg_pt && !second->holder);
  ck_assert_str_eq (second->port, "b");
  lun_pr_full_status_clear (&back);
  ck_assert (lun_pr_full_status_decode (bytes->data, bytes->len - 1, &back));
  ck_assert_uint_eq (back.registrations->len, 1);
  lun_pr_full_status_clear (&back);
}
END_TEST

START_TEST (test_transport_ids_of_other_protocols_are_shown)
{
  static const uint8_t fc[24] = { 0x00, [8] = 0x21, 0x00, 0x00, 0xe0 };
  size_t used;

  g_autofree char *name = lun_transport_id_decode (fc, sizeof fc, &used);
  ck_assert_uint_eq (used, 24);
  ck_assert (g_str_has_prefix (name, "proto-0:"));
  ck_assert_ptr_nonnull (strstr (name, "210000e0"));
}
END_TEST

START_TEST (test_device_id_page)
{
  uint8_t uuid[16], page[LUN_VPD_MAX_LEN];

  for (int i = 0; i < 16; i++)
    uuid[i] = (uint8_t) (0x10 + i);
  size_t len = lun_vpd_device_id_encode (uuid, "LUNPATH", "serial", page);
  check_bytes (page, len,
               "00830026"
               "01030010"
               "60246541011121314151617181"
               "91a1b1"
               "0201000e"
               "4c554e504154482073657269616c");
  g_autofree char *id = lun_vpd_device_id_decode (page, len);
  ck_assert_str_eq (id, "naa.6024654101112131415161718191a1b1");
}
END_TEST

START_TEST (test_best_designator_wins)
{
  /* T10 of the LUN, NAA 6 of the target port, EUI-64 of the LUN */
  static const uint8_t page[] = { 0,    0x83, 0,   8 + 5 + 4 + 16 + 4 + 8 - 1,
                                  2,    1,    0,   8,
                                  'A',  ' ',  'B', ' ',
                                  ' ',  ' ',  ' ', 'C',
                                  0x61, 0x93, 0,   16,
                                  0x60, 1,    2,   3,
                                  4,    5,    6,   7,
                                  8,    9,    10,  11,
                                  12,   13,   14,  15,
                                  1,    2,    0,   8,
                                  1,    2,    3,   4,
                                  5,    6,    7,   8 };
  g_autofree char *id = lun_vpd_device_id_decode (page, sizeof page);

  ck_assert_str_eq (id, "eui.0102030405060708");
  g_autofree char *cut = lun_vpd_device_id_decode (page, 40);
  ck_assert_str_eq (cut, "t10.A_B_C");
  ck_assert_ptr_null (lun_vpd_device_id_decode (page, 10));
}
END_TEST

START_TEST (test_block_limits_page)
{
  LunBlockLimits limits = { .max_caw_blocks = 1,
                            .max_transfer_blocks = 0x1000,
                            .optimal_transfer_blocks = 0x200 };
  LunBlockLimits back;
  uint8_t page[LUN_VPD_MAX_LEN];

  size_t len = lun_vpd_block_limits_encode (&limits, page);
  ck_assert_uint_eq (len, 64);
  check_bytes (page, 16, "00b0003c000100000000100000000200");
  ck_assert (lun_vpd_block_limits_decode (page, len, &back));
  ck_assert_uint_eq (back.max_caw_blocks, 1);
  ck_assert_uint_eq (back.max_transfer_blocks, 0x1000);
  ck_assert_uint_eq (back.optimal_transfer_blocks, 0x200);
  ck_assert (!lun_vpd_block_limits_decode (page, 15, &back));
}
END_TEST

START_TEST (test_characteristics_page)
{
  uint8_t page[LUN_VPD_MAX_LEN];

  ck_assert_uint_eq (lun_vpd_characteristics_encode (page), 64);
  check_bytes (page, 16, "00b1003c000100000000000000000000");
}
END_TEST

LUN_SUITE ("base/bytes", test_target_port_groups, test_cdbs_have_their_bytes,
           test_ranges_are_found_in_every_form, test_capacity_round_trip,
           test_reserve_out_list, test_move_list, test_keys_list, test_reservation_data,
           test_capabilities_data, test_full_status_data,
           test_transport_ids_of_other_protocols_are_shown, test_device_id_page,
           test_best_designator_wins, test_block_limits_page, test_characteristics_page)
