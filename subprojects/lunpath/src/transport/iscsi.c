/* transport/iscsi.c - a path to a LUN of an iSCSI target, without the kernel.
 *
 * Each path has a thread that looks after its session (iscsi-thread.c).  What goes through it:
 * commands of the device, which callers send themselves where they can, and what is asked here to
 * learn who and how large the LUN is.
 */
#include "transport/builtin.h"
#include "transport/command.h"
#include "transport/iscsi-path.h"

#include "base/cdb.h"
#include "base/sense.h"
#include "base/vpd.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_DEPTH      32
#define PROBE_TIMEOUT_MS 3000
#define ATTENTIONS       8 /* unit attentions that may await a new session */

/* ---- commands ---- */

static void
submit_of_device (LunTransport *transport, LunIo *io)
{
  io->priv.transport_data = NULL;
  lun_iscsi_send ((LunIscsi *) transport, io);
}

static void
abort_io (LunTransport *transport, uint64_t tag)
{
  LunIscsi *iscsi = (LunIscsi *) transport;

  {
    LUN_LOCKED (&iscsi->lock);
    g_array_append_val (iscsi->aborts, tag);
  }
  lun_iscsi_ring (iscsi);
}

typedef struct {
  LunIo io;
  LunIscsi *iscsi;
  bool has_ended; /* under iscsi->lock */
} Probe;

static void
on_probed (LunIo *io)
{
  Probe *probe = (Probe *) io;
  LunIscsi *iscsi = probe->iscsi;

  LUN_LOCKED (&iscsi->lock);
  probe->has_ended = true;
  pthread_cond_broadcast (&iscsi->changed);
}

static LunResult
probe_once (LunIscsi *iscsi, LunCdb cdb, void *data, size_t len)
{
  struct iovec iov;
  Probe probe = { .io = lun_command_io (&cdb, LUN_DIR_IN, data, len, &iov),
                  .iscsi = iscsi };

  probe.io.timeout_ms = PROBE_TIMEOUT_MS;
  probe.io.done = on_probed;
  probe.io.priv.transport_data = (void *) &lun_iscsi_probe_mark;
  memset (data, 0, len);
  lun_iscsi_put (iscsi, &probe.io);
  LUN_LOCKED (&iscsi->lock);
  while (!probe.has_ended)
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, -1);
  return probe.io.result;
}

/* Unit attentions are of no interest to the one who asks here. */
static bool
probe_lun (LunIscsi *iscsi, LunCdb cdb, void *data, size_t len, GError **error)
{
  LunResult result = { 0 };
  LunSense sense;

  for (int tries = 0; tries <= ATTENTIONS; tries++) {
    result = probe_once (iscsi, cdb, data, len);
    if (result.outcome == LUN_OUTCOME_GOOD)
      return true;
    if (!lun_result_sense (&result, &sense) || sense.key != LUN_SENSE_UNIT_ATTENTION)
      break;
  }
  g_autofree char *why = lun_result_text (&result);
  bool is_absent = lun_result_sense (&result, &sense) && sense.asc == 0x25;
  if (is_absent)
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "target %s at %s has no LUN %d",
                 iscsi->target->iqn, iscsi->target->portal, iscsi->target->lun);
  else if (result.outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED,
                 "LUN %d of %s at %s: another host has reserved it", iscsi->target->lun,
                 iscsi->target->iqn, iscsi->target->portal);
  else
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "LUN %d of %s at %s: %s",
                 iscsi->target->lun, iscsi->target->iqn, iscsi->target->portal, why);
  return false;
}

/* ---- who and how large ---- */

static void
say_trouble_locked (const LunIscsi *iscsi, GError **error)
{
  g_set_error (
    error, LUN_ERROR, iscsi->is_wanted ? LUN_ERROR_NO_PATH : LUN_ERROR_CONFIG, "%s: %s",
    iscsi->target->portal, iscsi->trouble ? iscsi->trouble : "not logged in");
}

