/* opening.h - a file is opened at the peer, alone, or together with those that are likely to be opened
 * next, or it was already (ahead.h); then the next ones are opened while it is read.
 *
 * One that was opened ahead is as good as one opened now while the peer tells of changes: it was
 * opened with the rights of the same caller, and a change of its data, its rights or its names would
 * have been told and ends it.  So nothing is opened ahead, and nothing is taken, where the peer does not
 * watch, with attr_timeout=0 (noac), or with O_DIRECT.
 *
 * Threads: any; one of its own, from the first time that it is needed, opens files meanwhile.
 */
#pragma once

#include "prog/ftsfs/ahead.h"
#include "prog/ftsfs/fs.h"

typedef struct FtsOpenings FtsOpenings;
FtsOpenings *fts_openings_new (FtsFs *fs);
void fts_openings_free (FtsOpenings *openings); /* before FS's store.  NULL is fine */

/* FTS_OPEN_* of O_*. */
uint32_t fts_opening_flags (int flags);

typedef struct {
  FtsInode *inode; /* a reference of the caller's */
  const FtsCaller *caller;
  int flags; /* O_* */
} FtsOpening;

/* OUT->first is an array in any case; the caller's. */
bool fts_opening_run (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out,
                      GError **error);
