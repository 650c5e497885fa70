/* segtab.h - entries of a Process Segment Pointer Table (FtsEntryDisk, Fig. 7), and where
 * tables, entries and segments lie.  Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

typedef struct {
  uint64_t ptr_process_segment_ptr; /* segment number, 1-based */
  uint64_t ptr_process_block_seq;
  uint16_t ptr_process_segment_flg;
  uint16_t ptr_process_req_id;
  uint32_t ptr_process_blk_read;
  uint32_t byte_len;
} FtsEntry;

/* EPOCH of the slot (0 at format) and VOLUME_TAG go into the CRC, not into the bytes. */
void fts_entry_encode (const FtsEntry *entry, uint64_t epoch, uint64_t volume_tag,
                       FtsEntryDisk *disk);
bool fts_entry_decode (const FtsEntryDisk *disk, uint64_t epoch, uint64_t volume_tag,
                       FtsEntry *out);

/* Blocks of a table: head block and entry blocks. */
uint32_t fts_segtab_blocks (uint32_t maxptr, uint32_t block_size);
