/* who.h - whose rights count at the peer (FtsCaller), kept by value.
 *
 * Threads: none of its own; a plain value that points into itself: copy it by fts_who_set() alone.
 */
#pragma once

#include "fts/client.h"

#include <string.h>

typedef struct {
  FtsCaller caller;
  uint32_t groups[FTS_GROUPS_MAX];
} FtsWho;

/* CALLER may be WHO's own. */
static inline void
fts_who_set (FtsWho *who, const FtsCaller *caller)
{
  if (caller->n_groups > 0)
    memmove (who->groups, caller->groups, caller->n_groups * sizeof *caller->groups);
  who->caller = *caller;
  who->caller.groups = who->groups;
}
