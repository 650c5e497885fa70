/* Heads, entries and segments of a peer from arbitrary bytes: the first byte chooses which.
 * What is believed must be what was expected, and within its bounds. */
#include "base/crc.h"
#include "channel/verify.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK   512u
#define PAYLOAD 1536u

static const FtsExpect expect = {
  .volume_tag = 0x1122334455667788,
  .slot = 3,
  .direction = FTS_DIRECTION_CONNECTOR,
  .epoch = 9,
  .block_size = BLOCK,
  .payload_max = PAYLOAD,
  .sequence = 21,
  .request = 18,
  .segment = 5,
};

static void
must (bool holds)
{
  if (!holds)
    abort ();
}

static void
check_head (const uint8_t *bytes, size_t len)
{
  const uint8_t *inline_data;
  FtsHead head;

  if (len < BLOCK ||
      fts_verify_head (bytes, &expect, 4, &head, &inline_data) == FTS_VERDICT_FOREIGN)
    return;
  must (head.epoch == expect.epoch && head.slot == expect.slot &&
        head.direction == expect.direction);
  must (inline_data + head.inline_len <= bytes + BLOCK);
  if (fts_verify_inline (&head, &expect))
    must (head.inline_seq == expect.sequence && head.request == expect.request);
}

static void
check_entry (const uint8_t *bytes, size_t len)
{
  FtsEntryDisk disk;
  FtsEntry entry;

  if (len < sizeof disk)
    return;
  memcpy (&disk, bytes, sizeof disk);
  if (!fts_verify_entry (&disk, &expect, &entry))
    return;
  must (entry.ptr_process_block_seq == expect.sequence);
  must (entry.byte_len <= PAYLOAD && entry.ptr_process_blk_read >= 1 &&
        entry.ptr_process_blk_read <= 1 + PAYLOAD / BLOCK);
}

static void
check_segment (const uint8_t *bytes, size_t len)
{
  uint32_t byte_len;
  uint32_t crc;
  FtsEntry entry;

  if (len < 4 + BLOCK)
    return;
  memcpy (&byte_len, bytes, 4);
  entry = (FtsEntry){ .byte_len = byte_len % (PAYLOAD + 1),
                      .ptr_process_segment_flg = FTS_SEG_FLAG_CONNECTOR };
  if (len >= 4 + BLOCK + entry.byte_len)
    fts_verify_segment (bytes + 4, &expect, &entry, &crc);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  if (len == 0)
    return 0;
  switch (bytes[0] % 3) {
  case 0:
    check_head (bytes + 1, len - 1);
    break;
  case 1:
    check_entry (bytes + 1, len - 1);
    break;
  default:
    check_segment (bytes + 1, len - 1);
    break;
  }
  return 0;
}

static size_t
seed_head (uint8_t *buf)
{
  FtsHead head = {
    .volume_tag = expect.volume_tag,
    .slot = 3,
    .direction = FTS_DIRECTION_CONNECTOR,
    .epoch = 9,
    .published = 21,
    .consumed = 4,
    .request = 18,
    .heartbeat = 6,
    .inline_seq = 21,
    .inline_len = 11,
    .inline_flags = FTS_SEG_FLAG_CONNECTOR | FTS_SEG_FLAG_LAST,
  };

  buf[0] = 0;
  fts_head_encode (&head, "hello world", buf + 1, BLOCK);
  return 1 + BLOCK;
}

static size_t
seed_entry (uint8_t *buf)
{
  FtsEntry entry = {
    .ptr_process_segment_ptr = 5,
    .ptr_process_block_seq = 21,
    .ptr_process_segment_flg = FTS_SEG_FLAG_CONNECTOR,
    .ptr_process_req_id = 2,
    .ptr_process_blk_read = 2,
    .byte_len = 100,
  };
  FtsEntryDisk disk;

  buf[0] = 1;
  fts_entry_encode (&entry, expect.epoch, expect.volume_tag, &disk);
  memcpy (buf + 1, &disk, sizeof disk);
  return 1 + sizeof disk;
}

static size_t
seed_segment (uint8_t *buf)
{
  uint8_t *segment = buf + 5;
  uint32_t byte_len = 100;

  buf[0] = 2;
  memcpy (buf + 1, &byte_len, 4);
  memset (segment + BLOCK, 0x42, byte_len);
  FtsSeg seg = {
    .volume_tag = expect.volume_tag,
    .slot = 3,
    .direction = FTS_DIRECTION_CONNECTOR,
    .epoch = 9,
    .sequence = 21,
    .request = 18,
    .flags = FTS_SEG_FLAG_CONNECTOR,
    .byte_len = byte_len,
    .payload_crc = fts_crc32c (segment + BLOCK, byte_len),
  };
  fts_segment_encode (&seg, segment, BLOCK);
  return 5 + BLOCK + byte_len;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  switch (n) {
  case 0:
    return seed_head (buf);
  case 1:
    return seed_entry (buf);
  case 2:
    return seed_segment (buf);
  default:
    return 0;
  }
}
