/* reservation/swap.c - READ, compare, WRITE, inside; the public face. */
#include "reservation/swap.h"

#include "path/device.h"
#include "path/io.h"
#include "path/verdict.h"

#include "base/lock.h"
#include "base/sense.h"

#include <string.h>
#include <unistd.h>

#define STAY_US               300
#define PAUSE_MIN_US          500
#define PAUSE_MAX_US          10000

/* Who waits behind RESERVE(6) has to look often to see that it is given back at times. */
#define CONFLICT_PAUSE_MAX_US 3000

static const LunSwapOps *
ops_of (const LunSwap *s)
{
  return s->config.means == LUN_SWAP_PR ? &lun_swap_pr_ops : &lun_swap_scsi2_ops;
}

LunSwap *
lun_swap_new (LunDevice *device, const LunSwapConfig *config)
{
  LunSwap *s = g_new0 (LunSwap, 1);
  LunReservationConfig own = { .key = config->key != 0 ? config->key : 1 };
  LunResvPort port = lun_resv_port_of_device (device);

  s->device = device;
  s->config = *config;
  s->owns_r = config->reservation == NULL;
  s->r = s->owns_r ? lun_reservation_new_over (&port, &own) : config->reservation;
  s->stale_us = (int64_t) config->stale_ms * 1000;
  s->random =
    config->key ^ (uint64_t) g_get_monotonic_time () ^ (uint64_t) getpid () << 40;
  if (!s->owns_r) {
    LUN_LOCKED (&s->r->lock);
    s->r->flag_stale_us = s->stale_us;
  }
  s->path = -1;
  s->lock_file = -1;
  lun_rivals_init (&s->rivals);
  return s;
}

void
lun_swap_free (LunSwap *swap)
{
  if (!swap)
    return;
  if (swap->owns_r)
    lun_reservation_free (swap->r);
  lun_rivals_clear (&swap->rivals);
  g_free (swap);
}

/* xorshift64* */
uint64_t
lun_swap_random (LunSwap *s)
{
  uint64_t x = s->random != 0 ? s->random : 1;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  s->random = x;
  return x * UINT64_C (0x2545f4914f6cdd1d);
}

int
lun_swap_pick (LunSwap *s, GError **error)
{
  const LunResvPort *port = &s->r->port;
  unsigned n = port->ops->n_paths (port->data);
  unsigned first = s->path < 0 ? 0 : (unsigned) s->path;

  for (unsigned i = 0; i < n; i++) {
    unsigned path = (first + i) % n;
    if (s->owns_r ? port->ops->is_usable (port->data, path)
                  : lun_resv_is_registered_path (s->r, path))
      return (int) path;
  }
  lun_resv_no_path (s->r, error);
  return -1;
}

bool
lun_swap_refuse (LunSwap *s, const char *why, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "%s: %s",
               lun_device_name (s->device), why);
  return false;
}

/* ---- getting in ---- */

static void
refuse_busy (LunSwap *s, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY,
               "%s: other hosts are at it all the time", lun_device_name (s->device));
}

static gulong
pause_of (LunSwap *s, gulong *longest_us)
{
  gulong pause_us =
    *longest_us / 2 + (gulong) (lun_swap_random (s) >> 33) % (*longest_us / 2);

  *longest_us =
    MIN (*longest_us * 2,
         s->config.means == LUN_SWAP_SCSI2 ? CONFLICT_PAUSE_MAX_US : PAUSE_MAX_US);
  return pause_us;
}

/* A command that may go anywhere waits for what can carry it, and has paths looked at that are down. */
static void
wait_for_path (LunSwap *s, int64_t until_us)
{
  size_t len = lun_device_facts (s->device)->block_size;
  g_autofree uint8_t *block = g_malloc (len);
  struct iovec iov = { block, len };
  int64_t left_us = until_us - g_get_monotonic_time ();
  LunIo read = { .op = LUN_OP_READ,
                 .blocks = 1,
                 .iov = &iov,
                 .n_iov = 1,
                 .timeout_ms = (uint32_t) (MAX (left_us, 0) / 1000) + 1 };

  lun_io_run (s->device, &read, false);
  g_usleep (PAUSE_MIN_US);
}

