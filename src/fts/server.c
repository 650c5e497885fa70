/* server.c - life of the server, and the way of one request through it.
 *
 * receive and decode - find the command's row - pin the files it names - become the caller -
 * run the command - answer - drop what is left of the request.
 *
 * A request that is not exactly right ends the connection (PROTOCOL); a command that fails
 * answers its errno and the connection goes on.
 */
#include "fts/server_ops.h"

#include "base/crc.h"
#include "base/error.h"
#include "fts/caller.h"
#include "fts/local.h"
#include "fts/server_again.h"
#include "fts/server_key.h"
#include "fts/status.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

#define MOST_CACHED_DESCRIPTORS 512u
#define IDLE_DESCRIPTOR_US      (10 * G_USEC_PER_SEC)

typedef struct {
  uint64_t calls, errors, time_us; /* atomic */
} Counter;

struct FtsServer {
  FtsServedSet *served;
  FtsSessions *sessions;
  FtsLocks *locks;
  FtsGrace *grace;
  FtsWatchers *watchers;
  FtsLocal *local;
  FtsReplay *replay;
  Counter counters[FTS_OP_N];
  uint64_t bytes_read, bytes_written; /* atomic */
};

/* How server.c prepares a command. */
typedef struct {
  FtsCommandFunc run;
  int files;      /* handles to pin: 0, 1 or 2 */
  bool as_caller; /* needs the caller's rights: makes, finds or opens something */
} Row;

static const Row rows[FTS_OP_N] = {
  [FTS_OP_ATTACH] = { fts_serve_attach, 0, false },
  [FTS_OP_LOOKUP] = { fts_serve_lookup, 1, true },
  [FTS_OP_WALK] = { fts_serve_walk, 1, true },
  [FTS_OP_GETATTR] = { fts_serve_getattr, 1, false },
  [FTS_OP_SETATTR] = { fts_serve_setattr, 1, true },
  [FTS_OP_READLINK] = { fts_serve_readlink, 1, false },
  [FTS_OP_OPEN] = { fts_serve_open, 1, true },
  [FTS_OP_CREATE] = { fts_serve_create, 1, true },
  [FTS_OP_READ] = { fts_serve_read, 0, false },
  [FTS_OP_WRITE] = { fts_serve_write, 0, false },
  [FTS_OP_CLOSE] = { fts_serve_close, 0, false },
  [FTS_OP_FSYNC] = { fts_serve_fsync, 0, false },
  [FTS_OP_DIR] = { fts_serve_dir, 1, true },
  [FTS_OP_MKNOD] = { fts_serve_mknod, 1, true },
  [FTS_OP_MKDIR] = { fts_serve_mkdir, 1, true },
  [FTS_OP_SYMLINK] = { fts_serve_symlink, 1, true },
  [FTS_OP_LINK] = { fts_serve_link, 2, true },
  [FTS_OP_UNLINK] = { fts_serve_unlink, 1, true },
  [FTS_OP_RMDIR] = { fts_serve_rmdir, 1, true },
  [FTS_OP_RENAME] = { fts_serve_rename, 2, true },
  [FTS_OP_STATFS] = { fts_serve_statfs, 1, false },
  [FTS_OP_GET] = { fts_serve_get, 1, true },
  [FTS_OP_PUT] = { fts_serve_put, 1, true },
  [FTS_OP_GETXATTR] = { fts_serve_getxattr, 1, true },
  [FTS_OP_SETXATTR] = { fts_serve_setxattr, 1, true },
  [FTS_OP_LISTXATTR] = { fts_serve_listxattr, 1, true },
  [FTS_OP_REMOVEXATTR] = { fts_serve_removexattr, 1, true },
  [FTS_OP_FALLOCATE] = { fts_serve_fallocate, 0, false },
  [FTS_OP_SEEK] = { fts_serve_seek, 0, false },
  [FTS_OP_COPY] = { fts_serve_copy, 0, false },
  [FTS_OP_LOCK] = { fts_serve_lock, 0, false },
  [FTS_OP_TESTLOCK] = { fts_serve_testlock, 0, false },
  [FTS_OP_NAMES] = { fts_serve_names, 1, true },
  [FTS_OP_WATCH] = { fts_serve_watch, 0, false },
  [FTS_OP_OPENS] = { fts_serve_opens, 1, true },
};

