/* server_names.c - commands on names: find, make, link, remove and rename them.
 *
 * Each is done by the kernel relative to a directory's O_PATH descriptor with the caller's
 * rights; a name is one step (containment.h).
 */
#include "fts/server_ops.h"

#include "fts/caller.h"
#include "fts/containment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RENAME_FLAGS (RENAME_NOREPLACE | RENAME_EXCHANGE)

int
fts_job_answer_node (FtsJob *job, int fd, const FtsPin *dir, const char *name)
{
  int failed = 0;
  g_autoptr (FtsPin) pin =
    fts_handles_adopt (job->handles, fd, dir, name, &job->answer.attr, &failed);

  if (pin == NULL)
    return failed;
  fts_job_look_closer (job, pin->fd, &job->answer.attr);
  job->answer.handle = pin->handle;
  return 0;
}

int
fts_job_walk (FtsJob *job, const FtsText *text)
{
  char path[PATH_MAX];
  int failed = fts_contain_path (text, path);

  if (failed)
    return -failed;
  if (path[0] == '\0') {
    int fd = fcntl (job->file->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
  }
  return fts_contain_walk (job->export->root_fd, job->file->fd, path);
}

/* FD (taken over) was found by a path: answers it with the path it has now. */
static int
answer_walked (FtsJob *job, int fd, char **full)
{
  g_autofree char *path = fts_contain_path_of (job->export->root_fd, fd);

  if (path == NULL || strlen (path) > FTS_TEXT_MAX) {
    close (fd);
    return path == NULL ? ESTALE : ENAMETOOLONG;
  }
  fts_handles_note_path (job->handles, path);
  if (full != NULL)
    *full = g_steal_pointer (&path);
  return fts_job_answer_node (job, fd, NULL, NULL);
}

static bool
is_dots (const FtsText *name)
{
  return name->len > 0 && name->len <= 2 && memcmp (name->bytes, "..", name->len) == 0;
}

int
fts_serve_lookup (FtsJob *job)
{
  char name[NAME_MAX + 1];

  if (is_dots (&job->request->name)) {
    int fd = fts_job_walk (job, &job->request->name);
    return fd < 0 ? -fd : answer_walked (job, fd, NULL);
  }
  int failed = fts_contain_name (&job->request->name, name);
  if (failed)
    return failed;
  int fd = fts_contain_step (job->file->fd, name);
  return fd < 0 ? -fd : fts_job_answer_node (job, fd, job->file, name);
}

int
fts_serve_walk (FtsJob *job)
{
  int fd = fts_job_walk (job, &job->request->name);

  if (fd < 0)
    return -fd;
  int failed = answer_walked (job, fd, &job->text);
  if (!failed)
    job->answer.name = (FtsText){ job->text, (uint16_t) strlen (job->text) };
  return failed;
}

int
fts_serve_readlink (FtsJob *job)
{
  job->text = g_malloc (PATH_MAX);

  if (job->file->type != S_IFLNK)
    return EINVAL;
  ssize_t len = readlinkat (job->file->fd, "", job->text, PATH_MAX);
  if (len < 0)
    return errno;
  job->answer.name = (FtsText){ job->text, (uint16_t) len };
  return 0;
}

/* ---- making ---- */

/* Answers the node NAME that was just made in the request's directory. */
static int
answer_made (FtsJob *job, const FtsPin *dir, const char *name)
{
  int fd = fts_contain_step (dir->fd, name);

  fts_job_answer_dir (job, dir, &job->answer.attr2);
  return fd < 0 ? -fd : fts_job_answer_node (job, fd, dir, name);
}

int
fts_serve_mknod (FtsJob *job)
{
  const FtsRequest *request = job->request;
  uint32_t type = request->mode & S_IFMT;
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&request->name, name);

  if (failed)
    return failed;
  if (type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK &&
      type != S_IFCHR && type != S_IFBLK)
    return EINVAL;
  bool is_device = type == S_IFCHR || type == S_IFBLK;
  if (is_device && (!job->export->allow_devices || request->uid != 0))
    return EPERM;
  uint32_t mode = fts_job_allowed_mode (job, request->mode, type) | type;
  if (mknodat (job->file->fd, name, mode, (dev_t) request->rdev) != 0)
    return errno;
  return answer_made (job, job->file, name);
}

