#include "path/settle.h"

#include "path/queue.h"

#include "base/lock.h"

/* True when the LUN was reset over PATH, on a thread that counts as one of its own. */
static bool
reset_over (LunPath *path, const LunPath *stuck)
{
  g_autoptr (GError) error = NULL;

  if (lun_transport_reset (path->transport, &error)) {
    g_message ("path %s: LUN RESET, as a write is stuck in path %s", path->name,
               stuck->name);
    return true;
  }
  g_message ("path %s: LUN RESET for a stuck write: %s", path->name, error->message);
  return false;
}

/* As reset_over(), over any other usable path. */
static void
reset_elsewhere (LunPath *stuck)
{
  LunDevice *device = stuck->device;

  for (unsigned i = 0; i < lun_device_n_paths (device); i++) {
    LunPath *path = &device->paths[i];
    if (path == stuck || !lun_path_is_usable (path) || !lun_queue_enter (path))
      continue;
    bool ok = reset_over (path, stuck);
    lun_queue_exit (path);
    if (ok)
      return;
  }
}

static void *
run (void *data)
{
  LunPath *path = data;

  if (!reset_over (path, path))
    reset_elsewhere (path);
  __atomic_store_n (&path->is_resetting, false, __ATOMIC_SEQ_CST);
  lun_queue_exit (path);
  return NULL;
}

void
lun_settle_start (LunPath *path)
{
  pthread_t thread;

  if (__atomic_exchange_n (&path->is_resetting, true, __ATOMIC_SEQ_CST))
    return;
  if (lun_queue_enter (path)) {
    if (pthread_create (&thread, NULL, run, path) == 0) {
      pthread_detach (thread);
      return;
    }
    lun_queue_exit (path);
  }
  __atomic_store_n (&path->is_resetting, false, __ATOMIC_SEQ_CST);
}
