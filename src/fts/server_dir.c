/* server_dir.c - DIR: a page of a directory, each entry with its attributes and handle; NAMES: all
 * names as numbers, of a directory that is not too long.
 *
 * Cookies are the file system's own positions (d_off).  The reading descriptor stays with the
 * directory's pin between pages, so that a page is lseek and getdents; whoever uses it must have
 * the right to read the directory himself, which is asked each time.
 *
 * Each entry is opened as O_PATH and asked for both its attributes and its handle, so that they
 * belong to one file, also while names are renamed.
 */
#include "fts/server_ops.h"

#include "fts/containment.h"
#include "fts/namehash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define READ_LEN (32u << 10)

typedef struct {
  FtsJob *job;
  char *pattern; /* NULL = all names */
  size_t max;
  uint64_t next;
  bool full;
} Page;

/* ---- the reading descriptor ---- */

static int
check_readable (const FtsPin *dir)
{
  if (syscall (SYS_faccessat2, dir->fd, "", R_OK, AT_EACCESS | AT_EMPTY_PATH) != 0)
    return errno;
  return 0;
}

static int
open_dir (FtsPin *dir)
{
  if (dir->type != S_IFDIR)
    return -ENOTDIR;
  int fd = fts_fdcache_take_dir (dir);
  if (fd < 0)
    return fts_job_reopen (dir, O_RDONLY | O_DIRECTORY);
  int failed = check_readable (dir);
  if (!failed)
    return fd;
  fts_fdcache_give_dir (dir, fd);
  return -failed;
}

/* ---- entries ---- */

/* What DIR tells of an entry that cannot be looked at (no search right, another mount). */
static void
describe_blind (const struct dirent64 *raw, FtsDirent *entry)
{
  entry->handle.len = 0;
  entry->attr = (FtsAttr){ .ino = raw->d_ino, .mode = (uint32_t) DTTOIF (raw->d_type) };
}

/* The client may keep ENTRY; NAME_WATCHED: it hears of changes of its name. */
static void
keep (FtsJob *job, int fd, bool name_watched, FtsDirent *entry)
{
  bool changed;
  bool watched =
    fts_job_keep_file (job, &entry->handle, entry->attr.mode, fd, &changed);

  if (changed && fts_attr_load (fd, &entry->attr, NULL) != 0)
    return;
  if (changed)
    fts_job_look_closer (job, fd, &entry->attr);
  if (watched && name_watched)
    entry->attr.flags |= FTS_ATTR_WATCHED;
}

/* False when the name is gone. */
static bool
describe (FtsJob *job, const struct dirent64 *raw, FtsDirent *entry)
{
  bool name_watched = fts_job_keep_name (job, raw->d_name);
  int fd = fts_contain_step (job->file->fd, raw->d_name);

  if (fd == -ENOENT)
    return false;
  if (fd < 0 || fts_handles_describe (job->handles, fd, job->file, raw->d_name,
                                      &entry->attr, &entry->handle) != 0) {
    describe_blind (raw, entry);
  } else {
    fts_job_look_closer (job, fd, &entry->attr);
    keep (job, fd, name_watched, entry);
  }
  if (fd >= 0)
    close (fd);
  fts_idmap_attr_to_there (&job->export->rights.map, &entry->attr);
  return true;
}

static bool
is_wanted (const Page *page, const char *name)
{
  if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
    return false;
  return page->pattern == NULL || fnmatch (page->pattern, name, FNM_PERIOD) == 0;
}

static void
add_entry (Page *page, const struct dirent64 *raw)
{
  FtsDirent entry = { .cookie = (uint64_t) raw->d_off,
                      .name = { raw->d_name, (uint16_t) strlen (raw->d_name) } };

  if (is_wanted (page, raw->d_name) && describe (page->job, raw, &entry) &&
      fts_wire_encode_dirent (&entry, page->job->data, page->max) == 0) {
    page->full = true;
    return;
  }
  page->next = entry.cookie;
}

static int
fill_page (Page *page, int fd)
{
  g_autofree uint8_t *buffer = g_malloc (READ_LEN);

  while (!page->full) {
    ssize_t n = getdents64 (fd, buffer, READ_LEN);
    if (n < 0)
      return errno;
    if (n == 0) {
      page->job->answer.flags |= FTS_ANSWER_EOF;
      return 0;
    }
    for (ssize_t at = 0; at < n && !page->full;) {
      const struct dirent64 *raw = (const void *) (buffer + at);
      at += raw->d_reclen;
      add_entry (page, raw);
    }
  }
  return page->job->data->len > 0 ? 0 : EINVAL;
}

int
fts_serve_dir (FtsJob *job)
{
  const FtsRequest *request = job->request;
  g_autofree char *pattern = NULL;
  Page page = { .job = job,
                .max = MIN (request->length, FTS_SERVER_MAX_DATA),
                .next = request->cookie };
  int fd = open_dir (job->file);

  if (fd < 0)
    return -fd;
  if (request->name.len > 0)
    page.pattern = pattern = g_strndup (request->name.bytes, request->name.len);
  job->data = g_byte_array_sized_new ((guint) MIN (page.max, 64u << 10));
  int failed = lseek (fd, (off_t) request->cookie, SEEK_SET) < 0 ? errno : 0;
  if (!failed)
    failed = fill_page (&page, fd);
  fts_fdcache_give_dir (job->file, fd);
  job->answer.cookie = page.next;
  return failed;
}

/* ---- all names ---- */

/* Where capitals may not count, or a name has several forms, what is not listed may be there. */
bool
fts_job_is_exact (int fd)
{
  struct statfs fs;
  int flags = 0;

  if (fstatfs (fd, &fs) != 0)
    return false;
  switch ((uint32_t) fs.f_type) {
  case EXT4_SUPER_MAGIC: /* ext2 and ext3, too */
  case BTRFS_SUPER_MAGIC:
  case TMPFS_MAGIC:
  case F2FS_SUPER_MAGIC:
    return ioctl (fd, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_CASEFOLD_FL) == 0;
  default:
    return false;
  }
}

static void
add_hash (GByteArray *into, const char *name)
{
  FtsLe64 hash = fts_le64 (fts_namehash (name, strlen (name)));
  g_byte_array_append (into, hash.b, sizeof hash.b);
}

static int
hash_all (int fd, size_t most, GByteArray *into)
{
  g_autofree uint8_t *buffer = g_malloc (READ_LEN);
  ssize_t n;

  while ((n = getdents64 (fd, buffer, READ_LEN)) > 0)
    for (ssize_t at = 0; at < n;) {
      const struct dirent64 *raw = (const void *) (buffer + at);
      at += raw->d_reclen;
      if (into->len / sizeof (FtsLe64) >= most)
        return E2BIG;
      add_hash (into, raw->d_name);
    }
  return n < 0 ? errno : 0;
}

int
fts_serve_names (FtsJob *job)
{
  size_t most = MIN (job->request->length, FTS_SERVER_MAX_DATA / sizeof (FtsLe64));
  int fd = open_dir (job->file);

  if (fd < 0)
    return -fd;
  job->data = g_byte_array_new ();
  int failed = fts_job_is_exact (fd) ? 0 : EOPNOTSUPP;
  if (!failed && lseek (fd, 0, SEEK_SET) < 0)
    failed = errno;
  if (!failed)
    failed = hash_all (fd, most, job->data);
  fts_fdcache_give_dir (job->file, fd);
  return failed;
}
