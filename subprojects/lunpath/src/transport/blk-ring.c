#include "transport/blk-ring.h"

#include "transport/blk-move.h"

#include "base/lock.h"
#include "base/sense.h"

#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The kernel could not take what was submitted: again after so long. */
#define SHORTAGE_PAUSE_US 1000

typedef struct {
  LunBlkMove move;   /* of a flush: move.io alone */
  GList link;        /* in `waiting`, `again` or `flights`; data = this */
  bool is_cancelled; /* the thread's */
} Flight;

struct LunBlkRing {
  const LunTransport *transport;
  int fd;
  int bell;
  unsigned depth;
  pthread_t thread;

  pthread_mutex_t lock;   /* of all up to `stop` */
  pthread_cond_t started; /* has_begun */
  bool has_begun;         /* the thread, with a ring or ... */
  int trouble;            /* ... without: errno; else 0 */
  GQueue waiting;         /* Flight.link */
  GArray *cancels;        /* tags */
  bool is_asleep;         /* the thread: to be rung */
  bool stop;

  /* the thread's own */
  struct io_uring uring;
  GQueue flights; /* Flight.link: the kernel has them */
  GQueue again;   /* Flight.link: to be submitted once more */
  bool bell_is_read;
  uint64_t rings; /* read from the bell, and of no interest */
};

/* What stands in a CQE that is of no Flight. */
static const char of_bell, of_cancel;

/* ---- others' side ---- */

static void
wake (LunBlkRing *ring)
{
  static const uint64_t one = 1;
  ssize_t written;

  do
    written = write (ring->bell, &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

static bool
has_slept_locked (LunBlkRing *ring)
{
  bool was_asleep = ring->is_asleep;

  ring->is_asleep = false;
  return was_asleep;
}

void
lun_blk_ring_submit (LunBlkRing *ring, LunIo *io)
{
  Flight *flight = g_new0 (Flight, 1);
  bool has_slept;

  flight->move.io = io;
  flight->link.data = flight;
  if (io->op != LUN_OP_FLUSH)
    lun_blk_move_begin (&flight->move, io, ring->transport->facts.block_size);
  {
    LUN_LOCKED (&ring->lock);
    g_queue_push_tail_link (&ring->waiting, &flight->link);
    has_slept = has_slept_locked (ring);
  }
  if (has_slept)
    wake (ring);
}

void
lun_blk_ring_cancel (LunBlkRing *ring, uint64_t tag)
{
  {
    LUN_LOCKED (&ring->lock);
    g_array_append_val (ring->cancels, tag);
    has_slept_locked (ring);
  }
  wake (ring);
}

/* ---- the thread: to the kernel ---- */

/* NULL when the kernel takes no more now. */
static struct io_uring_sqe *
get_sqe (LunBlkRing *ring)
{
  struct io_uring_sqe *sqe = io_uring_get_sqe (&ring->uring);

  if (!sqe && io_uring_submit (&ring->uring) > 0)
    sqe = io_uring_get_sqe (&ring->uring);
  return sqe;
}

static bool
begin (LunBlkRing *ring, Flight *flight)
{
  const LunBlkMove *move = &flight->move;
  struct io_uring_sqe *sqe = get_sqe (ring);

  if (!sqe)
    return false;
  switch (move->io->op) {
  case LUN_OP_READ:
    io_uring_prep_read (sqe, ring->fd, move->data, (unsigned) move->left,
                        (uint64_t) move->at);
    break;
  case LUN_OP_WRITE:
    io_uring_prep_write (sqe, ring->fd, move->data, (unsigned) move->left,
                         (uint64_t) move->at);
    break;
  case LUN_OP_FLUSH:
    io_uring_prep_fsync (sqe, ring->fd, IORING_FSYNC_DATASYNC);
    break;
  case LUN_OP_COMPARE_AND_WRITE:
  case LUN_OP_CDB:
    g_assert_not_reached ();
  }
  io_uring_sqe_set_data (sqe, flight);
  g_queue_push_tail_link (&ring->flights, &flight->link);
  return true;
}

static void
begin_all (LunBlkRing *ring)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&ring->again)) != NULL)
    if (!begin (ring, link->data)) {
      g_queue_push_head_link (&ring->again, link);
      return;
    }
}

