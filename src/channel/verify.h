/* verify.h - is what lies on the LUN what the reader waits for?  The only place where a peer's
 * heads, entries and segments are believed (invariant 1 of channel.h).
 *
 * Pure; any thread.  Any bytes may come in.  Fuzzed: tests/fuzz/channel_verify.c. */
#pragma once

#include "volume/head.h"
#include "volume/segment.h"
#include "volume/segtab.h"

/* What must be found. */
typedef struct {
  uint64_t volume_tag;
  uint32_t slot;
  FtsDirection direction; /* the writer's */
  uint64_t epoch;
  uint32_t block_size;
  uint32_t payload_max;
  uint64_t sequence; /* of the fragment; not for heads */
  uint32_t request;  /* likewise */
  uint64_t segment;  /* number of the segment that its entry must name */
} FtsExpect;

typedef enum {
  FTS_VERDICT_NEWS,    /* newer than what was seen last */
  FTS_VERDICT_OLD,     /* seen before, or a late write of an earlier head */
  FTS_VERDICT_FOREIGN, /* damaged, half written, or of another epoch: not seen */
} FtsVerdict;

FtsVerdict fts_verify_head (const void *block, const FtsExpect *expect,
                            uint64_t heartbeat_seen, FtsHead *out,
                            const uint8_t **inline_data);

/* Does the inline area of HEAD (which was verified) hold the fragment? */
bool fts_verify_inline (const FtsHead *head, const FtsExpect *expect);

bool fts_verify_entry (const FtsEntryDisk *disk, const FtsExpect *expect,
                       FtsEntry *out);

/* SEGMENT: the blocks in use, entry->ptr_process_blk_read of them; header and payload.  *CRC: the
 * payload's CRC32C, when it is sound. */
bool fts_verify_segment (const uint8_t *segment, const FtsExpect *expect,
                         const FtsEntry *entry, uint32_t *crc);

/* The valid-data flag of a direction: 0x40 or 0x80. */
static inline uint16_t
fts_valid_flag (FtsDirection direction)
{
  return direction == FTS_DIRECTION_INITIATOR ? FTS_SEG_FLAG_INITIATOR
                                              : FTS_SEG_FLAG_CONNECTOR;
}

/* Blocks that a segment with BYTE_LEN payload bytes uses, header included. */
static inline uint32_t
fts_blocks_in_use (uint32_t byte_len, uint32_t block_size)
{
  return 1 + (uint32_t) (((uint64_t) byte_len + block_size - 1) / block_size);
}
