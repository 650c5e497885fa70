/* pidtab.h - entries of the Process Id Table (FtsPidDisk, Fig. 5).
 *
 * encode/decode are pure.  load/store do one LUN command each; store() is called with the volume
 * lock held, by whoever owns the change (initiator: allocate, clear; connector: PROCESSING). */
#pragma once

#include "volume/disk.h"

#include <glib.h>
#include <stdbool.h>

typedef struct FtsVolume FtsVolume;

typedef struct {
  uint32_t pro_process_id;   /* slot, 1-based */
  uint32_t pro_flag_process; /* FTS_PRO_FLAG_* */
  FtsConRc pro_con_rc;
  FtsOsType pro_requestor_type;
  FtsOsType pro_requestee_type;
  FtsService service;
  uint64_t epoch;
  char pro_requestor[FTS_NAME_LEN];
  char pro_requestee[FTS_NAME_LEN];
  uint8_t pro_requestor_password[FTS_PROOF_LEN];
  uint8_t requestee_proof[FTS_PROOF_LEN];
  uint8_t requestor_nonce[FTS_NONCE_LEN];
  uint8_t requestee_nonce[FTS_NONCE_LEN];
  uint32_t requestor_index;
  uint32_t requestee_index;
  uint64_t requestor_generation;
  uint64_t requestee_generation;
  uint8_t pro_dtd[128];
  uint8_t InitM[128];
  uint64_t version;
} FtsPid;

void fts_pid_encode (const FtsPid *pid, uint64_t volume_tag, void *block,
                     size_t block_size);
/* False when magic, tag, CRC, slot number or an enum is wrong, or a name has no NUL. */
bool fts_pid_decode (const void *block, size_t len, uint64_t volume_tag, FtsPid *out);

/* One entry, SLOT 1-based.  A wrong CRC is read again a few times before FTS_ERROR_CORRUPT. */
bool fts_pidtab_load (FtsVolume *volume, uint32_t slot, FtsPid *out, GError **error);
/* All entries with one read; OUT has mcb->blk5_max_connections places; a damaged entry sets
 * its pro_process_id to 0 and is otherwise zero. */
bool fts_pidtab_load_all (FtsVolume *volume, FtsPid *out, GError **error);
/* Writes PID to its slot with version + 1 (also in *PID). */
bool fts_pidtab_store (FtsVolume *volume, FtsPid *pid, GError **error);