static void
cancel (LunBlkRing *ring, uint64_t tag)
{
  for (GList *link = ring->flights.head; link; link = link->next) {
    Flight *flight = link->data;
    if (flight->move.io->priv.tag != tag || flight->is_cancelled)
      continue;
    struct io_uring_sqe *sqe = get_sqe (ring);
    flight->is_cancelled = true;
    if (!sqe)
      return;
    io_uring_prep_cancel (sqe, flight, 0);
    io_uring_sqe_set_data (sqe, (void *) &of_cancel);
    return;
  }
}

static void
listen_to_bell (LunBlkRing *ring)
{
  struct io_uring_sqe *sqe = ring->bell_is_read ? NULL : get_sqe (ring);

  if (!sqe)
    return;
  io_uring_prep_read (sqe, ring->bell, &ring->rings, sizeof ring->rings, 0);
  io_uring_sqe_set_data (sqe, (void *) &of_bell);
  ring->bell_is_read = true;
}

/* ---- the thread: from the kernel ---- */

static bool
ends (Flight *flight, int res)
{
  if (res == -ECANCELED || (flight->is_cancelled && res == -EINTR)) {
    lun_blk_move_end (&flight->move, lun_result_bare (LUN_OUTCOME_ABORTED, 0));
    return true;
  }
  if (flight->move.io->op != LUN_OP_FLUSH)
    return !lun_blk_move_go_on (&flight->move, res);
  if (res == -EINTR)
    return false;
  flight->move.io->result =
    res == 0 ? lun_result_bare (LUN_OUTCOME_GOOD, 0) : lun_blk_result (-res);
  return true;
}

static void
take_back (LunBlkRing *ring, Flight *flight, int res)
{
  LunIo *io = flight->move.io;

  g_queue_unlink (&ring->flights, &flight->link);
  if (!ends (flight, res)) {
    g_queue_push_tail_link (&ring->again, &flight->link);
    return;
  }
  g_free (flight);
  io->done (io);
}

/* The number of ends that there were. */
static unsigned
take_ends (LunBlkRing *ring)
{
  struct io_uring_cqe *cqe;
  unsigned n = 0;

  for (; io_uring_peek_cqe (&ring->uring, &cqe) == 0; n++) {
    void *data = io_uring_cqe_get_data (cqe);
    int res = cqe->res;
    io_uring_cqe_seen (&ring->uring, cqe); /* done() may take its time */
    if (data == &of_bell)
      ring->bell_is_read = false;
    else if (data != &of_cancel)
      take_back (ring, data, res);
  }
  return n;
}

/* ---- the thread ---- */

typedef struct {
  GArray *cancels; /* NULL = none */
  bool stop;
} Wishes;

static Wishes
take_wishes (LunBlkRing *ring)
{
  Wishes wishes = { 0 };
  GList *link;

  LUN_LOCKED (&ring->lock);
  while ((link = g_queue_pop_head_link (&ring->waiting)) != NULL)
    g_queue_push_tail_link (&ring->again, link);
  if (ring->cancels->len > 0) {
    wishes.cancels = ring->cancels;
    ring->cancels = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  }
  wishes.stop = ring->stop;
  return wishes;
}

/* False when somebody wants something. */
static bool
fall_asleep (LunBlkRing *ring)
{
  LUN_LOCKED (&ring->lock);
  ring->is_asleep = ring->waiting.length == 0 && ring->cancels->len == 0 && !ring->stop;
  return ring->is_asleep;
}

static void
wake_up (LunBlkRing *ring)
{
  LUN_LOCKED (&ring->lock);
  ring->is_asleep = false;
}

/* Submits, and sleeps where there is nothing else to do. */
static void
visit_kernel (LunBlkRing *ring)
{
  bool sleeps = ring->again.length == 0 && ring->bell_is_read && fall_asleep (ring);
  int rc = sleeps ? io_uring_submit_and_wait (&ring->uring, 1)
                  : io_uring_submit_and_get_events (&ring->uring);

  if (sleeps)
    wake_up (ring);
  if (take_ends (ring) == 0 && rc < 0 && rc != -EINTR)
    g_usleep (SHORTAGE_PAUSE_US);
}