static bool
enter (LunSwap *s, int64_t until_us, GError **error)
{
  gulong longest_us = PAUSE_MIN_US;

  for (;;) {
    g_autoptr (GError) why = NULL;
    switch (ops_of (s)->attempt (s, &why)) {
    case LUN_ENTER_IN:
      return true;
    case LUN_ENTER_STAY:
      g_usleep (STAY_US);
      break;
    case LUN_ENTER_YIELD:
      g_usleep (pause_of (s, &longest_us));
      break;
    case LUN_ENTER_FAILED:
      if (!g_error_matches (why, LUN_ERROR, LUN_ERROR_NO_PATH) ||
          g_get_monotonic_time () >= until_us) {
        g_propagate_error (error, g_steal_pointer (&why));
        return false;
      }
      wait_for_path (s, until_us);
      break;
    }
    if (g_get_monotonic_time () < until_us)
      continue;
    ops_of (s)->leave (s);
    refuse_busy (s, error);
    return false;
  }
}

/* ---- inside ---- */

static LunJudgement
transfer (LunSwap *s, LunOp op, uint64_t lba, void *block, int64_t limit_us, LunIo *io)
{
  struct iovec iov = { block, lun_device_facts (s->device)->block_size };
  const LunResvPort *port = &s->r->port;

  *io = (LunIo){ .op = op,
                 .lba = lba,
                 .blocks = 1,
                 .iov = &iov,
                 .n_iov = 1,
                 .via_path = port->ops->path_name (port->data, (unsigned) s->path),
                 .timeout_ms = (uint32_t) (limit_us / 1000) + 1,
                 .settle = true,
                 .once = true };
  lun_io_run (s->device, io, false);
  return lun_judge (&io->result);
}

typedef enum {
  INSIDE_DONE,
  INSIDE_MISMATCH,
  INSIDE_AGAIN, /* nothing was written, or it will be read */
  INSIDE_FAILED,
  INSIDE_STUCK, /* a write has no answer, and may still land */
} Inside;

static bool
may_help_itself (const LunSwap *s, LunJudgement judgement)
{
  if (lun_gate (s->device) == LUN_GATE_STOPPED)
    return false;
  /* nobody of the volume makes reservations, and a stranger's stays */
  if (judgement.verdict == LUN_VERDICT_CONFLICT)
    return s->config.means == LUN_SWAP_SCSI2 || !s->owns_r;
  return judgement.verdict != LUN_VERDICT_GIVE_UP;
}

/* AGAIN where another try may help: what is read then tells what became of a write. */
static Inside
sort_failure (LunSwap *s, const LunIo *io, LunJudgement judgement, GError **error)
{
  if (io->op == LUN_OP_WRITE && judgement.code == LUN_ERROR_TIMEOUT)
    return INSIDE_STUCK;
  if (may_help_itself (s, judgement))
    return INSIDE_AGAIN;
  lun_device_check (s->device, io, error);
  return INSIDE_FAILED;
}

static Inside
compare_and_write (LunSwap *s, uint64_t lba, const void *expect, const void *replace,
                   bool *has_written, GError **error)
{
  size_t len = lun_device_facts (s->device)->block_size;
  g_autofree uint8_t *block = g_malloc (len);
  int64_t limit_us = s->entered_us + s->stale_us / 2;
  LunIo io;

  LunJudgement judgement = transfer (s, LUN_OP_READ, lba, block, s->stale_us / 2, &io);
  if (judgement.verdict != LUN_VERDICT_DONE)
    return sort_failure (s, &io, judgement, error);
  if (memcmp (block, expect, len) != 0)
    return *has_written && memcmp (block, replace, len) == 0 ? INSIDE_DONE
                                                             : INSIDE_MISMATCH;
  limit_us -= g_get_monotonic_time ();
  if (limit_us <= 0)
    return INSIDE_AGAIN; /* stopped in between: others may take us for dead */
  memcpy (block, replace, len);
  *has_written = true;
  judgement = transfer (s, LUN_OP_WRITE, lba, block, limit_us, &io);
  return judgement.verdict == LUN_VERDICT_DONE
           ? INSIDE_DONE
           : sort_failure (s, &io, judgement, error);
}