/* ---- life ---- */

/* Of the limit a quarter is for what may be closed at any time, three eighths for files of clients;
 * the rest is for files that have no name any more, commands under way and the volume. */
static unsigned
choose_most_descriptors (const FtsServerConfig *config)
{
  struct rlimit limit;

  if (config->most_descriptors > 0)
    return config->most_descriptors;
  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return MOST_CACHED_DESCRIPTORS / 4;
  return (unsigned) MIN (limit.rlim_cur / 4, MOST_CACHED_DESCRIPTORS);
}

/* Files of clients that have a descriptor at once; who is not root could not open all of them
 * again. */
static unsigned
choose_most_awake (const FtsServerConfig *config)
{
  struct rlimit limit;

  if (config->most_awake > 0)
    return config->most_awake;
  if (config->by_path || !fts_caller_can_switch () ||
      getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return 0;
  return (unsigned) MIN (limit.rlim_cur / 8 * 3, UINT32_MAX);
}

static bool
is_something (const FtsExports *exports, GError **error)
{
  if (fts_exports_count (exports) > 0)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "nothing to serve: no export");
  return false;
}

bool
fts_server_remember (FtsServer *server, const char *file, GError **error)
{
  FtsReplay *replay = fts_replay_new (file, error);

  if (replay == NULL)
    return false;
  fts_replay_free (server->replay);
  server->replay = replay;
  return true;
}

/* Nobody speaks for them any more. */
static void
drop_locks (const FtsSession *session, void *user_data)
{
  FtsServer *server = user_data;
  fts_locks_drop_holder (server->locks, session);
}

static void
tell_granted (const void *session, uint64_t ticket, void *user_data)
{
  const FtsNotice notice = { .kind = FTS_NOTICE_LOCK, .number = ticket };
  FtsServer *server = user_data;

  fts_watchers_send (server->watchers, session, &notice);
}

FtsServer *
fts_server_new_with (FtsExports *exports, const FtsServerConfig *config, GError **error)
{
  static const FtsServerConfig defaults = { 0 };
  unsigned n = fts_exports_count (exports);
  FtsHandlesConfig handles = { 0 };

  if (config == NULL)
    config = &defaults;
  if (!is_something (exports, error) ||
      !fts_server_key_load (config->state_dir, handles.key, error))
    return NULL;
  handles.most_descriptors = MAX (choose_most_descriptors (config) / n, 1);
  handles.by_path = config->by_path;

  g_autoptr (FtsServer) server = g_new0 (FtsServer, 1);
  if (!fts_server_remember (server, NULL, error))
    return NULL;
  server->locks = fts_locks_new ();
  fts_locks_on_grant (server->locks, tell_granted, server);
  server->grace = fts_grace_new (server->locks);
  server->watchers = fts_watchers_new ();
  server->local = fts_local_new (server->watchers, config->most_watches);
  server->sessions = fts_sessions_new (choose_most_awake (config));
  fts_sessions_on_end (server->sessions, drop_locks, server);
  server->served = fts_served_new (exports, &handles, server->local, error);
  sodium_memzero (handles.key, sizeof handles.key);
  return server->served != NULL ? g_steal_pointer (&server) : NULL;
}

bool
fts_server_set_exports (FtsServer *server, FtsExports *exports, GError **error)
{
  return is_something (exports, error) &&
         fts_served_replace (server->served, exports, error);
}

char *
fts_server_secret_of (const char *name, void *user_data)
{
  const FtsServer *server = user_data;
  return fts_served_secret_of (server->served, name);
}

FtsServer *
fts_server_new (FtsExports *exports, GError **error)
{
  return fts_server_new_with (exports, NULL, error);
}

