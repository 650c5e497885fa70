/* stats.h - counters of a mount as JSON: requests by operation, messages, LUN commands. */
#pragma once

#include "prog/ftsfs/fs.h"
#include "volume/volume.h"

/* The text; free it. */
char *fts_mount_stats (FtsFs *fs, FtsVolume *volume);
/* Replaces FILE by it, whole or not at all. */
bool fts_mount_stats_write (FtsFs *fs, FtsVolume *volume, const char *file,
                            GError **error);
