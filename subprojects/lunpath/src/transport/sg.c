/* transport/sg.c - a path through the kernel's SCSI stack: FC, SAS, iSCSI, virtio-scsi.
 *
 *   sg:/dev/sg3[?depth=N]    sg:/dev/sdc[?depth=N]
 *
 * An sg node or the disk's own node: SG_IO works on both.  SG_IO blocks, now and then far beyond
 * its time-out, so the path's own threads do it, `depth` of them (1 to 16, default 8).
 *
 * A disk that multipathd, LVM or MD has in use is refused: our commands would pass by them.
 *
 * A disk that went away (path lost for long, LUN unmapped) leaves a dead file descriptor; each
 * check of the path then opens the node anew.  dup2() puts the new file in the place of the old
 * one, so the threads need no lock for `fd`.  Whether it is still the same LUN is not this
 * module's business: the check compares identities.
 *
 * Lengths: a command takes what the smallest of these allows: the request queue of the disk (bytes
 * and segments, each a page in the worst case), VPD page B0h, 1 MiB.
 */
#include "transport/builtin.h"
#include "transport/command.h"
#include "transport/scsi.h"
#include "transport/sg-io.h"
#include "transport/sysfs.h"

#include "base/sense.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_IO_BYTES (1u << 20)
#define MIN_IO_BYTES (32u << 10)
#define PAGE_BYTES   4096u
#define PROBE_MS     5000
#define SG_VERSION_3 30000

typedef struct {
  LunTransport base;
  char *node;
  bool read_only;
  int fd;
  bool is_gone; /* atomic: the file descriptor is dead */
} Sg;

/* ---- the node ---- */

static bool
fail_errno (const Sg *sg, const char *what, int os_errno, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s: %s", sg->node, what,
               g_strerror (os_errno));
  return false;
}

static bool
check_node (const Sg *sg, int fd, GError **error)
{
  struct stat node;
  int version = 0;

  if (fstat (fd, &node) != 0)
    return fail_errno (sg, "fstat", errno, error);
  if (lun_sg_kernel->ioctl (fd, SG_GET_VERSION_NUM, &version) != 0 ||
      version < SG_VERSION_3) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: takes no SCSI commands; a path \"sg:\" wants /dev/sgN or the "
                 "/dev/sdX of a SCSI disk",
                 sg->node);
    return false;
  }
  g_autofree char *disk = lun_sysfs_disk (&node);
  return lun_sysfs_check_free (disk, sg->node, error);
}

/* -1 with GError. */
static int
open_node (const Sg *sg, GError **error)
{
  int fd =
    open (sg->node, (sg->read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0) {
    fail_errno (sg, "open", errno, error);
    return -1;
  }
  if (check_node (sg, fd, error))
    return fd;
  close (fd);
  return -1;
}

static bool
open_again (Sg *sg, GError **error)
{
  int fd = open_node (sg, error);

  if (fd < 0)
    return false;
  __atomic_store_n (&sg->is_gone, false, __ATOMIC_SEQ_CST);
  int rc = dup3 (fd, sg->fd, O_CLOEXEC);
  close (fd);
  return rc >= 0 || fail_errno (sg, "dup3", errno, error);
}

/* ---- commands ---- */

static LunResult
execute (Sg *sg, const LunIo *io)
{
  LunResult result = lun_sg_execute (sg->fd, io);

  if (result.os_errno == ENODEV || result.os_errno == ENXIO)
    __atomic_store_n (&sg->is_gone, true, __ATOMIC_SEQ_CST);
  return result;
}

static void
node_submit (LunTransport *transport, LunIo *io)
{
  io->result = execute ((Sg *) transport, io);
  io->done (io);
}

/* LunScsiRun. */
static LunResult
run_cdb (void *target, const LunCdb *cdb, LunDirection direction, void *data,
         size_t len)
{
  struct iovec iov;
  LunIo io = lun_command_io (cdb, direction, data, len, &iov);

  io.timeout_ms = PROBE_MS;
  return execute (target, &io);
}

static char *
node_identify (LunTransport *transport, GError **error)
{
  Sg *sg = (Sg *) transport;

  if (__atomic_load_n (&sg->is_gone, __ATOMIC_SEQ_CST) && !open_again (sg, error))
    return NULL;
  return lun_scsi_identify (transport, run_cdb, sg->node, error);
}

static bool
node_reset (LunTransport *transport, GError **error)
{
  Sg *sg = (Sg *) transport;

  return lun_sg_reset (sg->fd) == 0 || fail_errno (sg, "LUN RESET", errno, error);
}

/* ---- opening and closing ---- */

/* What the disk's request queue takes in one command whose data lies in pages of their own. */
static uint32_t
queue_bytes (const Sg *sg)
{
  struct stat node;
  uint64_t bytes, segments;

  if (fstat (sg->fd, &node) != 0)
    return MIN_IO_BYTES;
  g_autofree char *disk = lun_sysfs_disk (&node);
  bytes = lun_sysfs_number (disk, "queue/max_sectors_kb") * 1024;
  segments = lun_sysfs_number (disk, "queue/max_segments");
  if (bytes == 0)
    return MIN_IO_BYTES;
  if (segments > 0)
    bytes = MIN (bytes, segments * PAGE_BYTES);
  return (uint32_t) MIN (bytes, MAX_IO_BYTES);
}

static void
set_facts (Sg *sg, const LunScsiLun *lun, uint64_t depth)
{
  uint32_t bytes = queue_bytes (sg), blocks = bytes / MAX (lun->block_size, 1);

  if (lun->max_transfer_blocks > 0)
    blocks = MIN (blocks, lun->max_transfer_blocks);
  sg->base.facts = (LunTransportFacts){
    .run = LUN_RUN_PATH_THREAD,
    .queue_depth = (uint32_t) depth,
    .block_size = lun->block_size,
    .n_blocks = lun->n_blocks,
    .max_io_blocks = lun->block_size > 0 ? MAX (blocks, 1) : 0,
    .max_io_bytes = bytes,
    .real_scsi = true,
    .nexus = "kernel",
  };
}

static void
node_close (LunTransport *transport)
{
  Sg *sg = (Sg *) transport;

  if (sg->fd >= 0)
    close (sg->fd);
  g_free (sg->node);
  g_free (sg);
}

static bool
open_lun (Sg *sg, uint64_t depth, GError **error)
{
  LunScsiLun lun;

  sg->fd = open_node (sg, error);
  if (sg->fd < 0 || !lun_scsi_probe (&sg->base, run_cdb, sg->node, &lun, error))
    return false;
  set_facts (sg, &lun, depth);
  return true;
}

static LunTransport *
node_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  uint64_t depth;

  if (!lun_scsi_depth (name, &depth, error))
    return NULL;
  Sg *sg = g_new0 (Sg, 1);
  sg->node = g_strdup (name->target);
  sg->read_only = config->read_only;
  sg->fd = -1;
  if (open_lun (sg, depth, error))
    return &sg->base;
  node_close (&sg->base);
  return NULL;
}

const LunTransportOps lun_sg_ops = {
  .kind = "sg",
  .open = node_open,
  .close = node_close,
  .identify = node_identify,
  .submit = node_submit,
  .reset = node_reset,
};