void
fts_server_free (FtsServer *server)
{
  if (server == NULL)
    return;
  fts_local_free (server->local);
  fts_served_free (server->served);
  fts_sessions_free (server->sessions);
  fts_grace_free (server->grace);
  fts_locks_free (server->locks);
  fts_watchers_free (server->watchers);
  fts_replay_free (server->replay);
  g_free (server);
}

void
fts_server_tick (FtsServer *server)
{
  fts_served_sweep (server->served, IDLE_DESCRIPTOR_US);
  fts_grace_tick (server->grace);
  fts_local_tick (server->local);
}

void
fts_server_expect (FtsServer *server, uint32_t index, uint64_t generation)
{
  fts_grace_expect (server->grace, index, generation);
}

void
fts_server_peer_dead (FtsServer *server, uint32_t index, uint64_t generation)
{
  fts_grace_settled (server->grace, index, generation);
}

FtsGrace *
fts_server_grace (const FtsServer *server)
{
  return server->grace;
}

void
fts_server_set_hooks (FtsServer *server, const FtsWatchersHooks *hooks)
{
  fts_watchers_set_hooks (server->watchers, hooks);
}

/* ---- connections ---- */

void *
fts_server_connect (FtsServer *server, uint32_t index, uint64_t generation,
                    const char *name)
{
  FtsPeer *peer = g_new0 (FtsPeer, 1);

  peer->server = server;
  peer->index = index;
  peer->client_generation = generation;
  peer->session = fts_sessions_open (server->sessions, index, generation);
  g_strlcpy (peer->name, name, sizeof peer->name);
  return peer;
}

void
fts_server_disconnect (void *user_data)
{
  FtsPeer *peer = user_data;

  fts_watchers_end (peer->server->watchers, peer);
  fts_sessions_close (peer->server->sessions, peer->session);
  fts_served_unref (peer->served);
  g_free (peer->export_name);
  g_free (peer);
}

static void
use_export (FtsJob *job, const FtsServed *served)
{
  job->export = served->export;
  job->handles = served->handles;
}

int
fts_serve_attach (FtsJob *job)
{
  FtsPeer *peer = job->peer;
  const FtsRequest *request = job->request;
  g_autofree char *name = g_strndup (request->name.bytes, request->name.len);
  int failed = 0;
  FtsServed *served = fts_served_find (peer->server->served, name, peer->name,
                                       &peer->generation, &failed);

  if (served == NULL)
    return failed;
  fts_served_unref (peer->served);
  g_free (peer->export_name);
  peer->served = served;
  peer->export_name = g_steal_pointer (&name);
  peer->wants_read_only = request->open_flags & FTS_OPEN_READ_ONLY;
  peer->wants_no_xattr = request->open_flags & FTS_OPEN_NO_XATTR;
  use_export (job, served);

  g_autoptr (FtsPin) root = fts_handles_pin_root (job->handles, &failed);
  if (root == NULL)
    return failed;
  job->answer.handle = root->handle;
  job->answer.length = FTS_SERVER_MAX_DATA;
  if (job->export->read_only)
    job->answer.flags |= FTS_ANSWER_READ_ONLY;
  peer->instance = request->cookie ? request->cookie + g_str_hash (peer->name) : 0;
  failed = fts_attr_load (root->fd, &job->answer.attr, NULL);
  fts_job_look_closer (job, root->fd, &job->answer.attr);
  return failed;
}

/* ---- receiving ---- */

static bool
refuse (FtsJob *job, const char *what)
{
  g_set_error (&job->broken, FTS_ERROR, FTS_ERROR_PROTOCOL, "malformed request: %s",
               what);
  return false;
}

static bool
receive_fragment (FtsJob *job)
{
  FtsFragment fragment;

  if (!job->stream->receive (job->stream, &fragment, &job->broken))
    return false;
  job->rest = fragment.data;
  job->rest_len = fragment.len;
  job->front_crc = 0;
  job->fragment_crc = fragment.crc;
  job->request_ended = fragment.last;
  return true;
}

