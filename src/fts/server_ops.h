/* server_ops.h - what the server's command groups share: a job, and its helpers.
 *
 * A job is one request being served.  server.c decodes it, pins the files it names, takes the
 * caller's identity where the command's row says so, and runs the command's function: it fills
 * `answer` (and `data`), or answers by itself through the stream and sets `answered`.  The
 * function returns 0 or the errno for the caller.  What fails between the two hosts is set in
 * `broken` and ends the connection.
 *
 * One file a group: server_names.c, server_attr.c, server_data.c, server_dir.c, server_get.c,
 * server_put.c, server_xattr.c, server_opens.c, server_range.c, server_lock.c, server_watch.c.
 *
 * Threads: a job belongs to the thread that serves its connection.
 */
#pragma once

#include "fts/grace.h"
#include "fts/handles.h"
#include "fts/locks.h"
#include "fts/replay.h"
#include "fts/served.h"
#include "fts/server.h"
#include "fts/session.h"
#include "fts/stream.h"
#include "fts/watchers.h"

#include <limits.h>

/* The most data of one READ, OPEN or DIR answer; ATTACH tells it. */
#define FTS_SERVER_MAX_DATA (4u << 20)

/* One client's connection; ATTACH chooses the export. */
typedef struct {
  FtsServer *server;
  FtsSession *session;
  FtsServed *served;   /* NULL before ATTACH, or when it was taken away since */
  uint64_t generation; /* of `served` */
  int refused;         /* the errno of each command when it was taken away */
  bool wants_read_only, wants_no_xattr;
  uint64_t instance; /* of the client, by ATTACH and its name; 0 = tells none */
  char *export_name; /* NULL before ATTACH */
  uint32_t index;    /* of the client in the host table */
  uint64_t client_generation;
  FtsChannel *channel; /* NULL where it is a stream of tests */
  uint32_t watch_tag;  /* of its last WATCH request */
  char name[FTS_NAME_LEN];
} FtsPeer;

typedef struct {
  FtsPeer *peer;
  const FtsExport *export;
  FtsHandles *handles;
  FtsSession *session;
  const FtsRequest *request;
  FtsPin *file;  /* of request->handle */
  FtsPin *file2; /* of request->handle2, where the command has one */

  FtsStream *stream;
  const uint8_t *rest; /* request data received and not taken */
  size_t rest_len;
  uint32_t front_crc;    /* CRC32C of what was taken of the fragment before `rest` */
  uint32_t fragment_crc; /* and of the whole */
  bool request_ended;    /* nothing comes after `rest` */

  FtsReplayRecord *record; /* NULL: the answer is not remembered */
  bool is_doubtful;        /* it may have been carried out before */
  uint64_t n_skipped;      /* bytes of a WRITE that are there already */

  FtsAnswer answer;
  GByteArray *data; /* what follows the answer's operands */
  char *text;       /* owns what answer.name points to */
  bool answered;    /* the function has sent the answer itself */

  /* server_watch.c's */
  FtsHandle victim; /* of the file that lost a name, len 0 = none or unknown */
  FtsHandle moved;  /* of the file that got another name */
  uint64_t since;   /* what happened before is seen by this job */
  uint64_t told;    /* the last notice it gave rise to */
  int dir_watch;    /* of the directory that the request names (inotify.h) */
  bool is_noted; /* the client hears of changes that others make through this server */
  bool is_watched; /* and of those that programs of this host make */

  GError *broken; /* the connection failed */
} FtsJob;

typedef int (*FtsCommandFunc) (FtsJob *job);

int fts_serve_attach (FtsJob *job);
int fts_serve_lookup (FtsJob *job);
int fts_serve_walk (FtsJob *job);
int fts_serve_getattr (FtsJob *job);
int fts_serve_setattr (FtsJob *job);
int fts_serve_readlink (FtsJob *job);
int fts_serve_open (FtsJob *job);
int fts_serve_create (FtsJob *job);
int fts_serve_read (FtsJob *job);
int fts_serve_write (FtsJob *job);
int fts_serve_close (FtsJob *job);
int fts_serve_fsync (FtsJob *job);
int fts_serve_dir (FtsJob *job);
int fts_serve_mknod (FtsJob *job);
int fts_serve_mkdir (FtsJob *job);
int fts_serve_symlink (FtsJob *job);
int fts_serve_link (FtsJob *job);
int fts_serve_unlink (FtsJob *job);
int fts_serve_rmdir (FtsJob *job);
int fts_serve_rename (FtsJob *job);
int fts_serve_statfs (FtsJob *job);
int fts_serve_get (FtsJob *job);
int fts_serve_put (FtsJob *job);
int fts_serve_getxattr (FtsJob *job);
int fts_serve_setxattr (FtsJob *job);
int fts_serve_listxattr (FtsJob *job);
int fts_serve_removexattr (FtsJob *job);
int fts_serve_fallocate (FtsJob *job);
int fts_serve_seek (FtsJob *job);
int fts_serve_copy (FtsJob *job);
int fts_serve_lock (FtsJob *job);
int fts_serve_testlock (FtsJob *job);
int fts_serve_names (FtsJob *job);
int fts_serve_watch (FtsJob *job);
int fts_serve_opens (FtsJob *job);