static void
work (LunBlkRing *ring)
{
  for (;;) {
    Wishes wishes = take_wishes (ring);
    begin_all (ring);
    for (unsigned i = 0; wishes.cancels && i < wishes.cancels->len; i++)
      cancel (ring, g_array_index (wishes.cancels, uint64_t, i));
    g_clear_pointer (&wishes.cancels, g_array_unref);
    if (wishes.stop)
      break;
    listen_to_bell (ring);
    visit_kernel (ring);
  }
  g_assert (ring->flights.length == 0 && ring->again.length == 0);
}

/* ---- opening and closing ---- */

/* The first way is one wake-up less an end: the kernel keeps ends until the thread comes for them
 * (Linux 6.1). */
static const unsigned ways[] = {
  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  0,
};

static const int needed[] = { IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
                              IORING_OP_ASYNC_CANCEL };

/* 0 or -errno. */
static int
set_up (struct io_uring *uring, unsigned depth)
{
  int rc = -EINVAL;

  for (size_t i = 0; i < G_N_ELEMENTS (ways) && rc == -EINVAL; i++) {
    struct io_uring_params params = { .flags = ways[i] };
    rc = io_uring_queue_init_params (2 * depth, uring, &params);
  }
  return rc;
}

static bool
has_operations (struct io_uring *uring)
{
  struct io_uring_probe *probe = io_uring_get_probe_ring (uring);
  bool all = probe != NULL;

  for (size_t i = 0; all && i < G_N_ELEMENTS (needed); i++)
    all = io_uring_opcode_supported (probe, needed[i]);
  if (probe)
    io_uring_free_probe (probe);
  return all;
}

/* By the thread, whose alone it is to the kernel too.  0 or -errno. */
static int
open_ring (LunBlkRing *ring)
{
  int rc = set_up (&ring->uring, ring->depth);

  if (rc != 0 || has_operations (&ring->uring))
    return rc;
  io_uring_queue_exit (&ring->uring);
  return -ENOSYS;
}

static void *
run (void *data)
{
  LunBlkRing *ring = data;
  int rc = open_ring (ring);

  {
    LUN_LOCKED (&ring->lock);
    ring->has_begun = true;
    ring->trouble = -rc;
    pthread_cond_signal (&ring->started);
  }
  if (rc == 0)
    work (ring);
  return NULL;
}

static int
wait_for_ring (LunBlkRing *ring)
{
  LUN_LOCKED (&ring->lock);
  while (!ring->has_begun)
    lun_cond_wait_until (&ring->started, &ring->lock, -1);
  return ring->trouble;
}

/* An errno value, or 0.  No signals: they are meant for others. */
static int
start_thread (LunBlkRing *ring)
{
  sigset_t all, old;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  int cause = pthread_create (&ring->thread, NULL, run, ring);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  if (cause != 0)
    return cause;
  cause = wait_for_ring (ring);
  if (cause != 0)
    pthread_join (ring->thread, NULL);
  return cause;
}

static void
clear (LunBlkRing *ring)
{
  if (ring->bell >= 0)
    close (ring->bell);
  g_array_unref (ring->cancels);
  pthread_cond_destroy (&ring->started);
  pthread_mutex_destroy (&ring->lock);
  g_free (ring);
}

LunBlkRing *
lun_blk_ring_new (const LunTransport *transport, int fd, unsigned depth, GError **error)
{
  LunBlkRing *ring = g_new0 (LunBlkRing, 1);

  ring->transport = transport;
  ring->fd = fd;
  ring->depth = depth;
  ring->bell = eventfd (0, EFD_CLOEXEC);
  ring->cancels = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  pthread_mutex_init (&ring->lock, NULL);
  lun_cond_init (&ring->started);
  int cause = ring->bell < 0 ? errno : start_thread (ring);
  if (cause == 0)
    return ring;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "io_uring: %s",
               g_strerror (cause));
  clear (ring);
  return NULL;
}

void
lun_blk_ring_free (LunBlkRing *ring)
{
  if (!ring)
    return;
  {
    LUN_LOCKED (&ring->lock);
    ring->stop = true;
    has_slept_locked (ring);
  }
  wake (ring);
  pthread_join (ring->thread, NULL);
  io_uring_queue_exit (&ring->uring);
  clear (ring);
}
