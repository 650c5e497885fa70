/* Golden bytes: each record as it lies on a volume, byte for byte from doc/on-disk-format.md. */
#include "lib/record_samples.h"

#include "base/crc.h"
#include "base/error.h"
#include "volume/record.h"

#include "lib/suite.h"

#include <string.h>

/* Bytes at an offset; all others are zero, the CRC aside. */
typedef struct {
  unsigned offset;
  const char *bytes;
  unsigned len;
} Golden;

#define AT(offset, text)          \
  {                               \
    offset, text, sizeof text - 1 \
  }

static void
build (const Golden *golden, size_t n, size_t crc_offset, size_t crc_len, uint8_t *out,
       size_t len)
{
  uint32_t crc;

  memset (out, 0, len);
  for (size_t i = 0; i < n; i++)
    memcpy (out + golden[i].offset, golden[i].bytes, golden[i].len);
  crc = fts_crc32c (out, crc_len);
  for (int i = 0; i < 4; i++)
    out[crc_offset + i] = (uint8_t) (crc >> 8 * i);
}

static void
check_equal (const uint8_t *found, const uint8_t *expected, size_t len)
{
  for (size_t i = 0; i < len; i++)
    ck_assert_msg (found[i] == expected[i], "byte %zu is 0x%02x, should be 0x%02x", i,
                   found[i], expected[i]);
}

#define CHECK_GOLDEN(golden, encoded)                                            \
  do {                                                                           \
    uint8_t expected[FTS_RECORD_LEN];                                            \
    build (golden, sizeof (golden) / sizeof *(golden), 508, 508, expected, 512); \
    check_equal (encoded, expected, 512);                                        \
  } while (0)

#define TAG "\x11\x22\x33\x44\x55\x66\x77\x88"

static const Golden mcb_golden[] = {
  AT (0, "MAS_EMC"),
  AT (8, "\1"),
  AT (12, "\1"),
  AT (16, "\x20"),
  AT (20, "\2"),
  AT (24, "\x08\x07\x06\x05\x04\x03\x02\x01"),
  AT (32, "\x28"),
  AT (40, "\x30"),
  AT (48, "\x38"),
  AT (56, "\x88"),
  AT (64, "\xa8"),
  AT (72, "\5"),
  AT (76, "\3"),
  AT (80, "\4"),
  AT (84, "\0\2"),
  AT (88, "file:/x"),
  AT (216, TAG "uuidend"),
  AT (232, "sample"),
  AT (264, "\x21"),
  AT (280, "\2"),
  AT (284, "\2"),
  AT (288, "\1"),
  AT (292, "\x1e"),
  AT (296, "\x08"),
  AT (304, "\x10"),
  AT (312, "\x40"),
  AT (320, "\x80"),
  AT (328, "\x88"),
  AT (336, "\x98"),
  AT (344, "\x3c"),
  AT (348, "\7"),
  AT (352, "\xe8\3"),
  AT (356, "\x11\x27"),
  AT (360, "\x32\x75"),
  AT (364, "\xa4\xa3\xa2\xa1"),
  AT (368, "\0\x10"),
  AT (376, "\xb8\xb7\xb6\xb5\xb4\xb3\xb2\xb1"),
  AT (384, "\x19"),
};

START_TEST (test_master_control_block)
{
  uint8_t block[4096];
  FtsMcb sample = sample_mcb (), found;

  fts_mcb_encode (&sample, block, 512);
  CHECK_GOLDEN (mcb_golden, block);
  ck_assert (fts_mcb_decode (block, 512, SAMPLE_DEVICE_BLOCKS, &found, NULL));
  fts_mcb_encode (&found, block + 512, 512);
  check_equal (block + 512, block, 512);
  ck_assert_uint_eq (fts_mcb_volume_tag (&found), SAMPLE_TAG);
}
END_TEST

