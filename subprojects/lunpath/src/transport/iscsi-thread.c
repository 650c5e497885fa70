/* transport/iscsi-thread.c - the thread of an iSCSI path.
 *
 * It looks after the session (iscsi-session.h) and sleeps in poll() on the
 * session's socket and a bell (eventfd).  It alone makes and ends sessions, reads from the
 * socket, and ends commands.  Others send their commands themselves when they find the session
 * idle, so that no thread need be woken for that; else they hand them to the thread.  Aborts and
 * requests they hand to it always, and ring.
 *
 *        trouble                    logged in                identify()
 *   ---> DOWN ---(after a pause)---> FRESH -----------------> READY
 *         ^                            |                        |
 *         '----------------------------+------------------------'
 *
 * Invariants
 *   1. A command of the device goes to a session in READY only: whoever logs in again may find
 *      another LUN there, and must learn who it is first.  Elsewhere it ends at once as a
 *      TRANSPORT_ERROR.
 *   2. The device learns of each loss of a READY session, by a command that fails or, when there
 *      is none, by an identify() that fails: a registration may be gone with the session.
 *   3. After abort() or a time-out all commands of the path have ended as soon as the thread has
 *      run; nothing of the caller's memory is used after that.
 *   4. Callers are told of ends while no lock is held: they may submit again.
 *
 * A session that is lost is logged in again after PAUSE_MIN, then after twice as long each time
 * up to PAUSE_MAX, under the same initiator port.
 */
#include "transport/iscsi-path.h"

#include "base/sense.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define PAUSE_MIN_US (50 * 1000)
#define PAUSE_MAX_US (2 * G_USEC_PER_SEC)

const char lun_iscsi_probe_mark;

