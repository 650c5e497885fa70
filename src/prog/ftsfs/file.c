#include "prog/ftsfs/file.h"

#include "fts/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

FtsFile *
fts_file_new (FtsFs *fs, FtsInode *inode, uint64_t open_id, int flags)
{
  FtsFile *file = g_new0 (FtsFile, 1);

  file->fs = fs;
  file->inode = inode;
  file->open_id = open_id;
  file->writes_wait = fs->behind == NULL || (flags & (O_APPEND | O_DIRECT)) != 0;
  pthread_mutex_init (&file->lock, NULL);
  return file;
}

void
fts_file_free (FtsFile *file)
{
  fts_client_close_file (file->fs->client, file->open_id);
  g_clear_pointer (&file->first, g_byte_array_unref);
  pthread_mutex_destroy (&file->lock);
  fts_inode_unref (file->inode);
  g_free (file);
}

void
fts_file_set_first (FtsFile *file, GByteArray *bytes, uint64_t at)
{
  pthread_mutex_lock (&file->lock);
  g_clear_pointer (&file->first, g_byte_array_unref);
  file->first = bytes;
  file->first_until_us = g_get_monotonic_time () + FTS_FIRST_MS * 1000;
  file->first_clock = at;
  pthread_mutex_unlock (&file->lock);
}

static bool
is_first_valid_locked (FtsFile *file)
{
  return file->first && g_get_monotonic_time () < file->first_until_us &&
         fts_inode_changed (file->inode) <= file->first_clock;
}

bool
fts_file_read_first (FtsFile *file, uint64_t offset, uint8_t *out, size_t len,
                     size_t *got)
{
  pthread_mutex_lock (&file->lock);
  bool valid = is_first_valid_locked (file);
  if (valid) {
    const GByteArray *first = file->first;
    *got = offset < first->len ? MIN (len, first->len - offset) : 0;
    if (*got > 0)
      memcpy (out, first->data + offset, *got);
  }
  /* The kernel has it now and asks again only when it should not be trusted. */
  if (!valid || (file->first && offset + *got >= file->first->len))
    g_clear_pointer (&file->first, g_byte_array_unref);
  pthread_mutex_unlock (&file->lock);
  return valid;
}

bool
fts_fs_drain (FtsFs *fs, FtsInode *inode)
{
  return fs->behind == NULL || fts_behind_drain (fs->behind, inode);
}

int
fts_file_write (FtsFile *file, uint64_t offset, const uint8_t *bytes, size_t len,
                size_t *done)
{
  FtsFs *fs = file->fs;
  int errnum = 0;
  uint64_t at = fts_fs_now (fs);
  FtsAttr attr = { 0 };

  for (*done = 0; *done < len && errnum == 0;) {
    struct iovec iov = { (void *) (bytes + *done), len - *done };
    size_t written = 0;
    g_autoptr (GError) error = NULL;

    if (!fts_client_write (fs->client, &file->inode->handle, file->open_id,
                           offset + *done, &iov, 1, &written, &attr, &error))
      errnum = fts_fs_errno (fs, error);
    else if (written == 0)
      errnum = EIO;
    *done += written;
  }
  fts_inode_set_changed (file->inode, at, true);
  fts_inode_set_after (file->inode, &attr, at, fts_fs_tick (fs));
  return errnum;
}

bool
fts_file_send (void *data, uint64_t offset, const uint8_t *bytes, size_t len, void *fs)
{
  FtsFile *file = data;
  size_t done;
  int errnum = atomic_load (&file->error);

  if (errnum == 0)
    errnum = fts_file_write (file, offset, bytes, len, &done);
  if (errnum == EINTR && fts_interrupt_is_raised ())
    return false;
  if (errnum)
    atomic_store (&file->error, errnum);
  return true;
}
