#include "volume/segtab.h"

#include "base/crc.h"

#define ENTRY_CRC_OFFSET offsetof (FtsEntryDisk, crc)

static uint32_t
entry_crc (const FtsEntryDisk *disk, uint64_t epoch, uint64_t volume_tag)
{
  FtsLe64 bound[2] = { fts_le64 (epoch), fts_le64 (volume_tag) };

  return fts_crc32c_extend (fts_crc32c (disk, ENTRY_CRC_OFFSET), bound, sizeof bound);
}

void
fts_entry_encode (const FtsEntry *entry, uint64_t epoch, uint64_t volume_tag,
                  FtsEntryDisk *disk)
{
  disk->ptr_process_segment_ptr = fts_le64 (entry->ptr_process_segment_ptr);
  disk->ptr_process_block_seq = fts_le64 (entry->ptr_process_block_seq);
  disk->ptr_process_segment_flg = fts_le16 (entry->ptr_process_segment_flg);
  disk->ptr_process_req_id = fts_le16 (entry->ptr_process_req_id);
  disk->ptr_process_blk_read = fts_le32 (entry->ptr_process_blk_read);
  disk->byte_len = fts_le32 (entry->byte_len);
  disk->crc = fts_le32 (entry_crc (disk, epoch, volume_tag));
}

bool
fts_entry_decode (const FtsEntryDisk *disk, uint64_t epoch, uint64_t volume_tag,
                  FtsEntry *out)
{
  *out = (FtsEntry){
    .ptr_process_segment_ptr = fts_le64_get (disk->ptr_process_segment_ptr),
    .ptr_process_block_seq = fts_le64_get (disk->ptr_process_block_seq),
    .ptr_process_segment_flg = fts_le16_get (disk->ptr_process_segment_flg),
    .ptr_process_req_id = fts_le16_get (disk->ptr_process_req_id),
    .ptr_process_blk_read = fts_le32_get (disk->ptr_process_blk_read),
    .byte_len = fts_le32_get (disk->byte_len),
  };
  return fts_le32_get (disk->crc) == entry_crc (disk, epoch, volume_tag) &&
         out->ptr_process_segment_ptr != 0;
}

uint32_t
fts_segtab_blocks (uint32_t maxptr, uint32_t block_size)
{
  uint32_t per_block = block_size / (uint32_t) sizeof (FtsEntryDisk);

  return 1 + (maxptr + per_block - 1) / per_block;
}
