/* reservation/local-lock.c - opens of one machine exclude each other.
 *
 * The LUN tells hosts apart, not processes: two of one host use the same paths, and the second
 * would take the first one's key for an orphan.  One file a device and owner, with two bytes:
 *   byte 0  locked exclusively by whoever reserves for one owner (default, forced, retain, single)
 *   byte 1  locked shared by every open, exclusively by SINGLE
 * The kernel frees the locks when the process ends.
 */
#include "reservation/reservation.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
file_name (const LunReservation *r)
{
  const char *identity = r->port.ops->identity (r->port.data);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA1, identity, -1);
  const char *dir =
    access ("/run/lock", W_OK) == 0 ? "/run/lock" : g_get_user_runtime_dir ();

  g_mkdir_with_parents (dir, 0700); /* a user's own may not be there yet */
  sum[16] = '\0';
  return g_strdup_printf ("%s/lunpath-%s-%08x.lock", dir, sum,
                          (unsigned) (r->config.key >> 32));
}

static bool
lock_byte (int fd, off_t byte, short type)
{
  struct flock lock = {
    .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1
  };

  return fcntl (fd, F_OFD_SETLK, &lock) == 0;
}

static bool
lock_bytes (const LunReservation *r, int fd)
{
  bool is_single = r->option == LUN_RESV_SINGLE;
  bool is_owner = r->option != LUN_RESV_NO_RESERVE && r->option != LUN_RESV_SHARED;

  return (!is_owner || lock_byte (fd, 0, F_WRLCK)) &&
         lock_byte (fd, 1, is_single ? F_WRLCK : F_RDLCK);
}

bool
lun_resv_local_lock (LunReservation *r, GError **error)
{
  const char *device = r->port.ops->device_name (r->port.data);
  g_autofree char *name = file_name (r);
  int fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s", name, g_strerror (errno));
    return false;
  }
  if (!lock_bytes (r, fd)) {
    close (fd);
    g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY,
                 "%s: a process of this machine has it open already", device);
    return false;
  }
  r->local_lock = fd;
  return true;
}

void
lun_resv_local_unlock (LunReservation *r)
{
  if (r->local_lock >= 0)
    close (r->local_lock);
  r->local_lock = -1;
}
