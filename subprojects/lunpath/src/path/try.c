#include "path/try.h"

#include <lunpath/memory.h>

#include "path/job.h"
#include "path/keeper.h"
#include "path/queue.h"
#include "path/settle.h"
#include "path/window.h"

#include "base/iov.h"
#include "base/loan.h"
#include "base/lock.h"
#include "base/sense.h"

#include <stdlib.h>

/* Fresh memory so long costs more than to copy it. */
#define LARGE (64u * 1024)

typedef struct {
  LunIo io;      /* what the transport sees */
  LunPart *part; /* NULL once cut loose; path->lock */
  LunPath *path;
  GList link; /* in path->in_flight; data = this */
  int64_t start_us;
  int64_t until_us; /* path->lock */
  bool is_aborted;  /* path->lock */
  bool is_stopped;  /* path->lock; aborted because of the gate */
  void *own; /* memory for the data, or NULL; of lunpath/memory.h where `is_large` */
  bool is_large;
  LunBlock *loan; /* or the caller's, lent; or NULL */
  struct iovec own_iov;
} LunTry;

/* ---- memory ---- */

static size_t
data_len (const LunIo *io)
{
  return lun_iov_len (io->iov, io->n_iov);
}

static bool
gets_data (const LunIo *io)
{
  return io->op == LUN_OP_READ || (io->op == LUN_OP_CDB && io->direction == LUN_DIR_IN);
}

static void
carry_own (LunTry *this)
{
  this->io.iov = &this->own_iov;
  this->io.n_iov = 1;
}

/* The caller's own memory, when a device can have it (base/loan.h). */
static bool
borrow_memory (LunTry *this)
{
  const struct iovec *iov = this->io.iov;

  if ((this->io.op != LUN_OP_READ && this->io.op != LUN_OP_WRITE) ||
      this->io.n_iov != 1)
    return false;
  this->own_iov.iov_base = lun_loan_take (iov->iov_base, iov->iov_len, &this->loan);
  if (!this->loan)
    return false;
  this->own_iov.iov_len = iov->iov_len;
  carry_own (this);
  return true;
}

static void
copy_memory (LunTry *this)
{
  size_t len = data_len (&this->io);

  if (len == 0)
    return;
  this->is_large = len >= LARGE;
  if (this->is_large)
    this->own = lun_memory_take (len);
  else
    g_assert (posix_memalign (&this->own, 4096, len) == 0);
  if (this->io.op !=
      LUN_OP_READ) /* of a CDB with data in: what the LUN does not fill */
    lun_iov_gather (this->io.iov, this->io.n_iov, this->own, len);
  this->own_iov = (struct iovec){ this->own, len };
  carry_own (this);
}

static void
free_try (LunTry *this)
{
  lun_loan_return (this->loan);
  if (this->is_large)
    lun_memory_give (this->own);
  else
    free (this->own);
  g_free (this);
}

/* ---- ending ---- */

static void
measure (const LunTry *this)
{
  LunPath *path = this->path;
  int64_t took_us = g_get_monotonic_time () - this->start_us;
  int64_t load = (int64_t) lun_device_load (path->device, 1, this->io.blocks);
  uint32_t average = __atomic_load_n (&path->service_us, __ATOMIC_RELAXED);

  average =
    (uint32_t) (((int64_t) average * 7 + MIN (took_us / load, 10 * G_USEC_PER_SEC)) /
                8);
  __atomic_store_n (&path->service_us, average, __ATOMIC_RELAXED);
}

static unsigned
bucket_of (int64_t us)
{
  unsigned bucket = us <= 0 ? 0 : 64 - (unsigned) __builtin_clzll ((uint64_t) us);

  return MIN (bucket, LUN_PATH_BUCKETS - 1);
}

static void
count (const LunTry *this)
{
  LunPathCounters *counters = &this->path->counters;
  const LunIo *io = &this->io;

  lun_count (&counters->commands, 1);
  lun_count (&counters->latency[bucket_of (g_get_monotonic_time () - this->start_us)],
             1);
  if (io->result.outcome != LUN_OUTCOME_GOOD)
    lun_count (&counters->errors, 1);
  else if (io->op == LUN_OP_READ || io->op == LUN_OP_WRITE)
    lun_count (&counters->bytes,
               (uint64_t) io->blocks * this->path->device->facts.block_size);
}

