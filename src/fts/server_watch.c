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

#include "fts/caller.h"

#include <errno.h>
#include <string.h>

enum {
  KEEP_FILE = 1u << 0,  /* handle */
  KEEP_FILE2 = 1u << 1, /* handle2 */
  KEEP_NAME = 1u << 2,  /* name in handle */
  KEEP_NAME2 = 1u << 3, /* name2 in handle2 */
  KEEP_LINK = 1u << 4,  /* name in handle2 */
  KEEP_NODE = 1u << 5,  /* the answer's handle */
  TELL_FILE = 1u << 6,
  TELL_FILE2 = 1u << 7,
  TELL_NAME = 1u << 8, /* with its directory, as all names */
  TELL_NAME2 = 1u << 9,
  TELL_LINK = 1u << 10,
  TELL_TRUNC = 1u << 11, /* the answer's handle, when opened to be emptied */
  TELL_ITSELF = 1u << 12,
};

#define KEEPS (KEEP_FILE | KEEP_FILE2 | KEEP_NAME | KEEP_NAME2 | KEEP_LINK | KEEP_NODE)
/* The answer brings the state of the directory, too. */
#define MAKE  (KEEP_FILE | KEEP_NAME | KEEP_NODE | TELL_NAME)

static const uint16_t rows[FTS_OP_N] = {
  [FTS_OP_LOOKUP] = KEEP_NAME | KEEP_NODE,
  [FTS_OP_GETATTR] = KEEP_FILE,
  [FTS_OP_SETATTR] = KEEP_FILE | TELL_FILE,
  [FTS_OP_OPEN] = KEEP_FILE | TELL_TRUNC,
  [FTS_OP_CREATE] = MAKE | TELL_TRUNC,
  [FTS_OP_READ] = KEEP_FILE,
  [FTS_OP_WRITE] = KEEP_FILE | TELL_FILE,
  [FTS_OP_DIR] = KEEP_FILE,
  [FTS_OP_MKNOD] = MAKE,
  [FTS_OP_MKDIR] = MAKE,
  [FTS_OP_SYMLINK] = MAKE,
  [FTS_OP_LINK] = KEEP_FILE2 | KEEP_LINK | KEEP_NODE | TELL_FILE | TELL_LINK,
  [FTS_OP_UNLINK] = KEEP_FILE | TELL_NAME,
  [FTS_OP_RMDIR] = KEEP_FILE | TELL_NAME,
  [FTS_OP_RENAME] =
    KEEP_FILE | KEEP_FILE2 | KEEP_NAME | KEEP_NAME2 | TELL_NAME | TELL_NAME2,
  [FTS_OP_NAMES] = KEEP_FILE,
  [FTS_OP_PUT] = TELL_ITSELF,
  [FTS_OP_GETXATTR] = KEEP_FILE,
  [FTS_OP_OPENS] = KEEP_FILE, /* the further ones see to themselves */
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
needs_watches (const FtsJob *job)
{
  return job->peer->served->way == FTS_LOCAL_INOTIFY;
}

/* By inotify the file HANDLE is seen only while it has a watch of its own.  A number for
 * keep_name(); negative when it is not seen.  *CHANGED when the watch is new. */
static int
watch (FtsJob *job, const FtsHandle *handle, mode_t type, int fd, bool *changed)
{
  bool is_new;

  if (!needs_watches (job))
    return 0;
  int number =
    fts_inotify_watch (fts_job_inotify (job), handle, fd, S_ISDIR (type), &is_new);
  *changed = *changed || (number >= 0 && is_new);
  return number;
}

/* The same with the server's right to read it; the caller's identity is lost. */
static int
watch_as_server (FtsJob *job, const FtsPin *file, bool *changed)
{
  int number = watch (job, &file->handle, file->type, file->fd, changed);

  if (number != -EACCES || fts_caller_become_server () != 0)
    return number;
  return watch (job, &file->handle, file->type, file->fd, changed);
}

/* Before it is watched: a watch that is given up is told of to those who have noted its file. */
static bool
note_file (FtsJob *job, const FtsHandle *handle, bool *changed)
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

/* NUMBER is that of DIR's watch. */
static bool
watch_name (FtsJob *job, int number, const char *name, size_t len)
{
  return !needs_watches (job) ||
         (number >= 0 &&
          fts_inotify_watch_name (fts_job_inotify (job), number, name, len));
}

static bool
keep_name (FtsJob *job, const FtsPin *dir, const FtsText *name)
{
  bool changed = false;

  return note_key (job, key_of_name (job, &dir->handle, name->bytes, name->len),
                   &changed) &&
         watch_name (job, watch_as_server (job, dir, &changed), name->bytes, name->len);
}

bool
fts_job_keep_name (FtsJob *job, const char *name)
{
  size_t len = strlen (name);
  bool changed = false;

  return job->is_noted &&
         note_key (job, key_of_name (job, &job->request->handle, name, len),
                   &changed) &&
         job->is_watched && watch_name (job, job->dir_watch, name, len);
}

bool
fts_job_keep_file (FtsJob *job, const FtsHandle *handle, uint32_t mode, int fd,
                   bool *changed)
{
  *changed = false;
  return job->is_noted && note_file (job, handle, changed) && job->is_watched &&
         watch (job, handle, mode, fd, changed) >= 0;
}

/* HANDLE, a file that the request names.  The number of its watch. */
static int
keep_asked (FtsJob *job, const FtsHandle *handle)
{
  bool changed = false;
  int failed = 0;

  if (!note_file (job, handle, &changed))
    return -EAGAIN;
  if (!needs_watches (job))
    return 0;
  g_autoptr (FtsPin) pin = fts_handles_pin (job->handles, handle, &failed);
  return pin != NULL ? watch_as_server (job, pin, &changed) : -failed;
}

/* inotify will tell us of the change that the request makes. */
static void
note_own_file (FtsJob *job, const FtsHandle *handle)
{
  FtsWatchers *watchers = watchers_of (job);

  fts_watchers_note_own (watchers, job->session,
                         fts_watchers_file_key (watchers, handle));
}

static void
note_own_name (FtsJob *job, const FtsHandle *dir, const FtsText *name)
{
  fts_watchers_note_own (watchers_of (job), job->session,
                         key_of_name (job, dir, name->bytes, name->len));
  note_own_file (job, dir);
}

static void
note_own (FtsJob *job, uint16_t row)
{
  const FtsRequest *request = job->request;

  if (row & TELL_FILE || (row & TELL_TRUNC && request->open_flags & FTS_OPEN_TRUNC))
    note_own_file (job, &request->handle);
  if (row & TELL_FILE2)
    note_own_file (job, &request->handle2);
  if (row & TELL_NAME)
    note_own_name (job, &request->handle, &request->name);
  if (row & TELL_NAME2)
    note_own_name (job, &request->handle2, &request->name2);
  if (row & TELL_LINK)
    note_own_name (job, &request->handle2, &request->name);
}

void
fts_job_watch_before (FtsJob *job)
{
  const FtsRequest *request = job->request;
  uint16_t row = rows[request->op];

  if (row >= TELL_FILE && job->handles != NULL && needs_watches (job))
    note_own (job, row);
  if (!(row & KEEPS))
    return;
  job->since = fts_watchers_now (watchers_of (job));
  job->is_noted = job->is_watched = job->handles != NULL &&
                                    job->peer->served->way != FTS_LOCAL_UNSEEN &&
                                    fts_watchers_has (watchers_of (job), job->session);
  if (!job->is_noted)
    return;
  if (row & KEEP_FILE)
    job->is_watched = (job->dir_watch = keep_asked (job, &request->handle)) >= 0;
  if (row & KEEP_FILE2)
    job->is_watched = keep_asked (job, &request->handle2) >= 0 && job->is_watched;
  if (row & KEEP_NAME)
    job->is_watched = keep_name (job, job->file, &request->name) && job->is_watched;
  if (row & KEEP_NAME2)
    job->is_watched = keep_name (job, job->file2, &request->name2) && job->is_watched;
  if (row & KEEP_LINK)
    job->is_watched = keep_name (job, job->file2, &request->name) && job->is_watched;
}

static bool
look_again (FtsJob *job, const FtsPin *file)
{
  if (fts_attr_load (file->fd, &job->answer.attr, NULL) != 0)
    return false;
  fts_job_look_closer (job, file->fd, &job->answer.attr);
  return true;
}

/* The file that the answer names, and its attributes as they are now. */
static void
keep_node (FtsJob *job)
{
  bool changed = false;
  int failed = 0;

  if (!job->is_noted)
    return;
  job->is_watched = note_file (job, &job->answer.handle, &changed) && job->is_watched;
  if (!changed && !needs_watches (job))
    return;
  g_autoptr (FtsPin) pin = fts_handles_pin (job->handles, &job->answer.handle, &failed);
  if (pin == NULL || watch_as_server (job, pin, &changed) < 0 ||
      (changed && !look_again (job, pin)))
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
