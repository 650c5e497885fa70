/* loop_disk.h - a block device for tests: the kernel's loop device over a file in shared memory.
 *
 * Wants root and /dev/loop-control; loop_disk_trouble() says what is missing.
 */
#pragma once

#include "lun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOOP_DISK_TRIES 20 /* others may be quicker to take a free one */

typedef struct {
  char *image;
  char *node;
  int image_fd, fd;
} LoopDisk;

static inline void
loop_disk_clear (LoopDisk *disk)
{
  if (disk->fd >= 0) { /* gone with the last who has it open */
    ioctl (disk->fd, LOOP_CLR_FD, 0);
    close (disk->fd);
  }
  if (disk->image_fd >= 0)
    close (disk->image_fd);
  if (disk->image)
    g_unlink (disk->image);
  g_free (disk->node);
  g_free (disk->image);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LoopDisk, loop_disk_clear)

/* False with errno. */
static inline bool
loop_disk_take_free (LoopDisk *disk)
{
  int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int number = control < 0 ? -1 : ioctl (control, LOOP_CTL_GET_FREE);
  int cause = errno;
  struct loop_config config = { .fd = (unsigned) disk->image_fd };

  if (control >= 0)
    close (control);
  errno = cause;
  if (number < 0)
    return false;
  g_free (disk->node);
  disk->node = g_strdup_printf ("/dev/loop%d", number);
  disk->fd = open (disk->node, O_RDWR | O_CLOEXEC);
  if (disk->fd >= 0 && ioctl (disk->fd, LOOP_CONFIGURE, &config) == 0)
    return true;
  cause = errno;
  if (disk->fd >= 0)
    close (disk->fd);
  disk->fd = -1;
  errno = cause;
  return false;
}

/* 0 or errno. */
static inline int
loop_disk_start (LoopDisk *disk, off_t size)
{
  int rc = 0;

  *disk = (LoopDisk){ .fd = -1, .image = g_strdup ("/dev/shm/lunpath-loop-XXXXXX") };
  disk->image_fd = g_mkstemp (disk->image);
  if (disk->image_fd < 0 || ftruncate (disk->image_fd, size) != 0)
    return errno;
  for (int i = 0; i < LOOP_DISK_TRIES; i++) {
    if (loop_disk_take_free (disk))
      return 0;
    rc = errno;
    if (rc != EBUSY)
      return rc;
  }
  return rc;
}

static inline LoopDisk
loop_disk_new (off_t size)
{
  LoopDisk disk;

  ck_assert_int_eq (loop_disk_start (&disk, size), 0);
  return disk;
}

/* The device is as large as SIZE says from now on. */
static inline void
loop_disk_resize (const LoopDisk *disk, off_t size)
{
  ck_assert_int_eq (ftruncate (disk->image_fd, size), 0);
  ck_assert_int_eq (ioctl (disk->fd, LOOP_SET_CAPACITY, 0), 0);
}

/* Why there can be none here, or NULL; static. */
static inline const char *
loop_disk_trouble (void)
{
  g_auto (LoopDisk) disk;
  int rc = loop_disk_start (&disk, 1 << 20);

  return rc == 0 ? NULL : g_strerror (rc);
}
