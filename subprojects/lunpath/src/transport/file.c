/* transport/file.c - a path to a mapped file through our LUN emulation.
 *
 *   file:/path/lun.img[?path=N][&host=NAME][&port=N][&threaded=1]
 *                        [&without=FEATURE[:FEATURE...]]
 *
 * One path is one nexus, "iqn.2026-01.ftsfs:HOST,i,0x00000000000N": the paths of one host differ
 * by N, those of several hosts (or of several pretended hosts on one machine) by HOST, which is
 * the machine's name by default.  A file that is no LUN yet becomes one when it is opened for
 * writing.
 *
 * `port` is the target port, 1 (default) to 4: each has a target port group of its own (ALUA).  With
 * `threaded` commands run on the path's threads, and the path is checked, as over real SCSI.
 *
 * A LUN that can do less, as others do, is had by leaving out: caw (COMPARE AND WRITE), pr
 * (PERSISTENT RESERVE IN and OUT), abort (PREEMPT AND ABORT); each is refused as an unknown command
 * or service action.
 *
 * Runs in the caller's thread; any number at once.  Waiting is in file-wait.c.
 */
#include "transport/file.h"

#include "transport/builtin.h"

#include "base/pr.h"
#include "base/sense.h"

#include <lunpath/emul.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A long command would keep a nexus' others waiting; 4 MiB costs nothing to split. */
#define MAX_IO_BYTES   (4u << 20)
#define THREADED_DEPTH 4

static void
file_close (LunTransport *transport)
{
  LunFile *file = (LunFile *) transport;

  lun_emul_close (file->emul);
  g_free (file->nexus_text);
  g_free (file->port);
  g_free (file);
}

static bool
nexus_name (const LunPathName *name, char **out, GError **error)
{
  const char *host = lun_path_name_option (name, "host");
  uint64_t number;

  if (!lun_path_name_number (name, "path", 1, &number, error))
    return false;
  if (number == 0 || number >= UINT64_C (1) << 48) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "path name \"%s\": path=N wants 1 to 2^48 - 1", name->text);
    return false;
  }
  *out = g_strdup_printf ("iqn.2026-01.ftsfs:%s,i,0x%012" G_GINT64_MODIFIER "x",
                          host ? host : g_get_host_name (), number);
  return true;
}

/* ---- what the LUN is to lack ---- */

static const char *const features[] = { "caw", "pr", "abort", NULL };

static bool
read_without (const LunPathName *name, unsigned *out, GError **error)
{
  const char *text = lun_path_name_option (name, "without");
  g_auto (GStrv) words = g_strsplit (text ? text : "", ":", -1);

  for (char **word = words; *word; word++) {
    unsigned i = 0;
    while (features[i] && !g_str_equal (features[i], *word))
      i++;
    if (!features[i]) {
      g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                   "path name \"%s\": without=%s: not caw, pr or abort", name->text,
                   *word);
      return false;
    }
    *out |= 1U << i;
  }
  return true;
}

/* Its bit, for a command that only some LUNs have; else 0. */
static unsigned
feature_of (const LunIo *io)
{
  if (io->op == LUN_OP_COMPARE_AND_WRITE)
    return 1U << 0;
  if (io->op != LUN_OP_CDB)
    return 0;
  switch (io->cdb[0]) {
  case LUN_SCSI_COMPARE_AND_WRITE:
    return 1U << 0;
  case LUN_SCSI_PERSISTENT_RESERVE_IN:
    return 1U << 1;
  case LUN_SCSI_PERSISTENT_RESERVE_OUT:
    return 1U << 1 |
           ((io->cdb[1] & 0x1f) == LUN_PR_OUT_PREEMPT_AND_ABORT ? 1U << 2 : 0);
  default:
    return 0;
  }
}

static LunResult
refuse (unsigned lacking)
{
  bool is_command = (lacking & ~(1U << 2)) != 0;

  return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST,
                                     is_command ? 0x20 : 0x24, 0x00);
}

