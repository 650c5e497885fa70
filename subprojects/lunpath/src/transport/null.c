/* transport/null.c - reads zeroes, forgets writes.  The transport to read first.
 *
 *   null:[?size=BYTES][&block=BYTES]
 *
 * For measuring what the layers above cost.  Every null LUN is another one ("null:1").
 */
#include "transport/builtin.h"

#include "base/sense.h"

#include <string.h>

#define DEFAULT_SIZE (UINT64_C (1) << 40)

typedef struct {
  LunTransport base;
  unsigned number;
} Null;

static unsigned last_number; /* atomic */

static LunTransport *
null_open (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  static const char *const known[] = { "size", "block", NULL };
  uint64_t size, block_size;

  if (!lun_path_name_only (name, known, error) ||
      !lun_path_name_number (name, "size", DEFAULT_SIZE, &size, error) ||
      !lun_path_name_number (name, "block", 512, &block_size, error))
    return NULL;
  if ((block_size != 512 && block_size != 4096) || size < block_size) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "path name \"%s\": wants block=512 or 4096 and at least one block",
                 name->text);
    return NULL;
  }
  Null *null = g_new0 (Null, 1);
  null->number = __atomic_add_fetch (&last_number, 1, __ATOMIC_RELAXED);
  null->base.facts = (LunTransportFacts){
    .run = LUN_RUN_CALLER,
    .block_size = (uint32_t) block_size,
    .n_blocks = size / block_size,
    .max_io_blocks = 8192,
  };
  return &null->base;
}

static void
null_close (LunTransport *transport)
{
  g_free (transport);
}

static char *
null_identify (LunTransport *transport, GError **error)
{
  return g_strdup_printf ("null:%u", ((Null *) transport)->number);
}

static LunResult
execute (const LunIo *io)
{
  switch (io->op) {
  case LUN_OP_READ:
    for (int i = 0; i < io->n_iov; i++)
      memset (io->iov[i].iov_base, 0, io->iov[i].iov_len);
    break;
  case LUN_OP_WRITE:
  case LUN_OP_FLUSH:
    break;
  case LUN_OP_COMPARE_AND_WRITE:
  case LUN_OP_CDB:
    return lun_result_check_condition (LUN_SENSE_ILLEGAL_REQUEST, 0x20, 0x00);
  }
  return lun_result_bare (LUN_OUTCOME_GOOD, 0);
}

static void
null_submit (LunTransport *transport, LunIo *io)
{
  io->result = execute (io);
  io->done (io);
}

const LunTransportOps lun_null_ops = {
  .kind = "null",
  .open = null_open,
  .close = null_close,
  .identify = null_identify,
  .submit = null_submit,
};
