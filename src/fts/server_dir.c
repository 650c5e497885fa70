/* server_dir.c - DIR: a page of a directory, each entry with its attributes and handle.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/syscall.h>
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

/* False when the name is gone. */
static bool
describe (FtsJob *job, const struct dirent64 *raw, FtsDirent *entry)
{
  int fd = fts_contain_step (job->file->fd, raw->d_name);

  if (fd == -ENOENT)
    return false;
  if (fd < 0 || fts_handles_describe (job->handles, fd, job->file, raw->d_name,
                                      &entry->attr, &entry->handle) != 0)
    describe_blind (raw, entry);
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
