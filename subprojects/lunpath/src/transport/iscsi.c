/* transport/iscsi.c - a path to a LUN of an iSCSI target, without the kernel.
 *
 * Each path has a thread that looks after its session (iscsi-session.h) and sleeps in poll() on
 * the session's socket and a bell (eventfd).  It alone makes and ends sessions, reads from the
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
#include "transport/builtin.h"
#include "transport/command.h"
#include "transport/iscsi-session.h"

#include "base/cdb.h"
#include "base/lock.h"
#include "base/sense.h"
#include "base/vpd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_DEPTH      32
#define PAUSE_MIN_US     (50 * 1000)
#define PAUSE_MAX_US     (2 * G_USEC_PER_SEC)
#define PROBE_TIMEOUT_MS 3000
#define ATTENTIONS       8 /* unit attentions that may await a new session */

typedef enum {
  STATE_DOWN,
  STATE_FRESH,
  STATE_READY,
} State;

typedef struct {
  bool is_done;
  bool ok;
} Reset;

typedef struct {
  LunTransport base;
  LunIscsiTarget *target;
  LunIscsiPort *port;
  pthread_t thread;
  int bell;

  pthread_mutex_t session_lock; /* of the next three, and of all calls to libiscsi */
  LunIscsiSession *session;     /* NULL = none; made and ended by the thread */
  GQueue ended;                 /* commands whose callers are to be told */
  int64_t sleeps_until_us;      /* the thread, at the latest; < 0 = for ever */

  /* taken after session_lock where both are */
  pthread_mutex_t lock;   /* of all below up to the next heading */
  pthread_cond_t changed; /* state, n_logins + n_failed_logins, Reset.is_done */
  State state;
  bool loss_is_untold;
  char *trouble; /* why it is DOWN */
  bool is_wanted;
  uint64_t n_logins, n_failed_logins, n_losses;
  GQueue waiting; /* LunIo, from submit() */
  bool is_asleep; /* the thread: to be rung */
  GArray *aborts; /* tags */
  Reset *reset;   /* wanted, and not begun */
  bool stop;

  /* the thread's own */
  Reset *reset_under_way;
  int64_t next_try_us;
  int64_t pause_us;
} Iscsi;

static const char probe_mark; /* LunIo.priv.transport_data of our own commands */

static void
ring (const Iscsi *iscsi)
{
  static const uint64_t one = 1;
  ssize_t written;

  do
    written = write (iscsi->bell, &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

/* ---- the thread: the session's life ---- */

static void
come_up (Iscsi *iscsi)
{
  iscsi->pause_us = 0;
  LUN_LOCKED (&iscsi->lock);
  iscsi->state = STATE_FRESH;
  iscsi->n_logins++;
  pthread_cond_broadcast (&iscsi->changed);
}

/* The state changes before commands end: who hears of their end finds the path DOWN. */
static void
come_down (Iscsi *iscsi)
{
  const char *trouble = lun_iscsi_session_trouble (iscsi->session);
  bool tells = lun_iscsi_session_n_commands (iscsi->session) > 0;

  LUN_LOCKED (&iscsi->lock);
  if (iscsi->state == STATE_DOWN)
    iscsi->n_failed_logins++;
  else
    iscsi->n_losses++;
  if (iscsi->state == STATE_READY)
    iscsi->loss_is_untold = !tells;
  iscsi->state = STATE_DOWN;
  g_free (iscsi->trouble);
  iscsi->trouble = g_strdup (trouble);
  iscsi->is_wanted = lun_iscsi_session_is_worth_retrying (iscsi->session);
  pthread_cond_broadcast (&iscsi->changed);
}

static void
drop_session (Iscsi *iscsi)
{
  g_info ("iSCSI session with %s, %s: %s", iscsi->target->portal, iscsi->target->iqn,
          lun_iscsi_session_trouble (iscsi->session));
  come_down (iscsi);
  g_clear_pointer (&iscsi->session, lun_iscsi_session_end);
  iscsi->pause_us = CLAMP (iscsi->pause_us * 2, PAUSE_MIN_US, PAUSE_MAX_US);
  iscsi->next_try_us = g_get_monotonic_time () + iscsi->pause_us;
}

static bool
is_in_state (Iscsi *iscsi, State state)
{
  LUN_LOCKED (&iscsi->lock);
  return iscsi->state == state;
}

static void
on_reset (bool ok, void *user_data)
{
  Iscsi *iscsi = user_data;

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
  Reset *reset;
  State state;
  bool stop;
} Wishes;

static Wishes
take_wishes (Iscsi *iscsi)
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
  if (wishes.waiting.length > 0 && wishes.state != STATE_READY)
    iscsi->loss_is_untold = false; /* it is told now */
  return wishes;
}

static void
begin (Iscsi *iscsi, LunIo *io, State state, GQueue *refused)
{
  bool is_probe = io->priv.transport_data == &probe_mark;

  if (state == STATE_READY || (state == STATE_FRESH && is_probe)) {
    lun_iscsi_session_submit (iscsi->session, io);
    return;
  }
  io->result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENOTCONN);
  g_queue_push_tail (refused, io);
}

