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
#include "path/keeper.h"
#include "path/missing.h"
#include "path/options.h"
#include "path/queue.h"
#include "path/size.h"
#include "path/verdict.h"

#include "base/lock.h"
#include "base/sense.h"

#include <string.h>

#define DEFAULT_TIMEOUT_MS       30000
#define DEFAULT_TRY_MS           4000
#define DEFAULT_CHECK_MS         5000
#define DEFAULT_CHECK_MAX_MS     20000
#define DEFAULT_CHECK_TIMEOUT_MS 3000
#define DEFAULT_FLAPS            5
#define DEFAULT_FLAP_MS          60000

/* Between two tries of a command that others have reserved the LUN against. */
#define CONFLICT_PAUSE_US        2000

/* ---- the paths ---- */

static bool
open_path (LunDevice *device, const char *name, GError **error)
{
  if (device->n_paths == LUN_PATHS_MAX) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: more than %d paths",
                 device->name, LUN_PATHS_MAX);
    return false;
  }
  LunPath *path = &device->paths[device->n_paths];
  if (!lun_path_open (path, name, error))
    return false;
  __atomic_add_fetch (&device->n_paths, 1, __ATOMIC_RELEASE);
  return true;
}

/* A path that is down when the device is opened is tried again later; a wrong name is an error. */
static bool
open_or_miss (LunDevice *device, const char *name, GError **failure, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (open_path (device, name, &why))
    return true;
  if (g_error_matches (why, LUN_ERROR, LUN_ERROR_CONFIG)) {
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  lun_missing_note (device, name, why);
  if (!*failure)
    *failure = g_steal_pointer (&why);
  return true;
}

static bool
open_all (LunDevice *device, char **names, GError **failure, GError **error)
{
  unsigned n = 0;

  for (unsigned i = 0; names[i]; i++) {
    unsigned n_before = device->n_paths;
    if (lun_options_is (names[i]))
      continue;
    if (!open_or_miss (device, names[i], failure, error))
      return false;
    if (device->n_paths > n_before)
      device->paths[n_before].weight = device->weights[n];
    n++;
  }
  return true;
}

static bool
open_paths (LunDevice *device, const LunDeviceConfig *config, GError **error)
{
  g_autofree char *all = g_strjoinv ("|", (char **) config->paths);
  g_auto (GStrv) names = lun_path_name_split (all);
  g_autoptr (GError) failure = NULL;

  if (!open_all (device, names, &failure, error))
    return false;
  if (device->n_paths > 0)
    return true;
  if (failure)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: no path", device->name);
  return false;
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

/* One that does not answer is down; one that leads elsewhere is an error. */
static bool
identify_path (LunDevice *device, LunPath *path, GError **failure, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autofree char *identity = lun_transport_identify (path->transport, &why);

  if (!identity) {
    lun_path_event (path, LUN_PATH_CHECK_FAILED, why->message);
    if (!*failure)
      *failure = g_steal_pointer (&why);
    return true;
  }
  if (!device->facts.identity)
    device->facts.identity = g_strdup (identity);
  if (!agree (device, path, identity, error))
    return false;
  lun_path_event (path, LUN_PATH_CHECK_GOOD, NULL);
  return true;
}

static bool
identify_paths (LunDevice *device, GError **error)
{
  g_autoptr (GError) failure = NULL;

  for (unsigned i = 0; i < device->n_paths; i++)
    if (!identify_path (device, &device->paths[i], &failure, error))
      return false;
  if (device->facts.identity)
    return true;
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
}

static bool
gather_facts (LunDevice *device, bool may_lack_size, GError **error)
{
  LunFacts *facts = &device->facts;

  facts->in_memory = true;
  for (unsigned i = 0; i < device->n_paths; i++) {
    const LunTransportFacts *path = &device->paths[i].transport->facts;
    facts->can_wake |= path->can_wake;
    facts->in_memory &= path->run == LUN_RUN_CALLER;
  }
  return lun_size_gather (device, may_lack_size, error);
}

static bool
start_threads (LunDevice *device, GError **error)
{
  if (device->facts.in_memory)
    return true;
  if (!lun_keeper_start (device, error))
    return false;
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

  int64_t until_us = g_get_monotonic_time () + device->patience_us;

  for (int tries = 0; tries < 3;) { /* a unit attention may come first */
    LunIo io = { .op = LUN_OP_CDB,
                 .direction = LUN_DIR_IN,
                 .iov = &iov,
                 .n_iov = 1,
                 .cdb_len = sizeof report_capabilities };
    memcpy (io.cdb, report_capabilities, sizeof report_capabilities);
    lun_io_run (device, &io, true);
    result = io.result;
    if (result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT &&
        g_get_monotonic_time () < until_us)
      g_usleep (CONFLICT_PAUSE_US);
    else if (lun_judge (&result).verdict == LUN_VERDICT_AGAIN)
      tries++;
    else
      break;
  }
  return lun_judge (&result).verdict == LUN_VERDICT_DONE;
}

static void
try_commands (LunDevice *device)
{
  device->facts.has_caw =
    !device->read_only && device->facts.n_blocks > 0 && try_caw (device);
  device->facts.has_pr = try_pr (device);
  memset (&device->counters, 0, sizeof device->counters);
}

/* ---- public ---- */

static uint32_t
or_default (uint32_t value, uint32_t fallback)
{
  return value > 0 ? value : fallback;
}

static int64_t
ms_to_us (uint32_t ms)
{
  return ms * INT64_C (1000);
}

static void
configure_paths (LunDevice *device, const LunDeviceConfig *config)
{
  uint32_t check_ms = or_default (config->check_ms, DEFAULT_CHECK_MS);

  device->try_us = ms_to_us (or_default (config->try_ms, DEFAULT_TRY_MS));
  device->no_path_wait_us =
    ms_to_us (or_default (config->no_path_wait_ms, device->timeout_ms));
  device->check_min_us = ms_to_us (check_ms);
  device->check_max_us =
    ms_to_us (MAX (or_default (config->check_max_ms, DEFAULT_CHECK_MAX_MS), check_ms));
  device->check_timeout_us =
    ms_to_us (or_default (config->check_timeout_ms, DEFAULT_CHECK_TIMEOUT_MS));
  device->failback_us = ms_to_us (config->failback_ms);
  device->flaps = MIN (or_default (config->flaps, DEFAULT_FLAPS), LUN_FLAPS_MAX);
  device->flap_us = ms_to_us (or_default (config->flap_ms, DEFAULT_FLAP_MS));
}

static bool
configure_policy (LunDevice *device, const char *policy, GError **error)
{
  device->policy = lun_policy_find (policy ? policy : LUN_POLICY_DEFAULT);
  if (device->policy)
    return true;
  g_autofree char *names = lun_policy_names ();
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "no path policy is called \"%s\" (there are: %s)", policy, names);
  return false;
}

static bool
configure (LunDevice *device, const LunDeviceConfig *given, GError **error)
{
  g_auto (LunOptions) options = { .config = *given };

  g_autofree char *all = g_strjoinv ("|", (char **) given->paths);
  device->name = lun_path_name_mask (all);
  if (!lun_options_read (&options, all, error))
    return false;
  const LunDeviceConfig *config = &options.config;
  device->read_only = config->read_only;
  device->timeout_ms = or_default (config->timeout_ms, DEFAULT_TIMEOUT_MS);
  lun_device_set_patience (device, config->conflict_ms);
  configure_paths (device, config);
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    device->weights[i] = options.weights[i];
  return configure_policy (device, config->policy, error);
}

static LunDevice *
new_device (void)
{
  LunDevice *device = g_new0 (LunDevice, 1);

  pthread_mutex_init (&device->jobs_lock, NULL);
  lun_cond_init (&device->jobs_gone);
  pthread_mutex_init (&device->keeper_lock, NULL);
  lun_cond_init (&device->keeper_poked);
  pthread_mutex_init (&device->admin_lock, NULL);
  pthread_mutex_init (&device->missing_lock, NULL);
  lun_cond_init (&device->finder_wakes);
  pthread_mutex_init (&device->guard_lock, NULL);
  pthread_mutex_init (&device->gate_lock, NULL);
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    lun_path_init (&device->paths[i], device, i);
  return device;
}

static void
free_device (LunDevice *device)
{
  for (unsigned i = 0; i < LUN_PATHS_MAX; i++)
    lun_path_clear (&device->paths[i]);
  pthread_mutex_destroy (&device->gate_lock);
  pthread_mutex_destroy (&device->guard_lock);
  pthread_cond_destroy (&device->finder_wakes);
  pthread_mutex_destroy (&device->missing_lock);
  pthread_mutex_destroy (&device->admin_lock);
  pthread_cond_destroy (&device->keeper_poked);
  pthread_mutex_destroy (&device->keeper_lock);
  pthread_cond_destroy (&device->jobs_gone);
  pthread_mutex_destroy (&device->jobs_lock);
  g_free (device->facts.identity);
  g_free (device->name);
  g_free (device);
}

LunDevice *
lun_device_open (const LunDeviceConfig *config, GError **error)
{
  g_autoptr (LunDevice) device = new_device ();

  if (!configure (device, config, error) || !open_paths (device, config, error) ||
      !gather_facts (device, config->may_lack_size, error) ||
      !identify_paths (device, error) || !start_threads (device, error))
    return NULL;
  try_commands (device);
  if (!lun_missing_start (device, error))
    return NULL;
  return g_steal_pointer (&device);
}

/* What a stuck command needs is left behind: nobody can free it before the transport returns. */
void
lun_device_close (LunDevice *device)
{
  bool all_stopped = true;

  if (!device)
    return;
  lun_missing_stop (device);
  lun_job_wait_all (device);
  for (unsigned i = 0; i < device->n_paths; i++)
    all_stopped &= lun_queue_stop (&device->paths[i]);
  lun_keeper_stop (device);
  if (!all_stopped || device->has_stuck_path)
    return;
  for (unsigned i = 0; i < device->n_paths; i++)
    lun_path_close (&device->paths[i]);
  free_device (device);
}

bool
lun_device_learn_size (LunDevice *device, GError **error)
{
  if (device->facts.n_blocks > 0)
    return true;
  if (!lun_size_ask (device, error))
    return false;
  device->facts.has_caw = !device->read_only && try_caw (device);
  return true;
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
