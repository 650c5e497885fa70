#include "volume/devtab.h"

#include "volume/record.h"

#include <string.h>

void
fts_dev_encode (const FtsDev *dev, uint64_t volume_tag, void *block, size_t block_size)
{
  FtsDevDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_DEV_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->index = fts_le32 (dev->index);
  fts_record_put_text (d->sec_dev_id, sizeof d->sec_dev_id, dev->sec_dev_id);
  d->sec_str_seg_ptr = fts_le64 (dev->sec_str_seg_ptr);
  d->sec_seg_number_for_device = fts_le64 (dev->sec_seg_number_for_device);
  d->sec_start_segment_number = fts_le64 (dev->sec_start_segment_number);
  d->device_blocks = fts_le64 (dev->device_blocks);
  fts_record_seal (block);
}

bool
fts_dev_decode (const void *block, size_t len, uint64_t volume_tag, FtsDev *out)
{
  const FtsDevDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_DEV_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  *out = (FtsDev){
    .index = fts_le32_get (d->index),
    .sec_str_seg_ptr = fts_le64_get (d->sec_str_seg_ptr),
    .sec_seg_number_for_device = fts_le64_get (d->sec_seg_number_for_device),
    .sec_start_segment_number = fts_le64_get (d->sec_start_segment_number),
    .device_blocks = fts_le64_get (d->device_blocks),
  };
  return fts_record_get_text (out->sec_dev_id, d->sec_dev_id, sizeof d->sec_dev_id) &&
         out->sec_dev_id[0] != '\0' && out->index != 0;
}
