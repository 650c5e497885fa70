/* reservation/swap-scsi2.c - one host at a time by RESERVE(6), for devices without anything newer.
 *
 *   1. RESERVE(6) over one path: good, inside; conflict, another one is.
 *   2. RELEASE(6) over it.
 *
 * Meanwhile every command of every other port conflicts, our own other paths' too: those who share
 * the device are patient with that (lun_device_set_patience).  The processes of one host that use
 * one port are one to the LUN: a file of the machine is locked around all of it.
 *
 * One that died inside is put out by the end of its session, and if that does not happen, as with a
 * port of the kernel, by LUN RESET after stale_ms of conflicts and nothing else: nobody can see whose
 * reservation it is, so one command of ours that got through proves that it is not always the same
 * one.  Who was not dead but stopped learns of it before he writes: by the unit attention of the
 * reset, or by his clock.
 *
 * With registrations on the LUN RESERVE(6) conflicts, or is good and means nothing (SPC-4 5.12.3).
 */
#include "reservation/swap.h"

#include "path/device.h"

#include "base/lock.h"
#include "base/sense.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Conflicts in a row before a reservation may be taken for a dead one's. */
#define CONFLICTS_MIN 200

/* An answer may be lost; a second RELEASE(6) changes nothing. */
#define RELEASE_TRIES 5

/* ---- processes that share a port ---- */

static char *
file_name (const LunSwap *s, const char *nexus)
{
  const char *dir =
    access ("/run/lock", W_OK) == 0 ? "/run/lock" : g_get_user_runtime_dir ();
  g_autofree char *what =
    g_strdup_printf ("%s %s", lun_device_facts (s->device)->identity, nexus);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA1, what, -1);

  g_mkdir_with_parents (dir, 0700);
  sum[16] = '\0';
  return g_strdup_printf ("%s/lunpath-%s.swap", dir, sum);
}