void
lun_iscsi_ring (const LunIscsi *iscsi)
{
  static const uint64_t one = 1;
  ssize_t written;

  do
    written = write (iscsi->bell, &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

/* ---- the thread: the session's life ---- */

static void
come_up (LunIscsi *iscsi)
{
  iscsi->pause_us = 0;
  LUN_LOCKED (&iscsi->lock);
  iscsi->state = LUN_ISCSI_FRESH;
  iscsi->n_logins++;
  pthread_cond_broadcast (&iscsi->changed);
}

/* The state changes before commands end: who hears of their end finds the path DOWN. */
static void
come_down (LunIscsi *iscsi)
{
  const char *trouble = lun_iscsi_session_trouble (iscsi->session);
  bool tells = lun_iscsi_session_n_commands (iscsi->session) > 0;

  LUN_LOCKED (&iscsi->lock);
  if (iscsi->state == LUN_ISCSI_DOWN)
    iscsi->n_failed_logins++;
  else
    iscsi->n_losses++;
  if (iscsi->state == LUN_ISCSI_READY)
    iscsi->loss_is_untold = !tells;
  iscsi->state = LUN_ISCSI_DOWN;
  g_free (iscsi->trouble);
  iscsi->trouble = g_strdup (trouble);
  iscsi->is_wanted = lun_iscsi_session_is_worth_retrying (iscsi->session);
  pthread_cond_broadcast (&iscsi->changed);
}

static void
drop_session (LunIscsi *iscsi)
{
  g_info ("iSCSI session with %s, %s: %s", iscsi->target->portal, iscsi->target->iqn,
          lun_iscsi_session_trouble (iscsi->session));
  come_down (iscsi);
  g_clear_pointer (&iscsi->session, lun_iscsi_session_end);
  iscsi->pause_us = CLAMP (iscsi->pause_us * 2, PAUSE_MIN_US, PAUSE_MAX_US);
  iscsi->next_try_us = g_get_monotonic_time () + iscsi->pause_us;
}

static bool
is_in_state (LunIscsi *iscsi, LunIscsiState state)
{
  LUN_LOCKED (&iscsi->lock);
  return iscsi->state == state;
}

static void
on_reset (bool ok, void *user_data)
{
  LunIscsi *iscsi = user_data;

  LUN_LOCKED (&iscsi->lock);
  iscsi->reset_under_way->ok = ok;
  iscsi->reset_under_way->is_done = true;
  iscsi->reset_under_way = NULL;
  pthread_cond_broadcast (&iscsi->changed);
}

/* ---- the thread: what others want ---- */

typedef struct {
  GQueue waiting;
  GArray *aborts; /* NULL = none */
  LunIscsiReset *reset;
  LunIscsiState state;
  bool stop;
} Wishes;

static Wishes
take_wishes (LunIscsi *iscsi)
{
  LUN_LOCKED (&iscsi->lock);
  iscsi->is_asleep = false;
  Wishes wishes = { .waiting = iscsi->waiting,
                    .reset = iscsi->reset,
                    .state = iscsi->state,
                    .stop = iscsi->stop };

  g_queue_init (&iscsi->waiting);
  iscsi->reset = NULL;
  if (iscsi->aborts->len > 0) {
    wishes.aborts = iscsi->aborts;
    iscsi->aborts = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  }
  if (wishes.waiting.length > 0 && wishes.state != LUN_ISCSI_READY)
    iscsi->loss_is_untold = false; /* it is told now */
  return wishes;
}

static void
begin (LunIscsi *iscsi, LunIo *io, LunIscsiState state, GQueue *refused)
{
  bool is_probe = io->priv.transport_data == &lun_iscsi_probe_mark;

  if (state == LUN_ISCSI_READY || (state == LUN_ISCSI_FRESH && is_probe)) {
    lun_iscsi_session_submit (iscsi->session, io);
    return;
  }
  io->result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENOTCONN);
  g_queue_push_tail (refused, io);
}

static void
fulfil (LunIscsi *iscsi, Wishes *wishes, GQueue *refused)
{
  LunIo *io;

  while ((io = g_queue_pop_head (&wishes->waiting)))
    begin (iscsi, io, wishes->state, refused);
  for (unsigned i = 0; wishes->aborts && i < wishes->aborts->len; i++)
    if (iscsi->session)
      lun_iscsi_session_abort (iscsi->session,
                               g_array_index (wishes->aborts, uint64_t, i));
  g_clear_pointer (&wishes->aborts, g_array_unref);
  if (!wishes->reset)
    return;
  iscsi->reset_under_way = wishes->reset;
  if (iscsi->session)
    lun_iscsi_session_reset (iscsi->session, on_reset, iscsi);
  else
    on_reset (false, iscsi);
}

/* ---- the thread ---- */

static GQueue
take_ended_locked (LunIscsi *iscsi)
{
  GQueue all = iscsi->ended;

  g_queue_init (&iscsi->ended);
  return all;
}

/* What poll() is to wait for. */
typedef struct {
  struct pollfd fds[2]; /* bell, session */
  int64_t until_us;     /* < 0 = for ever */
} Nap;

/* A time once planned is kept though nothing is overdue then: who sends a command with a later one
 * need not ring. */
static void
plan_nap_locked (LunIscsi *iscsi, Nap *nap, int64_t until_us)
{
  int64_t planned_us = iscsi->sleeps_until_us;

  if (planned_us > g_get_monotonic_time () && (until_us < 0 || until_us > planned_us))
    until_us = planned_us;
  iscsi->sleeps_until_us = until_us;
  *nap = (Nap){ .fds = { { .fd = iscsi->bell, .events = POLLIN }, { .fd = -1 } },
                .until_us = until_us };
  if (!iscsi->session)
    return;
  nap->fds[1].fd = lun_iscsi_session_fd (iscsi->session);
  nap->fds[1].events = (short) lun_iscsi_session_events (iscsi->session);
}

/* False when there is something to do. */
static bool
fall_asleep (LunIscsi *iscsi)
{
  LUN_LOCKED (&iscsi->lock);
  iscsi->is_asleep = iscsi->waiting.length == 0;
  return iscsi->is_asleep;
}

static void
service (LunIscsi *iscsi, int revents)
{
  GQueue ended;

  {
    LUN_LOCKED (&iscsi->session_lock);
    if (iscsi->session)
      lun_iscsi_session_service (iscsi->session, revents);
    ended = take_ended_locked (iscsi);
  }
  lun_iscsi_tell_ended (&ended);
}

static void
take_nap (LunIscsi *iscsi, Nap *nap)
{
  struct timespec limit = { 0 };
  uint64_t rings;

  if (nap->until_us >= 0) {
    int64_t left_us = MAX (nap->until_us - g_get_monotonic_time (), 0);
    limit.tv_sec = left_us / G_USEC_PER_SEC;
    limit.tv_nsec = left_us % G_USEC_PER_SEC * 1000;
  }
  if (ppoll (nap->fds, 2, nap->until_us >= 0 ? &limit : NULL, NULL) <= 0)
    return;
  if (nap->fds[0].revents != 0 && read (iscsi->bell, &rings, sizeof rings) < 0)
    return; /* somebody rang, but not yet */
  if (nap->fds[1].revents != 0)
    service (iscsi, nap->fds[1].revents);
}

/* Sends what has just been given to the session without another round of poll(). */
static void
push (LunIscsi *iscsi)
{
  if (lun_iscsi_session_is_open (iscsi->session) &&
      (lun_iscsi_session_events (iscsi->session) & POLLOUT) != 0)
    lun_iscsi_session_service (iscsi->session, POLLOUT);
}

/* Returns when it wants to be called again at the latest. */
static int64_t
look_after_session (LunIscsi *iscsi, bool stop)
{
  int64_t now_us = g_get_monotonic_time ();

  if (!iscsi->session && !stop) {
    if (now_us < iscsi->next_try_us)
      return iscsi->next_try_us;
    iscsi->session =
      lun_iscsi_session_start (iscsi->target, iscsi->port, &iscsi->ended);
  }
  if (!iscsi->session)
    return 0;
  if (lun_iscsi_session_is_open (iscsi->session) && is_in_state (iscsi, LUN_ISCSI_DOWN))
    come_up (iscsi);
  if (stop)
    lun_iscsi_session_logout (iscsi->session);
  push (iscsi);
  int64_t again_us = lun_iscsi_session_check_time (iscsi->session, now_us);
  if (!lun_iscsi_session_trouble (iscsi->session))
    return again_us;
  drop_session (iscsi);
  return 0;
}

/* False when the thread is to end. */
static bool
do_round (LunIscsi *iscsi, Nap *nap)
{
  Wishes wishes = take_wishes (iscsi);
  GQueue ended, refused = G_QUEUE_INIT;
  bool goes_on;
  LunIo *io;

  {
    LUN_LOCKED (&iscsi->session_lock);
    fulfil (iscsi, &wishes, &refused);
    int64_t until_us = look_after_session (iscsi, wishes.stop);
    goes_on = iscsi->session || !wishes.stop;
    plan_nap_locked (iscsi, nap, until_us);
    ended = take_ended_locked (iscsi);
  }
  lun_iscsi_tell_ended (&ended);
  while ((io = g_queue_pop_head (&refused)) != NULL)
    io->done (io);
  return goes_on;
}

static void *
run (void *data)
{
  LunIscsi *iscsi = data;
  Nap nap;

  while (do_round (iscsi, &nap))
    if (fall_asleep (iscsi))
      take_nap (iscsi, &nap);
  return NULL;
}

/* No signals: neither SIGPIPE when a connection breaks nor what is meant for others. */
int
lun_iscsi_thread_start (LunIscsi *iscsi)
{
  sigset_t all, old;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  int cause = pthread_create (&iscsi->thread, NULL, run, iscsi);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return cause;
}

void
lun_iscsi_thread_stop (LunIscsi *iscsi)
{
  {
    LUN_LOCKED (&iscsi->lock);
    iscsi->stop = true;
  }
  lun_iscsi_ring (iscsi);
  pthread_join (iscsi->thread, NULL);
}

/* ---- commands ---- */

void
lun_iscsi_put (LunIscsi *iscsi, LunIo *io)
{
  bool is_asleep;

  {
    LUN_LOCKED (&iscsi->lock);
    is_asleep = iscsi->is_asleep;
    iscsi->is_asleep = false;
    g_queue_push_tail (&iscsi->waiting, io);
  }
  if (is_asleep)
    lun_iscsi_ring (iscsi);
}

/* The session writes to its socket on a caller's thread: a broken connection must not kill the
 * process.  SIGPIPE comes to the thread that wrote; what it had pending before stays. */
static void
send_without_sigpipe (LunIscsi *iscsi, LunIo *io)
{
  static const struct timespec at_once = { 0 };
  sigset_t pipe, old, pending;

  sigemptyset (&pipe);
  sigaddset (&pipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe, &old);
  sigpending (&pending);
  lun_iscsi_session_submit (iscsi->session, io);
  push (iscsi);
  if (lun_iscsi_session_trouble (iscsi->session) && !sigismember (&pending, SIGPIPE))
    while (sigtimedwait (&pipe, NULL, &at_once) < 0 && errno == EINTR)
      ;
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}

/* Sends IO on this thread.  False when somebody is busy with the session, or it is not READY. */
static bool
send_now (LunIscsi *iscsi, LunIo *io)
{
  int64_t until_us =
    io->timeout_ms > 0 ? g_get_monotonic_time () + (int64_t) io->timeout_ms * 1000 : -1;
  bool wants_thread;

  if (pthread_mutex_trylock (&iscsi->session_lock) != 0)
    return false;
  bool is_ready = iscsi->session && is_in_state (iscsi, LUN_ISCSI_READY) &&
                  lun_iscsi_session_is_open (iscsi->session);
  if (is_ready) {
    send_without_sigpipe (iscsi, io);
    wants_thread = iscsi->ended.length > 0 ||
                   !lun_iscsi_session_is_open (iscsi->session) ||
                   (lun_iscsi_session_events (iscsi->session) & POLLOUT) != 0 ||
                   (until_us >= 0 &&
                    (iscsi->sleeps_until_us < 0 || until_us < iscsi->sleeps_until_us));
  }
  pthread_mutex_unlock (&iscsi->session_lock);
  if (is_ready && wants_thread)
    lun_iscsi_ring (iscsi);
  return is_ready;
}

void
lun_iscsi_send (LunIscsi *iscsi, LunIo *io)
{
  if (!send_now (iscsi, io))
    lun_iscsi_put (iscsi, io);
}