static bool
open_emul (LunFile *file, const LunPathName *name, bool read_only, GError **error)
{
  uint64_t target_port;

  if (!lun_path_name_number (name, "port", 1, &target_port, error) ||
      !nexus_name (name, &file->port, error) ||
      !read_without (name, &file->without, error))
    return false;
  if (!read_only && !lun_emul_create (name->target, 0, 0, error))
    return false;
  file->emul = lun_emul_open (name->target, read_only, error);
  if (!file->emul)
    return false;
  file->nexus = lun_emul_nexus_at (file->emul, file->port,
                                   (unsigned) MIN (target_port, UINT16_MAX), error);
  if (!file->nexus)
    return false;
  file->nexus_text = target_port > 1 ? g_strdup_printf ("%s,t,0x%04x", file->port,
                                                        (unsigned) target_port)
                                     : g_strdup (file->port);
  return true;
}

static LunTransport *
file_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  static const char *const known[] = { "path",     "host",    "port",
                                       "threaded", "without", NULL };
  LunFile *file;
  uint64_t threaded;

  if (!lun_path_name_only (name, known, error) ||
      !lun_path_name_number (name, "threaded", 0, &threaded, error))
    return NULL;
  if (*name->target == '\0') {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "path name \"%s\": no file name",
                 name->text);
    return NULL;
  }
  file = g_new0 (LunFile, 1);
  if (!open_emul (file, name, config->read_only, error)) {
    file_close (&file->base);
    return NULL;
  }
  uint32_t block_size = lun_emul_block_size (file->emul);
  file->base.facts = (LunTransportFacts){
    .run = threaded ? LUN_RUN_PATH_THREAD : LUN_RUN_CALLER,
    .queue_depth = threaded ? THREADED_DEPTH : 0,
    .block_size = block_size,
    .n_blocks = lun_emul_n_blocks (file->emul),
    .max_io_blocks = MAX_IO_BYTES / block_size,
    .can_wake = !threaded,
    .nexus = file->nexus_text,
  };
  return &file->base;
}

static char *
file_identify (LunTransport *transport, GError **error)
{
  return g_strdup_printf ("uuid:%s", lun_emul_uuid (((LunFile *) transport)->emul));
}

static void
put_be64 (uint8_t *out, uint64_t value)
{
  value = GUINT64_TO_BE (value);
  memcpy (out, &value, sizeof value);
}

static LunResult
execute (LunFile *file, const LunIo *io)
{
  uint8_t flush[16] = { 0x91 }; /* SYNCHRONIZE CACHE(16), whole LUN */
  uint8_t caw[16] = { 0x89 };   /* COMPARE AND WRITE */

  if (G_UNLIKELY (file->without) && (feature_of (io) & file->without))
    return refuse (feature_of (io) & file->without);

  switch (io->op) {
  case LUN_OP_READ:
    return lun_emul_read (file->nexus, io->lba, io->blocks, io->iov, io->n_iov);
  case LUN_OP_WRITE:
    return lun_emul_write (file->nexus, io->lba, io->blocks, io->iov, io->n_iov);
  case LUN_OP_FLUSH:
    return lun_emul_execute (file->nexus, flush, sizeof flush, LUN_DIR_NONE, NULL, 0);
  case LUN_OP_COMPARE_AND_WRITE:
    put_be64 (caw + 2, io->lba);
    caw[13] = (uint8_t) io->blocks;
    return lun_emul_execute (file->nexus, caw, sizeof caw, LUN_DIR_OUT, io->iov,
                             io->n_iov);
  case LUN_OP_CDB:
    break;
  }
  return lun_emul_execute (file->nexus, io->cdb, io->cdb_len, io->direction, io->iov,
                           io->n_iov);
}

static void
file_submit (LunTransport *transport, LunIo *io)
{
  io->result = execute ((LunFile *) transport, io);
  io->done (io);
}

static bool
file_reset (LunTransport *transport, GError **error)
{
  lun_emul_lun_reset (((LunFile *) transport)->emul);
  return true;
}

const LunTransportOps lun_file_ops = {
  .kind = "file",
  .open = file_open,
  .close = file_close,
  .identify = file_identify,
  .submit = file_submit,
  .reset = file_reset,
  .wait = lun_file_wait,
};