static void
tell_late (const LunTry *this)
{
  g_autofree char *how = lun_result_text (&this->io.result);
  int64_t took_ms = (g_get_monotonic_time () - this->start_us) / 1000;

  g_message ("path %s: a command that was given up ended after %" G_GINT64_FORMAT
             " ms: %s",
             this->path->name, took_ms, how);
}

/* There is room for another try.  Who ends the path waits for the same condition as its threads: then
 * one that is woken is not enough. */
static void
tell_of_room_locked (LunPath *path)
{
  if (path->stop)
    pthread_cond_broadcast (&path->changed);
  else
    pthread_cond_signal (&path->changed);
}

/* Is there anything that the path's thread could do now?  To wake it for nothing costs more than
 * many a command does. */
static bool
has_use_for_room_locked (const LunPath *path)
{
  return !path->transport->facts.any_thread || path->stop ||
         __atomic_load_n (&path->device->n_waiting, __ATOMIC_RELAXED) > 0;
}

/* What a command is told that was not waited for. */
static LunResult
given_up (bool is_stopped)
{
  return lun_result_bare (
    is_stopped ? LUN_OUTCOME_RESERVATION_CONFLICT : LUN_OUTCOME_TIMEOUT, 0);
}

/* Takes it off the path; the part that waits for it, or NULL. */
static LunPart *
leave_flight (LunTry *this)
{
  LunPath *path = this->path;

  LUN_LOCKED (&path->lock);
  g_queue_unlink (&path->in_flight, &this->link);
  lun_window_heed (path, &this->io.result);
  if (this->is_aborted && this->io.result.outcome == LUN_OUTCOME_ABORTED)
    this->io.result = given_up (this->is_stopped);
  return this->part;
}

static void
offer_room (LunPath *path)
{
  if (lun_queue_use_room (path))
    return;
  LUN_LOCKED (&path->lock);
  if (has_use_for_room_locked (path))
    tell_of_room_locked (path);
}

/* LunIo.done of a try: on a path's thread or a thread of the transport. */
static void
on_done (LunIo *io)
{
  LunTry *this = (LunTry *) io;
  LunPath *path = this->path;
  LunPart *part = leave_flight (this);

  offer_room (path);
  count (this);
  if (part) {
    if (this->own && gets_data (io))
      lun_iov_scatter (part->io.iov, part->io.n_iov, this->own, this->own_iov.iov_len);
    part->io.result = io->result;
    if (io->result.outcome == LUN_OUTCOME_GOOD)
      measure (this);
  } else {
    tell_late (this);
  }
  free_try (this);
  if (part)
    lun_queue_go_on (part);
  lun_path_unpin (path);
}

/* ---- starting ---- */

static bool
another_is_usable (const LunPath *path)
{
  const LunDevice *device = path->device;

  for (unsigned i = 0; i < lun_device_n_paths (device); i++)
    if (i != path->index && lun_path_is_usable (&device->paths[i]))
      return true;
  return false;
}

/* A try's share: half of what is left, so that there is time for another one. */
static int64_t
share_us (const LunPath *path, const LunPart *part, int64_t now_us)
{
  int64_t left_us = part->deadline_us - now_us;

  if (part->io.op == LUN_OP_CDB && part->io.direction != LUN_DIR_IN)
    return left_us; /* not repeated anyway */
  if (another_is_usable (path))
    return MIN (left_us / 2, path->device->try_us);
  return lun_transport_holds_data (path->transport) ? left_us : left_us / 2;
}

static LunTry *
new_try (LunPath *path, LunPart *part)
{
  LunTry *this = g_new0 (LunTry, 1);

  this->path = path;
  this->part = part;
  this->io = part->io;
  this->io.done = on_done;
  this->link.data = this;
  this->start_us = g_get_monotonic_time ();
  int64_t share = share_us (path, part, this->start_us);
  this->until_us = this->start_us + share;
  this->io.timeout_ms = (uint32_t) MAX (share / 1000, 1);
  this->io.priv.transport_data = NULL;
  this->io.priv.tag = __atomic_add_fetch (&path->device->last_tag, 1, __ATOMIC_RELAXED);
  if (lun_transport_holds_data (path->transport) && !borrow_memory (this))
    copy_memory (this);
  return this;
}