/* Moves up to WANT header bytes in all from the fragments into HEADER. */
static bool
gather (FtsJob *job, uint8_t *header, size_t *have, size_t want)
{
  while (*have < want) {
    if (job->rest_len == 0 && job->request_ended)
      return refuse (job, "too short");
    if (job->rest_len == 0 && !receive_fragment (job))
      return false;
    size_t len = MIN (want - *have, job->rest_len);
    memcpy (header + *have, job->rest, len);
    job->front_crc = fts_crc32c_extend (job->front_crc, job->rest, len);
    *have += len;
    job->rest += len;
    job->rest_len -= len;
  }
  return true;
}

/* The header is copied, as texts and handles are used after more was received. */
static bool
receive_request (FtsJob *job, uint8_t header[FTS_WIRE_HEADER_MAX], FtsRequest *request)
{
  size_t have = 0;
  size_t used;
  FtsLe32 length;

  if (!receive_fragment (job) || !gather (job, header, &have, sizeof length))
    return false;
  memcpy (&length, header, sizeof length);
  size_t want = fts_le32_get (length);
  if (want < sizeof length || want > FTS_WIRE_HEADER_MAX)
    return refuse (job, "length");
  if (!gather (job, header, &have, want))
    return false;
  if (!fts_wire_decode_request (header, want, request, &used) || used != want)
    return refuse (job, "header");
  return true;
}

bool
fts_job_take_data (FtsJob *job, const uint8_t **data, size_t *len)
{
  while (job->rest_len == 0 && !job->request_ended)
    if (!receive_fragment (job))
      return false;
  *data = job->rest;
  *len = job->rest_len;
  job->rest_len = 0;
  return true;
}

bool
fts_job_take_summed (FtsJob *job, const uint8_t **data, size_t *len, uint32_t *crc)
{
  if (!fts_job_take_data (job, data, len))
    return false;
  *crc = fts_crc32c_leave (job->front_crc, job->fragment_crc, *len);
  return true;
}

static bool
drop_rest (FtsJob *job)
{
  while (!job->request_ended)
    if (!receive_fragment (job))
      return false;
  return true;
}

/* ---- answering ---- */

/* The answer as the client is to see it. */
void
fts_job_finish_answer (FtsJob *job)
{
  if (job->export != NULL) {
    fts_idmap_attr_to_there (&job->export->rights.map, &job->answer.attr);
    fts_idmap_attr_to_there (&job->export->rights.map, &job->answer.attr2);
  }
  fts_job_mark_watched (job);
}

bool
fts_job_send_answer (FtsJob *job, int failed)
{
  g_autoptr (GByteArray) header = g_byte_array_sized_new (512);
  struct iovec iov[2];
  int n = 1;

  fts_job_settle (job);
  job->answer.status = fts_status_from_errno (failed);
  fts_job_finish_answer (job);
  fts_wire_encode_answer (&job->answer, header);
  iov[0] = (struct iovec){ header->data, header->len };
  if (!failed && job->data != NULL && job->data->len > 0)
    iov[n++] = (struct iovec){ job->data->data, job->data->len };
  job->answered = true;
  return job->stream->send (job->stream, iov, n, &job->broken);
}

/* ---- running ---- */

int
fts_job_become_caller (FtsJob *job)
{
  const FtsRequest *request = job->request;
  FtsIdentity who = { request->uid, request->gid, request->umask, request->n_groups,
                      request->groups };

  return fts_caller_become (&who);
}

static int
pin_files (FtsJob *job, const Row *row)
{
  int failed = 0;

  if (row->files >= 1)
    job->file = fts_handles_pin (job->handles, &job->request->handle, &failed);
  if (row->files >= 2 && job->file != NULL)
    job->file2 = fts_handles_pin (job->handles, &job->request->handle2, &failed);
  return failed;
}

