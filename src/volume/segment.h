/* segment.h - header block of a data segment (FtsSegDisk).  Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

typedef struct {
  uint64_t volume_tag;
  uint32_t slot; /* 1-based */
  FtsDirection direction;
  uint64_t epoch;
  uint64_t sequence;
  uint32_t request;
  uint32_t flags; /* FTS_SEG_FLAG_* */
  uint32_t byte_len;
  uint32_t payload_crc;
  uint64_t time_stamp_us;
} FtsSeg;

/* Fills a whole header block of BLOCK_SIZE bytes. */
void fts_segment_encode (const FtsSeg *seg, void *block, size_t block_size);

/* False when magic or CRC are wrong or byte_len is over MAX_PAYLOAD; OUT is then undefined. */
bool fts_segment_decode (const void *block, size_t len, size_t max_payload,
                         FtsSeg *out);
