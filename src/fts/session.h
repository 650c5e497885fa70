/* session.h - what one client incarnation has open at the server.
 *
 * All connections of one process (host-table index and generation) share a session; it lives as
 * long as one of them does.  Open files are named by open_id.
 *
 * An open_id tells the start of this host (16 bits of a hash of its boot id), whether the file
 * was opened for writing (1 bit), and a number that grows with every open since the host started
 * (47 bits), also over restarts of the server.  So for a client whose session is gone the server
 * can tell two cases apart: it was started again, or every connection broke - nothing written
 * was lost, and the client may open the file again; or the host was started again - writes that
 * were not synced may be lost, and the client must learn of it.
 *
 * Threads: any; the table of sessions and each session have a lock of their own, table first.
 * An open file is used by any number of threads at once; its descriptor is closed when it was
 * closed and the last user let it go (and meanwhile may rest: openfile.h).
 */
#pragma once

#include "fts/openfile.h"

typedef struct FtsSessions FtsSessions;
typedef struct FtsSession FtsSession;

/* MOST_AWAKE: see openfile.h. */
FtsSessions *fts_sessions_new (unsigned most_awake);
void fts_sessions_free (FtsSessions *sessions); /* every session was closed */

/* FUNC hears of each session that ended, before anything of it is reused.  At start. */
typedef void (*FtsSessionEnd) (const FtsSession *session, void *user_data);
void fts_sessions_on_end (FtsSessions *sessions, FtsSessionEnd func, void *user_data);

/* One more connection of the client; close once for each. */
FtsSession *fts_sessions_open (FtsSessions *sessions, uint32_t index,
                               uint64_t generation);
void fts_sessions_close (FtsSessions *sessions, FtsSession *session);

/* Takes FD over; 0 when the client has too many files open (EMFILE; FD is closed). */
uint64_t fts_session_add (FtsSession *session, int fd, uint32_t open_flags,
                          const FtsHandle *handle);
/* NULL for an open_id that is not (or no longer) this session's.  Unref it. */
FtsOpenFile *fts_session_find (FtsSession *session, uint64_t open_id);
/* Was OPEN_ID a file that was open for writing before this host started? */
bool fts_session_is_lost (const FtsSession *session, uint64_t open_id);
bool fts_session_remove (FtsSession *session, uint64_t open_id);
/* The open files of all clients. */
FtsOpenFiles *fts_sessions_files (FtsSessions *sessions);

typedef struct {
  unsigned sessions, open_files;
} FtsSessionsStats;
void fts_sessions_get_stats (FtsSessions *sessions, FtsSessionsStats *out);
