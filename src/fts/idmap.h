/* idmap.h - users and groups that have other numbers at the other end.
 *
 * A table has pairs (here, there) and a rule for the numbers that stand in none: they stay as
 * they are, or all become one number a direction.  A map is a table of users and one of groups.
 * A mount maps what goes out "to there" and what comes back "to here"; a server that maps its
 * peers' numbers does the same the other way round.
 *
 * A file of pairs has a line each, NAME:NUMBER (as sshfs's uidfile): the name or number of a
 * user or group of this host, and the number it has at the other end.  Empty lines and those
 * that begin with '#' count for nothing.
 *
 * Constant after load; then any thread.  Errors: FTS_ERROR_CONFIG with file and line.
 */
#pragma once

#include "fts/wire.h"

#include <glib.h>

#define FTS_IDMAP_NOBODY 65534u

typedef struct {
  GHashTable *there_of; /* here -> there; NULL = no pairs */
  GHashTable *here_of;
  bool rest_is_one; /* numbers without a pair become the two below; else they stay */
  uint32_t rest_there, rest_here;
} FtsIdTable;

typedef struct {
  FtsIdTable users, groups;
} FtsIdMap;

typedef enum {
  FTS_ID_USERS,
  FTS_ID_GROUPS,
} FtsIdKind;

void fts_idmap_clear (FtsIdMap *map);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsIdMap, fts_idmap_clear)

/* Is there nothing to do? */
bool fts_idmap_is_identity (const FtsIdMap *map);
void fts_idmap_add (FtsIdTable *table, uint32_t here, uint32_t there);
void fts_idmap_set_rest (FtsIdTable *table, uint32_t here, uint32_t there);
/* Adds the pairs of FILE to the table KIND of MAP. */
bool fts_idmap_load (FtsIdMap *map, FtsIdKind kind, const char *file, GError **error);

uint32_t fts_idmap_to_there (const FtsIdTable *table, uint32_t here);
uint32_t fts_idmap_to_here (const FtsIdTable *table, uint32_t there);
/* Owner and group of ATTR. */
void fts_idmap_attr_to_here (const FtsIdMap *map, FtsAttr *attr);
void fts_idmap_attr_to_there (const FtsIdMap *map, FtsAttr *attr);

typedef uint32_t (*FtsIdFunc) (const FtsIdTable *table, uint32_t id);
/* The users and groups that a POSIX ACL names, by FUNC; NAME is the attribute's, and what is no
 * ACL stays as it is. */
void fts_idmap_acl (const FtsIdMap *map, FtsIdFunc func, const char *name,
                    uint8_t *bytes, size_t len);