/* LUN_ENTER_STAY: locked, or nobody to be locked out. */
static LunEnter
lock_port (LunSwap *s, GError **error)
{
  g_autofree char *nexus = lun_path_nexus (s->device, (unsigned) s->path);

  if (!nexus)
    return LUN_ENTER_STAY;
  g_autofree char *name = file_name (s, nexus);
  s->lock_file = open (name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (s->lock_file < 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: %s", name, g_strerror (errno));
    return LUN_ENTER_FAILED;
  }
  return flock (s->lock_file, LOCK_EX | LOCK_NB) == 0 ? LUN_ENTER_STAY
                                                      : LUN_ENTER_YIELD;
}

static void
unlock_port (LunSwap *s)
{
  if (s->lock_file >= 0)
    close (s->lock_file);
  s->lock_file = -1;
}

/* ---- the reservation ---- */

static void
release (LunSwap *s)
{
  int tries = RELEASE_TRIES;

  while (tries-- > 0 && lun_resv_bare (s->r, (unsigned) s->path,
                                       lun_cdb_release_6 ()) == LUN_RESV_LOST)
    ;
}

/* Good reads and writes of this process: none is possible while another port has the LUN. */
static uint64_t
count_done (LunSwap *s)
{
  LunStats stats;

  lun_device_get_stats (s->device, &stats);
  return stats.reads + stats.writes;
}

/* Nothing but conflicts, often and for long: nobody gives it back.  Who comes and goes lets somebody
 * in at times. */
static bool
is_stale (LunSwap *s)
{
  int64_t now_us = g_get_monotonic_time ();
  uint64_t n_done = count_done (s);

  if (s->conflict_since_us == 0 || n_done != s->n_done) {
    s->conflict_since_us = now_us;
    s->n_conflicts = 0;
    s->n_done = n_done;
  }
  return ++s->n_conflicts >= CONFLICTS_MIN &&
         now_us - s->conflict_since_us >= s->stale_us;
}

static LunEnter
break_stale (LunSwap *s)
{
  g_autoptr (GError) error = NULL;

  if (!is_stale (s))
    return LUN_ENTER_YIELD;
  s->conflict_since_us = 0;
  g_message ("%s: the SCSI-2 reservation of one who died with it is broken by a reset",
             lun_device_name (s->device));
  if (!s->r->port.ops->reset (s->r->port.data, (unsigned) s->path, &error))
    g_message ("%s: LUN reset: %s", lun_device_name (s->device), error->message);
  return LUN_ENTER_STAY;
}

static LunEnter
reserve (LunSwap *s, GError **error)
{
  s->entered_us = g_get_monotonic_time ();
  switch (lun_resv_bare (s->r, (unsigned) s->path, lun_cdb_reserve_6 ())) {
  case LUN_RESV_DONE:
    s->conflict_since_us = 0;
    return LUN_ENTER_IN;
  case LUN_RESV_CONFLICT:
    return break_stale (s);
  case LUN_RESV_LOST:
    release (s); /* it may be ours without our knowing */
    s->path++;
    return LUN_ENTER_YIELD;
  case LUN_RESV_REFUSED:
    break;
  }
  g_autofree char *why = lun_result_text (&s->r->last);
  lun_swap_refuse (s, why, error);
  return LUN_ENTER_FAILED;
}

/* While another one is inside it cannot be told: later. */
static bool
has_registrations (LunSwap *s)
{
  LunPrKeys keys = { 0 };

  if (s->has_looked || !lun_device_facts (s->device)->has_pr ||
      !lun_resv_look_keys (s->r, &keys, NULL))
    return false;
  g_free (keys.keys);
  s->has_looked = keys.n_total == 0;
  return !s->has_looked;
}

static LunEnter
enter_locked (LunSwap *s, GError **error)
{
  if (!has_registrations (s))
    return reserve (s, error);
  lun_swap_refuse (s,
                   "there are persistent registrations on it, beside which RESERVE(6) "
                   "means nothing",
                   error);
  return LUN_ENTER_FAILED;
}

static LunEnter
attempt_scsi2 (LunSwap *s, GError **error)
{
  LunEnter enter;

  LUN_LOCKED (&s->r->lock);
  if ((s->path = lun_swap_pick (s, error)) < 0)
    return LUN_ENTER_FAILED;
  enter = lock_port (s, error);
  if (enter == LUN_ENTER_STAY)
    enter = enter_locked (s, error);
  s->is_reserved = enter == LUN_ENTER_IN;
  if (!s->is_reserved)
    unlock_port (s);
  return enter;
}

static bool
leave_scsi2 (LunSwap *s)
{
  LUN_LOCKED (&s->r->lock);
  if (s->is_reserved) /* else it may be another process' of this port */
    release (s);
  s->is_reserved = false;
  unlock_port (s);
  return true;
}

/* A reset answers when what is under way has ended, and drops the reservation. */
static void
abandon_scsi2 (LunSwap *s)
{
  LUN_LOCKED (&s->r->lock);
  s->r->port.ops->reset (s->r->port.data, (unsigned) s->path, NULL);
  s->is_reserved = false;
  unlock_port (s);
}

/* ---- the trial ---- */

static bool
is_shut_out (LunSwap *s, unsigned path)
{
  const LunResvPort *port = &s->r->port;
  LunCdb cdb = lun_cdb_test_unit_ready ();
  LunResult result;

  for (int tries = 0; tries < 4; tries++) { /* a unit attention may come first */
    result = port->ops->execute (port->data, path, &cdb, LUN_DIR_NONE, NULL, 0);
    if (result.outcome != LUN_OUTCOME_CHECK_CONDITION)
      break;
  }
  return result.outcome != LUN_OUTCOME_GOOD;
}

static bool
prove_scsi2 (LunSwap *s, GError **error)
{
  const LunResvPort *port = &s->r->port;
  unsigned n = port->ops->n_paths (port->data);

  LUN_LOCKED (&s->r->lock);
  for (unsigned i = 0; i < n; i++) {
    if ((int) i == s->path || !port->ops->is_usable (port->data, i) ||
        is_shut_out (s, i))
      continue;
    g_autofree char *why =
      g_strdup_printf ("RESERVE(6) over %s shuts nobody out over %s",
                       port->ops->path_name (port->data, (unsigned) s->path),
                       port->ops->path_name (port->data, i));
    return lun_swap_refuse (s, why, error);
  }
  return true;
}

const LunSwapOps lun_swap_scsi2_ops = { attempt_scsi2, leave_scsi2, abandon_scsi2,
                                        prove_scsi2 };
