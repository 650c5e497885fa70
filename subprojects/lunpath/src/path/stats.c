/* path/stats.c - a device's counters, read while they run. */
#include "path/device.h"

#define LOAD(field) __atomic_load_n (&device->counters.field, __ATOMIC_RELAXED)

void
lun_device_get_stats (const LunDevice *device, LunStats *out)
{
  *out = (LunStats){
    .reads = LOAD (reads),
    .read_bytes = LOAD (read_bytes),
    .writes = LOAD (writes),
    .written_bytes = LOAD (written_bytes),
    .caws = LOAD (caws),
    .cdbs = LOAD (cdbs),
    .flushes = LOAD (flushes),
    .polls = LOAD (polls),
    .wakes = LOAD (wakes),
    .errors = LOAD (errors),
    .retries = LOAD (retries),
  };
}

/* ---- everything ---- */

typedef struct {
  const char *path;
  LunStatsVisit visit;
  void *user_data;
} Visitor;

static void
pass_on (const char *layer, const char *key, uint64_t value, void *user_data)
{
  const Visitor *visitor = user_data;

  visitor->visit (visitor->path, layer, key, value, visitor->user_data);
}

static void
visit_path (LunPath *path, Visitor *visitor)
{
  if (!lun_path_pin (path))
    return;
  visitor->path = path->name;
  pass_on ("path", "state", lun_path_state (path), visitor);
  pass_on ("path", "up", lun_path_is_usable (path), visitor);
  pass_on ("path", "queued", __atomic_load_n (&path->queued, __ATOMIC_RELAXED),
           visitor);
  pass_on ("path", "failures", __atomic_load_n (&path->n_failures, __ATOMIC_RELAXED),
           visitor);
  pass_on ("path", "commands",
           __atomic_load_n (&path->counters.commands, __ATOMIC_RELAXED), visitor);
  pass_on ("path", "errors", __atomic_load_n (&path->counters.errors, __ATOMIC_RELAXED),
           visitor);
  pass_on ("path", "bytes", __atomic_load_n (&path->counters.bytes, __ATOMIC_RELAXED),
           visitor);
  pass_on ("path", "stuck", __atomic_load_n (&path->counters.stuck, __ATOMIC_RELAXED),
           visitor);
  lun_transport_visit_stats (path->transport, pass_on, visitor);
  lun_path_unpin (path);
}

static void
visit_device (LunDevice *device, Visitor *visitor)
{
  LunStats stats;

  lun_device_get_stats (device, &stats);
  const struct {
    const char *key;
    uint64_t value;
  } counters[] = {
    { "reads", stats.reads },     { "read_bytes", stats.read_bytes },
    { "writes", stats.writes },   { "written_bytes", stats.written_bytes },
    { "caws", stats.caws },       { "cdbs", stats.cdbs },
    { "flushes", stats.flushes }, { "polls", stats.polls },
    { "wakes", stats.wakes },     { "errors", stats.errors },
    { "retries", stats.retries },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (counters); i++)
    pass_on ("device", counters[i].key, counters[i].value, visitor);
}

void
lun_device_visit_stats (LunDevice *device, LunStatsVisit visit, void *user_data)
{
  Visitor visitor = { device->name, visit, user_data };

  visit_device (device, &visitor);
  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    visit_path (&device->paths[i], &visitor);
}