static int
run (FtsJob *job)
{
  const FtsRequest *request = job->request;
  const FtsCommand *command = fts_wire_command (request->op);
  const Row *row = &rows[request->op];

  if (request->op == FTS_OP_QUIT)
    return 0;
  if (row->run == NULL || command == NULL)
    return ENOSYS;
  if (job->handles == NULL && request->op != FTS_OP_ATTACH &&
      request->op != FTS_OP_CLOSE)
    return job->peer->export_name != NULL ? job->peer->refused : EPROTO;
  if (command->modifies && fts_job_is_read_only (job))
    return EROFS;
  int failed = pin_files (job, row);
  if (failed)
    return failed;
  fts_job_watch_before (job);
  if (row->as_caller)
    failed = fts_job_become_caller (job);
  if (failed)
    return failed;
  failed = job->record != NULL ? fts_again_run (job, row->run) : row->run (job);
  fts_job_watch_after (job, failed);
  return failed;
}

/* ---- remembering ---- */

/* Is JOB to be carried out?  Else it is answered with *FAILED. */
static bool
begin_remembered (FtsJob *job, int *failed)
{
  const FtsRequest *request = job->request;
  FtsReplay *replay = job->peer->server->replay;
  FtsAnswer before;

  if (request->slot == 0 || job->peer->instance == 0)
    return true;
  *failed = EINVAL;
  if (request->slot > FTS_REPLAY_SLOTS)
    return false;
  switch (
    fts_replay_begin (replay, job->peer->instance, request, &job->record, &before)) {
  case FTS_REPLAY_NEW:
    return true;
  case FTS_REPLAY_DOUBTFUL:
    job->is_doubtful = true;
    return true;
  case FTS_REPLAY_DONE:
    *failed = fts_status_to_errno (before.status);
    before.tag = request->tag;
    job->answer = before;
    return false;
  case FTS_REPLAY_OUTDATED:
    *failed = EIO;
    return false;
  }
  return true;
}

/* ESTALE comes again with a file that was opened anew; what broke off comes again as it is. */
static void
end_remembered (FtsJob *job, int failed)
{
  FtsReplay *replay = job->peer->server->replay;

  if (job->record == NULL)
    return;
  job->answer.status = fts_status_from_errno (failed);
  if (job->broken != NULL || job->answered || failed == ESTALE)
    fts_replay_abandon (replay, job->record);
  else
    fts_replay_end (replay, job->record, &job->answer);
}

