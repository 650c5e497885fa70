/* lock_block.h - the volume lock's block (FtsLockDisk).  Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

/* Owner index of a process that has no host-table entry yet. */
#define FTS_LOCK_NO_INDEX UINT32_MAX

typedef struct {
  bool held;
  uint32_t owner_index; /* host table entry, or FTS_LOCK_NO_INDEX */
  uint64_t owner_generation;
  uint64_t sequence;
} FtsLockBlock;

void fts_lock_block_encode (const FtsLockBlock *lock, uint64_t volume_tag, void *block,
                            size_t block_size);
/* False when magic, tag, CRC, state or owner is wrong. */
bool fts_lock_block_decode (const void *block, size_t len, uint64_t volume_tag,
                            FtsLockBlock *out);