static void
give_place_back (LunPath *path)
{
  LUN_LOCKED (&path->lock);
  path->n_starting--;
  tell_of_room_locked (path);
}

void
lun_try_start (LunPath *path, LunPart *part)
{
  if (g_get_monotonic_time () >= part->deadline_us) {
    give_place_back (path);
    lun_part_give_up (part, LUN_OUTCOME_TIMEOUT);
    lun_queue_leave (part);
    lun_job_part_ended (part);
    return;
  }
  LunTry *this = new_try (path, part);
  int64_t until_us = this->until_us;
  g_assert (lun_path_pin (path)); /* the part's pin holds it open */
  {
    LUN_LOCKED (&path->lock);
    path->n_starting--;
    g_queue_push_tail_link (&path->in_flight, &this->link);
  }
  lun_keeper_expect (path->device, until_us);
  lun_transport_submit (path->transport, &this->io);
}

/* ---- time is over ---- */

/* What to do about one overdue try. */
typedef struct {
  uint64_t abort;  /* its tag, to be given up; 0 = none */
  bool is_stopped; /* because of the gate, which is not its path's fault */
  LunPart *part;   /* cut loose; or NULL */
  bool is_lent;    /* its memory */
  bool must_settle;
} Overdue;

static bool
cut_loose_locked (LunTry *this, int64_t now_us)
{
  if (!lun_transport_holds_data (this->path->transport))
    return false;
  if (lun_part_must_settle (this->part) && now_us < this->part->deadline_us) {
    this->until_us = this->part->deadline_us;
    return false;
  }
  return true;
}

static bool
is_waited_for (const LunTry *this)
{
  return this->part &&
         !(this->is_aborted && !lun_transport_holds_data (this->path->transport));
}

/* Its answer is of no use any more: the gate was stopped.  One that must settle has its time, as a LUN is
 * reset for it. */
static bool
is_useless (const LunTry *this)
{
  return lun_gate (this->path->device) == LUN_GATE_STOPPED &&
         this->io.op != LUN_OP_CDB && !this->is_aborted &&
         !(lun_transport_holds_data (this->path->transport) &&
           lun_part_must_settle (this->part));
}

static Overdue
take_overdue (LunPath *path, int64_t *next_us)
{
  int64_t now_us = g_get_monotonic_time ();
  Overdue overdue = { 0 };

  *next_us = G_MAXINT64;
  LUN_LOCKED (&path->lock);
  for (GList *link = path->in_flight.head; link; link = link->next) {
    LunTry *this = link->data;
    if (!is_waited_for (this))
      continue;
    if (this->until_us > now_us && !is_useless (this)) {
      *next_us = MIN (*next_us, this->until_us);
      continue;
    }
    overdue.abort = this->is_aborted ? 0 : this->io.priv.tag;
    overdue.is_stopped = this->is_stopped = this->until_us > now_us;
    this->is_aborted = true;
    overdue.is_lent = this->loan != NULL;
    if (cut_loose_locked (this, now_us))
      overdue.part = g_steal_pointer (&this->part);
    else
      overdue.must_settle =
        lun_transport_holds_data (path->transport) && overdue.abort != 0;
    *next_us = now_us; /* look for more */
    return overdue;
  }
  return overdue;
}

int64_t
lun_try_end_overdue (LunPath *path)
{
  int64_t next_us;

  for (;;) {
    Overdue overdue = take_overdue (path, &next_us);
    if (!overdue.abort && !overdue.part)
      return next_us;
    LunResult result = given_up (overdue.is_stopped);
    if (overdue.abort) {
      if (!overdue.is_stopped)
        lun_path_fail (path, &result);
      lun_transport_abort (path->transport, overdue.abort);
    }
    if (overdue.must_settle)
      lun_settle_start (path);
    if (overdue.part && overdue.is_lent)
      lun_loan_part (overdue.part->io.iov->iov_base, overdue.part->io.iov->iov_len);
    if (overdue.part) {
      lun_count (&path->counters.stuck, 1);
      overdue.part->io.result = result;
      lun_queue_go_on (overdue.part);
    }
  }
}
