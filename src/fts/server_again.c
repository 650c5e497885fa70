#include "fts/server_again.h"

#include "fts/containment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- looking ---- */

/* The inode that NAME in DIR leads to; 0 = none. */
static uint64_t
look (const FtsPin *dir, const FtsText *text, struct stat *st)
{
  char name[NAME_MAX + 1];

  if (dir == NULL || fts_contain_name (text, name) != 0 ||
      fstatat (dir->fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
    return 0;
  return st->st_ino;
}

static uint64_t
inode_of (const FtsPin *dir, const FtsText *text)
{
  struct stat st;
  return look (dir, text, &st);
}

/* 0 or an errno: ESTALE when the file must be opened anew first. */
static int
size_of (FtsJob *job, uint64_t *size)
{
  FtsJobFile file;
  struct stat st;
  int failed = fts_job_use_file (job, O_RDWR, &file);

  if (failed)
    return failed;
  failed = fstat (file.fd, &st) == 0 ? 0 : errno;
  *size = failed ? 0 : (uint64_t) st.st_size;
  fts_job_end_file (&file);
  return failed;
}

static bool
has_attribute (const FtsJob *job)
{
  const FtsText *text = &job->request->name;
  g_autofree char *name = g_strndup (text->bytes, text->len);
  char path[64];

  if (job->file == NULL)
    return false;
  g_snprintf (path, sizeof path, "/proc/self/fd/%d", job->file->fd);
  return getxattr (path, name, NULL, 0) >= 0;
}

/* A write at the end, or a change of the length, tells by the length. */
static bool
depends_on_size (const FtsRequest *request)
{
  if (request->op == FTS_OP_WRITE)
    return request->flags & FTS_REQUEST_APPENDS;
  return request->op == FTS_OP_FALLOCATE &&
         request->mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
}

static int
take_note (FtsJob *job, FtsReplayNote *out)
{
  const FtsRequest *request = job->request;
  FtsReplayNote note = { 0 };
  int failed = 0;

  switch (request->op) {
  case FTS_OP_UNLINK:
  case FTS_OP_RMDIR:
  case FTS_OP_MKDIR:
  case FTS_OP_MKNOD:
  case FTS_OP_SYMLINK:
  case FTS_OP_CREATE:
    note.ino = inode_of (job->file, &request->name);
    break;
  case FTS_OP_LINK:
    note.ino = inode_of (job->file2, &request->name);
    break;
  case FTS_OP_RENAME:
    note.ino = inode_of (job->file, &request->name);
    note.ino2 = inode_of (job->file2, &request->name2);
    break;
  case FTS_OP_SETXATTR:
  case FTS_OP_REMOVEXATTR:
    note.ino = has_attribute (job);
    break;
  default:
    if (depends_on_size (request))
      failed = size_of (job, &note.size);
  }
  *out = note;
  return failed;
}

/* ---- judging ---- */

/* What request->op makes. */
static uint32_t
type_of (const FtsRequest *request)
{
  switch (request->op) {
  case FTS_OP_MKDIR:
    return S_IFDIR;
  case FTS_OP_SYMLINK:
    return S_IFLNK;
  case FTS_OP_MKNOD:
    return request->mode & S_IFMT ? request->mode & S_IFMT : S_IFREG;
  default:
    return S_IFREG;
  }
}

static bool
was_made (FtsJob *job, const FtsReplayNote *note)
{
  const FtsRequest *request = job->request;
  struct stat st;

  return note->ino == 0 && look (job->file, &request->name, &st) != 0 &&
         (st.st_mode & S_IFMT) == type_of (request);
}

static int
answer_there (FtsJob *job, const FtsPin *dir)
{
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&job->request->name, name);

  if (failed)
    return failed;
  int fd = fts_contain_step (dir->fd, name);
  return fd < 0 ? -fd : fts_job_answer_node (job, fd, dir, name);
}

/* Of a file that was made but not opened: without EXCL and TRUNC the command opens it. */
static int
create_again (FtsJob *job, FtsCommandFunc func)
{
  FtsRequest gentle = *job->request;
  const FtsRequest *asked = job->request;

  gentle.open_flags &= ~(uint32_t) (FTS_OPEN_EXCL | FTS_OPEN_TRUNC);
  job->request = &gentle;
  int failed = func (job);
  job->request = asked;
  return failed;
}

static bool
was_renamed (FtsJob *job, const FtsReplayNote *note)
{
  const FtsRequest *request = job->request;

  return note->ino != 0 && note->ino != note->ino2 &&
         inode_of (job->file2, &request->name2) == note->ino &&
         inode_of (job->file, &request->name) ==
           (request->open_flags & RENAME_EXCHANGE ? note->ino2 : 0);
}

/* A file of the same directory and name that is renamed onto itself is as good done twice. */
static bool
was_done (FtsJob *job, const FtsReplayNote *note)
{
  const FtsRequest *request = job->request;

  switch (request->op) {
  case FTS_OP_UNLINK:
  case FTS_OP_RMDIR:
    return note->ino != 0 && inode_of (job->file, &request->name) != note->ino;
  case FTS_OP_RENAME:
    return was_renamed (job, note);
  case FTS_OP_SETXATTR:
    return request->open_flags & XATTR_CREATE && note->ino == 0 && has_attribute (job);
  case FTS_OP_REMOVEXATTR:
    return note->ino != 0 && !has_attribute (job);
  case FTS_OP_FALLOCATE: {
    uint64_t size;
    return depends_on_size (request) && size_of (job, &size) == 0 && size != note->size;
  }
  default:
    return false;
  }
}

/* Bytes of a write at the end that are there already. */
static uint64_t
bytes_there (FtsJob *job, const FtsReplayNote *note)
{
  uint64_t size = 0;

  size_of (job, &size);
  uint64_t grown = size > note->size ? size - note->size : 0;
  return MIN (grown, job->request->length);
}

static int
run_doubtful (FtsJob *job, FtsCommandFunc func, const FtsReplayNote *note)
{
  const FtsRequest *request = job->request;

  switch (request->op) {
  case FTS_OP_MKDIR:
  case FTS_OP_MKNOD:
  case FTS_OP_SYMLINK:
    return was_made (job, note) ? answer_there (job, job->file) : func (job);
  case FTS_OP_CREATE:
    return was_made (job, note) ? create_again (job, func) : func (job);
  case FTS_OP_LINK: {
    struct stat st, file;
    bool is_there = note->ino == 0 && look (job->file2, &request->name, &st) != 0 &&
                    fstat (job->file->fd, &file) == 0 && st.st_ino == file.st_ino;
    return is_there ? answer_there (job, job->file2) : func (job);
  }
  case FTS_OP_WRITE:
    if (depends_on_size (request))
      job->n_skipped = bytes_there (job, note);
    return func (job);
  default:
    return was_done (job, note) ? 0 : func (job);
  }
}

int
fts_again_run (FtsJob *job, FtsCommandFunc func)
{
  if (job->is_doubtful) {
    const FtsReplayNote note = *fts_replay_note (job->record);
    g_info ("%s of %s comes again and may have been done",
            fts_wire_command (job->request->op)->name, job->peer->name);
    return run_doubtful (job, func, &note);
  }
  FtsReplayNote note;
  int failed = take_note (job, &note);
  if (failed)
    return failed;
  fts_replay_set_note (job->record, &note);
  return func (job);
}
