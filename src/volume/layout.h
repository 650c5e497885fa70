/* layout.h - which blocks of the master device hold what, derived from a Master Control Block.
 *
 * The one place that knows the length of each region; format, the decoder's range checks, check
 * and dump all use it.  Pure; any thread.
 */
#pragma once

#include "volume/mcb.h"

typedef enum {
  FTS_REGION_ZERO,
  FTS_REGION_MCB,
  FTS_REGION_LOCK,
  FTS_REGION_HOSTS,
  FTS_REGION_PIDS,
  FTS_REGION_DEVICES,
  FTS_REGION_SOCKETS,
  FTS_REGION_PORTS,
  FTS_REGION_INITIATOR,
  FTS_REGION_CONNECTOR,
  FTS_REGION_SEGMENTS,
  FTS_REGION_MCB_COPY,
  FTS_N_REGIONS,
} FtsRegionId;

typedef struct {
  const char *name;
  uint64_t start; /* block */
  uint64_t blocks;
} FtsRegion;

/* All regions in the order of FtsRegionId.  MCB may be unchecked: nothing overflows as long as
 * its counts are within the limits that fts_mcb_decode() asks for. */
void fts_layout_regions (const FtsMcb *mcb, FtsRegion out[FTS_N_REGIONS]);

/* Segments that the pointer tables need: two tables a connection, blk5_maxptr each. */
uint64_t fts_layout_segments_needed (const FtsMcb *mcb);
