#include "channel/verify.h"

#include "base/crc.h"

FtsVerdict
fts_verify_head (const void *block, const FtsExpect *expect, uint64_t heartbeat_seen,
                 FtsHead *out, const uint8_t **inline_data)
{
  if (!fts_head_decode (block, expect->block_size, out, inline_data) ||
      out->volume_tag != expect->volume_tag || out->slot != expect->slot ||
      out->direction != expect->direction || out->epoch != expect->epoch)
    return FTS_VERDICT_FOREIGN;
  return out->heartbeat > heartbeat_seen ? FTS_VERDICT_NEWS : FTS_VERDICT_OLD;
}

bool
fts_verify_inline (const FtsHead *head, const FtsExpect *expect)
{
  return head->inline_seq == expect->sequence && head->request == expect->request &&
         (head->inline_flags & ~FTS_SEG_FLAG_LAST) ==
           fts_valid_flag (expect->direction);
}

bool
fts_verify_entry (const FtsEntryDisk *disk, const FtsExpect *expect, FtsEntry *out)
{
  return fts_entry_decode (disk, expect->epoch, expect->volume_tag, out) &&
         out->ptr_process_segment_ptr == expect->segment &&
         out->ptr_process_block_seq == expect->sequence &&
         out->ptr_process_req_id == expect->request % 16 &&
         (out->ptr_process_segment_flg & ~FTS_SEG_FLAG_LAST) ==
           fts_valid_flag (expect->direction) &&
         out->byte_len <= expect->payload_max &&
         out->ptr_process_blk_read ==
           fts_blocks_in_use (out->byte_len, expect->block_size);
}

bool
fts_verify_segment (const uint8_t *segment, const FtsExpect *expect,
                    const FtsEntry *entry, uint32_t *crc)
{
  FtsSeg seg;

  if (!(fts_segment_decode (segment, expect->block_size, expect->payload_max, &seg) &&
        seg.volume_tag == expect->volume_tag && seg.slot == expect->slot &&
        seg.direction == expect->direction && seg.epoch == expect->epoch &&
        seg.sequence == expect->sequence && seg.request == expect->request &&
        seg.flags == entry->ptr_process_segment_flg && seg.byte_len == entry->byte_len))
    return false;
  *crc = fts_crc32c (segment + expect->block_size, seg.byte_len);
  return *crc == seg.payload_crc;
}
