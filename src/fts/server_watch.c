/* server_watch.c - what clients keep of answers, and who is told of changes (watchers.h).
 *
 * One table says for each operation what the client may keep of its answer and what the operation
 * changes; the commands themselves know nothing of it, but for DIR (many files), for those that
 * remove or move a file (they alone know which: job->victim, job->moved), and for PUT (by a path).
 *
 *   before a command   what is kept is noted: its file, the name it looks for
 *   after it           the file it found or made is noted, and looked at again when somebody
 *                      changed it meanwhile; others are told of what it changed
 *   before the answer  those have taken it in (fts_watchers_settle)
 */
#include "fts/server_ops.h"

#include <string.h>

enum {
  KEEP_FILE = 1u << 0,  /* handle */
  KEEP_NAME = 1u << 1,  /* name in handle */
  KEEP_NAME2 = 1u << 2, /* name2 in handle2 */
  KEEP_LINK = 1u << 3,  /* name in handle2 */
  KEEP_NODE = 1u << 4,  /* the answer's handle */
  TELL_FILE = 1u << 5,
  TELL_FILE2 = 1u << 6,
  TELL_NAME = 1u << 7, /* with its directory, as all names */
  TELL_NAME2 = 1u << 8,
  TELL_LINK = 1u << 9,
  TELL_TRUNC = 1u << 10, /* the answer's handle, when opened to be emptied */
  TELL_ITSELF = 1u << 11,
};

#define KEEPS (KEEP_FILE | KEEP_NAME | KEEP_NAME2 | KEEP_LINK | KEEP_NODE)
#define MAKE  (KEEP_NAME | KEEP_NODE | TELL_NAME)

static const uint16_t rows[FTS_OP_N] = {
  [FTS_OP_LOOKUP] = KEEP_NAME | KEEP_NODE,
  [FTS_OP_GETATTR] = KEEP_FILE,
  [FTS_OP_SETATTR] = KEEP_FILE | TELL_FILE,
  [FTS_OP_OPEN] = KEEP_FILE | TELL_TRUNC,
  [FTS_OP_CREATE] = MAKE | TELL_TRUNC,
  [FTS_OP_READ] = KEEP_FILE,
  [FTS_OP_WRITE] = TELL_FILE,
  [FTS_OP_DIR] = KEEP_FILE,
  [FTS_OP_MKNOD] = MAKE,
  [FTS_OP_MKDIR] = MAKE,
  [FTS_OP_SYMLINK] = MAKE,
  [FTS_OP_LINK] = KEEP_LINK | KEEP_NODE | TELL_FILE | TELL_LINK,
  [FTS_OP_UNLINK] = TELL_NAME,
  [FTS_OP_RMDIR] = TELL_NAME,
  [FTS_OP_RENAME] = KEEP_NAME | KEEP_NAME2 | TELL_NAME | TELL_NAME2,
  [FTS_OP_NAMES] = KEEP_FILE,
  [FTS_OP_PUT] = TELL_ITSELF,
  [FTS_OP_GETXATTR] = KEEP_FILE,
  [FTS_OP_SETXATTR] = TELL_FILE,
  [FTS_OP_REMOVEXATTR] = TELL_FILE,
  [FTS_OP_FALLOCATE] = TELL_FILE,
  [FTS_OP_COPY] = TELL_FILE2,
};

bool
fts_job_tells (FtsOp op)
{
  return rows[op] >= TELL_FILE;
}

/* ---- keeping ---- */

static FtsWatchers *
watchers_of (const FtsJob *job)
{
  return fts_job_watchers (job);
}

static bool
note_key (FtsJob *job, uint64_t key, bool *changed)
{
  FtsWatchResult result =
    fts_watchers_add (watchers_of (job), job->session, key, job->since);

  *changed = *changed || result == FTS_WATCH_CHANGED;
  return result != FTS_WATCH_NONE;
}

static bool
keep_file (FtsJob *job, const FtsHandle *handle, bool *changed)
{
  return note_key (job, fts_watchers_file_key (watchers_of (job), handle), changed);
}

static uint64_t
key_of_name (const FtsJob *job, const FtsHandle *dir, const char *name, size_t len)
{
  const FtsWatchers *watchers = watchers_of (job);
  return fts_watchers_name_key (watchers, fts_watchers_file_key (watchers, dir), name,
                                len);
}

static bool
keep_name (FtsJob *job, const FtsHandle *dir, const char *name, size_t len)
{
  bool changed = false;
  return note_key (job, key_of_name (job, dir, name, len), &changed);
}

static bool
keep_text (FtsJob *job, const FtsHandle *dir, const FtsText *name)
{
  return keep_name (job, dir, name->bytes, name->len);
}

bool
fts_job_keep_entry (FtsJob *job, const char *name, const FtsHandle *handle,
                    bool *changed)
{
  *changed = false;
  return job->is_watched &&
         keep_name (job, &job->request->handle, name, strlen (name)) &&
         keep_file (job, handle, changed);
}

void
fts_job_watch_before (FtsJob *job)
{
  const FtsRequest *request = job->request;
  uint16_t row = rows[request->op];
  bool changed = false;

  if (!(row & KEEPS))
    return;
  job->since = fts_watchers_now (watchers_of (job));
  job->is_watched = job->handles != NULL && job->peer->served->sees_local &&
                    fts_watchers_has (watchers_of (job), job->session);
  if (!job->is_watched)
    return;
  if (row & KEEP_FILE)
    job->is_watched = keep_file (job, &request->handle, &changed);
  if (row & KEEP_NAME)
    job->is_watched =
      keep_text (job, &request->handle, &request->name) && job->is_watched;
  if (row & KEEP_NAME2)
    job->is_watched =
      keep_text (job, &request->handle2, &request->name2) && job->is_watched;
  if (row & KEEP_LINK)
    job->is_watched =
      keep_text (job, &request->handle2, &request->name) && job->is_watched;
}

