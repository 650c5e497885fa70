/* mcb.h - Master Control Block (FtsMcbDisk, Fig. 4).  Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
  bool is_master; /* blk5_id: MAS_EMC or SEC_EMC */
  uint32_t blk5_version;
  uint32_t blk5_dev_id;
  uint32_t blk5_seg_size; /* blocks, header included */
  uint32_t blk5_secondary_device_entrynum;
  uint64_t blk5_time_id;
  uint64_t blk5_tot_seg_num;
  uint64_t blk5_process_id_table_ptr;
  uint64_t blk5_secondary_device_table_ptr;
  uint64_t blk5_start_process_segment_ptr;
  uint64_t blk5_mast_sec_start_segment_ptr;
  uint32_t blk5_max_connections;
  uint32_t blk5_ptr_seg_per_process;
  uint32_t blk5_maxptr;
  uint32_t block_size;
  char blk5_unix_filename[128];
  uint8_t volume_uuid[FTS_UUID_LEN];
  char volume_name[FTS_NAME_LEN];
  uint64_t features_compat;
  uint64_t features_incompat;
  FtsLockMethod lock_method;
  FtsFenceMode fence_mode;
  FtsPlacement placement;
  uint32_t max_hosts;
  uint64_t lock_ptr;
  uint64_t host_table_ptr;
  uint64_t socket_table_ptr;
  uint64_t port_file_ptr;
  uint64_t initiator_tables_ptr;
  uint64_t connector_tables_ptr;
  uint32_t socket_entries;
  uint32_t port_file_blocks;
  uint32_t heartbeat_ms;
  uint32_t dead_ms;
  uint32_t io_timeout_ms;
  uint32_t format_generation;
  uint64_t device_blocks;
  uint64_t placement_seed;
  uint64_t device_segments;
} FtsMcb;

void fts_mcb_encode (const FtsMcb *mcb, void *block, size_t block_size);

/* After success every pointer, size and enum is within the device's DEVICE_BLOCKS blocks and
 * consistent with the others.  Errors: NOT_VOLUME (no id), CORRUPT (CRC, ranges), VERSION
 * (structure version or unknown incompatible feature), TOO_SMALL (device shrank). */
bool fts_mcb_decode (const void *block, size_t block_size, uint64_t device_blocks,
                     FtsMcb *out, GError **error);

/* First 8 bytes of the UUID as a number: the tag in every other record. */
uint64_t fts_mcb_volume_tag (const FtsMcb *mcb);
