/* dump_fields.c - the fields of each structure, in the order of disk.h. */
#include "volume/dump.h"

static const FtsFieldName os_names[] = {
  { FTS_OS_UNKNOWN, "unknown" }, { FTS_OS_UNIX, "unix" }, { FTS_OS_TEXT, "text" },
  { FTS_OS_NT, "nt" },           { FTS_OS_TPF, "tpf" },   { 0, NULL }
};
static const FtsFieldName lock_names[] = {
  { FTS_LOCK_FILE, "file" },   { FTS_LOCK_CAW, "caw" },     { FTS_LOCK_PR, "pr" },
  { FTS_LOCK_SCSI2, "scsi2" }, { FTS_LOCK_DELAY, "delay" }, { 0, NULL }
};
static const FtsFieldName fence_names[] = {
  { FTS_FENCE_OFF, "off" },
  { FTS_FENCE_ALL_REGISTRANTS, "all-registrants" },
  { FTS_FENCE_REGISTRANTS_ONLY, "registrants-only" },
  { 0, NULL }
};
static const FtsFieldName placement_names[] = { { FTS_PLACE_RANDOM, "random" },
                                                { FTS_PLACE_STRIPED, "striped" },
                                                { FTS_PLACE_CHUNKED, "chunked" },
                                                { 0, NULL } };
static const FtsFieldName held_names[] = { { 0, "free" }, { 1, "held" }, { 0, NULL } };
static const FtsFieldName host_states[] = {
  { FTS_HOST_FREE, "free" },     { FTS_HOST_JOINING, "joining" },
  { FTS_HOST_ACTIVE, "active" }, { FTS_HOST_LEAVING, "leaving" },
  { FTS_HOST_FENCED, "fenced" }, { 0, NULL }
};
static const FtsFieldName role_names[] = { { 0, "none" },
                                           { FTS_ROLE_SERVER, "server" },
                                           { FTS_ROLE_MOUNT, "mount" },
                                           { FTS_ROLE_CLIENT, "client" },
                                           { FTS_ROLE_ADMIN, "admin" },
                                           { 0, NULL } };
static const FtsFieldName pro_flags[] = { { FTS_PRO_FLAG_ALLOCATED, "ALLOCATED" },
                                          { FTS_PRO_FLAG_PROCESSING, "PROCESSING" },
                                          { FTS_PRO_FLAG_MVS, "MVS" },
                                          { 0, NULL } };
static const FtsFieldName con_rcs[] = { { FTS_CON_OK, "ok" },
                                        { FTS_CON_PENDING, "pending" },
                                        { FTS_CON_DENIED, "denied" },
                                        { FTS_CON_BUSY, "busy" },
                                        { FTS_CON_NO_SERVICE, "no service" },
                                        { FTS_CON_VERSION, "version" },
                                        { FTS_CON_PROTOCOL, "protocol" },
                                        { FTS_CON_DAMAGED, "damaged" },
                                        { FTS_CON_SHUTDOWN, "shutdown" },
                                        { 0, NULL } };
static const FtsFieldName services[] = { { 0, "none" },
                                         { FTS_SERVICE_FILES, "files" },
                                         { FTS_SERVICE_SOCKET, "socket" },
                                         { 0, NULL } };
static const FtsFieldName socket_states[] = { { FTS_SOCKET_FREE, "free" },
                                              { FTS_SOCKET_UNBOUND, "unbound" },
                                              { FTS_SOCKET_BOUND, "bound" },
                                              { FTS_SOCKET_LISTENING, "listening" },
                                              { FTS_SOCKET_CONNECTING, "connecting" },
                                              { FTS_SOCKET_CONNECTED, "connected" },
                                              { FTS_SOCKET_CLOSING, "closing" },
                                              { 0, NULL } };
static const FtsFieldName directions[] = {
  { FTS_DIRECTION_INITIATOR, "initiator to connector" },
  { FTS_DIRECTION_CONNECTOR, "connector to initiator" },
  { 0, NULL }
};
static const FtsFieldName head_states[] = { { FTS_HEAD_OPEN, "open" },
                                            { FTS_HEAD_CLOSING, "closing" },
                                            { FTS_HEAD_CLOSED, "closed" },
                                            { FTS_HEAD_RESET, "reset" },
                                            { 0, NULL } };
static const FtsFieldName segment_flags[] = { { FTS_SEG_FLAG_LAST, "LAST" },
                                              { FTS_SEG_FLAG_INITIATOR, "INITIATOR" },
                                              { FTS_SEG_FLAG_CONNECTOR, "CONNECTOR" },
                                              { 0, NULL } };

