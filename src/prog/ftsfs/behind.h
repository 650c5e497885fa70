/* behind.h - bounded write-behind: data taken from the kernel and not yet at the peer.
 *
 * A write is copied into a chunk of up to 1 MiB and the kernel told that it is done; writes that
 * follow on fill the same chunk.  A full chunk is sent by one of a few threads; a chunk nobody
 * fills any more is sent after FTS_BEHIND_AGE_MS, or by whoever drains.
 *
 * Invariants
 *  1. Two chunks of one inode never overlap: a write that would first drains.  So chunks may be
 *     sent in any order and at once.
 *  2. At most `limit` bytes are held; a write that needs more waits.
 *  3. After fts_behind_drain (inode) everything written to it before the call is at the peer or
 *     its error is kept in the file it was written through.
 *
 * Who drains: whatever asks the peer about the inode's data, size or times, and flush (close).
 * So nobody but another host sees that data was late, and that host only before close.
 *
 * Threads: all calls from any thread.  One lock guards all chunks; nothing is sent and no data
 * is copied while it is held.
 */
#pragma once

#include "prog/ftsfs/buffers.h"
#include "prog/ftsfs/inodes.h"

#define FTS_BEHIND_AGE_MS 500

typedef struct FtsBehind FtsBehind;

/* Sends LEN bytes for FILE to OFFSET; keeps its own errors.  False: not sent, as nobody waits for
 * this thread any more; another one will.  Any thread. */
typedef bool (*FtsBehindSend) (void *file, uint64_t offset, const uint8_t *data,
                               size_t len, void *user_data);

typedef struct {
  FtsBuffers *buffers;
  size_t limit; /* bytes; at least FTS_BUFFER_LEN */
  unsigned threads;
  FtsBehindSend send;
  void *user_data;
} FtsBehindConfig;

FtsBehind *fts_behind_new (const FtsBehindConfig *config);
/* Sends what is left; nobody writes any more.  NULL is fine. */
void fts_behind_free (FtsBehind *behind);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsBehind, fts_behind_free)

/* Takes LEN <= FTS_BUFFER_LEN bytes.  FILE and INODE stay alive until drained (the caller's
 * business); FILE tells writers apart.  False when the thread was interrupted (fts/interrupt.h)
 * while it waited for room: nothing was taken. */
bool fts_behind_write (FtsBehind *behind, FtsInode *inode, void *file, uint64_t offset,
                       const uint8_t *data, size_t len);
/* False when the thread was interrupted: some is still on its way. */
bool fts_behind_drain (FtsBehind *behind, FtsInode *inode);
bool fts_behind_is_dirty (FtsBehind *behind, FtsInode *inode);