/* The file that the answer names, and its attributes as they are now. */
static void
keep_node (FtsJob *job)
{
  bool changed = false;
  int failed = 0;

  if (!job->is_watched)
    return;
  job->is_watched = keep_file (job, &job->answer.handle, &changed);
  if (!changed)
    return;
  g_autoptr (FtsPin) pin = fts_handles_pin (job->handles, &job->answer.handle, &failed);
  if (pin == NULL || fts_attr_load (pin->fd, &job->answer.attr, NULL) != 0)
    job->is_watched = false;
}

void
fts_job_mark_watched (FtsJob *job)
{
  if (!job->is_watched) {
    /* An answer given again may have been watched the first time. */
    job->answer.attr.flags &= ~(uint32_t) FTS_ATTR_WATCHED;
    job->answer.flags &= ~(uint32_t) FTS_ANSWER_WATCHED;
    return;
  }
  job->answer.attr.flags |= FTS_ATTR_WATCHED;
  if (job->request->op == FTS_OP_LOOKUP || job->request->op == FTS_OP_NAMES)
    job->answer.flags |= FTS_ANSWER_WATCHED;
}

/* ---- telling ---- */

void
fts_job_tell_file (FtsJob *job, const FtsHandle *handle)
{
  const FtsNotice notice = { .kind = FTS_NOTICE_FILE, .handle = *handle };

  if (handle->len > 0)
    fts_watchers_tell (watchers_of (job), job->session,
                       fts_watchers_file_key (watchers_of (job), handle), &notice,
                       &job->told);
}

void
fts_job_tell_name (FtsJob *job, const FtsHandle *dir, const char *name, size_t len)
{
  const FtsNotice notice = { FTS_NOTICE_NAME, *dir, { name, (uint16_t) len }, 0 };

  fts_watchers_tell (watchers_of (job), job->session, key_of_name (job, dir, name, len),
                     &notice, &job->told);
  fts_job_tell_file (job, dir);
}

static void
tell_text (FtsJob *job, const FtsHandle *dir, const FtsText *name)
{
  fts_job_tell_name (job, dir, name->bytes, name->len);
}

static void
tell_names (FtsJob *job, uint16_t row)
{
  const FtsRequest *request = job->request;

  if (row & TELL_NAME)
    tell_text (job, &request->handle, &request->name);
  if (row & TELL_NAME2)
    tell_text (job, &request->handle2, &request->name2);
  if (row & TELL_LINK)
    tell_text (job, &request->handle2, &request->name);
  fts_job_tell_file (job, &job->victim);
  fts_job_tell_file (job, &job->moved);
}

/* A command that failed may have changed the file it names, but no name. */
void
fts_job_watch_after (FtsJob *job, int failed)
{
  const FtsRequest *request = job->request;
  uint16_t row = rows[request->op];

  if (row & TELL_FILE)
    fts_job_tell_file (job, &request->handle);
  if (row & TELL_FILE2)
    fts_job_tell_file (job, &request->handle2);
  if (row & TELL_TRUNC && request->open_flags & FTS_OPEN_TRUNC)
    fts_job_tell_file (job, request->op == FTS_OP_OPEN ? &request->handle
                                                       : &job->answer.handle);
  if (failed)
    return;
  tell_names (job, row);
  if (row & KEEP_NODE)
    keep_node (job);
}

void
fts_job_settle (FtsJob *job)
{
  fts_watchers_settle (watchers_of (job), job->told);
  job->told = 0;
}

/* ---- WATCH ---- */

static bool
send_notices (FtsPeer *peer, FtsStream *stream, const GByteArray *notices,
              uint64_t last, GError **error)
{
  const FtsAnswer answer = { .op = FTS_OP_WATCH,
                             .tag = peer->watch_tag,
                             .cookie = last };
  g_autoptr (GByteArray) header = g_byte_array_sized_new (64);

  fts_wire_encode_answer (&answer, header);
  const struct iovec iov[2] = { { header->data, header->len },
                                { notices->data, notices->len } };
  return stream->send (stream, iov, notices->len > 0 ? 2 : 1, error);
}

/* Begin: answered at once, so that the client knows.  Else with what there is; when there is nothing, the answer comes later, by
 * fts_server_answer_watch(). */
int
fts_serve_watch (FtsJob *job)
{
  g_autoptr (GByteArray) notices = g_byte_array_new ();
  FtsPeer *peer = job->peer;
  uint64_t last = 1;

  if (job->request->open_flags & FTS_WATCH_RECLAIMED)
    fts_grace_settled (fts_server_grace (peer->server), peer->index,
                       peer->client_generation);
  peer->watch_tag = job->request->tag;
  job->answered = true;
  if (job->request->cookie == 0)
    fts_watchers_begin (watchers_of (job), job->session, peer);
  else if (!fts_watchers_take (watchers_of (job), peer, job->request->cookie, notices,
                               &last))
    return 0;
  return send_notices (peer, job->stream, notices, last, &job->broken) ? 0 : EIO;
}

bool
fts_server_answer_watch (void *connection, FtsStream *stream, GError **error)
{
  g_autoptr (GByteArray) notices = g_byte_array_new ();
  FtsPeer *peer = connection;
  uint64_t last = 0;

  FtsWatchers *watchers = fts_server_watchers (peer->server);

  if (!fts_watchers_take_more (watchers, peer, notices, &last))
    return true;
  return send_notices (peer, stream, notices, last, error);
}