/* ---- helpers ---- */

/* Next data of the request: *LEN 0 at its end.  False: broken. */
bool fts_job_take_data (FtsJob *job, const uint8_t **data, size_t *len);
/* The same with their CRC32C. */
bool fts_job_take_summed (FtsJob *job, const uint8_t **data, size_t *len,
                          uint32_t *crc);
/* Counts file data for the statistics. */
void fts_job_count (FtsJob *job, uint64_t read_len, uint64_t written_len);
/* Sends the answer as it stands with STATUS (errno), then marks it answered. */
void fts_job_finish_answer (FtsJob *job); /* before it is encoded */
bool fts_job_send_answer (FtsJob *job, int failed);

FtsLocks *fts_job_locks (const FtsJob *job);
bool fts_job_is_read_only (const FtsJob *job);
/* The permission bits of MODE for a file of TYPE (S_IFMT), without set-id bits where the export
 * does not let peers set them; a directory's only tell who owns new files in it and may stay. */
uint32_t fts_job_allowed_mode (const FtsJob *job, uint32_t mode, uint32_t type);

/* The request's identity from here on.  0 or an errno. */
int fts_job_become_caller (FtsJob *job);

/* The descriptor that a command on file data uses: the open file the request names, else one
 * opened for this command with FLAGS and the caller's rights. */
typedef struct {
  int fd;
  FtsOpenFile *open; /* NULL when fd is this command's own */
} FtsJobFile;

/* 0, or an errno: ESTALE for an open_id that this session does not have (the client may open the
 * file again), EIO where writes through it may be lost, EBADF for one without the right that
 * FLAGS (O_ACCMODE of it) asks for. */
int fts_job_use_file (FtsJob *job, int flags, FtsJobFile *out);
/* The same for open_id2 and handle2. */
int fts_job_use_file2 (FtsJob *job, int flags, FtsJobFile *out);
void fts_job_end_file (FtsJobFile *file);
/* The open file OPEN_ID, awake, with its descriptor; ESTALE or EIO as above.  Unref it. */
int fts_job_find_open (FtsJob *job, uint64_t open_id, FtsOpenFile **out, int *fd);
/* Wakes the open files of HANDLE, which is about to lose a name; unref all when it has. */
GPtrArray *fts_job_wake_files (FtsJob *job, const FtsHandle *handle);
FtsOpenFile *fts_job_find_resting (const FtsJob *job, const FtsHandle *handle);

/* The cache kept the request's file though it has no name any more.  Asks the kernel anew: the file
 * is there if somebody has it open, else it is gone.  0 or an errno. */
int fts_job_find_removed (FtsJob *job);
/* Opens the file of PIN anew with the calling thread's rights.  -errno. */
int fts_job_reopen (const FtsPin *pin, int flags);
/* O_* of FTS_OPEN_*. */
int fts_job_open_flags (uint32_t open_flags);

/* FD (O_PATH, taken over) is NAME in DIR (NULL where not known): handle and attributes go into
 * the answer.  0 or an errno. */
int fts_job_answer_node (FtsJob *job, int fd, const FtsPin *dir, const char *name);
/* The state of DIR after its names changed; ino 0 when it cannot be told. */
void fts_job_answer_dir (const FtsJob *job, const FtsPin *dir, FtsAttr *attr);
/* Adds to ATTR what takes a further call to know of FD (attr.h), where the client has use for it. */
void fts_job_look_closer (const FtsJob *job, int fd, FtsAttr *attr);
/* Is a name in the directory FD (not O_PATH) spelt in one way only? */
bool fts_job_is_exact (int fd);
/* ---- coherence (server_watch.c) ---- */

FtsGrace *fts_server_grace (const FtsServer *server);
FtsWatchers *fts_server_watchers (const FtsServer *server);
FtsWatchers *fts_job_watchers (const FtsJob *job);
FtsInotify *fts_job_inotify (const FtsJob *job);
/* Around a command, and before its answer goes. */
void fts_job_watch_before (FtsJob *job);
void fts_job_watch_after (FtsJob *job, int failed);
void fts_job_settle (FtsJob *job);
/* Says in the answer that it is watched, if it is. */
void fts_job_mark_watched (FtsJob *job);
/* NAME in the directory that the request names, before it is looked at; then what it leads to, a file
 * HANDLE of type MODE, open as FD.  Both true: it is watched.  *CHANGED: look at it again. */
bool fts_job_keep_name (FtsJob *job, const char *name);
bool fts_job_keep_file (FtsJob *job, const FtsHandle *handle, uint32_t mode, int fd,
                        bool *changed);
/* The file changed; the name means something else, so the directory changed too. */
void fts_job_tell_file (FtsJob *job, const FtsHandle *handle);
void fts_job_tell_name (FtsJob *job, const FtsHandle *dir, const char *name,
                        size_t len);
/* Does the operation's row say what it changes? */
bool fts_job_tells (FtsOp op);

/* What PATH (from the request's handle; empty = the handle itself) leads to.  -errno. */
int fts_job_walk (FtsJob *job, const FtsText *path);
