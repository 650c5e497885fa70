/* path/device.c - opening: all paths lead to one LUN, and what that LUN can do.
 *
 * What a LUN claims to support is not believed; it is tried:
 *   COMPARE AND WRITE  on the last block, comparing with the complement of what is there and
 *                      "writing" what is there.  A LUN that works says MISCOMPARE; one that
 *                      ignores the comparison writes back what it had.
 *   PERSISTENT RESERVE by PERSISTENT RESERVE IN, REPORT CAPABILITIES.
 * A LUN that is reserved by others can still be opened: reading it is not asked for here, and
 * where COMPARE AND WRITE cannot be tried for that reason, only our own emulation is trusted.
 */
#include "path/device.h"

#include "path/io.h"
#include "path/job.h"
#include "path/queue.h"
#include "path/verdict.h"

#include "base/lock.h"
#include "base/sense.h"

#include <string.h>

#define DEFAULT_TIMEOUT_MS 30000

static bool
open_path (LunDevice *device, const char *name, GError **error)
{
  if (device->n_paths == LUN_PATHS_MAX) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: more than %d paths",
                 device->name, LUN_PATHS_MAX);
    return false;
  }
  LunPath *path = &device->paths[device->n_paths];
  path->index = device->n_paths;
  if (!lun_path_open (path, device, name, error))
    return false;
  device->n_paths++;
  return true;
}

static bool
open_paths (LunDevice *device, GError **error)
{
  g_auto (GStrv) names = lun_path_name_split (device->name);

  for (unsigned i = 0; names[i]; i++)
    if (!open_path (device, names[i], error))
      return false;
  return true;
}

/* ---- all paths lead to one LUN ---- */

static bool
agree (const LunDevice *device, const LunPath *path, const char *identity,
       GError **error)
{
  const LunTransport *first = device->paths[0].transport;
  const LunTransport *this = path->transport;

  if (!g_str_equal (identity, device->facts.identity)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
                 "paths lead to different LUNs: %s to %s, %s to %s", first->name,
                 device->facts.identity, this->name, identity);
    return false;
  }
  if (this->facts.block_size == first->facts.block_size &&
      this->facts.n_blocks == first->facts.n_blocks)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IDENTITY,
               "paths disagree about %s: %s says %" G_GUINT64_FORMAT
               " blocks of %u bytes, "
               "%s says %" G_GUINT64_FORMAT " blocks of %u bytes",
               identity, first->name, first->facts.n_blocks, first->facts.block_size,
               this->name, this->facts.n_blocks, this->facts.block_size);
  return false;
}

static bool
identify_paths (LunDevice *device, GError **error)
{
  for (unsigned i = 0; i < device->n_paths; i++) {
    g_autofree char *identity =
      lun_transport_identify (device->paths[i].transport, error);
    if (!identity)
      return false;
    if (i == 0)
      device->facts.identity = g_strdup (identity);
    if (!agree (device, &device->paths[i], identity, error))
      return false;
  }
  return true;
}

static bool
gather_facts (LunDevice *device, GError **error)
{
  const LunTransportFacts *first = &device->paths[0].transport->facts;
  LunFacts *facts = &device->facts;

  facts->block_size = first->block_size;
  facts->n_blocks = first->n_blocks;
  facts->max_io_blocks = first->max_io_blocks;
  facts->in_memory = true;
  for (unsigned i = 0; i < device->n_paths; i++) {
    const LunTransportFacts *path = &device->paths[i].transport->facts;
    facts->max_io_blocks = MIN (facts->max_io_blocks, path->max_io_blocks);
    facts->can_wake |= path->can_wake;
    facts->in_memory &= path->run == LUN_RUN_CALLER;
  }
  if ((facts->block_size == 512 || facts->block_size == 4096) && facts->n_blocks > 0)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
               "%s: %" G_GUINT64_FORMAT
               " blocks of %u bytes; blocks of 512 or 4096 bytes "
               "are supported",
               device->name, facts->n_blocks, facts->block_size);
  return false;
}

static bool
start_threads (LunDevice *device, GError **error)
{
  if (device->facts.in_memory)
    return true;
  for (unsigned i = 0; i < device->n_paths; i++)
    if (!lun_queue_start (&device->paths[i], error))
      return false;
  return true;
}

