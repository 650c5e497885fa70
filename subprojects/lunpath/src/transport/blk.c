/* transport/blk.c - a path to any block device: NVMe, device mapper (multipath), virtio, disks.
 *
 *   blk:/dev/nvme0n1[?depth=N]    blk:/dev/mapper/mpatha[?depth=N]
 *
 * Reads and writes go by pread() and pwrite() with O_DIRECT: no page cache lies between the hosts.
 * They are the path's own threads', `depth` of them (1 to 16, default 8): a device may hold an I/O
 * as long as it likes, and the memory of one that was given up must stay; the device's copies
 * begin at a page, as O_DIRECT wants.  (io_uring would need all of that too: an I/O that the device keeps
 * cannot be taken back there either, IORING_OP_ASYNC_CANCEL does not end what the driver has, so copies
 * and a reaper of late ends stay.  What it would save is threads, 16 at most, at the price of a second
 * way for SG_IO and reservation ioctls, which it does not carry.)
 *
 * What is no READ, WRITE or flush:
 *   - where SG_IO works (a SCSI disk, and device mapper's multipath, which hands it on) it is sent
 *     by that, COMPARE AND WRITE too; but PERSISTENT RESERVE OUT to device mapper goes by ioctl,
 *     which registers all of its paths (blk-pr.h);
 *   - elsewhere reservations go by ioctl, READ CAPACITY and TEST UNIT READY are answered here, and
 *     there is no other command.
 *
 * Identity: that of the SCSI LUN; else the world-wide name the kernel knows; else its serial number
 * or device mapper's UUID.  A device without any is refused.
 */
#include "transport/blk-pr.h"
#include "transport/builtin.h"
#include "transport/command.h"
#include "transport/scsi.h"
#include "transport/sg-io.h"
#include "transport/sysfs.h"

#include "base/iov.h"
#include "base/sense.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_IO_BYTES (1u << 20)
#define PROBE_MS     5000
#define MAPPED_PATHS 16

typedef struct {
  LunTransport base;
  char *node;
  char *disk; /* in sysfs, or NULL */
  int fd;
  bool takes_scsi;
  bool is_mapped; /* by device mapper */
} Blk;

static bool
fail_errno (const Blk *blk, const char *what, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s: %s", blk->node, what,
               g_strerror (errno));
  return false;
}

/* ---- blocks ---- */

/* What the block layer makes of a device's status (its blk_errors[]). */
static LunResult
result_of_errno (int os_errno)
{
  switch (os_errno) {
  case EBADE:
    return lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
  case ENODATA:
  case EILSEQ:
    return lun_result_check_condition (LUN_SENSE_MEDIUM_ERROR, 0x11, 0x00);
  case EREMOTEIO:
    return lun_result_check_condition (LUN_SENSE_HARDWARE_ERROR, 0x44, 0x00);
  case EPERM:
  case EROFS:
    return lun_result_check_condition (LUN_SENSE_DATA_PROTECT, 0x27, 0x00);
  default:
    return lun_sg_failure (os_errno);
  }
}

static ssize_t
move (const Blk *blk, const LunIo *io, char *data, size_t len, off_t at)
{
  return io->op == LUN_OP_READ ? pread (blk->fd, data, len, at)
                               : pwrite (blk->fd, data, len, at);
}

