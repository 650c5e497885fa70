#include "volume/lock_block.h"

#include "volume/record.h"

#include <string.h>

void
fts_lock_block_encode (const FtsLockBlock *lock, uint64_t volume_tag, void *block,
                       size_t block_size)
{
  FtsLockDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_LOCK_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->state = fts_le32 (lock->held ? 1 : 0);
  d->owner_index = fts_le32 (lock->owner_index);
  d->owner_generation = fts_le64 (lock->owner_generation);
  d->sequence = fts_le64 (lock->sequence);
  fts_record_seal (block);
}

bool
fts_lock_block_decode (const void *block, size_t len, uint64_t volume_tag,
                       FtsLockBlock *out)
{
  const FtsLockDisk *d = block;
  uint32_t state;

  if (!fts_record_is_sound (block, len, FTS_LOCK_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  state = fts_le32_get (d->state);
  *out = (FtsLockBlock){
    .held = state == 1,
    .owner_index = fts_le32_get (d->owner_index),
    .owner_generation = fts_le64_get (d->owner_generation),
    .sequence = fts_le64_get (d->sequence),
  };
  return state <= 1 &&
         (out->owner_index < FTS_MAX_HOSTS || out->owner_index == FTS_LOCK_NO_INDEX);
}
