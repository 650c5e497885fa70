#include "volume/head.h"

#include "base/crc.h"

#include <string.h>

#define HEAD_CRC_OFFSET offsetof (FtsHeadDisk, crc)
#define SEG_FLAGS       (FTS_SEG_FLAG_LAST | FTS_SEG_FLAG_INITIATOR | FTS_SEG_FLAG_CONNECTOR)

size_t
fts_head_inline_max (size_t block_size)
{
  return block_size - FTS_HEAD_FIXED;
}

static uint32_t
head_crc (const FtsHeadDisk *d, uint32_t inline_len)
{
  return fts_crc32c_extend (fts_crc32c (d, HEAD_CRC_OFFSET), d->inline_area,
                            inline_len);
}

void
fts_head_encode (const FtsHead *head, const void *inline_data, void *block,
                 size_t block_size)
{
  FtsHeadDisk *d = memset (block, 0, block_size);

  memcpy (d->magic, FTS_HEAD_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (head->volume_tag);
  d->slot = fts_le32 (head->slot);
  d->direction = fts_le32 (head->direction);
  d->epoch = fts_le64 (head->epoch);
  d->published = fts_le64 (head->published);
  d->consumed = fts_le64 (head->consumed);
  d->state = fts_le32 (head->state);
  d->status = fts_le32 (head->status);
  d->resend_from = fts_le64 (head->resend_from);
  d->resend_count = fts_le32 (head->resend_count);
  d->request = fts_le32 (head->request);
  d->heartbeat = fts_le64 (head->heartbeat);
  d->inline_seq = fts_le64 (head->inline_seq);
  d->inline_len = fts_le32 (head->inline_len);
  d->inline_flags = fts_le16 (head->inline_flags);
  d->resend_served = fts_le32 (head->resend_served);
  if (head->inline_len > 0)
    memcpy (d->inline_area, inline_data, head->inline_len);
  d->crc = fts_le32 (head_crc (d, head->inline_len));
}

static bool
is_valid (const FtsHead *head)
{
  return head->slot != 0 && head->direction <= FTS_DIRECTION_CONNECTOR &&
         head->state <= FTS_HEAD_RESET && head->status <= FTS_CON_SHUTDOWN &&
         (head->inline_flags & ~SEG_FLAGS) == 0;
}

bool
fts_head_decode (const void *block, size_t block_size, FtsHead *out,
                 const uint8_t **inline_data)
{
  const FtsHeadDisk *d = block;

  if (block_size < FTS_RECORD_LEN ||
      memcmp (d->magic, FTS_HEAD_MAGIC, sizeof d->magic) != 0)
    return false;
  *out = (FtsHead){
    .volume_tag = fts_le64_get (d->volume_tag),
    .slot = fts_le32_get (d->slot),
    .direction = fts_le32_get (d->direction),
    .epoch = fts_le64_get (d->epoch),
    .published = fts_le64_get (d->published),
    .consumed = fts_le64_get (d->consumed),
    .state = fts_le32_get (d->state),
    .status = fts_le32_get (d->status),
    .resend_from = fts_le64_get (d->resend_from),
    .resend_count = fts_le32_get (d->resend_count),
    .request = fts_le32_get (d->request),
    .heartbeat = fts_le64_get (d->heartbeat),
    .inline_seq = fts_le64_get (d->inline_seq),
    .inline_len = fts_le32_get (d->inline_len),
    .inline_flags = fts_le16_get (d->inline_flags),
    .resend_served = fts_le32_get (d->resend_served),
  };
  if (out->inline_len > fts_head_inline_max (block_size) ||
      fts_le32_get (d->crc) != head_crc (d, out->inline_len))
    return false;
  if (inline_data != NULL)
    *inline_data = d->inline_area;
  return is_valid (out);
}
