/* examine.c - refuses devices that hold data: a signature libblkid knows, or a volume.
 *
 * libblkid reads a file descriptor; it gets a sparse copy in memory of the device's first and
 * last part, so that it works for every kind of path.
 */
#include "base/error.h"
#include "prog/format/target.h"
#include "volume/hosttab.h"
#include "volume/mcb.h"

#include <blkid.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBE_BYTES (1u << 20) /* of each end; signatures lie within */

static bool
copy_part (FtsTarget *target, int fd, uint64_t lba, uint64_t blocks, GError **error)
{
  size_t len = (size_t) (blocks * target->block_size);
  g_autofree uint8_t *buf = g_malloc (len);

  if (!fts_target_read (target, lba, buf, len, error))
    return false;
  if (pwrite (fd, buf, len, (off_t) (lba * target->block_size)) == (ssize_t) len)
    return true;
  return fts_set_errno (error, errno, "copy of the device's ends");
}

static uint64_t
blocks_now (const FtsTarget *target)
{
  off_t end;

  if (target->device != NULL)
    return lun_device_facts (target->device)->n_blocks;
  end = lseek (target->fd, 0, SEEK_END);
  return end > 0 ? (uint64_t) end / target->block_size : 0;
}

static int
make_copy (FtsTarget *target, GError **error)
{
  uint64_t n = blocks_now (target);
  uint64_t part = MIN (PROBE_BYTES / target->block_size, n);
  int fd = memfd_create ("fts-format", MFD_CLOEXEC);

  if (fd < 0) {
    fts_set_errno (error, errno, "memfd_create");
    return -1;
  }
  if (ftruncate (fd, (off_t) (n * target->block_size)) != 0)
    fts_set_errno (error, errno, "copy of the device's ends");
  else if (copy_part (target, fd, 0, part, error) &&
           copy_part (target, fd, n - part, part, error))
    return fd;
  close (fd);
  return -1;
}

/* "ext4 file system", or NULL; the signature must be on the disk itself, not in our copy. */
static char *
find_signature (int fd)
{
  blkid_probe probe = blkid_new_probe ();
  const char *what = NULL;
  char *found = NULL;

  if (probe == NULL)
    return NULL;
  blkid_probe_enable_superblocks (probe, 1);
  blkid_probe_set_superblocks_flags (probe, BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions (probe, 1);
  if (blkid_probe_set_device (probe, fd, 0, 0) == 0 && blkid_do_probe (probe) == 0) {
    if (blkid_probe_lookup_value (probe, "TYPE", &what, NULL) == 0)
      found = g_strdup_printf ("a signature of %s", what);
    else if (blkid_probe_lookup_value (probe, "PTTYPE", &what, NULL) == 0)
      found = g_strdup_printf ("a partition table (%s)", what);
    else
      found = g_strdup ("a signature that libblkid knows");
  }
  blkid_free_probe (probe);
  return found;
}

/* Members of the volume that did not leave it, for the message. */
static char *
list_members (FtsTarget *target, const FtsMcb *mcb)
{
  size_t len = (size_t) mcb->max_hosts * mcb->block_size;
  g_autofree uint8_t *table = g_malloc (len);
  GString *list = g_string_new (NULL);

  if (mcb->is_master && fts_target_read (target, mcb->host_table_ptr, table, len, NULL))
    for (uint32_t i = 0; i < mcb->max_hosts; i++) {
      FtsHost host;
      if (fts_host_decode (table + (size_t) i * mcb->block_size, mcb->block_size,
                           fts_mcb_volume_tag (mcb), &host) &&
          host.state != FTS_HOST_FREE)
        g_string_append_printf (list, "%s%s (%s)", list->len > 0 ? ", " : "", host.name,
                                fts_host_role_name (host.role));
    }
  return g_string_free (list, FALSE);
}

static bool
refuse (const FtsTarget *target, const char *what, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_IN_USE,
               "%s: bears %s; --force overwrites it", fts_target_name (target), what);
  return false;
}

static bool
check_volume (FtsTarget *target, GError **error)
{
  uint64_t n = blocks_now (target);
  g_autofree uint8_t *block = g_malloc (target->block_size);
  g_autoptr (GError) cause = NULL;
  g_autofree char *what = NULL;
  g_autofree char *members = NULL;
  FtsMcb mcb;

  if (n <= FTS_MCB_BLOCK + 1)
    return true;
  if (!fts_target_read (target, FTS_MCB_BLOCK, block, target->block_size, error))
    return false;
  if (!fts_mcb_decode (block, target->block_size, n, &mcb, &cause)) {
    if (g_error_matches (cause, FTS_ERROR, FTS_ERROR_NOT_VOLUME))
      return true;
    what = g_strdup_printf ("a volume that cannot be read (%s)", cause->message);
    return refuse (target, what, error);
  }
  members = list_members (target, &mcb);
  what = g_strdup_printf ("%s volume \"%s\"%s%s",
                          mcb.is_master ? "the" : "a part of the", mcb.volume_name,
                          members[0] != '\0' ? ", in use by " : "", members);
  return refuse (target, what, error);
}

bool
fts_target_examine (FtsTarget *target, GError **error)
{
  g_autofree char *signature = NULL;
  int fd;

  if (!target->exists || blocks_now (target) == 0)
    return true;
  if (!check_volume (target, error))
    return false;
  fd = make_copy (target, error);
  if (fd < 0)
    return false;
  signature = find_signature (fd);
  close (fd);
  return signature == NULL || refuse (target, signature, error);
}
