/* fdcache.h - descriptors of files in use, found by handle, bounded in number.
 *
 * A pin is one file held open as O_PATH: every command on the file goes through it without
 * opening it again.  The cache keeps the pins used last; a pin that left the cache lives on until
 * its last user lets it go.  A directory's pin also lends out one descriptor for reading it, so
 * that page after page continues where the last one stopped.
 *
 * Invariants
 *  1. A handle that was found in the cache was verified when it was put in: the whole handle,
 *     its proof included, is the key.
 *  2. The cache holds at most `most` descriptors, those lent out aside.
 *  3. A cached descriptor keeps a removed file's space from being freed; so whoever removes a
 *     name drops the file's pin, and the sweep drops what was not used for a while.
 *
 * Threads: any; shards with a lock each, held for a table look-up.  `fd`, `type` and `handle` of
 * a pin are constant.
 */
#pragma once

#include "fts/wire.h"

#include <sys/types.h>

typedef struct FtsFdCache FtsFdCache;

typedef struct {
  int fd;      /* O_PATH */
  mode_t type; /* S_IFMT of st_mode: never changes */
  FtsHandle handle;
} FtsPin;

FtsFdCache *fts_fdcache_new (unsigned most);
void fts_fdcache_free (FtsFdCache *cache); /* all pins were let go */

/* NULL when it is not there. */
FtsPin *fts_fdcache_find (FtsFdCache *cache, const FtsHandle *handle);
/* Takes FD over; another thread's pin of the same handle wins over it. */
FtsPin *fts_fdcache_add (FtsFdCache *cache, const FtsHandle *handle, int fd,
                         mode_t type);
FtsPin *fts_fdcache_ref (FtsPin *pin);
void fts_fdcache_unref (FtsPin *pin); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsPin, fts_fdcache_unref)

void fts_fdcache_drop (FtsFdCache *cache, const FtsHandle *handle);
/* Drops what was not used within the last IDLE_US. */
void fts_fdcache_sweep (FtsFdCache *cache, int64_t idle_us);

/* The directory's spare reading descriptor, or -1; now the caller's alone. */
int fts_fdcache_take_dir (FtsPin *pin);
/* Gives a reading descriptor to whom it comes next; closed when there is one already. */
void fts_fdcache_give_dir (FtsPin *pin, int fd);

typedef struct {
  unsigned pins, descriptors;
  uint64_t hits, misses;
} FtsFdCacheStats;
void fts_fdcache_get_stats (FtsFdCache *cache, FtsFdCacheStats *out);