/* The number of the session to ask; 0 with GError when there is none (invariant 2). */
static uint64_t
session_to_ask (LunIscsi *iscsi, GError **error)
{
  LUN_LOCKED (&iscsi->lock);
  if (iscsi->state != LUN_ISCSI_DOWN && !iscsi->loss_is_untold)
    return iscsi->n_logins;
  iscsi->loss_is_untold = false;
  say_trouble_locked (iscsi, error);
  return 0;
}

static char *
identify (LunTransport *transport, GError **error)
{
  LunIscsi *iscsi = (LunIscsi *) transport;
  uint8_t page[LUN_VPD_MAX_LEN];
  uint64_t session = session_to_ask (iscsi, error);

  if (session == 0 ||
      !probe_lun (iscsi, lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, sizeof page), page,
                  sizeof page, error))
    return NULL;
  if (page[0] >> 5 != 0) { /* peripheral qualifier: nothing there that can be used */
    g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH,
                 "target %s at %s has no LUN %d now", iscsi->target->iqn,
                 iscsi->target->portal, iscsi->target->lun);
    return NULL;
  }
  char *identity = lun_vpd_device_id_decode (page, sizeof page);
  if (!identity) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
                 "LUN %d of %s at %s does not say who it is (VPD page 83h)",
                 iscsi->target->lun, iscsi->target->iqn, iscsi->target->portal);
    return NULL;
  }
  LUN_LOCKED (&iscsi->lock);
  if (iscsi->state == LUN_ISCSI_FRESH && iscsi->n_logins == session)
    iscsi->state = LUN_ISCSI_READY;
  return identity;
}

/* Qualifier: connected; type: direct access. */
static bool
check_is_disk (LunIscsi *iscsi, GError **error)
{
  uint8_t data[36];

  if (!probe_lun (iscsi, lun_cdb_inquiry (sizeof data), data, sizeof data, error))
    return false;
  if (data[0] == 0 || data[0] >> 5 != 0) /* nothing there: READ CAPACITY says what */
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED,
               "LUN %d of %s at %s is no disk (SCSI peripheral type %02xh)",
               iscsi->target->lun, iscsi->target->iqn, iscsi->target->portal,
               data[0] & 0x1f);
  return false;
}

static bool
ask_capacity (LunIscsi *iscsi, LunCapacity *out, GError **error)
{
  uint8_t data[LUN_READ_CAPACITY_16_LEN];
  g_autoptr (GError) why = NULL;

  *out = (LunCapacity){ 0 };
  if (!probe_lun (iscsi, lun_cdb_read_capacity_16 (sizeof data), data, sizeof data,
                  &why)) {
    if (g_error_matches (why, LUN_ERROR, LUN_ERROR_RESERVED))
      return true; /* the target does not tell now */
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  if (lun_capacity_decode (data, sizeof data, out) && out->n_blocks > 0 &&
      out->block_size > 0 && out->block_size <= LUN_ISCSI_MAX_BYTES)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "LUN %d of %s at %s is no disk",
               iscsi->target->lun, iscsi->target->iqn, iscsi->target->portal);
  return false;
}

static bool
learn_facts (LunIscsi *iscsi, GError **error)
{
  LunCapacity capacity;

  if (!check_is_disk (iscsi, error) || !ask_capacity (iscsi, &capacity, error))
    return false;
  iscsi->base.facts = (LunTransportFacts){
    .run = LUN_RUN_ASYNC,
    .queue_depth = QUEUE_DEPTH,
    .block_size = capacity.block_size,
    .n_blocks = capacity.n_blocks,
    .any_thread = true,
    .max_io_blocks =
      capacity.block_size > 0 ? LUN_ISCSI_MAX_BYTES / capacity.block_size : 0,
    .max_io_bytes = LUN_ISCSI_MAX_BYTES,
    .real_scsi = true,
  };
  return true;
}

/* ---- opening and closing ---- */

