/* session.h - what one client incarnation has open at the server.
 *
 * All connections of one process (host-table index and generation) share a session; it lives as
 * long as one of them does.  Open files are named by open_id.
 *
 * An open_id tells the start of this host (16 bits of a hash of its boot id), the rights and
 * modes of the open file (5 bits), and a number that grows with every open since the host
 * started (43 bits), also over restarts of the server.  So a client whose session is gone -
 * the server was started again, or every connection broke - may have its file opened again by
 * handle under the same id: nothing that it wrote was lost.  After a restart of the host it may
 * not: writes that were not synced may be lost, and the client must learn of it.
 *
 * Threads: any; the table of sessions and each session have a lock of their own, table first.
 * An open file is used by any number of threads at once; its descriptor is closed when it was
 * closed and the last user let it go.
 */
#pragma once

#include "fts/wire.h"

typedef struct FtsSessions FtsSessions;
typedef struct FtsSession FtsSession;

typedef struct {
  int fd;
  uint32_t open_flags; /* FTS_OPEN_* */
  FtsHandle handle;
  int refs; /* atomic */
} FtsOpenFile;

FtsSessions *fts_sessions_new (void);
void fts_sessions_free (FtsSessions *sessions); /* every session was closed */

/* One more connection of the client; close once for each. */
FtsSession *fts_sessions_open (FtsSessions *sessions, uint32_t index,
                               uint64_t generation);
void fts_sessions_close (FtsSessions *sessions, FtsSession *session);

/* Takes FD over; 0 when the client has too many files open (EMFILE; FD is closed). */
uint64_t fts_session_add (FtsSession *session, int fd, uint32_t open_flags,
                          const FtsHandle *handle);
/* NULL for an open_id that is not (or no longer) this session's.  Unref it. */
FtsOpenFile *fts_session_find (FtsSession *session, uint64_t open_id);
/* Was OPEN_ID given before this session began, since this host started?  Then *OPEN_FLAGS are
 * the rights and modes it had. */
bool fts_session_may_reopen (FtsSession *session, uint64_t open_id,
                             uint32_t *open_flags);
/* FD, taken over, is the file of OPEN_ID again, unless another thread was faster.  NULL when
 * the client has too many files open. */
FtsOpenFile *fts_session_restore (FtsSession *session, uint64_t open_id, int fd,
                                  uint32_t open_flags, const FtsHandle *handle);
bool fts_session_remove (FtsSession *session, uint64_t open_id);
void fts_open_file_unref (FtsOpenFile *file); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsOpenFile, fts_open_file_unref)

typedef struct {
  unsigned sessions, open_files;
} FtsSessionsStats;
void fts_sessions_get_stats (FtsSessions *sessions, FtsSessionsStats *out);
