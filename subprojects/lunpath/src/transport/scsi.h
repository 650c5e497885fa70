/* transport/scsi.h - what transports that send real SCSI commands share.
 *
 * From a LunIo to its CDB, from status and sense to a LunResult, and the questions that are asked
 * of a LUN when a path to it is opened.  How a command travels is the transport's: it lends a
 * function that runs one and waits for its end.
 */
#pragma once

#include <lunpath/transport.h>

#include "base/cdb.h"

LunCdb lun_scsi_cdb (const LunIo *io);
LunDirection lun_scsi_direction (const LunIo *io);
/* SENSE as the LUN gave it (fixed or descriptor format); only looked at with CHECK CONDITION. */
LunResult lun_scsi_result (uint8_t status, const uint8_t *sense, size_t sense_len);

/* Runs one command to its end.  DATA of LEN bytes; what does not arrive stays as it is. */
typedef LunResult (*LunScsiRun) (LunTransport *transport, const LunCdb *cdb,
                                 LunDirection direction, void *data, size_t len);

typedef struct {
  uint32_t block_size;
  uint64_t n_blocks;
  uint32_t max_transfer_blocks; /* 0 = the LUN does not say */
} LunScsiLun;

/* INQUIRY, READ CAPACITY(16), VPD B0h.  Refuses what is no disk.  WHERE starts the messages. */
bool lun_scsi_probe (LunTransport *transport, LunScsiRun run, const char *where,
                     LunScsiLun *out, GError **error);

/* VPD 83h, and VPD 80h where that names the LUN not well enough.  Free with g_free(). */
char *lun_scsi_identify (LunTransport *transport, LunScsiRun run, const char *where,
                         GError **error);