static LunCaw
run (LunSwap *s, uint64_t lba, const void *expect, const void *replace, GError **error)
{
  int64_t until_us = g_get_monotonic_time () + 3 * s->stale_us;
  bool has_written = false; /* in vain, as far as we know */

  while (enter (s, until_us, error)) {
    Inside inside = compare_and_write (s, lba, expect, replace, &has_written, error);
    bool was_alone = false;
    if (inside == INSIDE_STUCK)
      ops_of (s)->abandon (s);
    else
      was_alone = ops_of (s)->leave (s);
    if (inside == INSIDE_FAILED)
      return LUN_CAW_ERROR;
    if (was_alone && inside == INSIDE_DONE)
      return LUN_CAW_DONE;
    if (was_alone && inside == INSIDE_MISMATCH)
      return LUN_CAW_MISMATCH;
    if (g_get_monotonic_time () >= until_us)
      break;
  }
  if (error && !*error)
    refuse_busy (s, error);
  return LUN_CAW_ERROR;
}

LunCaw
lun_swap_run (LunSwap *swap, uint64_t lba, const void *expect, const void *replace,
              GError **error)
{
  if (swap->config.means == LUN_SWAP_CAW)
    return lun_device_compare_and_write (swap->device, lba, expect, replace, error);
  return run (swap, lba, expect, replace, error);
}

/* ---- the trial ---- */

static bool
try_caw_over (LunSwap *s, uint64_t lba, unsigned path, GError **error)
{
  const LunResvPort *port = &s->r->port;
  size_t len = lun_device_facts (s->device)->block_size;
  g_autofree uint8_t *data = g_malloc (2 * len); /* complement, content */
  struct iovec now = { data + len, len }, both = { data, 2 * len };
  LunIo read = { .op = LUN_OP_READ, .lba = lba, .blocks = 1, .iov = &now, .n_iov = 1 };
  LunIo caw = { .op = LUN_OP_COMPARE_AND_WRITE,
                .lba = lba,
                .blocks = 1,
                .iov = &both,
                .n_iov = 1,
                .via_path = port->ops->path_name (port->data, path) };

  lun_io_run (s->device, &read, false);
  if (!lun_device_check (s->device, &read, error))
    return false;
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t) ~data[len + i];
  lun_io_run (s->device, &caw, false);
  switch (lun_judge (&caw.result).verdict) {
  case LUN_VERDICT_MISMATCH:
    return true;
  case LUN_VERDICT_DONE:
    return lun_swap_refuse (s, "COMPARE AND WRITE writes without comparing", error);
  default:
    return lun_device_check (s->device, &caw, error);
  }
}

static bool
try_caw (LunSwap *s, uint64_t lba, GError **error)
{
  const LunResvPort *port = &s->r->port;
  unsigned n = port->ops->n_paths (port->data);

  for (unsigned i = 0; i < n; i++)
    if (port->ops->is_usable (port->data, i) && !try_caw_over (s, lba, i, error))
      return false;
  return true;
}

bool
lun_swap_try (LunSwap *swap, uint64_t lba, GError **error)
{
  if (swap->config.means == LUN_SWAP_CAW)
    return try_caw (swap, lba, error);
  if (!enter (swap, g_get_monotonic_time () + 3 * swap->stale_us, error))
    return false;
  bool ok = ops_of (swap)->prove (swap, error);
  ops_of (swap)->leave (swap);
  return ok;
}