static void
free_iscsi (LunIscsi *iscsi)
{
  g_array_unref (iscsi->aborts);
  g_free (iscsi->trouble);
  pthread_cond_destroy (&iscsi->changed);
  pthread_mutex_destroy (&iscsi->lock);
  pthread_mutex_destroy (&iscsi->session_lock);
  if (iscsi->bell >= 0)
    close (iscsi->bell);
  lun_iscsi_port_leave (iscsi->port);
  lun_iscsi_target_free (iscsi->target);
  g_free (iscsi);
}

static void
close_iscsi (LunTransport *transport)
{
  LunIscsi *iscsi = (LunIscsi *) transport;

  lun_iscsi_thread_stop (iscsi);
  free_iscsi (iscsi);
}

static bool
wait_for_login (LunIscsi *iscsi, GError **error)
{
  LUN_LOCKED (&iscsi->lock);
  while (iscsi->n_logins + iscsi->n_failed_logins == 0)
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, -1);
  if (iscsi->n_logins > 0)
    return true;
  say_trouble_locked (iscsi, error);
  return false;
}

static LunIscsi *
new_iscsi (LunIscsiTarget *target, LunIscsiPort *port)
{
  LunIscsi *iscsi = g_new0 (LunIscsi, 1);

  iscsi->target = target;
  iscsi->port = port;
  iscsi->is_wanted = true;
  iscsi->aborts = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  iscsi->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_queue_init (&iscsi->waiting);
  iscsi->sleeps_until_us = -1;
  g_queue_init (&iscsi->ended);
  pthread_mutex_init (&iscsi->session_lock, NULL);
  pthread_mutex_init (&iscsi->lock, NULL);
  lun_cond_init (&iscsi->changed);
  return iscsi;
}

static LunTransport *
open_iscsi (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  g_autoptr (LunIscsiTarget) target = lun_iscsi_target_new (name, error);
  g_autoptr (LunIscsiPort) port = target ? lun_iscsi_port_take (target, error) : NULL;

  if (!port)
    return NULL;
  LunIscsi *iscsi = new_iscsi (g_steal_pointer (&target), g_steal_pointer (&port));
  int cause = iscsi->bell < 0 ? errno : lun_iscsi_thread_start (iscsi);
  if (cause != 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: no thread for the path: %s",
                 name->text, g_strerror (cause));
    free_iscsi (iscsi);
    return NULL;
  }
  if (wait_for_login (iscsi, error) && learn_facts (iscsi, error))
    return &iscsi->base;
  close_iscsi (&iscsi->base);
  return NULL;
}

/* ---- the rest ---- */

static bool
reset (LunTransport *transport, GError **error)
{
  LunIscsi *iscsi = (LunIscsi *) transport;
  LunIscsiReset wish = { 0 };

  LUN_LOCKED (&iscsi->lock);
  while (iscsi->reset) /* somebody else's */
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, g_get_monotonic_time () + 1000);
  iscsi->reset = &wish;
  lun_iscsi_ring (iscsi);
  while (!wish.is_done)
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, -1);
  if (wish.ok)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: LUN RESET failed",
               iscsi->base.name);
  return false;
}

static void
visit_stats (LunTransport *transport, LunStatVisit visit, void *user_data)
{
  LunIscsi *iscsi = (LunIscsi *) transport;
  uint64_t logins, failed, losses;

  {
    LUN_LOCKED (&iscsi->lock);
    logins = iscsi->n_logins;
    failed = iscsi->n_failed_logins;
    losses = iscsi->n_losses;
  }
  visit ("iscsi", "logins", logins, user_data);
  visit ("iscsi", "logins.failed", failed, user_data);
  visit ("iscsi", "losses", losses, user_data);
}

const LunTransportOps lun_iscsi_ops = {
  .kind = "iscsi",
  .open = open_iscsi,
  .close = close_iscsi,
  .identify = identify,
  .submit = submit_of_device,
  .abort = abort_io,
  .reset = reset,
  .visit_stats = visit_stats,
};
