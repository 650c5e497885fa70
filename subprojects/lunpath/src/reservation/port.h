/* reservation/port.h - what the reservation asks of the device below it.
 *
 * A path is a number from 0.  Two implementations: port-device.c over a LunDevice, and the
 * scripted one of the tests, which expects exact commands.  All calls by one thread at a time.
 */
#pragma once

#include "base/cdb.h"

#include <glib.h>

typedef struct {
  /* For messages, and for what must be the same on all paths. */
  const char *(*device_name) (void *data);
  const char *(*identity) (void *data);

  unsigned (*n_paths) (void *data);
  const char *(*path_name) (void *data, unsigned path);
  bool (*is_usable) (void *data, unsigned path);

  /* One command over this path and no other; blocks until its end. */
  LunResult (*execute) (void *data, unsigned path, const LunCdb *cdb,
                        LunDirection direction, void *buf, size_t len);
  /* LUN RESET over this path: commands under way have ended when it returns. */
  bool (*reset) (void *data, unsigned path, GError **error);

  /* Data commands wait from now on, and those under way have ended when it returns. */
  void (*suspend) (void *data);
  void (*resume) (void *data);
  /* Data commands end with LUN_ERROR_FENCED from now on, for good. */
  void (*stop) (void *data);
  /* The path carries no data until it has come up anew. */
  void (*fail_path) (void *data, unsigned path, const char *why);
} LunResvPortOps;

typedef struct {
  const LunResvPortOps *ops;
  void *data;
  void (*free) (void *data); /* NULL = nothing to free */
} LunResvPort;
