/* rights.h - as whom the users of a peer work in an export: squash and map.
 *
 * In this order: with all_squash everybody is the anonymous user; with root_squash user and
 * group 0 are; then the export's map tells which user here a peer's is.  With a map, users that
 * it does not name are anonymous, and files of others belong to nobody in the peer's eyes.
 *
 * Only for a server that can be who it wants; another one is one user anyway.
 * Pure; any thread.
 */
#pragma once

#include "fts/idmap.h"

typedef enum {
  FTS_SQUASH_NONE,
  FTS_SQUASH_ROOT,
  FTS_SQUASH_ALL,
} FtsSquash;

typedef struct {
  FtsSquash squash;
  uint32_t anon_uid, anon_gid;
  FtsIdMap map; /* here = this host, there = the peer */
} FtsRights;

/* To be called when all is set: what the map does with users that it does not name. */
void fts_rights_complete (FtsRights *rights);
/* Are the peer's numbers used as they are? */
bool fts_rights_are_plain (const FtsRights *rights);
/* The users and groups that REQUEST names, as this host's: who asks, and a new owner. */
void fts_rights_apply (const FtsRights *rights, FtsRequest *request);
