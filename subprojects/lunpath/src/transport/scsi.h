/* transport/scsi.h - what transports that send real SCSI commands share.
 *
 * From a LunIo to its CDB, from status and sense to a LunResult, and the questions that are asked
 * of a LUN when a path to it is opened.  How a command travels is the transport's: it lends a
 * function that runs one and waits for its end.
 */
#pragma once

#include <lunpath/transport.h>

#include "base/alua.h"
#include "base/cdb.h"

LunCdb lun_scsi_cdb (const LunIo *io);
LunDirection lun_scsi_direction (const LunIo *io);
/* SENSE as the LUN gave it (fixed or descriptor format); only looked at with CHECK CONDITION. */
LunResult lun_scsi_result (uint8_t status, const uint8_t *sense, size_t sense_len);

/* The option "depth" of a path whose commands block its threads: 1 to 16 (what an sg node takes), by
 * default 8.  Refuses all other options. */
bool lun_scsi_depth (const LunPathName *name, uint64_t *depth, GError **error);

/* Runs one command to its end.  DATA of LEN bytes; what does not arrive stays as it is.
 * TARGET is what the one who asks hands over. */
typedef LunResult (*LunScsiRun) (void *target, const LunCdb *cdb,
                                 LunDirection direction, void *data, size_t len);

typedef struct {
  uint32_t
    block_size; /* 0, like n_blocks: a reservation conflict, the target does not tell */
  uint64_t n_blocks;
  uint32_t max_transfer_blocks; /* 0 = the LUN does not say */
} LunScsiLun;

/* INQUIRY, READ CAPACITY(16), VPD B0h.  Refuses what is no disk.  WHERE starts the messages. */
bool lun_scsi_probe (void *target, LunScsiRun run, const char *where, LunScsiLun *out,
                     GError **error);

/* VPD 83h, and VPD 80h where that names the LUN not well enough.  Free with g_free(). */
char *lun_scsi_identify (void *target, LunScsiRun run, const char *where,
                         GError **error);

/* The state of the target port group of the port that answers; false where the LUN has no groups or
 * does not tell. */
bool lun_scsi_group_state (void *target, LunScsiRun run, LunAlua *state);

/* A question whose answer is data, sent again after unit attentions; true when it was answered. */
bool lun_scsi_ask (void *target, LunScsiRun run, LunCdb cdb, void *data, size_t len);
