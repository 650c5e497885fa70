/* lock_file.c - the volume lock as an open-file-description lock on the image file.
 *
 * The bytes locked are those of the lock block.  Each member opens the image for itself: two
 * members of one process exclude each other like two processes.
 */
#include "base/error.h"
#include "volume/lock_method.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool
open_file (FtsLockState *state, GError **error)
{
  const char *image = fts_volume_image (state->volume);

  if (image == NULL) {
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_UNSUPPORTED,
      "the volume uses lock method file, but its master device is no file LUN "
      "here");
    return false;
  }
  state->fd = open (image, O_RDWR | O_CLOEXEC);
  if (state->fd >= 0)
    return true;
  return fts_set_errno (error, errno, "%s: cannot open for locking", image);
}

static int
set_lock (FtsLockState *state, short type)
{
  const FtsMcb *mcb = fts_volume_mcb (state->volume);
  struct flock range = { .l_type = type,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t) (mcb->lock_ptr * mcb->block_size),
                         .l_len = mcb->block_size };

  return fcntl (state->fd, F_OFD_SETLK, &range);
}

static FtsLockAttempt
attempt_file (FtsLockState *state, const FtsLockOwner *owner, const FtsLockBlock *steal,
              FtsLockBlock *holder, GError **error)
{
  *holder = (FtsLockBlock){ 0 };
  if (set_lock (state, F_WRLCK) == 0)
    return FTS_LOCK_TAKEN;
  if (errno == EAGAIN || errno == EACCES)
    return FTS_LOCK_HELD;
  fts_set_errno (error, errno, "%s: cannot lock", fts_volume_image (state->volume));
  return FTS_LOCK_FAILED;
}

static void
release_file (FtsLockState *state)
{
  if (set_lock (state, F_UNLCK) != 0)
    g_warning ("%s: the volume lock could not be released: %s",
               fts_volume_image (state->volume), g_strerror (errno));
}

static void
close_file (FtsLockState *state)
{
  close (state->fd);
}

const FtsLockOps fts_lock_file_ops = { "file", open_file, attempt_file, release_file,
                                       close_file };
