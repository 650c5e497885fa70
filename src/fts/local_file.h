/* local_file.h - the receiving end of a whole-file transfer: a file that appears under its name
 * only when it is complete.
 *
 * Written under fts_wire_partial_name() beside the target, locked against a second transfer
 * (flock), renamed at the end.  Pieces come in order without gaps; a hole is left out of the
 * file.  What is interrupted stays for a later resume, what failed is removed.
 *
 * Threads: the one that made it.
 */
#pragma once

#include "fts/wire.h"

typedef struct FtsLocalFile FtsLocalFile;

/* Nothing is at TARGET, or it is a file that may be replaced; else EEXIST, EISDIR,
 * or EINVAL (a device, say). */
bool fts_local_file_check_target (const char *target, bool replace, GError **error);

/* Size of what an earlier transfer of SOURCE to TARGET left; 0 when there is nothing. */
uint64_t fts_local_file_partial_size (const char *target, const FtsAttr *source);

/* For a source with attributes SOURCE; the first FROM bytes are there already (0 = anew). */
FtsLocalFile *fts_local_file_new (const char *target, const FtsAttr *source,
                                  uint64_t from, GError **error);

bool fts_local_file_write (FtsLocalFile *file, const uint8_t *data, size_t len,
                           GError **error);
bool fts_local_file_skip (FtsLocalFile *file, uint64_t len, GError **error);
uint64_t fts_local_file_position (const FtsLocalFile *file);

/* Gives it the source's length, permissions and times, and its name. */
bool fts_local_file_finish (FtsLocalFile *file, bool replace, GError **error);

typedef enum {
  FTS_LOCAL_KEEP, /* what was written stays for a resume, unless that is nothing */
  FTS_LOCAL_REMOVE,
} FtsLocalFate;
/* Of a finished file nothing is kept or removed.  NULL is fine. */
void fts_local_file_free (FtsLocalFile *file, FtsLocalFate fate);
