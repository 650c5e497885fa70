#include "base/cdb.h"

#include "base/be.h"

#include <string.h>

static LunCdb
cdb_new (LunScsiOpcode opcode)
{
  LunCdb cdb = { .len = (uint8_t) lun_cdb_len ((uint8_t) opcode) };

  cdb.b[0] = (uint8_t) opcode;
  return cdb;
}

static LunCdb
cdb_new_16 (LunScsiOpcode opcode, uint64_t lba, uint32_t blocks)
{
  LunCdb cdb = cdb_new (opcode);

  lun_be64_put (cdb.b + 2, lba);
  lun_be32_put (cdb.b + 10, blocks);
  return cdb;
}

LunCdb
lun_cdb_test_unit_ready (void)
{
  return cdb_new (LUN_SCSI_TEST_UNIT_READY);
}

LunCdb
lun_cdb_request_sense (uint8_t alloc_len)
{
  LunCdb cdb = cdb_new (LUN_SCSI_REQUEST_SENSE);

  cdb.b[4] = alloc_len;
  return cdb;
}

LunCdb
lun_cdb_inquiry (uint16_t alloc_len)
{
  LunCdb cdb = cdb_new (LUN_SCSI_INQUIRY);

  lun_be16_put (cdb.b + 3, alloc_len);
  return cdb;
}

LunCdb
lun_cdb_inquiry_vpd (uint8_t page, uint16_t alloc_len)
{
  LunCdb cdb = lun_cdb_inquiry (alloc_len);

  cdb.b[1] = 0x01; /* EVPD */
  cdb.b[2] = page;
  return cdb;
}

LunCdb
lun_cdb_mode_sense_6 (uint8_t page, uint8_t alloc_len)
{
  LunCdb cdb = cdb_new (LUN_SCSI_MODE_SENSE_6);

  cdb.b[1] = 0x08; /* DBD: no block descriptors */
  cdb.b[2] = page & 0x3f;
  cdb.b[4] = alloc_len;
  return cdb;
}

LunCdb
lun_cdb_report_luns (uint32_t alloc_len)
{
  LunCdb cdb = cdb_new (LUN_SCSI_REPORT_LUNS);

  lun_be32_put (cdb.b + 6, alloc_len);
  return cdb;
}

LunCdb
lun_cdb_reserve_6 (void)
{
  return cdb_new (LUN_SCSI_RESERVE_6);
}

LunCdb
lun_cdb_release_6 (void)
{
  return cdb_new (LUN_SCSI_RELEASE_6);
}

LunCdb
lun_cdb_read_capacity_10 (void)
{
  return cdb_new (LUN_SCSI_READ_CAPACITY_10);
}

LunCdb
lun_cdb_read_capacity_16 (uint32_t alloc_len)
{
  LunCdb cdb = cdb_new (LUN_SCSI_SERVICE_ACTION_IN_16);

  cdb.b[1] = LUN_SCSI_SAI_READ_CAPACITY_16;
  lun_be32_put (cdb.b + 10, alloc_len);
  return cdb;
}

LunCdb
lun_cdb_read_16 (uint64_t lba, uint32_t blocks)
{
  return cdb_new_16 (LUN_SCSI_READ_16, lba, blocks);
}

LunCdb
lun_cdb_write_16 (uint64_t lba, uint32_t blocks)
{
  return cdb_new_16 (LUN_SCSI_WRITE_16, lba, blocks);
}

LunCdb
lun_cdb_synchronize_cache_16 (uint64_t lba, uint32_t blocks)
{
  return cdb_new_16 (LUN_SCSI_SYNCHRONIZE_CACHE_16, lba, blocks);
}

LunCdb
lun_cdb_compare_and_write (uint64_t lba, uint8_t blocks)
{
  LunCdb cdb = cdb_new (LUN_SCSI_COMPARE_AND_WRITE);

  lun_be64_put (cdb.b + 2, lba);
  cdb.b[13] = blocks;
  return cdb;
}

size_t
lun_cdb_len (uint8_t opcode)
{
  static const uint8_t by_group[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

  return by_group[opcode >> 5];
}

bool
lun_cdb_range (const uint8_t *cdb, size_t len, LunCdbRange *out)
{
  if (len == 0 || len < lun_cdb_len (cdb[0]))
    return false;

  switch (cdb[0]) {
  case LUN_SCSI_READ_6:
  case LUN_SCSI_WRITE_6:
    *out = (LunCdbRange){ .lba = lun_be24_get (cdb + 1) & 0x1fffff,
                          .blocks = cdb[4] ? cdb[4] : 256 };
    return true;
  case LUN_SCSI_READ_10:
  case LUN_SCSI_WRITE_10:
  case LUN_SCSI_SYNCHRONIZE_CACHE_10:
    *out =
      (LunCdbRange){ .lba = lun_be32_get (cdb + 2), .blocks = lun_be16_get (cdb + 7) };
    break;
  case LUN_SCSI_READ_12:
  case LUN_SCSI_WRITE_12:
    *out =
      (LunCdbRange){ .lba = lun_be32_get (cdb + 2), .blocks = lun_be32_get (cdb + 6) };
    break;
  case LUN_SCSI_READ_16:
  case LUN_SCSI_WRITE_16:
  case LUN_SCSI_SYNCHRONIZE_CACHE_16:
    *out =
      (LunCdbRange){ .lba = lun_be64_get (cdb + 2), .blocks = lun_be32_get (cdb + 10) };
    break;
  case LUN_SCSI_COMPARE_AND_WRITE:
    *out = (LunCdbRange){ .lba = lun_be64_get (cdb + 2), .blocks = cdb[13] };
    break;
  default:
    return false;
  }
  out->protect = cdb[1] >> 5;
  out->fua = cdb[1] & 0x08;
  return true;
}

void
lun_capacity_encode (const LunCapacity *capacity, uint8_t out[LUN_READ_CAPACITY_16_LEN])
{
  memset (out, 0, LUN_READ_CAPACITY_16_LEN);
  lun_be64_put (out, capacity->n_blocks - 1);
  lun_be32_put (out + 8, capacity->block_size);
  out[13] = capacity->physical_exponent & 0x0f;
}

bool
lun_capacity_decode (const uint8_t *data, size_t len, LunCapacity *out)
{
  if (len < 12)
    return false;
  *out = (LunCapacity){ .n_blocks = lun_be64_get (data) + 1,
                        .block_size = lun_be32_get (data + 8),
                        .physical_exponent = len > 13 ? data[13] & 0x0f : 0 };
  return out->n_blocks != 0 && out->block_size != 0;
}
