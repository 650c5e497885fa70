/* record_samples.h - one valid record of each kind, every field with a value of its own; for the
 * golden bytes and as seeds of the fuzz targets. */
#pragma once

#include "volume/devtab.h"
#include "volume/head.h"
#include "volume/hosttab.h"
#include "volume/lock_block.h"
#include "volume/mcb.h"
#include "volume/pidtab.h"
#include "volume/segment.h"
#include "volume/segtab.h"
#include "volume/socktab.h"

#define SAMPLE_TAG           UINT64_C (0x8877665544332211)
/* blocks of the device that sample_mcb() describes */
#define SAMPLE_DEVICE_BLOCKS 4096u

static inline FtsMcb
sample_mcb (void)
{
  return (FtsMcb){ .is_master = true,
                   .blk5_version = 1,
                   .blk5_dev_id = 1,
                   .blk5_seg_size = 32,
                   .blk5_secondary_device_entrynum = 2,
                   .blk5_time_id = 0x0102030405060708,
                   .blk5_tot_seg_num = 40,
                   .blk5_process_id_table_ptr = 48,
                   .blk5_secondary_device_table_ptr = 56,
                   .blk5_start_process_segment_ptr = 136,
                   .blk5_mast_sec_start_segment_ptr = 168,
                   .blk5_max_connections = 5,
                   .blk5_ptr_seg_per_process = 3,
                   .blk5_maxptr = 4,
                   .block_size = 512,
                   .blk5_unix_filename = "file:/x",
                   .volume_uuid = "\x11\x22\x33\x44\x55\x66\x77\x88uuidend",
                   .volume_name = "sample",
                   .features_compat = 0x21,
                   .features_incompat = 0,
                   .lock_method = FTS_LOCK_CAW,
                   .fence_mode = FTS_FENCE_REGISTRANTS_ONLY,
                   .placement = FTS_PLACE_STRIPED,
                   .max_hosts = 30,
                   .lock_ptr = 8,
                   .host_table_ptr = 16,
                   .socket_table_ptr = 64,
                   .port_file_ptr = 128,
                   .initiator_tables_ptr = 136,
                   .connector_tables_ptr = 152,
                   .socket_entries = 60,
                   .port_file_blocks = 7,
                   .heartbeat_ms = 1000,
                   .dead_ms = 10001,
                   .io_timeout_ms = 30002,
                   .format_generation = 0xa1a2a3a4,
                   .device_blocks = SAMPLE_DEVICE_BLOCKS,
                   .placement_seed = 0xb1b2b3b4b5b6b7b8,
                   .device_segments = 25 };
}

static inline FtsHost
sample_host (void)
{
  return (FtsHost){ .index = 3,
                    .state = FTS_HOST_ACTIVE,
                    .role = FTS_ROLE_MOUNT,
                    .os_type = FTS_OS_UNIX,
                    .name = "alpha",
                    .host_uuid = "host-uuid-bytes",
                    .generation = 0x1112131415161718,
                    .pr_key = 0x2122232425262728,
                    .heartbeat = 0x3132333435363738,
                    .heartbeat_ms = 1001,
                    .dead_ms = 10002,
                    .io_timeout_ms = 30003,
                    .pid = 4242,
                    .program = "ftsfs 0.1",
                    .nonce = "nonce-of-a-host",
                    .pid_space = 0x4142434445464748 };
}

static inline FtsPid
sample_pid (void)
{
  return (FtsPid){ .pro_process_id = 9,
                   .pro_flag_process = FTS_PRO_FLAG_ALLOCATED | FTS_PRO_FLAG_PROCESSING,
                   .pro_con_rc = FTS_CON_BUSY,
                   .pro_requestor_type = FTS_OS_UNIX,
                   .pro_requestee_type = FTS_OS_NT,
                   .service = FTS_SERVICE_SOCKET,
                   .epoch = 0x5152535455565758,
                   .pro_requestor = "alpha",
                   .pro_requestee = "beta",
                   .pro_requestor_password = "proof-of-requestor-32-bytes-long",
                   .requestee_proof = "proof-of-requestee-32-bytes-long",
                   .requestor_nonce = "nonce-requestor",
                   .requestee_nonce = "nonce-requestee",
                   .requestor_index = 4,
                   .requestee_index = 6,
                   .requestor_generation = 0x6162636465666768,
                   .requestee_generation = 0x7172737475767778,
                   .pro_dtd = "to connector",
                   .InitM = "to initiator",
                   .version = 0x8182838485868788 };
}

