#include "path/size.h"

#include "path/io.h"
#include "path/verdict.h"

#include "base/cdb.h"
#include "base/sense.h"
#include "base/vpd.h"

#include <string.h>

#define TRIES 4 /* unit attentions come first */

bool
lun_path_has_size (const LunPath *path)
{
  return __atomic_load_n (&path->transport->facts.n_blocks, __ATOMIC_ACQUIRE) > 0;
}

static uint32_t
longest_io (const LunPath *path, uint32_t block_size)
{
  const LunTransportFacts *facts = &path->transport->facts;

  return facts->n_blocks > 0 ? facts->max_io_blocks
                             : MAX (facts->max_io_bytes / block_size, 1);
}

void
lun_path_adopt_size (LunPath *path)
{
  const LunFacts *ours = &path->device->facts;

  if (lun_path_has_size (path) || ours->n_blocks == 0)
    return;
  uint32_t max_io_blocks = longest_io (path, ours->block_size);
  for (LunTransport *layer = path->transport; layer; layer = layer->lower) {
    layer->facts.block_size = ours->block_size;
    layer->facts.max_io_blocks = max_io_blocks;
    __atomic_store_n (&layer->facts.n_blocks, ours->n_blocks, __ATOMIC_RELEASE);
  }
}

bool
lun_size_refuse (const LunDevice *device, GError **error)
{
  g_set_error (
    error, LUN_ERROR, LUN_ERROR_RESERVED,
    "%s: another host has reserved the LUN, and the target does not even tell "
    "others its size",
    device->name);
  return false;
}

static bool
check (const LunDevice *device, GError **error)
{
  const LunFacts *facts = &device->facts;

  if ((facts->block_size == 512 || facts->block_size == 4096) && facts->n_blocks > 0)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
               "%s: %" G_GUINT64_FORMAT
               " blocks of %u bytes; blocks of 512 or 4096 bytes "
               "are supported",
               device->name, facts->n_blocks, facts->block_size);
  return false;
}

/* What all paths take, then the paths themselves. */
static bool
settle (LunDevice *device, GError **error)
{
  LunFacts *facts = &device->facts;

  if (!check (device, error))
    return false;
  facts->max_io_blocks = UINT32_MAX;
  for (unsigned i = 0; i < device->n_paths; i++)
    if (device->paths[i].transport)
      facts->max_io_blocks =
        MIN (facts->max_io_blocks, longest_io (&device->paths[i], facts->block_size));
  for (unsigned i = 0; i < device->n_paths; i++)
    if (device->paths[i].transport)
      lun_path_adopt_size (&device->paths[i]);
  return true;
}

bool
lun_size_gather (LunDevice *device, bool may_lack_size, GError **error)
{
  LunFacts *facts = &device->facts;

  for (unsigned i = 0; i < device->n_paths; i++) {
    const LunTransportFacts *path = &device->paths[i].transport->facts;
    if (path->n_blocks == 0 && path->block_size == 0)
      continue;
    facts->block_size = path->block_size;
    facts->n_blocks = path->n_blocks;
    return settle (device, error);
  }
  return may_lack_size || lun_size_refuse (device, error);
}

static LunResult
read_capacity (LunDevice *device, uint8_t *data, size_t len)
{
  LunCdb cdb = lun_cdb_read_capacity_16 ((uint32_t) len);
  struct iovec iov = { data, len };
  LunIo io;

  for (int tries = 0; tries < TRIES; tries++) {
    io = (LunIo){ .op = LUN_OP_CDB,
                  .direction = LUN_DIR_IN,
                  .iov = &iov,
                  .n_iov = 1,
                  .cdb_len = cdb.len };
    memcpy (io.cdb, cdb.b, sizeof io.cdb);
    lun_io_run (device, &io, true);
    if (lun_judge (&io.result).verdict != LUN_VERDICT_AGAIN)
      break;
  }
  return io.result;
}

bool
lun_size_ask (LunDevice *device, GError **error)
{
  uint8_t data[LUN_READ_CAPACITY_16_LEN] = { 0 };
  LunResult result = read_capacity (device, data, sizeof data);
  LunCapacity capacity;

  if (result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    return lun_size_refuse (device, error);
  if (result.outcome != LUN_OUTCOME_GOOD ||
      !lun_capacity_decode (data, sizeof data, &capacity)) {
    g_autofree char *why = lun_result_text (&result);
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: READ CAPACITY(16): %s",
                 device->name, why);
    return false;
  }
  device->facts.block_size = capacity.block_size;
  __atomic_store_n (&device->facts.n_blocks, capacity.n_blocks, __ATOMIC_RELEASE);
  return settle (device, error);
}