static LunResult
move_blocks (const Blk *blk, const LunIo *io)
{
  size_t len = (size_t) io->blocks * blk->base.facts.block_size;
  off_t at = (off_t) (io->lba * blk->base.facts.block_size);
  char *data = io->iov[0].iov_base;

  g_assert (io->n_iov == 1); /* LUN_RUN_PATH_THREAD */
  for (size_t done = 0; done < len;) {
    ssize_t n = move (blk, io, data + done, len - done, at + (off_t) done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return result_of_errno (n == 0 ? EIO : errno);
    done += (size_t) n;
  }
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

static LunResult
flush (const Blk *blk)
{
  return fdatasync (blk->fd) == 0 ? lun_result_bare (LUN_OUTCOME_GOOD, 0)
                                  : result_of_errno (errno);
}

/* ---- commands ---- */

static LunResult
no_such_command (void)
{
  return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x20, 0x00);
}

static bool
ask_size (const Blk *blk, uint64_t *n_bytes, int *block_size)
{
  return lun_sg_kernel->ioctl (blk->fd, BLKGETSIZE64, n_bytes) == 0 &&
         lun_sg_kernel->ioctl (blk->fd, BLKSSZGET, block_size) == 0 && *block_size > 0;
}

static LunResult
answer_capacity (const Blk *blk, const LunIo *io)
{
  uint8_t data[LUN_READ_CAPACITY_16_LEN];
  uint64_t n_bytes;
  int block_size;

  if (io->cdb[1] != LUN_SCSI_SAI_READ_CAPACITY_16)
    return no_such_command ();
  if (!ask_size (blk, &n_bytes, &block_size))
    return lun_sg_failure (errno);
  LunCapacity capacity = { .n_blocks = n_bytes / (unsigned) block_size,
                           .block_size = (uint32_t) block_size };
  if (capacity.n_blocks == 0) /* a device that went away */
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENXIO);
  lun_capacity_encode (&capacity, data);
  lun_iov_scatter (io->iov, io->n_iov, data, sizeof data);
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

/* Device mapper does not learn of a dead path from a command, but from a read, which it moves to
 * another path.  It takes one path after the other, so this tries so many. */
static bool
show_dead_paths (const Blk *blk)
{
  bool ok = true;
  void *block;

  g_assert (posix_memalign (&block, 4096, 4096) == 0);
  for (int i = 0; i < MAPPED_PATHS && ok; i++)
    ok = pread (blk->fd, block, 4096, 0) > 0;
  free (block);
  return ok;
}

static LunResult
send_scsi (const Blk *blk, const LunIo *io)
{
  LunResult result = lun_sg_execute (blk->fd, io);

  if (result.outcome != LUN_OUTCOME_TRANSPORT_ERROR || !blk->is_mapped ||
      lun_scsi_direction (io) == LUN_DIR_OUT || !show_dead_paths (blk))
    return result;
  return lun_sg_execute (blk->fd, io);
}

static LunResult
execute_cdb (const Blk *blk, const LunIo *io)
{
  if (blk->takes_scsi && !(blk->is_mapped && lun_blk_pr_is_out (io)))
    return send_scsi (blk, io);
  switch (io->cdb[0]) {
  case LUN_SCSI_TEST_UNIT_READY:
    return lun_result_bare (LUN_OUTCOME_GOOD, 0);
  case LUN_SCSI_SERVICE_ACTION_IN_16:
    return answer_capacity (blk, io);
  case LUN_SCSI_PERSISTENT_RESERVE_IN:
  case LUN_SCSI_PERSISTENT_RESERVE_OUT:
    return lun_blk_pr_execute (blk->fd, io);
  default:
    return no_such_command ();
  }
}

static LunResult
execute (const Blk *blk, const LunIo *io)
{
  switch (io->op) {
  case LUN_OP_READ:
  case LUN_OP_WRITE:
    return move_blocks (blk, io);
  case LUN_OP_FLUSH:
    return flush (blk);
  case LUN_OP_COMPARE_AND_WRITE:
    return blk->takes_scsi ? lun_sg_execute (blk->fd, io) : no_such_command ();
  case LUN_OP_CDB:
    return execute_cdb (blk, io);
  }
  g_assert_not_reached ();
}

static void
blk_submit (LunTransport *transport, LunIo *io)
{
  io->result = execute ((Blk *) transport, io);
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
  return send_scsi (target, &io);
}

/* ---- identity ---- */

static char *
kernel_identity (const Blk *blk)
{
  static const struct {
    const char *file, *prefix;
  } places[] = {
    { "wwid", "" }, /* of NVMe: has a prefix of its own */
    { "device/wwid", "" }, { "serial", "serial." }, { "device/serial", "serial." },
    { "dm/uuid", "dm." },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree char *text = lun_sysfs_line (blk->disk, places[i].file);
    if (text)
      return g_strconcat (places[i].prefix, g_strdelimit (text, " \t|&?%", '_'), NULL);
  }
  return NULL;
}

static char *
blk_identify (LunTransport *transport, GError **error)
{
  Blk *blk = (Blk *) transport;
  char *identity;

  if (blk->takes_scsi)
    return lun_scsi_identify (transport, run_cdb, blk->node, error);
  identity = kernel_identity (blk);
  if (!identity)
    g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
                 "%s: the kernel knows no world-wide name, serial number or UUID of it",
                 blk->node);
  return identity;
}

