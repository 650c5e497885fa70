/* What a reader believes: the right thing in every field, and nothing else. */
#include "channel/verify.h"

#include "base/crc.h"

#include "lib/suite.h"

#include <string.h>

static const FtsExpect expect = {
  .volume_tag = 77,
  .slot = 3,
  .direction = FTS_DIRECTION_INITIATOR,
  .epoch = 9,
  .block_size = 512,
  .payload_max = 2048,
  .sequence = 21,
  .request = 18,
  .segment = 5,
};

static const FtsHead good_head = {
  .volume_tag = 77,
  .slot = 3,
  .direction = FTS_DIRECTION_INITIATOR,
  .epoch = 9,
  .published = 21,
  .heartbeat = 8,
  .request = 18,
  .inline_seq = 21,
  .inline_len = 5,
  .inline_flags = FTS_SEG_FLAG_INITIATOR | FTS_SEG_FLAG_LAST,
};

static FtsVerdict
look_at_head (const FtsHead *head, FtsHead *out)
{
  uint8_t block[512];
  const uint8_t *inline_data;

  fts_head_encode (head, "hello", block, sizeof block);
  return fts_verify_head (block, &expect, 7, out, &inline_data);
}

START_TEST (test_a_newer_head_is_news_an_older_one_is_not)
{
  FtsHead head = good_head, out;

  ck_assert_int_eq (look_at_head (&head, &out), FTS_VERDICT_NEWS);
  head.heartbeat = 7;
  ck_assert_int_eq (look_at_head (&head, &out), FTS_VERDICT_OLD);
  head.heartbeat = 3;
  ck_assert_int_eq (look_at_head (&head, &out), FTS_VERDICT_OLD);
}
END_TEST

START_TEST (test_a_head_of_something_else_is_foreign)
{
  for (int field = 0; field < 4; field++) {
    FtsHead head = good_head, out;

    head.volume_tag += field == 0;
    head.slot += field == 1;
    head.direction = field == 2 ? FTS_DIRECTION_CONNECTOR : head.direction;
    head.epoch += field == 3;
    ck_assert_msg (look_at_head (&head, &out) == FTS_VERDICT_FOREIGN, "field %d",
                   field);
  }
}
END_TEST

START_TEST (test_an_inline_fragment_must_be_the_next_one)
{
  for (int field = 0; field < 4; field++) {
    FtsHead head = good_head;

    head.inline_seq += field == 1;
    head.request += field == 2;
    head.inline_flags = field == 3 ? FTS_SEG_FLAG_CONNECTOR : head.inline_flags;
    ck_assert_msg (fts_verify_inline (&head, &expect) == (field == 0), "field %d",
                   field);
  }
}
END_TEST

START_TEST (test_an_entry_must_fit_in_every_field)
{
  for (int field = 0; field < 9; field++) {
    uint64_t epoch = expect.epoch, tag = expect.volume_tag;
    FtsEntryDisk disk;
    FtsEntry out, entry = {
      .ptr_process_segment_ptr = 5,
      .ptr_process_block_seq = 21,
      .ptr_process_segment_flg = FTS_SEG_FLAG_INITIATOR,
      .ptr_process_req_id = 2, /* 18 modulo 16 */
      .ptr_process_blk_read = 3,
      .byte_len = 1000,
    };

    entry.ptr_process_segment_ptr += field == 1;
    entry.ptr_process_block_seq += field == 2;
    entry.ptr_process_segment_flg =
      field == 3 ? FTS_SEG_FLAG_CONNECTOR : entry.ptr_process_segment_flg;
    entry.ptr_process_req_id = field == 4 ? 3 : 2;
    entry.ptr_process_blk_read += field == 5;
    if (field == 6) {
      entry.byte_len = 2049;
      entry.ptr_process_blk_read = 6;
    }
    epoch += field == 7;
    tag += field == 8;
    fts_entry_encode (&entry, epoch, tag, &disk);
    ck_assert_msg (fts_verify_entry (&disk, &expect, &out) == (field == 0), "field %d",
                   field);
  }
}
END_TEST

START_TEST (test_a_segment_must_fit_in_every_field)
{
  uint32_t crc;
  for (int field = 0; field < 10; field++) {
    uint8_t segment[3 * 512];
    FtsEntry entry = { .byte_len = 1000,
                       .ptr_process_blk_read = 3,
                       .ptr_process_segment_flg =
                         FTS_SEG_FLAG_INITIATOR | FTS_SEG_FLAG_LAST };

    memset (segment, 0x33, sizeof segment);
    FtsSeg seg = {
      .volume_tag = 77u + (field == 1),
      .slot = 3u + (field == 2),
      .direction = field == 3 ? FTS_DIRECTION_CONNECTOR : FTS_DIRECTION_INITIATOR,
      .epoch = 9u + (field == 4),
      .sequence = 21u + (field == 5),
      .request = 18u + (field == 6),
      .flags = field == 7 ? FTS_SEG_FLAG_INITIATOR : entry.ptr_process_segment_flg,
      .byte_len = 1000u - (field == 8),
      .payload_crc = fts_crc32c (segment + 512, 1000u - (field == 8)),
    };
    fts_segment_encode (&seg, segment, 512);
    segment[512 + 999] ^= field == 9;
    ck_assert_msg (fts_verify_segment (segment, &expect, &entry, &crc) == (field == 0),
                   "field %d", field);
    if (field == 0)
      ck_assert_uint_eq (crc, seg.payload_crc);
  }
}
END_TEST

FTS_SUITE ("channel/verify", test_a_newer_head_is_news_an_older_one_is_not,
           test_a_head_of_something_else_is_foreign,
           test_an_inline_fragment_must_be_the_next_one,
           test_an_entry_must_fit_in_every_field,
           test_a_segment_must_fit_in_every_field)
