/* cdb.h - SCSI command descriptor blocks and short parameter data: bytes to values and back.
 *
 * Pure functions, shared by the transports that send commands and the emulation that executes
 * them.  Sources: SPC-4 (INQUIRY, MODE SENSE, ...), SBC-3 (READ, WRITE, READ CAPACITY, COMPARE
 * AND WRITE).  Persistent reservations are in pr.h, vital product data in vpd.h.
 */
#pragma once

#include <lunpath/io.h>

typedef enum {
  LUN_SCSI_TEST_UNIT_READY = 0x00,
  LUN_SCSI_REQUEST_SENSE = 0x03,
  LUN_SCSI_READ_6 = 0x08,
  LUN_SCSI_WRITE_6 = 0x0a,
  LUN_SCSI_INQUIRY = 0x12,
  LUN_SCSI_RESERVE_6 = 0x16,
  LUN_SCSI_RELEASE_6 = 0x17,
  LUN_SCSI_MODE_SENSE_6 = 0x1a,
  LUN_SCSI_READ_CAPACITY_10 = 0x25,
  LUN_SCSI_READ_10 = 0x28,
  LUN_SCSI_WRITE_10 = 0x2a,
  LUN_SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
  LUN_SCSI_PERSISTENT_RESERVE_IN = 0x5e,
  LUN_SCSI_PERSISTENT_RESERVE_OUT = 0x5f,
  LUN_SCSI_READ_16 = 0x88,
  LUN_SCSI_COMPARE_AND_WRITE = 0x89,
  LUN_SCSI_WRITE_16 = 0x8a,
  LUN_SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
  LUN_SCSI_SERVICE_ACTION_IN_16 = 0x9e,
  LUN_SCSI_REPORT_LUNS = 0xa0,
  LUN_SCSI_MAINTENANCE_IN = 0xa3,
  LUN_SCSI_READ_12 = 0xa8,
  LUN_SCSI_WRITE_12 = 0xaa,
} LunScsiOpcode;

/* SERVICE ACTION IN(16) */
#define LUN_SCSI_SAI_READ_CAPACITY_16         0x10

/* MAINTENANCE IN */
#define LUN_SCSI_MI_REPORT_TARGET_PORT_GROUPS 0x0a

/* SAM-5 status bytes */
typedef enum {
  LUN_SCSI_GOOD = 0x00,
  LUN_SCSI_CHECK_CONDITION = 0x02,
  LUN_SCSI_BUSY = 0x08,
  LUN_SCSI_RESERVATION_CONFLICT = 0x18,
  LUN_SCSI_TASK_SET_FULL = 0x28,
  LUN_SCSI_ACA_ACTIVE = 0x30,
  LUN_SCSI_TASK_ABORTED = 0x40,
} LunScsiStatus;

typedef struct {
  uint8_t b[LUN_CDB_MAX];
  uint8_t len;
} LunCdb;

LunCdb lun_cdb_test_unit_ready (void);
LunCdb lun_cdb_request_sense (uint8_t alloc_len);
LunCdb lun_cdb_inquiry (uint16_t alloc_len);
LunCdb lun_cdb_inquiry_vpd (uint8_t page, uint16_t alloc_len);
LunCdb lun_cdb_mode_sense_6 (uint8_t page, uint8_t alloc_len);
LunCdb lun_cdb_report_luns (uint32_t alloc_len);
LunCdb lun_cdb_reserve_6 (void);
LunCdb lun_cdb_release_6 (void);
LunCdb lun_cdb_read_capacity_10 (void);
LunCdb lun_cdb_read_capacity_16 (uint32_t alloc_len);
LunCdb lun_cdb_read_16 (uint64_t lba, uint32_t blocks);
LunCdb lun_cdb_write_16 (uint64_t lba, uint32_t blocks);
/* blocks = 0: to the end of the LUN */
LunCdb lun_cdb_synchronize_cache_16 (uint64_t lba, uint32_t blocks);
LunCdb lun_cdb_compare_and_write (uint64_t lba, uint8_t blocks);

/* Length of a CDB by its opcode's group (SPC-4 4.3.2); 0 for groups without a fixed length. */
size_t lun_cdb_len (uint8_t opcode);

/* Where a READ, WRITE, SYNCHRONIZE CACHE or COMPARE AND WRITE goes. */
typedef struct {
  uint64_t lba;
  uint32_t blocks; /* READ(6) and WRITE(6): 1 to 256 */
  uint8_t protect; /* RDPROTECT or WRPROTECT */
  bool fua;        /* not in 6-byte commands */
} LunCdbRange;

/* False when CDB is none of these, or too short. */
bool lun_cdb_range (const uint8_t *cdb, size_t len, LunCdbRange *out);

/* Parameter data of READ CAPACITY(16), as far as it is used here. */
#define LUN_READ_CAPACITY_16_LEN 32

typedef struct {
  uint64_t n_blocks;
  uint32_t block_size;
  uint8_t physical_exponent; /* blocks in a physical block = 2^this */
} LunCapacity;

void lun_capacity_encode (const LunCapacity *capacity,
                          uint8_t out[LUN_READ_CAPACITY_16_LEN]);
bool lun_capacity_decode (const uint8_t *data, size_t len, LunCapacity *out);
