/* check_pass.h - one look at the volume, shared by the parts of check.  One thread. */
#pragma once

#include "volume/check.h"
#include "volume/layout.h"
#include "volume/pidtab.h"

typedef struct {
  FtsVolume *volume;
  const FtsMcb *mcb;
  uint64_t tag;
  const FtsPeers *peers;
  FtsCheck *check;
  FtsRegion regions[FTS_N_REGIONS];
  uint8_t *control;       /* blocks from lock_ptr to the first segment */
  FtsPid *pids;           /* by slot - 1; zero where damaged */
  uint32_t damaged_hosts; /* bit set */
} FtsCheckPass;

/* Bytes of a control block; counts it as looked at. */
const uint8_t *fts_check_block (FtsCheckPass *pass, uint64_t lba);

/* Where a finding belongs. */
typedef struct {
  FtsRegionId region;
  uint32_t index;
  uint64_t block;
  FtsRepair repair;
} FtsCheckPlace;

void fts_check_add (FtsCheckPass *pass, FtsFindingLevel level, FtsCheckPlace place,
                    const char *format, ...) G_GNUC_PRINTF (4, 5);

/* Has this incarnation an entry in the host table, and is it not known to be dead? */
bool fts_check_is_member (const FtsCheckPass *pass, uint32_t index,
                          uint64_t generation);

bool fts_check_devices (FtsCheckPass *pass, GError **error);
void fts_check_tables (FtsCheckPass *pass);
bool fts_check_pointer_tables (FtsCheckPass *pass, GError **error);
