/* puppet.h - paths that fail in ways that only a script can make: stuck, mute, flapping, leading
 * elsewhere.
 *
 * The layer "puppet(A)" does what strings[A] says; it lets everything through at first. */
#pragma once

#include "lun.h"

#include <lunpath/paths.h>
#include <lunpath/transport.h>

#include "base/alua.h"
#include "base/cdb.h"
#include "base/lock.h"
#include "base/sense.h"

#include <pthread.h>

#define BLOCK 512

typedef struct {
  bool dead;  /* every command is a transport error, and nobody answers who it is */
  bool stuck; /* READ and WRITE block until it is false again, then they are done */
  bool stuck_cdbs; /* so do other commands */
  bool shrunken;   /* READ CAPACITY says so */
  bool other;      /* leads to another LUN */
  uint16_t
    attention; /* the next READ or WRITE ends with this unit attention, e.g. 0x2a09 */
  bool resets; /* LUN RESET works, and ends what is stuck as aborted */
  bool aborted;
  unsigned n_resets;
  int alua; /* 0 = no port groups; else 1 + LunAlua of its group */
  unsigned n_stuck;
  unsigned n_commands, n_writes;
} Strings;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of strings */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Strings strings[3];

static inline Strings
get (int which)
{
  LUN_LOCKED (&lock);
  return strings[which];
}

static inline void
set_stuck (int which, bool stuck)
{
  LUN_LOCKED (&lock);
  strings[which].stuck = stuck;
  pthread_cond_broadcast (&changed);
}

static inline void
set_dead (int which, bool dead)
{
  LUN_LOCKED (&lock);
  strings[which].dead = dead;
}

/* ---- the layer ---- */

typedef struct {
  LunTransport base;
  int which;
} Puppet;

static inline Strings
pull (int which, const LunIo *io)
{
  Strings *mine = &strings[which];
  bool moves_data = io->op == LUN_OP_READ || io->op == LUN_OP_WRITE;

  LUN_LOCKED (&lock);
  mine->n_commands++;
  mine->n_writes += io->op == LUN_OP_WRITE;
  bool was_stuck = mine->stuck && moves_data;
  while (moves_data ? mine->stuck : mine->stuck_cdbs) {
    mine->n_stuck++;
    pthread_cond_broadcast (&changed);
    pthread_cond_wait (&changed, &lock);
    mine->n_stuck--;
  }
  Strings now = *mine;
  now.aborted &= was_stuck;
  if (moves_data)
    mine->attention = 0;
  return now;
}

/* True when IO asked about port groups: INQUIRY, page 83h, REPORT TARGET PORT GROUPS. */
static inline bool
tell_group (const Strings *now, LunIo *io)
{
  static const uint8_t page[] = { 0, 0x83, 0, 8, 0x61, 0x95, 0, 4, 0, 0, 0, 9 };
  uint8_t *data = io->op == LUN_OP_CDB && io->n_iov > 0 ? io->iov[0].iov_base : NULL;

  if (!now->alua || !data || (io->cdb[0] != 0x12 && io->cdb[0] != 0xa3))
    return false;
  if (io->cdb[0] == 0xa3)
    lun_port_group_encode (9, (LunAlua) (now->alua - 1), 1, data);
  else if (io->cdb[1] == 0)
    data[5] = 0x10;
  else
    memcpy (data, page, sizeof page);
  io->result = lun_result_bare (LUN_OUTCOME_GOOD, 0);
  io->done (io);
  return true;
}

static inline void
puppet_submit (LunTransport *layer, LunIo *io)
{
  Strings now = pull (((Puppet *) layer)->which, io);
  bool asks_capacity = io->op == LUN_OP_CDB && io->cdb[0] == 0x9e;
  bool moves_data = io->op == LUN_OP_READ || io->op == LUN_OP_WRITE;

  if (tell_group (&now, io))
    return;
  if (now.dead) {
    io->result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);
    io->done (io);
  } else if (moves_data && now.aborted) {
    io->result = lun_result_bare (LUN_OUTCOME_ABORTED, 0);
    io->done (io);
  } else if (moves_data && now.attention != 0) {
    io->result = lun_result_check_condition (LUN_SENSE_UNIT_ATTENTION,
                                             (uint8_t) (now.attention >> 8),
                                             (uint8_t) now.attention);
    io->done (io);
  } else if (now.shrunken && asks_capacity) {
    LunCapacity capacity = { .n_blocks = 7, .block_size = BLOCK };
    lun_capacity_encode (&capacity, io->iov[0].iov_base);
    io->result = lun_result_bare (LUN_OUTCOME_GOOD, 0);
    io->done (io);
  } else {
    lun_transport_submit (layer->lower, io);
  }
}

static inline char *
puppet_identify (LunTransport *layer, GError **error)
{
  Strings now = get (((Puppet *) layer)->which);

  if (now.other)
    return g_strdup ("naa.another");
  if (!now.dead)
    return lun_transport_identify (layer->lower, error);
  g_set_error_literal (error, LUN_ERROR, LUN_ERROR_IO, "the puppet is dead");
  return NULL;
}

