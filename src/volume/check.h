/* check.h - is everything on the volume as the format says, and does it fit together?
 *
 * Every structure is decoded; segment numbers must be unique and those that placement gives;
 * connections must name host entries that exist.  Only reads.  On a volume in use a finding
 * counts when it is still there in a second look, because writers may be at work.
 *
 * Repair is for a volume that nobody uses: it restores what has a copy, frees what belongs to
 * nobody, and leaves alone what it cannot know.
 *
 * One thread.  Owner: the caller.
 */
#pragma once

#include "volume/peers.h"
#include "volume/volume.h"

typedef enum {
  FTS_FINDING_NOTE,    /* harmless: left by a dead process */
  FTS_FINDING_WARNING, /* works, but something is not as it should be */
  FTS_FINDING_DAMAGE,  /* a structure cannot be used */
} FtsFindingLevel;

typedef enum {
  FTS_REPAIR_NONE,
  FTS_REPAIR_ZERO,
  FTS_REPAIR_MCB,
  FTS_REPAIR_MCB_COPY,
  FTS_REPAIR_LOCK,
  FTS_REPAIR_HOST,
  FTS_REPAIR_PID,
  FTS_REPAIR_SOCKET,
  FTS_REPAIR_PORT,
  FTS_REPAIR_INITIATOR_TABLE,
  FTS_REPAIR_CONNECTOR_TABLE,
} FtsRepair;

typedef struct {
  FtsFindingLevel level;
  unsigned device; /* 0-based */
  uint64_t block;
  const char *structure; /* "host table" */
  uint32_t index;        /* entry, as people count it in that structure */
  char *what;
  FtsRepair repair;
  bool is_repaired;
} FtsFinding;

typedef struct {
  GPtrArray *findings; /* of FtsFinding */
  unsigned n_live;     /* members that were seen to be alive */
  uint64_t n_checked;  /* structures looked at */
} FtsCheck;

/* PEERS as observed; findings of a volume with live members are looked at twice. */
FtsCheck *fts_check_run (FtsVolume *volume, const FtsPeers *peers, GError **error);
void fts_check_free (FtsCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsCheck, fts_check_free)

/* Highest level found; *NONE is set when there is nothing. */
FtsFindingLevel fts_check_worst (const FtsCheck *check, bool *none);

/* Repairs what can be repaired and marks it.  Errors: IN_USE when a member may be alive. */
bool fts_check_repair (FtsVolume *volume, FtsCheck *check, const FtsPeers *peers,
                       GError **error);

const char *fts_finding_level_name (FtsFindingLevel level);
