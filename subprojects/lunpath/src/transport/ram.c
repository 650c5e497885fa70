/* transport/ram.c - a LUN in the memory of this process, for tests.
 *
 *   ram:NAME[?size=BYTES][&block=BYTES][&threaded=1]
 *
 * All paths with one NAME lead to one LUN, which lives until the last of them is closed; size
 * (default 1M) and block (default 512) are the first one's.  Knows READ, WRITE, SYNCHRONIZE
 * CACHE, COMPARE AND WRITE and TEST UNIT READY.  threaded=1 asks for a thread of the path, as
 * a transport does that blocks.
 *
 * `luns_lock` protects the table and the counts of users; a LUN's lock its bytes.
 */
#include "transport/builtin.h"

#include "base/iov.h"
#include "base/lock.h"
#include "base/sense.h"

#include <string.h>

typedef struct {
  char *name;
  unsigned n_users;
  uint32_t block_size;
  uint64_t n_blocks;
  pthread_mutex_t lock;
  uint8_t *bytes;
} RamLun;

typedef struct {
  LunTransport base;
  RamLun *lun;
} Ram;

static pthread_mutex_t luns_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *luns; /* name to RamLun; NULL while there is none */

/* ---- the LUNs ---- */

static RamLun *
new_lun (const LunPathName *name, GError **error)
{
  uint64_t size, block_size;

  if (!lun_path_name_number (name, "size", 1 << 20, &size, error) ||
      !lun_path_name_number (name, "block", 512, &block_size, error))
    return NULL;
  if ((block_size != 512 && block_size != 4096) || size < block_size ||
      size > G_MAXSSIZE) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "path name \"%s\": wants block=512 or 4096 and at least one block",
                 name->text);
    return NULL;
  }
  RamLun *lun = g_new0 (RamLun, 1);
  lun->name = g_strdup (name->target);
  lun->block_size = (uint32_t) block_size;
  lun->n_blocks = size / block_size;
  lun->bytes = g_malloc0 (size);
  pthread_mutex_init (&lun->lock, NULL);
  return lun;
}

static RamLun *
take_lun (const LunPathName *name, GError **error)
{
  LUN_LOCKED (&luns_lock);
  if (!luns)
    luns = g_hash_table_new (g_str_hash, g_str_equal);
  RamLun *lun = g_hash_table_lookup (luns, name->target);
  if (!lun)
    lun = new_lun (name, error);
  if (!lun)
    return NULL;
  lun->n_users++;
  g_hash_table_insert (luns, lun->name, lun);
  return lun;
}

static void
leave_lun (RamLun *lun)
{
  LUN_LOCKED (&luns_lock);
  if (--lun->n_users > 0)
    return;
  g_hash_table_remove (luns, lun->name);
  if (g_hash_table_size (luns) == 0)
    g_clear_pointer (&luns, g_hash_table_unref);
  pthread_mutex_destroy (&lun->lock);
  g_free (lun->bytes);
  g_free (lun->name);
  g_free (lun);
}

/* ---- commands ---- */

static LunResult
compare_and_write (RamLun *lun, const LunIo *io, uint8_t *place, size_t len)
{
  g_autofree uint8_t *data = g_malloc (2 * len);

  lun_iov_gather (io->iov, io->n_iov, data, 2 * len);
  if (memcmp (place, data, len) != 0)
    return lun_result_check_condition (LUN_SENSE_MISCOMPARE, 0x1d, 0x00);
  memcpy (place, data + len, len);
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

static LunResult
execute (RamLun *lun, const LunIo *io)
{
  uint8_t *place = lun->bytes + io->lba * lun->block_size;
  size_t len = (size_t) io->blocks * lun->block_size;

  LUN_LOCKED (&lun->lock);
  switch (io->op) {
  case LUN_OP_READ:
    lun_iov_scatter (io->iov, io->n_iov, place, len);
    break;
  case LUN_OP_WRITE:
    lun_iov_gather (io->iov, io->n_iov, place, len);
    break;
  case LUN_OP_FLUSH:
    break;
  case LUN_OP_COMPARE_AND_WRITE:
    return compare_and_write (lun, io, place, len);
  case LUN_OP_CDB:
    if (io->cdb[0] != 0x00) /* TEST UNIT READY */
      return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x20, 0x00);
    break;
  }
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

static void
ram_submit (LunTransport *transport, LunIo *io)
{
  io->result = execute (((Ram *) transport)->lun, io);
  io->done (io);
}

/* ---- the transport ---- */

static LunTransport *
ram_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  static const char *const known[] = { "size", "block", "threaded", NULL };
  uint64_t threaded;

  if (!lun_path_name_only (name, known, error) ||
      !lun_path_name_number (name, "threaded", 0, &threaded, error))
    return NULL;
  RamLun *lun = take_lun (name, error);
  if (!lun)
    return NULL;
  Ram *ram = g_new0 (Ram, 1);
  ram->lun = lun;
  ram->base.facts = (LunTransportFacts){
    .run = threaded ? LUN_RUN_PATH_THREAD : LUN_RUN_CALLER,
    .queue_depth = threaded ? 1 : 0,
    .block_size = lun->block_size,
    .n_blocks = lun->n_blocks,
    .max_io_blocks = (1u << 20) / lun->block_size,
  };
  return &ram->base;
}

static void
ram_close (LunTransport *transport)
{
  leave_lun (((Ram *) transport)->lun);
  g_free (transport);
}

static char *
ram_identify (LunTransport *transport, GError **error)
{
  return g_strdup_printf ("ram:%s", ((Ram *) transport)->lun->name);
}

static bool
ram_reset (LunTransport *transport, GError **error)
{
  return true;
}

const LunTransportOps lun_ram_ops = {
  .kind = "ram",
  .open = ram_open,
  .close = ram_close,
  .identify = ram_identify,
  .submit = ram_submit,
  .reset = ram_reset,
};