#define F(type, field, kind, names, unit)                                         \
  {                                                                               \
#field, offsetof(type, field), sizeof(((type *) 0)->field), FTS_FIELD_##kind, \
      names, unit                                                                 \
  }
#define TEXT(type, field)         F (type, field, TEXT, NULL, NULL)
#define BYTES(type, field)        F (type, field, BYTES, NULL, NULL)
#define UUID(type, field)         F (type, field, UUID, NULL, NULL)
#define NUMBER(type, field)       F (type, field, NUMBER, NULL, NULL)
#define UNIT(type, field, unit)   F (type, field, NUMBER, NULL, unit)
#define HEX(type, field)          F (type, field, HEX, NULL, NULL)
#define TIME(type, field)         F (type, field, TIME, NULL, NULL)
#define NAMED(type, field, names) F (type, field, NAMED, names, NULL)
#define FLAGS(type, field, names) F (type, field, FLAGS, names, NULL)
#define CRC(type)                 F (type, crc, CRC, NULL, NULL)
#define RESERVED(type, field)     F (type, field, RESERVED, NULL, NULL)

static const FtsField mcb_fields[] = {
  TEXT (FtsMcbDisk, blk5_id),
  NUMBER (FtsMcbDisk, blk5_version),
  NUMBER (FtsMcbDisk, blk5_dev_id),
  UNIT (FtsMcbDisk, blk5_seg_size, "blocks"),
  NUMBER (FtsMcbDisk, blk5_secondary_device_entrynum),
  TIME (FtsMcbDisk, blk5_time_id),
  NUMBER (FtsMcbDisk, blk5_tot_seg_num),
  NUMBER (FtsMcbDisk, blk5_process_id_table_ptr),
  NUMBER (FtsMcbDisk, blk5_secondary_device_table_ptr),
  NUMBER (FtsMcbDisk, blk5_start_process_segment_ptr),
  NUMBER (FtsMcbDisk, blk5_mast_sec_start_segment_ptr),
  NUMBER (FtsMcbDisk, blk5_max_connections),
  NUMBER (FtsMcbDisk, blk5_ptr_seg_per_process),
  NUMBER (FtsMcbDisk, blk5_maxptr),
  UNIT (FtsMcbDisk, block_size, "bytes"),
  TEXT (FtsMcbDisk, blk5_unix_filename),
  UUID (FtsMcbDisk, volume_uuid),
  TEXT (FtsMcbDisk, volume_name),
  HEX (FtsMcbDisk, features_compat),
  HEX (FtsMcbDisk, features_incompat),
  NAMED (FtsMcbDisk, lock_method, lock_names),
  NAMED (FtsMcbDisk, fence_mode, fence_names),
  NAMED (FtsMcbDisk, placement, placement_names),
  NUMBER (FtsMcbDisk, max_hosts),
  NUMBER (FtsMcbDisk, lock_ptr),
  NUMBER (FtsMcbDisk, host_table_ptr),
  NUMBER (FtsMcbDisk, socket_table_ptr),
  NUMBER (FtsMcbDisk, port_file_ptr),
  NUMBER (FtsMcbDisk, initiator_tables_ptr),
  NUMBER (FtsMcbDisk, connector_tables_ptr),
  NUMBER (FtsMcbDisk, socket_entries),
  UNIT (FtsMcbDisk, port_file_blocks, "blocks"),
  UNIT (FtsMcbDisk, heartbeat_ms, "ms"),
  UNIT (FtsMcbDisk, dead_ms, "ms"),
  UNIT (FtsMcbDisk, io_timeout_ms, "ms"),
  HEX (FtsMcbDisk, format_generation),
  UNIT (FtsMcbDisk, device_blocks, "blocks"),
  HEX (FtsMcbDisk, placement_seed),
  NUMBER (FtsMcbDisk, device_segments),
  RESERVED (FtsMcbDisk, reserved),
  CRC (FtsMcbDisk),
};

static const FtsField lock_fields[] = {
  TEXT (FtsLockDisk, magic),
  HEX (FtsLockDisk, volume_tag),
  NAMED (FtsLockDisk, state, held_names),
  NUMBER (FtsLockDisk, owner_index),
  HEX (FtsLockDisk, owner_generation),
  NUMBER (FtsLockDisk, sequence),
  RESERVED (FtsLockDisk, reserved),
  CRC (FtsLockDisk),
};

