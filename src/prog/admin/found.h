/* found.h - what a search for devices found: devices with their paths, and what was left out.
 *
 * Owner: the command.  One thread.
 */
#pragma once

#include "prog/admin/command.h"
#include "volume/mcb.h"
#include "volume/text.h"

#include <lunpath/discover.h>

typedef struct {
  char *name; /* complete: with a secret that was in it */
  LunPathFacts facts;
} FtsFoundPath;

typedef struct {
  GPtrArray *paths; /* of FtsFoundPath, at least one */
  bool has_volume;
  FtsMcb mcb;    /* when it has */
  char *trouble; /* why that is not known; else NULL */
} FtsFound;

typedef struct {
  char *name; /* without a secret */
  char *reason;
} FtsSkipped;

typedef struct {
  GPtrArray *devices; /* of FtsFound, in the order of their first paths */
  GPtrArray *skipped; /* of FtsSkipped */
} FtsSearch;

/* Looks at each of the paths NAMES, and at the devices that they lead to. */
void fts_search_run (FtsSearch *search, const GPtrArray *names);
void fts_search_clear (FtsSearch *search);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsSearch, fts_search_clear)

/* What all paths of a device have in common. */
const LunPathFacts *fts_found_facts (const FtsFound *found);

/* The key file of VOLUME (its name or UUID), without any secret: a comment says where to put one.
 * Errors: NOT_FOUND (two such volumes, none, a device missing). */
char *fts_found_config (const FtsSearch *search, const char *volume, GError **error);