static void
fulfil (Iscsi *iscsi, Wishes *wishes, GQueue *refused)
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
take_ended_locked (Iscsi *iscsi)
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
plan_nap_locked (Iscsi *iscsi, Nap *nap, int64_t until_us)
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
fall_asleep (Iscsi *iscsi)
{
  LUN_LOCKED (&iscsi->lock);
  iscsi->is_asleep = iscsi->waiting.length == 0;
  return iscsi->is_asleep;
}

static void
service (Iscsi *iscsi, int revents)
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
take_nap (Iscsi *iscsi, Nap *nap)
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
push (Iscsi *iscsi)
{
  if (lun_iscsi_session_is_open (iscsi->session) &&
      (lun_iscsi_session_events (iscsi->session) & POLLOUT) != 0)
    lun_iscsi_session_service (iscsi->session, POLLOUT);
}

/* Returns when it wants to be called again at the latest. */
static int64_t
look_after_session (Iscsi *iscsi, bool stop)
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
  if (lun_iscsi_session_is_open (iscsi->session) && is_in_state (iscsi, STATE_DOWN))
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
do_round (Iscsi *iscsi, Nap *nap)
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
  Iscsi *iscsi = data;
  Nap nap;

  while (do_round (iscsi, &nap))
    if (fall_asleep (iscsi))
      take_nap (iscsi, &nap);
  return NULL;
}

/* No signals: neither SIGPIPE when a connection breaks nor what is meant for others. */
static int
start_thread (Iscsi *iscsi)
{
  sigset_t all, old;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  int cause = pthread_create (&iscsi->thread, NULL, run, iscsi);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return cause;
}

static void
stop_thread (Iscsi *iscsi)
{
  {
    LUN_LOCKED (&iscsi->lock);
    iscsi->stop = true;
  }
  ring (iscsi);
  pthread_join (iscsi->thread, NULL);
}

/* ---- commands ---- */

static void
put (LunTransport *transport, LunIo *io)
{
  Iscsi *iscsi = (Iscsi *) transport;
  bool is_asleep;

  {
    LUN_LOCKED (&iscsi->lock);
    is_asleep = iscsi->is_asleep;
    iscsi->is_asleep = false;
    g_queue_push_tail (&iscsi->waiting, io);
  }
  if (is_asleep)
    ring (iscsi);
}

/* The session writes to its socket on a caller's thread: a broken connection must not kill the
 * process.  SIGPIPE comes to the thread that wrote; what it had pending before stays. */
static void
send_without_sigpipe (Iscsi *iscsi, LunIo *io)
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
send_now (Iscsi *iscsi, LunIo *io)
{
  int64_t until_us =
    io->timeout_ms > 0 ? g_get_monotonic_time () + (int64_t) io->timeout_ms * 1000 : -1;
  bool wants_thread;

  if (pthread_mutex_trylock (&iscsi->session_lock) != 0)
    return false;
  bool is_ready = iscsi->session && is_in_state (iscsi, STATE_READY) &&
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
    ring (iscsi);
  return is_ready;
}

static void
submit_of_device (LunTransport *transport, LunIo *io)
{
  io->priv.transport_data = NULL;
  if (!send_now ((Iscsi *) transport, io))
    put (transport, io);
}

