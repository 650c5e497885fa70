/* fake_sg.h - a kernel for the sg transport: each file is a node, all lead to one emulated LUN.
 *
 * The emulation executes what comes through SG_IO; a node is a nexus.  `next` lets the next
 * commands end in another way.  Below `sysfs` there is nothing unless a test puts it there.
 */
#pragma once

#include "lun.h"

#include "base/iov.h"
#include "base/lock.h"
#include "transport/sg-io.h"

#include <errno.h>
#include <sys/stat.h>

typedef struct {
  int os_errno; /* the ioctl fails so */
  int host_status;
  int driver_status;
  int status;
  int resid;
  unsigned count; /* for so many commands */
} FakeSgAnswer;

typedef struct {
  LunSgKernel kernel;
  LunEmul *emul;
  char *dir; /* nodes and sysfs */
  pthread_mutex_t lock;
  FakeSgAnswer next;
  bool hides_size; /* from who may not read, as LIO does */
  unsigned n_commands, n_resets;
  sg_io_hdr_t last;
} FakeSg;

static FakeSg fake_sg;

static inline bool
fake_sg_takes_answer (sg_io_hdr_t *header)
{
  LUN_LOCKED (&fake_sg.lock);
  fake_sg.n_commands++;
  fake_sg.last = *header;
  if (fake_sg.next.count == 0)
    return false;
  fake_sg.next.count--;
  header->status = (unsigned char) fake_sg.next.status;
  header->host_status = (unsigned short) fake_sg.next.host_status;
  header->driver_status = (unsigned short) fake_sg.next.driver_status;
  header->resid = fake_sg.next.resid;
  errno = fake_sg.next.os_errno;
  return true;
}

static inline LunEmulNexus *
fake_sg_nexus (int fd)
{
  struct stat node;
  ck_assert_int_eq (fstat (fd, &node), 0);
  g_autofree char *name =
    g_strdup_printf ("iqn.2026-01.test:sg,i,0x%012x", (unsigned) node.st_ino);
  LunEmulNexus *nexus = lun_emul_nexus (fake_sg.emul, name, NULL);

  ck_assert_ptr_nonnull (nexus);
  return nexus;
}

static inline LunResult
fake_sg_run (int fd, const sg_io_hdr_t *header, LunDirection dir,
             const struct iovec *iov, int n_iov)
{
  static const uint8_t read_16[16] = { 0x88, [13] = 1 };
  LunEmulNexus *nexus = fake_sg_nexus (fd);
  uint8_t block[4096];
  struct iovec into = { block, 512 };

  if (fake_sg.hides_size && header->cmdp[0] == 0x9e) {
    LunResult result =
      lun_emul_execute (nexus, read_16, sizeof read_16, LUN_DIR_IN, &into, 1);
    if (result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
      return result;
  }
  return lun_emul_execute (nexus, header->cmdp, header->cmd_len, dir, iov, n_iov);
}

static inline void
fake_sg_execute (int fd, sg_io_hdr_t *header)
{
  LunDirection dir = header->dxfer_direction == SG_DXFER_FROM_DEV ? LUN_DIR_IN
                     : header->dxfer_direction == SG_DXFER_TO_DEV ? LUN_DIR_OUT
                                                                  : LUN_DIR_NONE;
  struct iovec flat = { header->dxferp, header->dxfer_len };
  const struct iovec *iov =
    header->iovec_count > 0 ? (const struct iovec *) header->dxferp : &flat;
  int n_iov = header->iovec_count > 0 ? header->iovec_count : dir != LUN_DIR_NONE;
  LunResult result = fake_sg_run (fd, header, dir, iov, n_iov);

  header->status = result.status;
  header->resid = (int) result.residual;
  header->sb_len_wr = result.sense_len;
  header->driver_status = result.sense_len > 0 ? 0x08 : 0;
  header->host_status = result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT ? 0x11 : 0;
  memcpy (header->sbp, result.sense, result.sense_len);
}

static inline int
fake_sg_ioctl (int fd, unsigned long request, void *arg)
{
  switch (request) {
  case SG_GET_VERSION_NUM:
    *(int *) arg = 30536;
    return 0;
  case SG_SCSI_RESET:
    fake_sg.n_resets++;
    lun_emul_lun_reset (fake_sg.emul);
    return 0;
  case SG_IO:
    if (fake_sg_takes_answer (arg))
      return errno ? -1 : 0;
    fake_sg_execute (fd, arg);
    return 0;
  default:
    errno = ENOTTY;
    return -1;
  }
}

/* The kernel with LUN behind all nodes. */
static inline void
fake_sg_start (const FileLun *lun)
{
  fake_sg = (FakeSg){ .dir = g_strdup ("/dev/shm/lunpath-sg-XXXXXX") };
  ck_assert_ptr_nonnull (g_mkdtemp (fake_sg.dir));
  pthread_mutex_init (&fake_sg.lock, NULL);
  fake_sg.emul = lun_emul_open (lun->image, false, NULL);
  ck_assert_ptr_nonnull (fake_sg.emul);
  fake_sg.kernel = (LunSgKernel){ .ioctl = fake_sg_ioctl, .sysfs = fake_sg.dir };
  lun_sg_kernel = &fake_sg.kernel;
}

/* Puts TEXT into FILE below the folder of nodes and sysfs. */
static inline void
fake_sg_put (const char *file, const char *text)
{
  g_autofree char *name = g_build_filename (fake_sg.dir, file, NULL);
  g_autofree char *folder = g_path_get_dirname (name);

  ck_assert_int_eq (g_mkdir_with_parents (folder, 0755), 0);
  ck_assert (g_file_set_contents (name, text, -1, NULL));
}

/* "sg:" and a node of this name; free with g_free(). */
static inline char *
fake_sg_node (const char *node)
{
  g_autofree char *name = g_build_filename (fake_sg.dir, node, NULL);

  if (!g_file_test (name, G_FILE_TEST_EXISTS))
    fake_sg_put (node, "");
  return g_strconcat ("sg:", name, NULL);
}

static inline void
fake_sg_remove (const char *name)
{
  g_autoptr (GDir) dir = g_dir_open (name, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)) != NULL) {
    g_autofree char *below = g_build_filename (name, entry, NULL);
    fake_sg_remove (below);
  }
  g_remove (name);
}

static inline void
fake_sg_stop (void)
{
  lun_emul_close (fake_sg.emul);
  fake_sg_remove (fake_sg.dir);
  g_free (fake_sg.dir);
  pthread_mutex_destroy (&fake_sg.lock);
}
