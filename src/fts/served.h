/* served.h - what a server serves now: its exports, each with the handles of its files.
 *
 * The whole is replaced at once when the configuration was read again.  An export that stays the
 * same place keeps its handles and with them all that mounts have open; only what it allows is
 * new.  Who holds a reference to an old one finishes the command that it was taken for.
 *
 * The generation grows with each replacement: a connection remembers the one it chose its export
 * at, and chooses again by name when it has changed (server.c).
 *
 * Threads: any; a mutex guards the list.
 */
#pragma once

#include "fts/handles.h"
#include "fts/local.h"

typedef struct {
  int refs; /* atomic */
  FtsExport *export;
  FtsHandles *handles;
  FtsLocalWay way; /* how changes that other programs of this host make are seen */
} FtsServed;

void fts_served_unref (FtsServed *served); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsServed, fts_served_unref)

typedef struct FtsServedSet FtsServedSet;

/* EXPORTS must live until they were replaced or the set was freed; CONFIG is copied; LOCAL outlives the
 * set. */
FtsServedSet *fts_served_new (const FtsExports *exports, const FtsHandlesConfig *config,
                              FtsLocal *local, GError **error);
void fts_served_free (FtsServedSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsServedSet, fts_served_free)

/* From here on EXPORTS are served.  False: one of them cannot be, and nothing has changed. */
bool fts_served_replace (FtsServedSet *set, const FtsExports *exports, GError **error);
uint64_t fts_served_generation (FtsServedSet *set);

/* A reference to the export NAME for PEER, and the generation it is of.  NULL: *FAILED is ENOENT
 * where there is none, or EACCES. */
FtsServed *fts_served_find (FtsServedSet *set, const char *name, const char *peer,
                            uint64_t *generation, int *failed);
/* A copy of fts_exports_secret_of()'s answer. */
char *fts_served_secret_of (FtsServedSet *set, const char *peer);

void fts_served_sweep (FtsServedSet *set, int64_t idle_us);
void fts_served_get_stats (FtsServedSet *set, FtsFdCacheStats *out); /* all together */