static void
abort_io (LunTransport *transport, uint64_t tag)
{
  Iscsi *iscsi = (Iscsi *) transport;

  {
    LUN_LOCKED (&iscsi->lock);
    g_array_append_val (iscsi->aborts, tag);
  }
  ring (iscsi);
}

typedef struct {
  LunIo io;
  Iscsi *iscsi;
  bool has_ended; /* under iscsi->lock */
} Probe;

static void
on_probed (LunIo *io)
{
  Probe *probe = (Probe *) io;
  Iscsi *iscsi = probe->iscsi;

  LUN_LOCKED (&iscsi->lock);
  probe->has_ended = true;
  pthread_cond_broadcast (&iscsi->changed);
}

static LunResult
probe_once (Iscsi *iscsi, LunCdb cdb, void *data, size_t len)
{
  struct iovec iov;
  Probe probe = { .io = lun_command_io (&cdb, LUN_DIR_IN, data, len, &iov),
                  .iscsi = iscsi };

  probe.io.timeout_ms = PROBE_TIMEOUT_MS;
  probe.io.done = on_probed;
  probe.io.priv.transport_data = (void *) &probe_mark;
  memset (data, 0, len);
  put (&iscsi->base, &probe.io);
  LUN_LOCKED (&iscsi->lock);
  while (!probe.has_ended)
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, -1);
  return probe.io.result;
}

/* Unit attentions are of no interest to the one who asks here. */
static bool
probe_lun (Iscsi *iscsi, LunCdb cdb, void *data, size_t len, GError **error)
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
say_trouble_locked (const Iscsi *iscsi, GError **error)
{
  g_set_error (
    error, LUN_ERROR, iscsi->is_wanted ? LUN_ERROR_NO_PATH : LUN_ERROR_CONFIG, "%s: %s",
    iscsi->target->portal, iscsi->trouble ? iscsi->trouble : "not logged in");
}

/* The number of the session to ask; 0 with GError when there is none (invariant 2). */
static uint64_t
session_to_ask (Iscsi *iscsi, GError **error)
{
  LUN_LOCKED (&iscsi->lock);
  if (iscsi->state != STATE_DOWN && !iscsi->loss_is_untold)
    return iscsi->n_logins;
  iscsi->loss_is_untold = false;
  say_trouble_locked (iscsi, error);
  return 0;
}

static char *
identify (LunTransport *transport, GError **error)
{
  Iscsi *iscsi = (Iscsi *) transport;
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
  if (iscsi->state == STATE_FRESH && iscsi->n_logins == session)
    iscsi->state = STATE_READY;
  return identity;
}

/* Qualifier: connected; type: direct access. */
static bool
check_is_disk (Iscsi *iscsi, GError **error)
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
ask_capacity (Iscsi *iscsi, LunCapacity *out, GError **error)
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
learn_facts (Iscsi *iscsi, GError **error)
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
free_iscsi (Iscsi *iscsi)
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
  Iscsi *iscsi = (Iscsi *) transport;

  stop_thread (iscsi);
  free_iscsi (iscsi);
}

static bool
wait_for_login (Iscsi *iscsi, GError **error)
{
  LUN_LOCKED (&iscsi->lock);
  while (iscsi->n_logins + iscsi->n_failed_logins == 0)
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, -1);
  if (iscsi->n_logins > 0)
    return true;
  say_trouble_locked (iscsi, error);
  return false;
}

static Iscsi *
new_iscsi (LunIscsiTarget *target, LunIscsiPort *port)
{
  Iscsi *iscsi = g_new0 (Iscsi, 1);

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
  Iscsi *iscsi = new_iscsi (g_steal_pointer (&target), g_steal_pointer (&port));
  int cause = iscsi->bell < 0 ? errno : start_thread (iscsi);
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
  Iscsi *iscsi = (Iscsi *) transport;
  Reset wish = { 0 };

  LUN_LOCKED (&iscsi->lock);
  while (iscsi->reset) /* somebody else's */
    lun_cond_wait_until (&iscsi->changed, &iscsi->lock, g_get_monotonic_time () + 1000);
  iscsi->reset = &wish;
  ring (iscsi);
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
  Iscsi *iscsi = (Iscsi *) transport;
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
