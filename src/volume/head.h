/* head.h - head block of a pointer table (FtsHeadDisk).  Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

typedef struct {
  uint64_t volume_tag;
  uint32_t slot; /* 1-based */
  FtsDirection direction;
  uint64_t epoch;
  uint64_t published;
  uint64_t consumed;
  FtsHeadState state;
  FtsConRc status;
  uint64_t resend_from;
  uint32_t resend_count;
  uint32_t request;
  uint64_t heartbeat;
  uint64_t inline_seq;
  uint32_t inline_len;
  uint16_t inline_flags;
  uint32_t resend_served;
} FtsHead;

/* Room for an inline message in a block: block_size - FTS_HEAD_FIXED. */
size_t fts_head_inline_max (size_t block_size);

/* Fills a whole block; INLINE_DATA has head->inline_len bytes (NULL when 0). */
void fts_head_encode (const FtsHead *head, const void *inline_data, void *block,
                      size_t block_size);

/* False when magic, CRC, slot, enums or lengths are wrong.  *INLINE_DATA points into BLOCK. */
bool fts_head_decode (const void *block, size_t block_size, FtsHead *out,
                      const uint8_t **inline_data);