static inline FtsDev
sample_dev (void)
{
  return (FtsDev){ .index = 2,
                   .sec_dev_id = "naa.60001405",
                   .sec_str_seg_ptr = 8,
                   .sec_seg_number_for_device = 15,
                   .sec_start_segment_number = 26,
                   .device_blocks = 0x9192939495969798 };
}

static inline FtsSock
sample_sock (void)
{
  return (FtsSock){ .index = 12,
                    .state = FTS_SOCKET_CONNECTED,
                    .type = 1,
                    .backlog = 5,
                    .local_system = "alpha",
                    .local_group = "group-a",
                    .local_port = 7001,
                    .peer_port = 7002,
                    .peer_system = "beta",
                    .peer_group = "group-b",
                    .owner_index = 8,
                    .slot = 10,
                    .owner_generation = 0xc1c2c3c4c5c6c7c8,
                    .options = 0xd1d2d3d4d5d6d7d8,
                    .version = 0xe1e2e3e4e5e6e7e8 };
}

static inline FtsPorts
sample_ports (void)
{
  return (FtsPorts){ .index = 1,
                     .n_ports = 2,
                     .entry = { { 7001, 12 }, { 7002, 13 } },
                     .version = 0xf1f2f3f4f5f6f7f8 };
}

static inline FtsLockBlock
sample_lock (void)
{
  return (FtsLockBlock){ .held = true,
                         .owner_index = 17,
                         .owner_generation = 0x0a0b0c0d0e0f1011,
                         .sequence = 0x1a1b1c1d1e1f2021 };
}

#define SAMPLE_INLINE "an inline message"

static inline FtsHead
sample_head (void)
{
  return (FtsHead){ .volume_tag = SAMPLE_TAG,
                    .slot = 9,
                    .direction = FTS_DIRECTION_CONNECTOR,
                    .epoch = 0x2a2b2c2d2e2f3031,
                    .published = 0x3a3b3c3d3e3f4041,
                    .consumed = 0x4a4b4c4d4e4f5051,
                    .state = FTS_HEAD_RESET,
                    .status = FTS_CON_DAMAGED,
                    .resend_from = 0x5a5b5c5d5e5f6061,
                    .resend_count = 0x6a6b6c6d,
                    .request = 0x7a7b7c7d,
                    .heartbeat = 0x8a8b8c8d8e8f9091,
                    .inline_seq = 0x9a9b9c9d9e9fa0a1,
                    .inline_len = sizeof SAMPLE_INLINE - 1,
                    .inline_flags = FTS_SEG_FLAG_LAST | FTS_SEG_FLAG_CONNECTOR,
                    .resend_served = 0xa2a3a4a5 };
}

static inline FtsEntry
sample_entry (void)
{
  return (FtsEntry){ .ptr_process_segment_ptr = 0xaaabacadaeafb0b1,
                     .ptr_process_block_seq = 0xbabbbcbdbebfc0c1,
                     .ptr_process_segment_flg = 0x60,
                     .ptr_process_req_id = 15,
                     .ptr_process_blk_read = 33,
                     .byte_len = 16000 };
}

static inline FtsSeg
sample_segment (void)
{
  return (FtsSeg){ .volume_tag = SAMPLE_TAG,
                   .slot = 9,
                   .direction = FTS_DIRECTION_CONNECTOR,
                   .epoch = 0xcacbcccdcecfd0d1,
                   .sequence = 0xdadbdcdddedfe0e1,
                   .request = 0xeaebeced,
                   .flags = FTS_SEG_FLAG_LAST,
                   .byte_len = 15000,
                   .payload_crc = 0xfafbfcfd,
                   .time_stamp_us = 0x0b1b2b3b4b5b6b7b };
}
