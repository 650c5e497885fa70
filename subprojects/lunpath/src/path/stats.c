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
