/* people.h - users of this host and of the server's: idmap=, uid=, gid=, umask= and their like.
 *
 * Two things, in this order on the way to the kernel: numbers of the server become numbers of
 * this host (the map, both ways: who asks, owners, ACL); then what uid=, gid=, umask=, fmask= and
 * dmask= say is shown instead (one way: changes of programs go to the server).
 *
 *   idmap=none    numbers are the same on both hosts
 *   idmap=user    the mount's user and the owner of the export's directory are one; others as none
 *   idmap=file    by uidfile= and gidfile=
 *   idmap=squash  everybody here works as one user there, and all that is there belongs to the
 *                 mount's user here; the server alone judges, by the rights of that one user
 *
 * The mount's user is who runs ftsfs; with idmap=user and idmap=squash uid= and gid= name another.
 *
 * Constant after fts_people_init(); any thread.  Errors: FTS_ERROR_CONFIG.
 */
#pragma once

#include "fts/client.h"
#include "fts/idmap.h"
#include "prog/ftsfs/options.h"

#include <sys/stat.h>

typedef struct {
  FtsIdMap map; /* here = this host, there = the server */
  bool is_one;  /* idmap=squash: nobody has further groups */
  bool has_masks;
  uint32_t uid, gid;            /* shown; FTS_NO_ID = as it is */
  uint32_t file_mode, dir_mode; /* permission bits shown, when has_masks */
} FtsPeople;

/* ROOT: attributes of the export's directory. */
bool fts_people_init (FtsPeople *people, const FtsMountOptions *options,
                      const FtsAttr *root, GError **error);
void fts_people_clear (FtsPeople *people);

/* CALLER becomes a user of the server; its groups are in GROUPS. */
void fts_people_send (const FtsPeople *people, FtsCaller *caller, uint32_t *groups);
/* Owner, group and mode of ST as they are shown here. */
void fts_people_show (const FtsPeople *people, struct stat *st);
/* Is what is shown another than what the server judges by?  Then its ACL mean nothing here. */
bool fts_people_hide_acl (const FtsPeople *people);
