#include "volume/segment.h"

#include "volume/record.h"

#include <string.h>

void
fts_segment_encode (const FtsSeg *seg, void *block, size_t block_size)
{
  FtsSegDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_SEG_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (seg->volume_tag);
  d->slot = fts_le32 (seg->slot);
  d->direction = fts_le32 (seg->direction);
  d->epoch = fts_le64 (seg->epoch);
  d->sequence = fts_le64 (seg->sequence);
  d->request = fts_le32 (seg->request);
  d->flags = fts_le32 (seg->flags);
  d->byte_len = fts_le32 (seg->byte_len);
  d->payload_crc = fts_le32 (seg->payload_crc);
  d->time_stamp = fts_le64 (seg->time_stamp_us);
  fts_record_seal (block);
}

bool
fts_segment_decode (const void *block, size_t len, size_t max_payload, FtsSeg *out)
{
  const FtsSegDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_SEG_MAGIC))
    return false;
  *out = (FtsSeg){
    .volume_tag = fts_le64_get (d->volume_tag),
    .slot = fts_le32_get (d->slot),
    .direction = fts_le32_get (d->direction),
    .epoch = fts_le64_get (d->epoch),
    .sequence = fts_le64_get (d->sequence),
    .request = fts_le32_get (d->request),
    .flags = fts_le32_get (d->flags),
    .byte_len = fts_le32_get (d->byte_len),
    .payload_crc = fts_le32_get (d->payload_crc),
    .time_stamp_us = fts_le64_get (d->time_stamp),
  };
  return out->byte_len <= max_payload && out->direction <= FTS_DIRECTION_CONNECTOR;
}
