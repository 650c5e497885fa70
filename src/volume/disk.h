/* disk.h - every structure that lies on a volume, byte for byte (design: doc/on-disk-format.md).
 *
 * A record starts on a block and fills one block, the 32-byte pointer-table entries aside; one
 * block is what a LUN writes atomically.  All records but the head use the first 512 bytes of
 * their block, the rest of a larger block is zero.  Integers are little-endian.  `crc` is the
 * CRC32C of the record's bytes before it, the head and segment header say otherwise below.
 * Reserved bytes are written as zero and ignored when read.
 *
 * Only encode and decode functions (the .c file of each record) look into these structs; the
 * rest of the program sees the host structs of their headers.
 */
#pragma once

#include "base/le.h"

#include <assert.h>
#include <stddef.h>

#define FTS_RECORD_LEN 512u /* bytes of a block that a record uses */
#define FTS_NAME_LEN   32u  /* host and volume names: up to 31 bytes and a NUL */
#define FTS_UUID_LEN   16u
#define FTS_PROOF_LEN  32u
#define FTS_NONCE_LEN  16u
#define FTS_MAX_HOSTS  32u

#define FTS_ZERO_BLOCK 4u /* zeroed by format (A2) */
#define FTS_MCB_BLOCK  5u /* Master Control Block, and its copy on secondary devices */