/* Of a new directory the client knows then that it is empty. */
static void
note_exact (FtsJob *job, const char *name)
{
  int fd = openat (job->file->fd, name,
                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0)
    return;
  if (fts_job_is_exact (fd))
    job->answer.flags |= FTS_ANSWER_EXACT;
  close (fd);
}

int
fts_serve_mkdir (FtsJob *job)
{
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&job->request->name, name);

  if (failed)
    return failed;
  uint32_t mode = fts_job_allowed_mode (job, job->request->mode, S_IFDIR);
  if (mkdirat (job->file->fd, name, mode) != 0)
    return errno;
  note_exact (job, name);
  return answer_made (job, job->file, name);
}

int
fts_serve_symlink (FtsJob *job)
{
  const FtsRequest *request = job->request;
  char target[PATH_MAX];
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&request->name, name);

  if (!failed)
    failed = fts_contain_path (&request->name2, target);
  if (failed)
    return failed;
  if (symlinkat (target, job->file->fd, name) != 0)
    return errno;
  return answer_made (job, job->file, name);
}

/* By /proc, as linking a bare descriptor asks for a capability the caller need not have. */
int
fts_serve_link (FtsJob *job)
{
  char name[NAME_MAX + 1];
  char source[FTS_FD_PATH_LEN];
  int failed = fts_contain_name (&job->request->name, name);

  if (failed)
    return failed;
  if (job->file->type == S_IFDIR)
    return EPERM;
  fts_caller_path_of_fd (job->file->fd, source);
  if (linkat (AT_FDCWD, source, job->file2->fd, name, AT_SYMLINK_FOLLOW) != 0)
    return errno == EXDEV ? ESTALE : errno;
  return answer_made (job, job->file2, name);
}

/* ---- removing and renaming ---- */

static int
remove_name (FtsJob *job, int flags)
{
  FtsHandle victim;
  char name[NAME_MAX + 1];
  int failed = fts_contain_name (&job->request->name, name);

  if (failed)
    return failed;
  fts_handles_of_name (job->handles, job->file, name, &victim);
  g_autoptr (GPtrArray) awake = fts_job_wake_files (job, &victim);
  if (unlinkat (job->file->fd, name, flags) != 0)
    return errno;
  fts_handles_drop (job->handles, &victim);
  fts_job_answer_dir (job, job->file, &job->answer.attr2);
  job->victim = victim;
  return 0;
}

int
fts_serve_unlink (FtsJob *job)
{
  return remove_name (job, 0);
}

int
fts_serve_rmdir (FtsJob *job)
{
  return remove_name (job, AT_REMOVEDIR);
}

int
fts_serve_rename (FtsJob *job)
{
  const FtsRequest *request = job->request;
  char name[NAME_MAX + 1];
  char new_name[NAME_MAX + 1];
  FtsHandle victim;
  int failed = fts_contain_name (&request->name, name);

  if (!failed)
    failed = fts_contain_name (&request->name2, new_name);
  if (failed)
    return failed;
  if (request->open_flags & ~(uint32_t) RENAME_FLAGS)
    return EINVAL;
  fts_handles_of_name (job->handles, job->file2, new_name, &victim);
  g_autoptr (GPtrArray) awake = fts_job_wake_files (job, &victim);
  if (renameat2 (job->file->fd, name, job->file2->fd, new_name, request->open_flags) !=
      0)
    return errno;
  fts_handles_drop (job->handles, &victim);
  job->victim = victim;
  fts_handles_of_name (job->handles, job->file2, new_name, &job->moved);
  fts_handles_note_moved (job->handles, job->file2, new_name);
  if (request->open_flags & RENAME_EXCHANGE)
    fts_handles_note_moved (job->handles, job->file, name);
  fts_job_answer_dir (job, job->file, &job->answer.attr2);
  fts_job_answer_dir (job, job->file2, &job->answer.attr);
  return 0;
}