static void
count_job (FtsServer *server, FtsOp op, bool failed, int64_t time_us)
{
  Counter *counter = &server->counters[op];

  __atomic_fetch_add (&counter->calls, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add (&counter->errors, failed ? 1 : 0, __ATOMIC_RELAXED);
  __atomic_fetch_add (&counter->time_us, (uint64_t) time_us, __ATOMIC_RELAXED);
}

void
fts_job_count (FtsJob *job, uint64_t read_len, uint64_t written_len)
{
  FtsServer *server = job->peer->server;

  __atomic_fetch_add (&server->bytes_read, read_len, __ATOMIC_RELAXED);
  __atomic_fetch_add (&server->bytes_written, written_len, __ATOMIC_RELAXED);
}

/* What is exported may have changed since the last command. */
static void
follow_exports (FtsPeer *peer)
{
  FtsServedSet *served = peer->server->served;

  if (peer->export_name == NULL || peer->generation == fts_served_generation (served))
    return;
  fts_served_unref (peer->served);
  peer->served = fts_served_find (served, peer->export_name, peer->name,
                                  &peer->generation, &peer->refused);
  if (peer->refused == ENOENT) /* what was attached is gone */
    peer->refused = ESTALE;
}

static void
serve_request (FtsJob *job, FtsRequest *request)
{
  FtsPeer *peer = job->peer;
  int64_t start_us = g_get_monotonic_time ();

  job->answer.op = job->request->op;
  job->answer.tag = job->request->tag;
  follow_exports (peer);
  if (peer->served != NULL)
    use_export (job, peer->served);
  if (job->export != NULL)
    fts_rights_apply (&job->export->rights, request);
  int failed = 0;
  if (begin_remembered (job, &failed)) {
    failed = run (job);
    end_remembered (job, failed);
  }
  if (job->broken == NULL && !job->answered)
    fts_job_send_answer (job, failed);
  if (job->broken == NULL)
    drop_rest (job);
  count_job (peer->server, job->request->op, failed || job->broken != NULL,
             g_get_monotonic_time () - start_us);
}

static void
clear_job (FtsJob *job)
{
  fts_fdcache_unref (job->file);
  fts_fdcache_unref (job->file2);
  g_clear_pointer (&job->data, g_byte_array_unref);
  g_clear_pointer (&job->text, g_free);
}

/* Files that the client closes beside what it asked for; it does not wait for that. */
static void
close_riders (const FtsJob *job)
{
  for (uint32_t i = 0; i < job->request->n_closes; i++)
    fts_session_remove (job->session, job->request->closes[i]);
}

bool
fts_server_serve_stream (void *user_data, FtsStream *stream, GError **error)
{
  FtsPeer *peer = user_data;
  uint8_t header[FTS_WIRE_HEADER_MAX];
  FtsRequest request;
  FtsJob job = {
    .peer = peer, .session = peer->session, .request = &request, .stream = stream
  };

  if (receive_request (&job, header, &request)) {
    serve_request (&job, &request);
    close_riders (&job);
  }
  clear_job (&job);
  if (job.broken != NULL) {
    g_propagate_error (error, job.broken);
    return false;
  }
  return request.op != FTS_OP_QUIT;
}

/* ---- helpers of the commands ---- */

FtsWatchers *
fts_server_watchers (const FtsServer *server)
{
  return server->watchers;
}

FtsInotify *
fts_job_inotify (const FtsJob *job)
{
  return fts_local_inotify (job->peer->server->local);
}

FtsWatchers *
fts_job_watchers (const FtsJob *job)
{
  return job->peer->server->watchers;
}

FtsOpenFile *
fts_job_find_resting (const FtsJob *job, const FtsHandle *handle)
{
  return fts_open_files_find_resting (fts_sessions_files (job->peer->server->sessions),
                                      handle);
}

FtsLocks *
fts_job_locks (const FtsJob *job)
{
  return job->peer->server->locks;
}

bool
fts_job_is_read_only (const FtsJob *job)
{
  return job->export->read_only || job->peer->wants_read_only;
}

uint32_t
fts_job_allowed_mode (const FtsJob *job, uint32_t mode, uint32_t type)
{
  mode &= 07777;
  if (S_ISDIR (type) || job->export->allow_setid)
    return mode;
  return mode & ~(uint32_t) (S_ISUID | S_ISGID);
}

void
fts_job_look_closer (const FtsJob *job, int fd, FtsAttr *attr)
{
  if (!job->peer->wants_no_xattr)
    fts_attr_look_closer (fd, attr);
}

void
fts_job_answer_dir (const FtsJob *job, const FtsPin *dir, FtsAttr *attr)
{
  if (fts_attr_load (dir->fd, attr, NULL) != 0)
    *attr = (FtsAttr){ 0 };
  else
    fts_job_look_closer (job, dir->fd, attr);
}

/* ---- statistics ---- */

void
fts_server_get_stats (FtsServer *server, FtsServerStats *out)
{
  FtsSessionsStats sessions;

  *out = (FtsServerStats){ 0 };
  for (int op = 0; op < FTS_OP_N; op++) {
    out->calls[op] = __atomic_load_n (&server->counters[op].calls, __ATOMIC_RELAXED);
    out->errors[op] = __atomic_load_n (&server->counters[op].errors, __ATOMIC_RELAXED);
    out->time_us[op] =
      __atomic_load_n (&server->counters[op].time_us, __ATOMIC_RELAXED);
  }
  out->bytes_read = __atomic_load_n (&server->bytes_read, __ATOMIC_RELAXED);
  out->bytes_written = __atomic_load_n (&server->bytes_written, __ATOMIC_RELAXED);
  fts_sessions_get_stats (server->sessions, &sessions);
  out->sessions = sessions.sessions;
  out->open_files = sessions.open_files;
  out->watches = fts_inotify_count (fts_local_inotify (server->local));
  fts_served_get_stats (server->served, &out->descriptors);
}
