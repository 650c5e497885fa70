/* known.h - what the peer said last about the whole file system and its root.
 *
 * df and whoever looks at the mount point must never hang: when the peer does not answer within
 * FTS_KNOWN_WAIT_MS they get this.  Threads: any; one lock.
 */
#pragma once

#include "fts/wire.h"

#include <pthread.h>

#define FTS_KNOWN_WAIT_MS 2000u

typedef struct {
  pthread_mutex_t lock; /* all below */
  bool has_statfs, has_root;
  FtsStatfs statfs;
  FtsAttr root;
} FtsKnown;

void fts_known_init (FtsKnown *known);
void fts_known_clear (FtsKnown *known);

void fts_known_set_statfs (FtsKnown *known, const FtsStatfs *statfs);
void fts_known_set_root (FtsKnown *known, const FtsAttr *root);
/* False when nothing is known yet. */
bool fts_known_statfs (FtsKnown *known, FtsStatfs *out);
bool fts_known_root (FtsKnown *known, FtsAttr *out);