START_TEST (test_secondary_control_block)
{
  uint8_t block[512];
  FtsMcb sample = sample_mcb (), found;

  sample.is_master = false;
  sample.blk5_dev_id = 2;
  sample.blk5_mast_sec_start_segment_ptr = 8;
  fts_mcb_encode (&sample, block, 512);
  ck_assert_mem_eq (block, "SEC_EMC", 8);
  ck_assert (fts_mcb_decode (block, 512, SAMPLE_DEVICE_BLOCKS, &found, NULL));
  ck_assert (!found.is_master);
}
END_TEST

static const Golden host_golden[] = {
  AT (0, "FTSHOST1"),
  AT (8, TAG),
  AT (16, "\3"),
  AT (20, "\2"),
  AT (24, "\2"),
  AT (28, "\1"),
  AT (32, "alpha"),
  AT (64, "host-uuid-bytes"),
  AT (80, "\x18\x17\x16\x15\x14\x13\x12\x11"),
  AT (88, "\x28\x27\x26\x25\x24\x23\x22\x21"),
  AT (96, "\x38\x37\x36\x35\x34\x33\x32\x31"),
  AT (104, "\xe9\3"),
  AT (108, "\x12\x27"),
  AT (112, "\x33\x75"),
  AT (116, "\x92\x10"),
  AT (120, "ftsfs 0.1"),
  AT (152, "nonce-of-a-host"),
  AT (168, "\x48\x47\x46\x45\x44\x43\x42\x41"),
};