/* ---- opening and closing ---- */

static void
blk_close (LunTransport *transport)
{
  Blk *blk = (Blk *) transport;

  if (blk->fd >= 0)
    close (blk->fd);
  g_free (blk->disk);
  g_free (blk->node);
  g_free (blk);
}

static bool
open_node (Blk *blk, bool read_only, GError **error)
{
  struct stat node;

  blk->fd = open (blk->node, (read_only ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC);
  if (blk->fd < 0)
    return fail_errno (blk, "open", error);
  if (fstat (blk->fd, &node) != 0)
    return fail_errno (blk, "fstat", error);
  if (!S_ISBLK (node.st_mode)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: is no block device; a path \"blk:\" wants one", blk->node);
    return false;
  }
  blk->disk = lun_sysfs_disk (&node);
  return lun_sysfs_check_free (blk->disk, blk->node, error);
}

/* Does the device hand SCSI commands on?  Not only while its paths are well: the answer decides who
 * the device is. */
static bool
try_scsi (Blk *blk)
{
  uint8_t data[36];
  LunCdb cdb = lun_cdb_inquiry (sizeof data);
  LunResult result = run_cdb (&blk->base, &cdb, LUN_DIR_IN, data, sizeof data);

  switch (result.os_errno) {
  case ENOTTY:
  case EINVAL:
  case ENOSYS:
  case EOPNOTSUPP:
  case EPERM:
    return false;
  default:
    return true;
  }
}

static bool
learn (Blk *blk, uint64_t depth, GError **error)
{
  g_autofree char *uuid = lun_sysfs_line (blk->disk, "dm/uuid");
  g_autofree char *map = lun_sysfs_line (blk->disk, "dm/name");
  uint64_t n_bytes;
  int block_size;

  if (!ask_size (blk, &n_bytes, &block_size))
    return fail_errno (blk, "size", error);
  blk->is_mapped = map != NULL || uuid != NULL;
  blk->takes_scsi = try_scsi (blk);
  blk->base.facts = (LunTransportFacts){
    .run = LUN_RUN_PATH_THREAD,
    .queue_depth = (uint32_t) depth,
    .block_size = (uint32_t) block_size,
    .n_blocks = n_bytes / (unsigned) block_size,
    .max_io_blocks = MAX_IO_BYTES / (unsigned) block_size,
    .max_io_bytes = MAX_IO_BYTES,
    .real_scsi = true,
    .nexus = "kernel",
  };
  if (n_bytes == 0) /* the kernel met the disk while another host had it reserved */
    blk->base.facts.block_size = blk->base.facts.max_io_blocks = 0;
  return true;
}

static LunTransport *
blk_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  uint64_t depth;

  if (!lun_scsi_depth (name, &depth, error))
    return NULL;
  Blk *blk = g_new0 (Blk, 1);
  blk->node = g_strdup (name->target);
  blk->fd = -1;
  if (open_node (blk, config->read_only, error) && learn (blk, depth, error))
    return &blk->base;
  blk_close (&blk->base);
  return NULL;
}

/* Device mapper has no such thing, nor has what takes no SCSI commands. */
static bool
blk_reset (LunTransport *transport, GError **error)
{
  Blk *blk = (Blk *) transport;

  if (blk->takes_scsi && !blk->is_mapped)
    return lun_sg_reset (blk->fd) == 0 || fail_errno (blk, "LUN RESET", error);
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "%s: cannot reset the LUN",
               blk->node);
  return false;
}

const LunTransportOps lun_blk_ops = {
  .kind = "blk",
  .open = blk_open,
  .close = blk_close,
  .identify = blk_identify,
  .submit = blk_submit,
  .reset = blk_reset,
};