static const FtsField host_fields[] = {
  TEXT (FtsHostDisk, magic),
  HEX (FtsHostDisk, volume_tag),
  NUMBER (FtsHostDisk, index),
  NAMED (FtsHostDisk, state, host_states),
  NAMED (FtsHostDisk, role, role_names),
  NAMED (FtsHostDisk, os_type, os_names),
  TEXT (FtsHostDisk, name),
  UUID (FtsHostDisk, host_uuid),
  HEX (FtsHostDisk, generation),
  HEX (FtsHostDisk, pr_key),
  NUMBER (FtsHostDisk, heartbeat),
  UNIT (FtsHostDisk, heartbeat_ms, "ms"),
  UNIT (FtsHostDisk, dead_ms, "ms"),
  UNIT (FtsHostDisk, io_timeout_ms, "ms"),
  NUMBER (FtsHostDisk, pid),
  TEXT (FtsHostDisk, program),
  BYTES (FtsHostDisk, nonce),
  HEX (FtsHostDisk, pid_space),
  RESERVED (FtsHostDisk, reserved),
  CRC (FtsHostDisk),
};

static const FtsField pid_fields[] = {
  TEXT (FtsPidDisk, magic),
  HEX (FtsPidDisk, volume_tag),
  NUMBER (FtsPidDisk, pro_process_id),
  FLAGS (FtsPidDisk, pro_flag_process, pro_flags),
  NAMED (FtsPidDisk, pro_con_rc, con_rcs),
  NAMED (FtsPidDisk, pro_requestor_type, os_names),
  NAMED (FtsPidDisk, pro_requestee_type, os_names),
  NAMED (FtsPidDisk, service, services),
  NUMBER (FtsPidDisk, epoch),
  TEXT (FtsPidDisk, pro_requestor),
  TEXT (FtsPidDisk, pro_requestee),
  BYTES (FtsPidDisk, pro_requestor_password),
  BYTES (FtsPidDisk, requestee_proof),
  BYTES (FtsPidDisk, requestor_nonce),
  BYTES (FtsPidDisk, requestee_nonce),
  NUMBER (FtsPidDisk, requestor_index),
  NUMBER (FtsPidDisk, requestee_index),
  HEX (FtsPidDisk, requestor_generation),
  HEX (FtsPidDisk, requestee_generation),
  BYTES (FtsPidDisk, pro_dtd),
  BYTES (FtsPidDisk, InitM),
  NUMBER (FtsPidDisk, version),
  RESERVED (FtsPidDisk, reserved),
  CRC (FtsPidDisk),
};

static const FtsField dev_fields[] = {
  TEXT (FtsDevDisk, magic),
  HEX (FtsDevDisk, volume_tag),
  NUMBER (FtsDevDisk, index),
  RESERVED (FtsDevDisk, reserved1),
  TEXT (FtsDevDisk, sec_dev_id),
  NUMBER (FtsDevDisk, sec_str_seg_ptr),
  NUMBER (FtsDevDisk, sec_seg_number_for_device),
  NUMBER (FtsDevDisk, sec_start_segment_number),
  UNIT (FtsDevDisk, device_blocks, "blocks"),
  RESERVED (FtsDevDisk, reserved),
  CRC (FtsDevDisk),
};

static const FtsField sock_fields[] = {
  TEXT (FtsSockDisk, magic),
  HEX (FtsSockDisk, volume_tag),
  NUMBER (FtsSockDisk, index),
  NAMED (FtsSockDisk, state, socket_states),
  NUMBER (FtsSockDisk, type),
  NUMBER (FtsSockDisk, backlog),
  TEXT (FtsSockDisk, local_system),
  TEXT (FtsSockDisk, local_group),
  NUMBER (FtsSockDisk, local_port),
  NUMBER (FtsSockDisk, peer_port),
  TEXT (FtsSockDisk, peer_system),
  TEXT (FtsSockDisk, peer_group),
  NUMBER (FtsSockDisk, owner_index),
  NUMBER (FtsSockDisk, slot),
  HEX (FtsSockDisk, owner_generation),
  HEX (FtsSockDisk, options),
  NUMBER (FtsSockDisk, version),
  RESERVED (FtsSockDisk, reserved),
  CRC (FtsSockDisk),
};

static const FtsField port_fields[] = {
  TEXT (FtsPortDisk, magic),        HEX (FtsPortDisk, volume_tag),
  NUMBER (FtsPortDisk, index),      NUMBER (FtsPortDisk, n_ports),
  BYTES (FtsPortDisk, entry),       NUMBER (FtsPortDisk, version),
  RESERVED (FtsPortDisk, reserved), CRC (FtsPortDisk),
};