/* ---- trials ---- */

static bool
is_emulated (const LunDevice *device)
{
  for (unsigned i = 0; i < device->n_paths; i++)
    if (device->paths[i].transport->facts.real_scsi)
      return false;
  return true;
}

static bool
try_caw (LunDevice *device)
{
  size_t len = device->facts.block_size;
  uint64_t lba = device->facts.n_blocks - 1;
  g_autofree uint8_t *data = g_malloc (2 * len); /* complement, content */
  struct iovec now = { data + len, len }, both = { data, 2 * len };
  LunIo read = { .op = LUN_OP_READ, .lba = lba, .blocks = 1, .iov = &now, .n_iov = 1 };
  LunIo caw = {
    .op = LUN_OP_COMPARE_AND_WRITE, .lba = lba, .blocks = 1, .iov = &both, .n_iov = 1
  };

  lun_io_run (device, &read, true);
  if (read.result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    return is_emulated (device);
  if (lun_judge (&read.result).verdict != LUN_VERDICT_DONE)
    return false;
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t) ~data[len + i];
  lun_io_run (device, &caw, true);
  if (caw.result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    return is_emulated (device);
  return lun_judge (&caw.result).verdict == LUN_VERDICT_MISMATCH;
}

static bool
try_pr (LunDevice *device)
{
  static const uint8_t report_capabilities[10] = { 0x5e, 0x02, 0, 0, 0, 0, 0, 0, 8, 0 };
  uint8_t data[8];
  struct iovec iov = { data, sizeof data };
  LunResult result = { .outcome = LUN_OUTCOME_TRANSPORT_ERROR };

  for (int tries = 0; tries < 3; tries++) { /* a unit attention may come first */
    LunIo io = { .op = LUN_OP_CDB,
                 .direction = LUN_DIR_IN,
                 .iov = &iov,
                 .n_iov = 1,
                 .cdb_len = sizeof report_capabilities };
    memcpy (io.cdb, report_capabilities, sizeof report_capabilities);
    lun_io_run (device, &io, true);
    result = io.result;
    if (lun_judge (&result).verdict != LUN_VERDICT_AGAIN)
      break;
  }
  return lun_judge (&result).verdict == LUN_VERDICT_DONE;
}

static void
try_commands (LunDevice *device)
{
  device->facts.has_caw = !device->read_only && try_caw (device);
  device->facts.has_pr = try_pr (device);
  memset (&device->counters, 0, sizeof device->counters);
}

/* ---- public ---- */

static bool
configure (LunDevice *device, const LunDeviceConfig *config, GError **error)
{
  const char *policy = config->policy ? config->policy : LUN_POLICY_DEFAULT;

  device->name = g_strjoinv ("|", (char **) config->paths);
  device->read_only = config->read_only;
  device->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
  device->policy = lun_policy_find (policy);
  if (device->policy)
    return true;
  g_autofree char *names = lun_policy_names ();
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "no path policy is called \"%s\" (there are: %s)", policy, names);
  return false;
}

LunDevice *
lun_device_open (const LunDeviceConfig *config, GError **error)
{
  g_autoptr (LunDevice) device = g_new0 (LunDevice, 1);

  pthread_mutex_init (&device->jobs_lock, NULL);
  lun_cond_init (&device->jobs_gone);
  if (!configure (device, config, error) || !open_paths (device, error) ||
      !gather_facts (device, error) || !identify_paths (device, error) ||
      !start_threads (device, error))
    return NULL;
  try_commands (device);
  return g_steal_pointer (&device);
}

void
lun_device_close (LunDevice *device)
{
  if (!device)
    return;
  lun_job_wait_all (device);
  for (unsigned i = 0; i < device->n_paths; i++)
    lun_queue_stop (&device->paths[i]);
  for (unsigned i = 0; i < device->n_paths; i++)
    lun_path_close (&device->paths[i]);
  pthread_cond_destroy (&device->jobs_gone);
  pthread_mutex_destroy (&device->jobs_lock);
  g_free (device->facts.identity);
  g_free (device->name);
  g_free (device);
}

const LunFacts *
lun_device_facts (const LunDevice *device)
{
  return &device->facts;
}

const char *
lun_device_name (const LunDevice *device)
{
  return device->name;
}