START_TEST (test_host_entry)
{
  uint8_t block[1024];
  FtsHost sample = sample_host (), found;

  fts_host_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (host_golden, block);
  ck_assert (fts_host_decode (block, 512, SAMPLE_TAG, &found));
  fts_host_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden pid_golden[] = {
  AT (0, "FTSPROC1"),
  AT (8, TAG),
  AT (16, "\x09"),
  AT (20, "\3"),
  AT (24, "\3"),
  AT (28, "\1"),
  AT (32, "\3"),
  AT (36, "\2"),
  AT (40, "\x58\x57\x56\x55\x54\x53\x52\x51"),
  AT (48, "alpha"),
  AT (80, "beta"),
  AT (112, "proof-of-requestor-32-bytes-long"),
  AT (144, "proof-of-requestee-32-bytes-long"),
  AT (176, "nonce-requestor"),
  AT (192, "nonce-requestee"),
  AT (208, "\4"),
  AT (212, "\6"),
  AT (216, "\x68\x67\x66\x65\x64\x63\x62\x61"),
  AT (224, "\x78\x77\x76\x75\x74\x73\x72\x71"),
  AT (232, "to connector"),
  AT (360, "to initiator"),
  AT (488, "\x88\x87\x86\x85\x84\x83\x82\x81"),
};

START_TEST (test_process_id_entry)
{
  uint8_t block[1024];
  FtsPid sample = sample_pid (), found;

  fts_pid_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (pid_golden, block);
  ck_assert (fts_pid_decode (block, 512, SAMPLE_TAG, &found));
  fts_pid_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden dev_golden[] = {
  AT (0, "FTSDEVT1"), AT (8, TAG),
  AT (16, "\2"),      AT (24, "naa.60001405"),
  AT (280, "\x08"),   AT (288, "\x0f"),
  AT (296, "\x1a"),   AT (304, "\x98\x97\x96\x95\x94\x93\x92\x91"),
};

START_TEST (test_secondary_device_entry)
{
  uint8_t block[1024];
  FtsDev sample = sample_dev (), found;

  fts_dev_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (dev_golden, block);
  ck_assert (fts_dev_decode (block, 512, SAMPLE_TAG, &found));
  fts_dev_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden sock_golden[] = {
  AT (0, "FTSSOCK1"),
  AT (8, TAG),
  AT (16, "\x0c"),
  AT (20, "\5"),
  AT (24, "\1"),
  AT (28, "\5"),
  AT (32, "alpha"),
  AT (64, "group-a"),
  AT (96, "\x59\x1b"),
  AT (100, "\x5a\x1b"),
  AT (104, "beta"),
  AT (136, "group-b"),
  AT (168, "\x08"),
  AT (172, "\x0a"),
  AT (176, "\xc8\xc7\xc6\xc5\xc4\xc3\xc2\xc1"),
  AT (184, "\xd8\xd7\xd6\xd5\xd4\xd3\xd2\xd1"),
  AT (192, "\xe8\xe7\xe6\xe5\xe4\xe3\xe2\xe1"),
};

START_TEST (test_socket_entry)
{
  uint8_t block[1024];
  FtsSock sample = sample_sock (), found;

  fts_sock_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (sock_golden, block);
  ck_assert (fts_sock_decode (block, 512, SAMPLE_TAG, &found));
  fts_sock_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden ports_golden[] = {
  AT (0, "FTSPORT1"),
  AT (8, TAG),
  AT (16, "\1"),
  AT (20, "\2"),
  AT (24, "\x59\x1b\x0c\0\x5a\x1b\x0d\0"),
  AT (424, "\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1"),
};

START_TEST (test_port_file_block)
{
  uint8_t block[1024];
  FtsPorts sample = sample_ports (), found;

  fts_ports_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (ports_golden, block);
  ck_assert (fts_ports_decode (block, 512, SAMPLE_TAG, &found));
  fts_ports_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden lock_golden[] = {
  AT (0, "FTSLOCK1"),
  AT (8, TAG),
  AT (16, "\1"),
  AT (20, "\x11"),
  AT (24, "\x11\x10\x0f\x0e\x0d\x0c\x0b\x0a"),
  AT (32, "\x21\x20\x1f\x1e\x1d\x1c\x1b\x1a"),
};

START_TEST (test_lock_block)
{
  uint8_t block[1024];
  FtsLockBlock sample = sample_lock (), found;

  fts_lock_block_encode (&sample, SAMPLE_TAG, block, 512);
  CHECK_GOLDEN (lock_golden, block);
  ck_assert (fts_lock_block_decode (block, 512, SAMPLE_TAG, &found));
  fts_lock_block_encode (&found, SAMPLE_TAG, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden segment_golden[] = {
  AT (0, "FTSSEGM1"),
  AT (8, TAG),
  AT (16, "\x09"),
  AT (20, "\1"),
  AT (24, "\xd1\xd0\xcf\xce\xcd\xcc\xcb\xca"),
  AT (32, "\xe1\xe0\xdf\xde\xdd\xdc\xdb\xda"),
  AT (40, "\xed\xec\xeb\xea"),
  AT (44, "\x20"),
  AT (48, "\x98\x3a"),
  AT (52, "\xfd\xfc\xfb\xfa"),
  AT (56, "\x7b\x6b\x5b\x4b\x3b\x2b\x1b\x0b"),
};

START_TEST (test_segment_header)
{
  uint8_t block[1024];
  FtsSeg sample = sample_segment (), found;

  fts_segment_encode (&sample, block, 512);
  CHECK_GOLDEN (segment_golden, block);
  ck_assert (fts_segment_decode (block, 512, 15000, &found));
  ck_assert (!fts_segment_decode (block, 512, 14999, &found));
  fts_segment_encode (&found, block + 512, 512);
  check_equal (block + 512, block, 512);
}
END_TEST

static const Golden head_golden[] = {
  AT (0, "FTSHEAD1"),
  AT (8, TAG),
  AT (16, "\x09"),
  AT (20, "\1"),
  AT (24, "\x31\x30\x2f\x2e\x2d\x2c\x2b\x2a"),
  AT (32, "\x41\x40\x3f\x3e\x3d\x3c\x3b\x3a"),
  AT (40, "\x51\x50\x4f\x4e\x4d\x4c\x4b\x4a"),
  AT (48, "\3"),
  AT (52, "\7"),
  AT (56, "\x61\x60\x5f\x5e\x5d\x5c\x5b\x5a"),
  AT (64, "\x6d\x6c\x6b\x6a"),
  AT (68, "\x7d\x7c\x7b\x7a"),
  AT (72, "\x91\x90\x8f\x8e\x8d\x8c\x8b\x8a"),
  AT (80, "\xa1\xa0\x9f\x9e\x9d\x9c\x9b\x9a"),
  AT (88, "\x11"),
  AT (92, "\xa0"),
  AT (96, "\xa5\xa4\xa3\xa2"),
};

/* The CRC stands at 124 and covers the inline bytes too. */
static void
build_head (uint8_t *out)
{
  const size_t len = sizeof SAMPLE_INLINE - 1;
  uint32_t crc;

  build (head_golden, G_N_ELEMENTS (head_golden), 508, 508, out, 512);
  memset (out + 508, 0, 4);
  memcpy (out + 128, SAMPLE_INLINE, len);
  crc = fts_crc32c_extend (fts_crc32c (out, 124), out + 128, len);
  for (int i = 0; i < 4; i++)
    out[124 + i] = (uint8_t) (crc >> 8 * i);
}

START_TEST (test_head_block)
{
  uint8_t block[512], expected[512], again[512];
  const uint8_t *text;
  FtsHead sample = sample_head (), found;

  fts_head_encode (&sample, SAMPLE_INLINE, block, 512);
  build_head (expected);
  check_equal (block, expected, 512);
  ck_assert (fts_head_decode (block, 512, &found, &text));
  ck_assert_ptr_eq (text, block + 128);
  fts_head_encode (&found, text, again, 512);
  check_equal (again, block, 512);
  block[128] ^= 1;
  ck_assert (!fts_head_decode (block, 512, &found, &text));
}
END_TEST

START_TEST (test_pointer_table_entry)
{
  static const uint8_t golden[28] = { 0xb1, 0xb0, 0xaf, 0xae, 0xad, 0xac, 0xab,
                                      0xaa, 0xc1, 0xc0, 0xbf, 0xbe, 0xbd, 0xbc,
                                      0xbb, 0xba, 0x60, 0x00, 0x0f, 0x00, 0x21,
                                      0x00, 0x00, 0x00, 0x80, 0x3e, 0x00, 0x00 };
  FtsEntry sample = sample_entry (), found;
  FtsEntryDisk disk;

  fts_entry_encode (&sample, 7, SAMPLE_TAG, &disk);
  check_equal ((uint8_t *) &disk, golden, sizeof golden);
  ck_assert (fts_entry_decode (&disk, 7, SAMPLE_TAG, &found));
  ck_assert_uint_eq (found.byte_len, 16000);
  ck_assert (!fts_entry_decode (&disk, 8, SAMPLE_TAG, &found));
  ck_assert (!fts_entry_decode (&disk, 7, SAMPLE_TAG + 1, &found));
}
END_TEST

/* ---- what decoders refuse ---- */

typedef bool (*Decode) (const uint8_t *block, size_t len);

static bool
decode_mcb (const uint8_t *b, size_t len)
{
  return fts_mcb_decode (b, len, SAMPLE_DEVICE_BLOCKS, &(FtsMcb){ 0 }, NULL);
}

static bool
decode_host (const uint8_t *b, size_t len)
{
  return fts_host_decode (b, len, SAMPLE_TAG, &(FtsHost){ 0 });
}

static bool
decode_pid (const uint8_t *b, size_t len)
{
  return fts_pid_decode (b, len, SAMPLE_TAG, &(FtsPid){ 0 });
}

static bool
decode_dev (const uint8_t *b, size_t len)
{
  return fts_dev_decode (b, len, SAMPLE_TAG, &(FtsDev){ 0 });
}

static bool
decode_sock (const uint8_t *b, size_t len)
{
  return fts_sock_decode (b, len, SAMPLE_TAG, &(FtsSock){ 0 });
}

static bool
decode_ports (const uint8_t *b, size_t len)
{
  return fts_ports_decode (b, len, SAMPLE_TAG, &(FtsPorts){ 0 });
}

static bool
decode_lock (const uint8_t *b, size_t len)
{
  return fts_lock_block_decode (b, len, SAMPLE_TAG, &(FtsLockBlock){ 0 });
}

static bool
decode_segment (const uint8_t *b, size_t len)
{
  return fts_segment_decode (b, len, 1 << 20, &(FtsSeg){ 0 });
}

static void
encode_samples (uint8_t blocks[8][512])
{
  FtsMcb mcb = sample_mcb ();
  FtsHost host = sample_host ();
  FtsPid pid = sample_pid ();
  FtsDev dev = sample_dev ();
  FtsSock sock = sample_sock ();
  FtsPorts ports = sample_ports ();
  FtsLockBlock lock = sample_lock ();
  FtsSeg segment = sample_segment ();

  fts_mcb_encode (&mcb, blocks[0], 512);
  fts_host_encode (&host, SAMPLE_TAG, blocks[1], 512);
  fts_pid_encode (&pid, SAMPLE_TAG, blocks[2], 512);
  fts_dev_encode (&dev, SAMPLE_TAG, blocks[3], 512);
  fts_sock_encode (&sock, SAMPLE_TAG, blocks[4], 512);
  fts_ports_encode (&ports, SAMPLE_TAG, blocks[5], 512);
  fts_lock_block_encode (&lock, SAMPLE_TAG, blocks[6], 512);
  fts_segment_encode (&segment, blocks[7], 512);
}

static const Decode decoders[8] = { decode_mcb,  decode_host,   decode_pid,
                                    decode_dev,  decode_sock,   decode_ports,
                                    decode_lock, decode_segment };

START_TEST (test_every_single_bit_is_covered_by_the_checksum)
{
  uint8_t blocks[8][512];

  encode_samples (blocks);
  for (int k = 0; k < 8; k++) {
    ck_assert (decoders[k](blocks[k], 512));
    for (int bit = 0; bit < 512 * 8; bit++) {
      blocks[k][bit / 8] ^= (uint8_t) (1 << bit % 8);
      ck_assert (!decoders[k](blocks[k], 512));
      blocks[k][bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
  }
}
END_TEST

START_TEST (test_short_blocks_are_refused)
{
  uint8_t blocks[8][512];

  encode_samples (blocks);
  for (int k = 0; k < 8; k++)
    ck_assert (!decoders[k](blocks[k], 511));
}
END_TEST

START_TEST (test_reserved_bytes_are_ignored)
{
  static const int reserved[8] = { 400, 200, 500, 400, 300, 450, 100, 100 };
  uint8_t blocks[8][512];

  encode_samples (blocks);
  for (int k = 0; k < 8; k++) {
    blocks[k][reserved[k]] = 0x77;
    fts_record_seal (blocks[k]);
    ck_assert (decoders[k](blocks[k], 512));
  }
}
END_TEST

/* One wrong field at a time, with a right CRC. */
START_TEST (test_values_out_of_range_are_refused)
{
  static const struct {
    int record, offset;
    uint8_t value;
  } wrong[] = {
    { 0, 84, 1 }, /* block_size 513 */
    { 0, 16, 1 }, /* blk5_seg_size */
    { 0, 72, 6 }, /* more connections than segments */
    { 0, 72, 0 },    { 0, 76, 5 },   { 0, 80, 1 },     { 0, 12, 2 },   { 0, 20, 0 },
    { 0, 40, 8 },    /* over the lock */
    { 0, 43, 0x7f }, /* far beyond the end */
    { 0, 64, 152 },  /* segments over the tables */
    { 0, 56, 137 },  { 0, 280, 0 },  { 0, 280, 9 },    { 0, 284, 9 },  { 0, 288, 9 },
    { 0, 292, 33 },  { 0, 292, 0 },  { 0, 353, 0x40 }, { 1, 16, 32 },  { 1, 20, 9 },
    { 1, 24, 9 },    { 1, 24, 0 },   { 1, 28, 9 },     { 1, 32, 0 }, /* in use without a name */
    { 2, 16, 0 },    { 2, 20, 8 },   { 2, 24, 99 },    { 2, 28, 9 },   { 2, 36, 9 },
    { 2, 36, 0 },    { 2, 208, 32 }, { 2, 212, 32 },   { 3, 16, 0 },   { 3, 24, 0 },
    { 4, 16, 0 },    { 4, 20, 9 },   { 4, 168, 32 },   { 5, 20, 101 }, { 5, 20, 3 },
    { 6, 16, 2 },    { 6, 20, 99 },  { 7, 20, 2 },     { 7, 51, 1 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    uint8_t blocks[8][512];
    encode_samples (blocks);
    blocks[wrong[i].record][wrong[i].offset] = wrong[i].value;
    fts_record_seal (blocks[wrong[i].record]);
    ck_assert_msg (!decoders[wrong[i].record](blocks[wrong[i].record], 512),
                   "record %d with byte %d = %u was taken", wrong[i].record,
                   wrong[i].offset, wrong[i].value);
  }
}
END_TEST

START_TEST (test_names_without_an_end_are_refused)
{
  static const struct {
    int record, offset, len;
  } names[] = { { 0, 88, 128 }, { 0, 232, 32 }, { 1, 32, 32 },  { 1, 120, 32 },
                { 2, 48, 32 },  { 2, 80, 32 },  { 3, 24, 256 }, { 4, 32, 32 },
                { 4, 64, 32 },  { 4, 104, 32 }, { 4, 136, 32 } };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    uint8_t blocks[8][512];
    encode_samples (blocks);
    memset (blocks[names[i].record] + names[i].offset, 'x', (size_t) names[i].len);
    fts_record_seal (blocks[names[i].record]);
    ck_assert (!decoders[names[i].record](blocks[names[i].record], 512));
  }
}
END_TEST

START_TEST (test_another_volumes_records_are_refused)
{
  uint8_t block[512];
  FtsHost host = sample_host ();

  fts_host_encode (&host, SAMPLE_TAG + 1, block, 512);
  ck_assert (!decode_host (block, 512));
}
END_TEST

START_TEST (test_inline_room_is_the_rest_of_the_block)
{
  ck_assert_uint_eq (fts_head_inline_max (512), 384);
  ck_assert_uint_eq (fts_head_inline_max (4096), 3968);
}
END_TEST

START_TEST (test_a_table_is_a_head_and_whole_entry_blocks)
{
  ck_assert_uint_eq (fts_segtab_blocks (16, 512), 2);
  ck_assert_uint_eq (fts_segtab_blocks (17, 512), 3);
  ck_assert_uint_eq (fts_segtab_blocks (640, 512), 41);
  ck_assert_uint_eq (fts_segtab_blocks (640, 4096), 6);
}
END_TEST

FTS_SUITE ("volume/records", test_master_control_block, test_secondary_control_block,
           test_host_entry, test_process_id_entry, test_secondary_device_entry,
           test_socket_entry, test_port_file_block, test_lock_block,
           test_segment_header, test_head_block, test_pointer_table_entry,
           test_every_single_bit_is_covered_by_the_checksum,
           test_short_blocks_are_refused, test_reserved_bytes_are_ignored,
           test_values_out_of_range_are_refused, test_names_without_an_end_are_refused,
           test_another_volumes_records_are_refused,
           test_inline_room_is_the_rest_of_the_block,
           test_a_table_is_a_head_and_whole_entry_blocks)