/* A reset over any path ends what is stuck in all of them. */
static inline bool
puppet_reset (LunTransport *layer, GError **error)
{
  LUN_LOCKED (&lock);
  Strings *mine = &strings[((Puppet *) layer)->which];
  mine->n_resets++;
  if (!mine->resets) {
    g_set_error_literal (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "no reset");
    return false;
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (strings); i++) {
    strings[i].aborted = strings[i].stuck;
    strings[i].stuck = false;
  }
  pthread_cond_broadcast (&changed);
  return true;
}

static inline void
puppet_close (LunTransport *layer)
{
  g_free (layer);
}

static inline LunTransport *
puppet_wrap (LunTransport *lower, const char *args, GError **error)
{
  Puppet *puppet = g_new0 (Puppet, 1);

  puppet->which = args[0] - 'A';
  puppet->base.facts = lower->facts;
  puppet->base.ops = (LunTransportOps){ .submit = puppet_submit,
                                        .identify = puppet_identify,
                                        .reset = puppet_reset,
                                        .close = puppet_close };
  return &puppet->base;
}

/* "async(A)": puppet A, which takes READ, WRITE and FLUSH from any thread and ends them on others. */
typedef struct {
  LunTransport *layer;
  LunIo *io;
} Errand;

static inline void *
run_errand (void *data)
{
  Errand errand = *(Errand *) data;

  g_free (data);
  puppet_submit (errand.layer, errand.io);
  return NULL;
}

static inline void
async_submit (LunTransport *layer, LunIo *io)
{
  pthread_t thread;

  if (!lun_transport_is_swift (io)) {
    puppet_submit (layer, io);
    return;
  }
  Errand *errand = g_new (Errand, 1);
  *errand = (Errand){ layer, io };
  ck_assert_int_eq (pthread_create (&thread, NULL, run_errand, errand), 0);
  pthread_detach (thread);
}

static inline LunTransport *
async_wrap (LunTransport *lower, const char *args, GError **error)
{
  LunTransport *layer = puppet_wrap (lower, args, error);

  layer->ops.submit = async_submit;
  layer->facts.run = LUN_RUN_ASYNC;
  layer->facts.queue_depth = 8;
  layer->facts.any_thread = layer->facts.holds_data = true;
  layer->facts.n_threads = 1;
  return layer;
}

/* "unborn": cannot be opened while puppet C is dead. */
static inline LunTransport *
unborn_wrap (LunTransport *lower, const char *args, GError **error)
{
  if (!get (2).dead)
    return puppet_wrap (lower, "C", error);
  g_set_error_literal (error, LUN_ERROR, LUN_ERROR_NO_PATH, "nobody answers");
  return NULL;
}

static const LunLayerOps unborn_layer = { .name = "unborn", .wrap = unborn_wrap };
static const LunLayerOps puppet_layer = { .name = "puppet", .wrap = puppet_wrap };
static const LunLayerOps async_layer = { .name = "async", .wrap = async_wrap };

/* ---- devices of puppets ---- */

#define A   "puppet(A)+ram:p?threaded=1"
#define B   "puppet(B)+ram:p?threaded=1"
#define A_B A "|" B

static inline void
set_up (void)
{
  static bool registered;

  if (!registered)
    lun_layer_register (&puppet_layer);
  if (!registered)
    lun_layer_register (&async_layer);
  if (!registered)
    lun_layer_register (&unborn_layer);
  registered = true;
  memset (strings, 0, sizeof strings);
}

static inline LunDevice *
open_puppets (const char *name, LunDeviceConfig config)
{
  const char *const paths[] = { name, NULL };

  set_up ();
  config.paths = paths;
  config.policy = config.policy ? config.policy : "basic-failover";
  return open_with (&config);
}

static inline bool
write_byte (LunDevice *device, uint64_t lba, int byte, GError **error)
{
  uint8_t block[BLOCK];

  memset (block, byte, BLOCK);
  return lun_device_write (device, lba, block, BLOCK, LUN_PRIO_BULK, error);
}

static inline int
read_byte (LunDevice *device, uint64_t lba)
{
  uint8_t block[BLOCK];

  ck_assert (lun_device_read (device, lba, block, BLOCK, LUN_PRIO_BULK, NULL));
  return block[0];
}

typedef struct {
  const char *path;
  const char *key;
  uint64_t value;
} Wanted;

static inline void
keep (const char *path, const char *layer, const char *key, uint64_t value,
      void *user_data)
{
  Wanted *wanted = user_data;

  if (g_str_equal (path, wanted->path) && g_str_equal (layer, "path") &&
      g_str_equal (key, wanted->key))
    wanted->value = value;
}

static inline LunPathState
state_of (LunDevice *device, const char *path)
{
  Wanted wanted = { path, "state", 99 };

  lun_device_visit_stats (device, keep, &wanted);
  return (LunPathState) wanted.value;
}

/* Within 10 s. */
static inline void
await_state (LunDevice *device, const char *path, LunPathState state)
{
  int64_t until_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (state_of (device, path) != state && g_get_monotonic_time () < until_us)
    g_usleep (1000);
  ck_assert_str_eq (lun_path_state_name (state_of (device, path)),
                    lun_path_state_name (state));
}