#define FTS_ASSERT_FIELD(type, field, off) \
  static_assert (offsetof (type, field) == (off), #type "." #field)

/* ---- Master Control Block (document 001, Fig. 4) ---- */
#define FTS_MCB_ID_MASTER    "MAS_EMC"
#define FTS_MCB_ID_SECONDARY "SEC_EMC"
#define FTS_MCB_VERSION      1u

typedef struct {
  char blk5_id[8];       /* 0   MAS_EMC or SEC_EMC, NUL-terminated */
  FtsLe32 blk5_version;  /* 8   of this structure */
  FtsLe32 blk5_dev_id;   /* 12  this device's entry in the Secondary Device
                                                 Table, 1-based; the master's is 1 */
  FtsLe32 blk5_seg_size; /* 16  blocks of a segment, header included */
  FtsLe32
    blk5_secondary_device_entrynum;  /* 20  devices of the volume, master included */
  FtsLe64 blk5_time_id;              /* 24  creation, microseconds since 1970 UTC */
  FtsLe64 blk5_tot_seg_num;          /* 32  segments on all devices */
  FtsLe64 blk5_process_id_table_ptr; /* 40  block */
  FtsLe64 blk5_secondary_device_table_ptr; /* 48 block */
  FtsLe64
    blk5_start_process_segment_ptr; /* 56  block of the initiator-to-connector tables */
  FtsLe64 blk5_mast_sec_start_segment_ptr; /* 64 block of this device's first segment */
  FtsLe32 blk5_max_connections;            /* 72 */
  FtsLe32 blk5_ptr_seg_per_process;        /* 76  n of multi-buffer (A13) */
  FtsLe32 blk5_maxptr;                     /* 80  entries of a pointer table */
  FtsLe32 block_size;                      /* 84  bytes */
  char blk5_unix_filename[128]; /* 88  name the master had when formatted; a hint */
  uint8_t volume_uuid[FTS_UUID_LEN]; /* 216 */
  char volume_name[FTS_NAME_LEN];    /* 232 */
  FtsLe64 features_compat;           /* 264 unknown bits: go on */
  FtsLe64 features_incompat;         /* 272 unknown bits: refuse to open */
  FtsLe32 lock_method;               /* 280 FtsLockMethod */
  FtsLe32 fence_mode;                /* 284 FtsFenceMode */
  FtsLe32 placement;                 /* 288 FtsPlacement */
  FtsLe32 max_hosts;                 /* 292 entries of the host table, 32 */
  FtsLe64 lock_ptr;                  /* 296 block */
  FtsLe64 host_table_ptr;            /* 304 block */
  FtsLe64 socket_table_ptr;          /* 312 block */
  FtsLe64 port_file_ptr;             /* 320 block */
  FtsLe64 initiator_tables_ptr;      /* 328 = blk5_start_process_segment_ptr */
  FtsLe64 connector_tables_ptr;      /* 336 block */
  FtsLe32 socket_entries;            /* 344 */
  FtsLe32 port_file_blocks;          /* 348 */
  FtsLe32 heartbeat_ms;              /* 352 */
  FtsLe32 dead_ms;                   /* 356 */
  FtsLe32 io_timeout_ms;             /* 360 longest time one I/O may stay under way */
  FtsLe32 format_generation;         /* 364 random, another one at each format */
  FtsLe64 device_blocks;   /* 368 blocks of this device that the volume uses */
  FtsLe64 placement_seed;  /* 376 of the random placement */
  FtsLe64 device_segments; /* 384 segments on this device */
  uint8_t reserved[116];   /* 392 zero */
  FtsLe32 crc;             /* 508 */
} FtsMcbDisk;
static_assert (sizeof (FtsMcbDisk) == FTS_RECORD_LEN, "FtsMcbDisk");
FTS_ASSERT_FIELD (FtsMcbDisk, blk5_unix_filename, 88);
FTS_ASSERT_FIELD (FtsMcbDisk, volume_uuid, 216);
FTS_ASSERT_FIELD (FtsMcbDisk, lock_ptr, 296);
FTS_ASSERT_FIELD (FtsMcbDisk, crc, 508);

/* ---- volume lock block (ours) ---- */
#define FTS_LOCK_MAGIC "FTSLOCK1"

typedef struct {
  char magic[8];            /* 0 */
  FtsLe64 volume_tag;       /* 8   first 8 bytes of the volume's UUID */
  FtsLe32 state;            /* 16  0 free, 1 held */
  FtsLe32 owner_index;      /* 20  host table entry */
  FtsLe64 owner_generation; /* 24 */
  FtsLe64 sequence;         /* 32  grows with every take and release */
  uint8_t reserved[468];    /* 40  zero */
  FtsLe32 crc;              /* 508 */
} FtsLockDisk;
static_assert (sizeof (FtsLockDisk) == FTS_RECORD_LEN, "FtsLockDisk");

/* ---- host table entry (ours) ---- */
#define FTS_HOST_MAGIC "FTSHOST1"

typedef struct {
  char magic[8];                   /* 0 */
  FtsLe64 volume_tag;              /* 8 */
  FtsLe32 index;                   /* 16  0-based place in the table */
  FtsLe32 state;                   /* 20  FtsHostState */
  FtsLe32 role;                    /* 24  FtsHostRole */
  FtsLe32 os_type;                 /* 28  FtsOsType */
  char name[FTS_NAME_LEN];         /* 32 */
  uint8_t host_uuid[FTS_UUID_LEN]; /* 64 */
  FtsLe64 generation;              /* 80  random at each start */
  FtsLe64 pr_key;                  /* 88  0 = none registered */
  FtsLe64 heartbeat;               /* 96  grows with each write */
  FtsLe32 heartbeat_ms;            /* 104 */
  FtsLe32 dead_ms;                 /* 108 */
  FtsLe32 io_timeout_ms;           /* 112 */
  FtsLe32 pid;                     /* 116 process id at its host, for people */
  char program[32];                /* 120 name and version */
  uint8_t nonce[FTS_NONCE_LEN];    /* 152 of this incarnation, for proofs */
  FtsLe64 pid_space;               /* 168 names boot and pid namespace; 0 = unknown */
  uint8_t reserved[332];           /* 176 zero */
  FtsLe32 crc;                     /* 508 */
} FtsHostDisk;
static_assert (sizeof (FtsHostDisk) == FTS_RECORD_LEN, "FtsHostDisk");
FTS_ASSERT_FIELD (FtsHostDisk, generation, 80);
FTS_ASSERT_FIELD (FtsHostDisk, nonce, 152);
FTS_ASSERT_FIELD (FtsHostDisk, pid_space, 168);

/* ---- Process Id Table entry (document 001, Fig. 5) ---- */
#define FTS_PID_MAGIC "FTSPROC1"

typedef struct {
  char magic[8];                                 /* 0 */
  FtsLe64 volume_tag;                            /* 8 */
  FtsLe32 pro_process_id;                        /* 16  1-based slot number */
  FtsLe32 pro_flag_process;                      /* 20  FTS_PRO_FLAG_* */
  FtsLe32 pro_con_rc;                            /* 24  FtsConRc */
  FtsLe32 pro_requestor_type;                    /* 28  FtsOsType */
  FtsLe32 pro_requestee_type;                    /* 32  FtsOsType */
  FtsLe32 service;                               /* 36  FtsService */
  FtsLe64 epoch;                                 /* 40  grows with each allocation */
  char pro_requestor[FTS_NAME_LEN];              /* 48 */
  char pro_requestee[FTS_NAME_LEN];              /* 80 */
  uint8_t pro_requestor_password[FTS_PROOF_LEN]; /* 112 a proof, never a password */
  uint8_t requestee_proof[FTS_PROOF_LEN];        /* 144 */
  uint8_t requestor_nonce[FTS_NONCE_LEN];        /* 176 */
  uint8_t requestee_nonce[FTS_NONCE_LEN];        /* 192 */
  FtsLe32 requestor_index;                       /* 208 host table entries */
  FtsLe32 requestee_index;                       /* 212 */
  FtsLe64 requestor_generation;                  /* 216 */
  FtsLe64 requestee_generation;                  /* 224 */
  uint8_t pro_dtd[128]; /* 232 initiator-to-connector command area */
  uint8_t InitM[128];   /* 360 connector-to-initiator command area */
  FtsLe64 version;      /* 488 grows with each write of the entry */
  uint8_t reserved[12]; /* 496 zero */
  FtsLe32 crc;          /* 508 */
} FtsPidDisk;
static_assert (sizeof (FtsPidDisk) == FTS_RECORD_LEN, "FtsPidDisk");
FTS_ASSERT_FIELD (FtsPidDisk, pro_dtd, 232);
FTS_ASSERT_FIELD (FtsPidDisk, version, 488);

/* ---- Secondary Device Table entry (document 001, Fig. 6) ---- */
#define FTS_DEV_MAGIC "FTSDEVT1"

typedef struct {
  char magic[8];           /* 0 */
  FtsLe64 volume_tag;      /* 8 */
  FtsLe32 index;           /* 16  1-based; 1 is the master device */
  FtsLe32 reserved1;       /* 20  zero */
  char sec_dev_id[256];    /* 24  SCSI identity (VPD 83h) as text, NUL-terminated */
  FtsLe64 sec_str_seg_ptr; /* 280 block of the first segment on the device */
  FtsLe64 sec_seg_number_for_device; /* 288 segments on the device */
  FtsLe64 sec_start_segment_number;  /* 296 number of its first segment, 1-based */
  FtsLe64 device_blocks;             /* 304 */
  uint8_t reserved[196];             /* 312 zero */
  FtsLe32 crc;                       /* 508 */
} FtsDevDisk;
static_assert (sizeof (FtsDevDisk) == FTS_RECORD_LEN, "FtsDevDisk");
FTS_ASSERT_FIELD (FtsDevDisk, sec_str_seg_ptr, 280);

/* ---- STP socket control block and port file ---- */
#define FTS_SOCK_MAGIC "FTSSOCK1"
#define FTS_PORT_MAGIC "FTSPORT1"

typedef struct {
  char magic[8];                   /* 0 */
  FtsLe64 volume_tag;              /* 8 */
  FtsLe32 index;                   /* 16 1-based */
  FtsLe32 state;                   /* 20 FtsSocketState, 0 = free */
  FtsLe32 type;                    /* 24 SOCK_STREAM = 1 */
  FtsLe32 backlog;                 /* 28 */
  char local_system[FTS_NAME_LEN]; /* 32 */
  char local_group[FTS_NAME_LEN];  /* 64 */
  FtsLe32 local_port;              /* 96 */
  FtsLe32 peer_port;               /* 100 */
  char peer_system[FTS_NAME_LEN];  /* 104 */
  char peer_group[FTS_NAME_LEN];   /* 136 */
  FtsLe32 owner_index;             /* 168 host table entry */
  FtsLe32 slot;                    /* 172 connection, 0 = none */
  FtsLe64 owner_generation;        /* 176 */
  FtsLe64 options;                 /* 184 bit set */
  FtsLe64 version;                 /* 192 grows with each write */
  uint8_t reserved[308];           /* 200 zero */
  FtsLe32 crc;                     /* 508 */
} FtsSockDisk;
static_assert (sizeof (FtsSockDisk) == FTS_RECORD_LEN, "FtsSockDisk");

#define FTS_PORTS_PER_BLOCK 100u

typedef struct {
  char magic[8];      /* 0 */
  FtsLe64 volume_tag; /* 8 */
  FtsLe32 index;      /* 16 0-based block of the port file */
  FtsLe32 n_ports;    /* 20 entries in use, packed at the front */
  struct {
    FtsLe16 port;
    FtsLe16 socket;             /* socket table index of the owner */
  } entry[FTS_PORTS_PER_BLOCK]; /* 24 */
  FtsLe64 version;              /* 424 */
  uint8_t reserved[76];         /* 432 zero */
  FtsLe32 crc;                  /* 508 */
} FtsPortDisk;
static_assert (sizeof (FtsPortDisk) == FTS_RECORD_LEN, "FtsPortDisk");

/* ---- Process Segment Pointer Table (document 001, Fig. 7) ----
 * A table = head block, then entry blocks with block_size / 32 entries each. */
typedef struct {
  FtsLe64
    ptr_process_segment_ptr;     /* 0  segment number, 1-based, fixed at format time */
  FtsLe64 ptr_process_block_seq; /* 8  sequence number; 0 = never used in this epoch */
  FtsLe16 ptr_process_segment_flg; /* 16 FTS_SEG_FLAG_* */
  FtsLe16 ptr_process_req_id;      /* 18 request number modulo 16 */
  FtsLe32 ptr_process_blk_read; /* 20 blocks of the segment in use, header included */
  FtsLe32 byte_len;             /* 24 payload bytes */
  FtsLe32 crc;                  /* 28 CRC32C of the bytes before, of the slot's epoch
                                         (8 bytes, LE) and of the volume tag */
} FtsEntryDisk;
static_assert (sizeof (FtsEntryDisk) == 32, "FtsEntryDisk");

#define FTS_HEAD_MAGIC "FTSHEAD1"
#define FTS_HEAD_FIXED 128u /* bytes before the inline area */

typedef struct {
  char magic[8];         /* 0 */
  FtsLe64 volume_tag;    /* 8 */
  FtsLe32 slot;          /* 16  1-based */
  FtsLe32 direction;     /* 20  FtsDirection */
  FtsLe64 epoch;         /* 24 */
  FtsLe64 published;     /* 32  newest sequence number this side has written */
  FtsLe64 consumed;      /* 40  newest of the peer's that this side has read */
  FtsLe32 state;         /* 48  FtsHeadState */
  FtsLe32 status;        /* 52  why, where state is reset: FtsConRc */
  FtsLe64 resend_from;   /* 56  re-send request: from this sequence number; 0 = none */
  FtsLe32 resend_count;  /* 64  grows with each request, so that a repeat is seen */
  FtsLe32 request;       /* 68  running request number of the inline message */
  FtsLe64 heartbeat;     /* 72  grows with each write of the head */
  FtsLe64 inline_seq;    /* 80  sequence number of the inline message; 0 = none */
  FtsLe32 inline_len;    /* 88  bytes */
  FtsLe16 inline_flags;  /* 92  FTS_SEG_FLAG_* */
  uint8_t reserved1[2];  /* 94  zero */
  FtsLe32 resend_served; /* 96  the peer's resend_count that this side has acted on */
  uint8_t reserved[24];  /* 100 zero */
  FtsLe32 crc;           /* 124 of bytes 0..123 and of the inline bytes in use */
  uint8_t inline_area[]; /* 128 to the end of the block */
} FtsHeadDisk;
static_assert (sizeof (FtsHeadDisk) == FTS_HEAD_FIXED, "FtsHeadDisk");
FTS_ASSERT_FIELD (FtsHeadDisk, inline_seq, 80);
FTS_ASSERT_FIELD (FtsHeadDisk, crc, 124);

/* ---- data segment: header block, then payload from the next block on ---- */
#define FTS_SEG_MAGIC "FTSSEGM1"

typedef struct {
  char magic[8];         /* 0 */
  FtsLe64 volume_tag;    /* 8 */
  FtsLe32 slot;          /* 16 */
  FtsLe32 direction;     /* 20 */
  FtsLe64 epoch;         /* 24 */
  FtsLe64 sequence;      /* 32 */
  FtsLe32 request;       /* 40  running request number */
  FtsLe32 flags;         /* 44  FTS_SEG_FLAG_* */
  FtsLe32 byte_len;      /* 48  payload bytes */
  FtsLe32 payload_crc;   /* 52 */
  FtsLe64 time_stamp;    /* 56  microseconds since 1970 at the writer; for people */
  uint8_t reserved[444]; /* 64  zero */
  FtsLe32 crc;           /* 508 */
} FtsSegDisk;
static_assert (sizeof (FtsSegDisk) == FTS_RECORD_LEN, "FtsSegDisk");

/* ---- values ---- */
enum {
  FTS_PRO_FLAG_ALLOCATED = 1u << 0,
  FTS_PRO_FLAG_PROCESSING = 1u << 1,
  FTS_PRO_FLAG_MVS = 1u << 2,
};

enum {
  FTS_SEG_FLAG_LAST = 0x20,      /* last segment of a message */
  FTS_SEG_FLAG_INITIATOR = 0x40, /* valid data in the initiator's table */
  FTS_SEG_FLAG_CONNECTOR = 0x80, /* valid data in the connector's table */
};

typedef enum {
  FTS_OS_UNKNOWN = 0,
  FTS_OS_UNIX = 1,
  FTS_OS_TEXT = 2,
  FTS_OS_NT = 3,
  FTS_OS_TPF = 4,
} FtsOsType;

typedef enum {
  FTS_DIRECTION_INITIATOR = 0, /* initiator to connector */
  FTS_DIRECTION_CONNECTOR = 1,
} FtsDirection;

typedef enum {
  FTS_SERVICE_FILES = 1,
  FTS_SERVICE_SOCKET = 2,
} FtsService;

/* pro_con_rc, and the status of a reset head. */
typedef enum {
  FTS_CON_OK = 0,
  FTS_CON_PENDING = 1, /* not accepted yet */
  FTS_CON_DENIED = 2,  /* wrong proof, or the peer has no right here */
  FTS_CON_BUSY = 3,    /* the connector serves no more connections now */
  FTS_CON_NO_SERVICE = 4,
  FTS_CON_VERSION = 5,
  FTS_CON_PROTOCOL = 6, /* the peer broke the protocol */
  FTS_CON_DAMAGED = 7,  /* too many roll-backs */
  FTS_CON_SHUTDOWN = 8, /* the process ends */
} FtsConRc;

typedef enum {
  FTS_HEAD_OPEN = 0,
  FTS_HEAD_CLOSING = 1,
  FTS_HEAD_CLOSED = 2,
  FTS_HEAD_RESET = 3,
} FtsHeadState;

typedef enum {
  FTS_HOST_FREE = 0,
  FTS_HOST_JOINING = 1,
  FTS_HOST_ACTIVE = 2,
  FTS_HOST_LEAVING = 3,
  FTS_HOST_FENCED = 4,
} FtsHostState;

typedef enum {
  FTS_ROLE_SERVER = 1,
  FTS_ROLE_MOUNT = 2,
  FTS_ROLE_CLIENT = 3,
  FTS_ROLE_ADMIN = 4,
} FtsHostRole;

typedef enum {
  FTS_LOCK_FILE = 1,
  FTS_LOCK_CAW = 2,
  FTS_LOCK_PR = 3,
  FTS_LOCK_SCSI2 = 4,
  FTS_LOCK_DELAY = 5,
} FtsLockMethod;

typedef enum {
  FTS_FENCE_OFF = 0,
  FTS_FENCE_ALL_REGISTRANTS = 1,
  FTS_FENCE_REGISTRANTS_ONLY = 2,
} FtsFenceMode;

typedef enum {
  FTS_PLACE_RANDOM = 0,
  FTS_PLACE_STRIPED = 1,
  FTS_PLACE_CHUNKED = 2,
} FtsPlacement;

typedef enum {
  FTS_SOCKET_FREE = 0,
  FTS_SOCKET_UNBOUND = 1,
  FTS_SOCKET_BOUND = 2,
  FTS_SOCKET_LISTENING = 3,
  FTS_SOCKET_CONNECTING = 4,
  FTS_SOCKET_CONNECTED = 5,
  FTS_SOCKET_CLOSING = 6,
} FtsSocketState;
