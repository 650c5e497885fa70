/* server_opens.c - OPENS: files opened to be read, each as by OPEN, with their first bytes.
 *
 * A client that reads the small files of a directory one after another asks for the next ones with
 * the one that it needs.  Each is opened with the caller's rights and kept open, so that what may
 * be read, and what becomes of a file that loses its name, is as if each had been asked for.
 *
 * A file is told with all of its bytes or none; one for which there is no room any more is
 * not opened (EFBIG), nor is any behind it.
 */
#include "fts/server_ops.h"

#include "fts/status.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct {
  FtsJob *job;
  size_t room; /* bytes of files */
  bool full;
} Batch;

/* Watched before it is read, so that the client hears of a change since. */
static int
load (FtsJob *job, const FtsPin *file, int fd, FtsAttr *attr)
{
  bool changed;
  bool watched = fts_job_keep_file (job, &file->handle, file->type, fd, &changed);
  int failed = fts_attr_load (fd, attr, NULL);

  if (failed)
    return failed;
  fts_job_look_closer (job, fd, attr);
  if (watched)
    attr->flags |= FTS_ATTR_WATCHED;
  return attr->nlink > 0 ? 0 : ESTALE;
}

/* All of the file into BYTES; it may have got longer or shorter meanwhile. */
static int
read_all (int fd, GByteArray *bytes, FtsOpened *out)
{
  size_t size = (size_t) out->attr.size;

  g_byte_array_set_size (bytes, (guint) size + 1);
  ssize_t n = pread (fd, bytes->data, size + 1, 0);
  if (n < 0)
    return errno;
  out->first = bytes->data;
  if ((size_t) n == size) {
    out->first_len = (uint32_t) n;
    out->flags = FTS_ANSWER_EOF;
  }
  return 0;
}

static int
open_one (Batch *batch, const FtsHandle *handle, GByteArray *bytes, FtsOpened *out)
{
  FtsJob *job = batch->job;
  int failed = 0;
  g_autoptr (FtsPin) file = fts_handles_pin (job->handles, handle, &failed);

  if (!failed)
    failed = fts_job_become_caller (job);
  if (failed)
    return failed;
  if (file->type != S_IFREG)
    return EINVAL;
  int fd = fts_job_reopen (file, O_RDONLY);
  if (fd < 0)
    return -fd;
  failed = load (job, file, fd, &out->attr);
  batch->full = !failed && out->attr.size > batch->room;
  if (batch->full)
    failed = EFBIG;
  if (!failed)
    failed = read_all (fd, bytes, out);
  if (failed) {
    close (fd);
    return failed;
  }
  batch->room -= out->first_len;
  out->open_id = fts_session_add (job->session, fd, FTS_OPEN_READ, handle);
  return out->open_id != 0 ? 0 : EMFILE;
}

/* The errno of the file. */
static int
add (Batch *batch, const FtsHandle *handle)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FtsOpened opened = { 0 };
  int failed = batch->full ? EFBIG : open_one (batch, handle, bytes, &opened);

  if (failed)
    opened = (FtsOpened){ .status = fts_status_from_errno (failed) };
  fts_idmap_attr_to_there (&batch->job->export->rights.map, &opened.attr);
  fts_wire_encode_opened (&opened, batch->job->data);
  fts_job_count (batch->job, opened.first_len, 0);
  return failed;
}

/* The handles that follow the request; EMSGSIZE for anything else. */
static int
take_handles (FtsJob *job, GArray *handles)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  const uint8_t *data;
  FtsHandle handle;
  size_t len, used;

  do {
    if (!fts_job_take_data (job, &data, &len))
      return EIO;
    if (all->len + len > FTS_OPENS_MAX * (sizeof handle.bytes + 2))
      return EMSGSIZE;
    g_byte_array_append (all, data, (guint) len);
  } while (len > 0);
  for (size_t at = 0; at < all->len; at += used) {
    if (handles->len + 1 >= FTS_OPENS_MAX ||
        !fts_wire_decode_handle (all->data + at, all->len - at, &handle, &used))
      return EMSGSIZE;
    g_array_append_val (handles, handle);
  }
  return 0;
}

int
fts_serve_opens (FtsJob *job)
{
  g_autoptr (GArray) handles = g_array_new (FALSE, FALSE, sizeof (FtsHandle));
  Batch batch = { .job = job,
                  .room = MIN (job->request->length, FTS_SERVER_MAX_DATA / 2) };
  int failed = take_handles (job, handles);

  if (failed)
    return failed;
  job->data = g_byte_array_new ();
  failed = add (&batch, &job->request->handle);
  for (guint i = 0; i < handles->len && !failed; i++)
    add (&batch, &g_array_index (handles, FtsHandle, i));
  return failed;
}