static const FtsField head_fields[] = {
  TEXT (FtsHeadDisk, magic),
  HEX (FtsHeadDisk, volume_tag),
  NUMBER (FtsHeadDisk, slot),
  NAMED (FtsHeadDisk, direction, directions),
  NUMBER (FtsHeadDisk, epoch),
  NUMBER (FtsHeadDisk, published),
  NUMBER (FtsHeadDisk, consumed),
  NAMED (FtsHeadDisk, state, head_states),
  NAMED (FtsHeadDisk, status, con_rcs),
  NUMBER (FtsHeadDisk, resend_from),
  NUMBER (FtsHeadDisk, resend_count),
  NUMBER (FtsHeadDisk, request),
  NUMBER (FtsHeadDisk, heartbeat),
  NUMBER (FtsHeadDisk, inline_seq),
  UNIT (FtsHeadDisk, inline_len, "bytes"),
  FLAGS (FtsHeadDisk, inline_flags, segment_flags),
  RESERVED (FtsHeadDisk, reserved1),
  NUMBER (FtsHeadDisk, resend_served),
  RESERVED (FtsHeadDisk, reserved),
  CRC (FtsHeadDisk),
};

static const FtsField entry_fields[] = {
  NUMBER (FtsEntryDisk, ptr_process_segment_ptr),
  NUMBER (FtsEntryDisk, ptr_process_block_seq),
  FLAGS (FtsEntryDisk, ptr_process_segment_flg, segment_flags),
  NUMBER (FtsEntryDisk, ptr_process_req_id),
  UNIT (FtsEntryDisk, ptr_process_blk_read, "blocks"),
  UNIT (FtsEntryDisk, byte_len, "bytes"),
  CRC (FtsEntryDisk),
};

static const FtsField segment_fields[] = {
  TEXT (FtsSegDisk, magic),
  HEX (FtsSegDisk, volume_tag),
  NUMBER (FtsSegDisk, slot),
  NAMED (FtsSegDisk, direction, directions),
  NUMBER (FtsSegDisk, epoch),
  NUMBER (FtsSegDisk, sequence),
  NUMBER (FtsSegDisk, request),
  FLAGS (FtsSegDisk, flags, segment_flags),
  UNIT (FtsSegDisk, byte_len, "bytes"),
  HEX (FtsSegDisk, payload_crc),
  TIME (FtsSegDisk, time_stamp),
  RESERVED (FtsSegDisk, reserved),
  CRC (FtsSegDisk),
};

#define S(name, title, magic, other, type, fields, is_array, crc) \
  {                                                               \
    name, title, magic, other, sizeof (type), fields,             \
      sizeof (fields) / sizeof *(fields), is_array, crc           \
  }
#define RECORD_CRC (FTS_RECORD_LEN - 4)

const FtsStruct fts_dump_structs[] = {
  S ("mcb", "Master Control Block", FTS_MCB_ID_MASTER, FTS_MCB_ID_SECONDARY, FtsMcbDisk,
     mcb_fields, false, RECORD_CRC),
  S ("lock", "volume lock", FTS_LOCK_MAGIC, NULL, FtsLockDisk, lock_fields, false,
     RECORD_CRC),
  S ("host", "host table entry", FTS_HOST_MAGIC, NULL, FtsHostDisk, host_fields, false,
     RECORD_CRC),
  S ("pid", "Process Id Table entry", FTS_PID_MAGIC, NULL, FtsPidDisk, pid_fields,
     false, RECORD_CRC),
  S ("device", "Secondary Device Table entry", FTS_DEV_MAGIC, NULL, FtsDevDisk,
     dev_fields, false, RECORD_CRC),
  S ("socket", "socket control block", FTS_SOCK_MAGIC, NULL, FtsSockDisk, sock_fields,
     false, RECORD_CRC),
  S ("port", "port file block", FTS_PORT_MAGIC, NULL, FtsPortDisk, port_fields, false,
     RECORD_CRC),
  S ("head", "head of a pointer table", FTS_HEAD_MAGIC, NULL, FtsHeadDisk, head_fields,
     false, 0),
  S ("entry", "pointer table entries", NULL, NULL, FtsEntryDisk, entry_fields, true, 0),
  S ("segment", "header of a data segment", FTS_SEG_MAGIC, NULL, FtsSegDisk,
     segment_fields, false, RECORD_CRC),
};
const unsigned fts_dump_n_structs = G_N_ELEMENTS (fts_dump_structs);
