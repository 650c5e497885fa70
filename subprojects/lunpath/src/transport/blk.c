/* transport/blk.c - a path to any block device: NVMe, device mapper (multipath), virtio, disks.
 *
 *   blk:/dev/nvme0n1[?depth=N][&uring=0]    blk:/dev/mapper/mpatha
 *
 * Blocks are read and written with O_DIRECT: no page cache lies between the hosts.  There are two ways:
 *   - io_uring (blk-ring.h), `depth` of them at a time (1 to 128, default 32), on one thread;
 *   - the path's own threads with pread() and pwrite(), as many as `depth` (1 to 16, default 8): where
 *     the kernel has no io_uring or not for us, and with uring=0.  That is found out at opening, said
 *     once, and stands in the path's description (LunPathInfo.method).
 * What they have in common: a device may hold an I/O as long as it likes, and nobody can take it back
 * (IORING_OP_ASYNC_CANCEL is tried; it ends what no driver has yet).  To use the caller's memory as it
 * is would break one of two promises: that a command ends at its deadline, or that its memory is the
 * caller's again then; a device that wakes up late would write into what is something else by then,
 * or on the disk what never was in one piece.  So the device above (try.h) lends pages that can be left
 * to a driver, where the caller's are such (lunpath/memory.h), and copies where not.
 *
 * io_uring is the default: transfers of 4 KiB are as fast or up to four times as fast, with a third to a
 * half of the CPU time; those of 256 KiB are as fast, mostly with less (tests/bench/run --blk,
 * doc/performance.md).  It is as safe.  What is different: a try to cancel may end an I/O that still
 * waits in the kernel, and the ends of one path are told by one thread, one after the other.
 *
 * What is no READ, WRITE or flush blocks a thread of the path:
 *   - where SG_IO works (a SCSI disk, and device mapper's multipath, which hands it on) it is sent
 *     by that, COMPARE AND WRITE too; but PERSISTENT RESERVE OUT to device mapper goes by ioctl,
 *     which registers all of its paths (blk-pr.h);
 *   - elsewhere reservations go by ioctl, READ CAPACITY and TEST UNIT READY are answered here, and
 *     there is no other command.
 *
 * Identity: that of the SCSI LUN; else the world-wide name the kernel knows; else its serial number
 * or device mapper's UUID, or the file beneath a loop device.  A device without any is refused.
 */
#include "transport/blk-move.h"
#include "transport/blk-pr.h"
#include "transport/blk-ring.h"
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

#define MAX_IO_BYTES    (1u << 20)
#define PROBE_MS        5000
#define MAPPED_PATHS    16

#define DEPTH_MAX       128
#define RING_DEPTH      32
#define THREADS         8
#define THREADS_MAX     16
#define COMMAND_THREADS 4 /* beside a ring: SG_IO and reservations */

typedef struct {
  LunTransport base;
  char *node;
  char *disk; /* in sysfs, or NULL */
  int fd;
  bool takes_scsi;
  bool is_mapped;   /* by device mapper */
  LunBlkRing *ring; /* NULL: the path's threads do it */
  char *method;
} Blk;

static bool
fail_errno (const Blk *blk, const char *what, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s: %s", blk->node, what,
               g_strerror (errno));
  return false;
}

/* ---- blocks, by the path's threads ---- */

static ssize_t
call (const Blk *blk, const LunBlkMove *move)
{
  ssize_t n = move->io->op == LUN_OP_READ
                ? pread (blk->fd, move->data, move->left, move->at)
                : pwrite (blk->fd, move->data, move->left, move->at);

  return n < 0 ? -errno : n;
}

static LunResult
move_blocks (const Blk *blk, LunIo *io)
{
  LunBlkMove move;

  lun_blk_move_begin (&move, io, blk->base.facts.block_size);
  while (lun_blk_move_go_on (&move, call (blk, &move)))
    ;
  return io->result;
}

static LunResult
flush (const Blk *blk)
{
  return fdatasync (blk->fd) == 0 ? lun_result_bare (LUN_OUTCOME_GOOD, 0)
                                  : lun_blk_result (errno);
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
execute (const Blk *blk, LunIo *io)
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
  Blk *blk = (Blk *) transport;

  if (blk->ring && lun_transport_is_swift (io)) {
    lun_blk_ring_submit (blk->ring, io);
    return;
  }
  io->result = execute (blk, io);
  io->done (io);
}

static void
blk_abort (LunTransport *transport, uint64_t tag)
{
  Blk *blk = (Blk *) transport;

  if (blk->ring)
    lun_blk_ring_cancel (blk->ring, tag);
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
    { "device/wwid", "" },
    { "serial", "serial." },
    { "device/serial", "serial." },
    { "dm/uuid", "dm." },
    { "loop/backing_file", "loop." }, /* which no other host shares: for tests */
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

  lun_blk_ring_free (blk->ring);
  if (blk->fd >= 0)
    close (blk->fd);
  g_free (blk->method);
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
learn (Blk *blk, GError **error)
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

/* ---- how blocks go ---- */

typedef struct {
  uint64_t depth; /* 0 = the way's own */
  uint64_t uring;
} Wanted;

static bool
read_options (const LunPathName *name, Wanted *wanted, GError **error)
{
  static const char *const known[] = { "depth", "uring", NULL };

  if (!lun_path_name_only (name, known, error) ||
      !lun_path_name_number (name, "depth", 0, &wanted->depth, error) ||
      !lun_path_name_number (name, "uring", 1, &wanted->uring, error))
    return false;
  if (wanted->depth <= DEPTH_MAX && wanted->uring <= 1)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "path name \"%s\": depth=N wants 1 to %d, uring=N 0 or 1", name->text,
               DEPTH_MAX);
  return false;
}

static void
go_by_ring (Blk *blk, unsigned depth)
{
  LunTransportFacts *facts = &blk->base.facts;

  facts->run = LUN_RUN_ASYNC;
  facts->queue_depth = depth;
  facts->any_thread = true;
  facts->holds_data = true;
  facts->n_threads = COMMAND_THREADS;
  blk->method = g_strdup_printf ("io_uring, %u at a time", depth);
}

static void
go_by_threads (Blk *blk, unsigned depth, const char *why)
{
  LunTransportFacts *facts = &blk->base.facts;

  facts->run = LUN_RUN_PATH_THREAD;
  facts->queue_depth = depth;
  blk->method = g_strdup_printf ("%u threads (%s)", depth, why);
}

static void
tell_once (const char *why)
{
  static bool is_told;

  if (!__atomic_exchange_n (&is_told, true, __ATOMIC_RELAXED))
    g_info ("block devices are read and written by threads of their paths: %s", why);
}

static void
choose_way (Blk *blk, const Wanted *wanted)
{
  unsigned depth = (unsigned) wanted->depth, ring_depth = depth ? depth : RING_DEPTH,
           threads = depth ? MIN (depth, THREADS_MAX) : THREADS;
  g_autoptr (GError) why = NULL;

  if (wanted->uring)
    blk->ring = lun_blk_ring_new (&blk->base, blk->fd, ring_depth, &why);
  if (blk->ring)
    go_by_ring (blk, ring_depth);
  else
    go_by_threads (blk, threads, why ? why->message : "uring=0");
  if (why)
    tell_once (why->message);
  blk->base.facts.method = blk->method;
}

static LunTransport *
blk_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  Wanted wanted;

  if (!read_options (name, &wanted, error))
    return NULL;
  Blk *blk = g_new0 (Blk, 1);
  blk->node = g_strdup (name->target);
  blk->fd = -1;
  if (open_node (blk, config->read_only, error) && learn (blk, error)) {
    choose_way (blk, &wanted);
    return &blk->base;
  }
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
  .abort = blk_abort,
  .reset = blk_reset,
};
