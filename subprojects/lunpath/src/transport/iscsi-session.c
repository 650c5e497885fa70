#include "transport/iscsi-session.h"

#include "transport/iscsi-result.h"
#include "transport/scsi.h"

#include "base/cdb.h"
#include "base/iov.h"
#include "base/sense.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define LOGIN_US  (5 * G_USEC_PER_SEC)
#define LOGOUT_US (500 * 1000)

typedef struct {
  LunIscsiSession *session;
  LunIo *io;
  struct iovec *own_iov; /* where the caller's has empty pieces */
  GList link;            /* in session->commands, then in session->ended */
  int64_t until_us;      /* < 0 = no limit */
  bool is_overdue;
} Command;

struct LunIscsiSession {
  const LunIscsiTarget *target;
  struct iscsi_context *context;
  GQueue commands; /* Command.link */
  GQueue *ended;   /* Command.link */
  bool is_open;
  bool is_leaving;
  bool is_wanted;   /* the target did not say that it will never let us in */
  char *trouble;    /* NULL = none */
  int64_t until_us; /* of login or logout; < 0 = neither is under way */
  LunOutcome end_as;
  void (*reset_done) (bool ok, void *user_data);
  void *reset_data;
};

G_STATIC_ASSERT (sizeof (struct scsi_iovec) == sizeof (struct iovec));
G_STATIC_ASSERT (G_STRUCT_OFFSET (struct scsi_iovec, iov_len) ==
                 G_STRUCT_OFFSET (struct iovec, iov_len));

/* The first trouble is the cause of all others. */
static void in_trouble (LunIscsiSession *session, const char *format, ...)
  G_GNUC_PRINTF (2, 3);

static void
in_trouble (LunIscsiSession *session, const char *format, ...)
{
  va_list args;

  if (session->trouble)
    return;
  va_start (args, format);
  session->trouble = g_strdup_vprintf (format, args);
  va_end (args);
}

/* ---- login ---- */

static void
on_login (struct iscsi_context *context, int status, void *data, void *user_data)
{
  LunIscsiSession *session = user_data;

  if (status == SCSI_STATUS_GOOD) {
    session->is_open = true;
    session->until_us = -1;
    return;
  }
  if (status == SCSI_STATUS_REDIRECT) {
    in_trouble (session, "the target sends us to %s: name that portal",
                iscsi_get_target_address (context));
    session->is_wanted = false;
    return;
  }
  g_autofree char *why = lun_iscsi_login_text (iscsi_get_error (context),
                                               session->target, &session->is_wanted);
  in_trouble (session, "%s", why);
}

static void
on_connected (struct iscsi_context *context, int status, void *data, void *user_data)
{
  LunIscsiSession *session = user_data;

  if (status != SCSI_STATUS_GOOD) {
    in_trouble (session, "cannot connect: %s",
                lun_iscsi_connect_text (iscsi_get_error (context)));
    return;
  }
  if (iscsi_login_async (context, on_login, session) != 0)
    in_trouble (session, "cannot log in: %s", iscsi_get_error (context));
}

static void
configure (struct iscsi_context *context, const LunIscsiTarget *target,
           const LunIscsiPort *port)
{
  iscsi_set_isid_random (context, port->isid, port->number);
  iscsi_set_targetname (context, target->iqn);
  iscsi_set_session_type (context, ISCSI_SESSION_NORMAL);
  iscsi_set_header_digest (context, ISCSI_HEADER_DIGEST_NONE);
  iscsi_set_immediate_data (context, ISCSI_IMMEDIATE_DATA_YES);
  iscsi_set_initial_r2t (context, ISCSI_INITIAL_R2T_NO);
  iscsi_set_noautoreconnect (context, 1);
  iscsi_set_timeout (context, 0);
  iscsi_set_tcp_syncnt (context, 2);
  iscsi_set_log_level (context, 0);
  if (target->user)
    iscsi_set_initiator_username_pwd (context, target->user, target->secret);
}

LunIscsiSession *
lun_iscsi_session_start (const LunIscsiTarget *target, const LunIscsiPort *port,
                         GQueue *ended)
{
  LunIscsiSession *session = g_new0 (LunIscsiSession, 1);

  session->target = target;
  session->ended = ended;
  session->is_wanted = true;
  session->until_us = g_get_monotonic_time () + LOGIN_US;
  session->end_as = LUN_OUTCOME_TRANSPORT_ERROR;
  g_queue_init (&session->commands);
  session->context = iscsi_create_context (port->name);
  if (!session->context) {
    in_trouble (session, "out of memory");
    return session;
  }
  configure (session->context, target, port);
  if (iscsi_connect_async (session->context, target->portal, on_connected, session) !=
      0)
    in_trouble (session, "cannot connect: %s",
                lun_iscsi_connect_text (iscsi_get_error (session->context)));
  return session;
}

/* ---- the end ---- */

void
lun_iscsi_session_end (LunIscsiSession *session)
{
  struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  if (!session)
    return;
  in_trouble (session, "ended");
  if (session->context) {
    int fd = iscsi_get_fd (session->context);
    if (fd >= 0 && !(session->is_leaving && session->commands.length == 0))
      setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    iscsi_destroy_context (session->context); /* ends all commands */
  }
  g_assert (session->commands.length == 0);
  if (session->reset_done)
    session->reset_done (false, session->reset_data);
  g_free (session->trouble);
  g_free (session);
}

/* ---- commands ---- */

static void
finish (Command *command, const LunResult *result)
{
  LunIscsiSession *session = command->session;

  g_queue_unlink (&session->commands, &command->link);
  command->io->result = *result;
  g_queue_push_tail_link (session->ended, &command->link);
}

void
lun_iscsi_tell_ended (GQueue *ended)
{
  GList *link;

  while ((link = g_queue_pop_head_link (ended)) != NULL) {
    Command *command = link->data;
    LunIo *io = command->io;
    g_free (command->own_iov);
    g_free (command);
    io->done (io);
  }
}

static void
on_answer (struct iscsi_context *context, int status, void *data, void *user_data)
{
  Command *command = user_data;
  LunIscsiSession *session = command->session;
  struct scsi_task *task = data;
  LunResult result;

  if (!lun_iscsi_result (status, task, command->io, &result)) {
    in_trouble (session, "connection lost");
    result =
      lun_result_bare (command->is_overdue ? LUN_OUTCOME_TIMEOUT : session->end_as, 0);
  }
  if (task)
    scsi_free_scsi_task (task);
  finish (command, &result);
}

static int
direction_of (const LunIo *io, size_t len)
{
  if (len == 0)
    return SCSI_XFER_NONE;
  switch (lun_scsi_direction (io)) {
  case LUN_DIR_NONE:
    return SCSI_XFER_NONE;
  case LUN_DIR_IN:
    return SCSI_XFER_READ;
  case LUN_DIR_OUT:
    return SCSI_XFER_WRITE;
  }
  return SCSI_XFER_NONE;
}

static struct scsi_task *
task_of (Command *command)
{
  const LunIo *io = command->io;
  size_t len = lun_iov_len (io->iov, io->n_iov);
  int direction = direction_of (io, len);
  LunCdb cdb = lun_scsi_cdb (io);
  struct scsi_task *task = scsi_create_task (
    cdb.len, cdb.b, direction, direction == SCSI_XFER_NONE ? 0 : (int) len);

  if (!task || direction == SCSI_XFER_NONE)
    return task;
  command->own_iov = g_new (struct iovec, (gsize) io->n_iov);
  int n_iov = lun_iov_slice (io->iov, io->n_iov, 0, len, command->own_iov);
  struct scsi_iovec *iov = (struct scsi_iovec *) command->own_iov;
  if (direction == SCSI_XFER_READ)
    scsi_task_set_iov_in (task, iov, n_iov);
  else
    scsi_task_set_iov_out (task, iov, n_iov);
  return task;
}

void
lun_iscsi_session_submit (LunIscsiSession *session, LunIo *io)
{
  Command *command = g_new0 (Command, 1);
  LunResult result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, ENOTCONN);

  command->session = session;
  command->io = io;
  command->until_us =
    io->timeout_ms > 0 ? g_get_monotonic_time () + (int64_t) io->timeout_ms * 1000 : -1;
  command->link.data = command;
  g_queue_push_tail_link (&session->commands, &command->link);
  struct scsi_task *task = session->trouble ? NULL : task_of (command);
  if (task && iscsi_scsi_command_async (session->context, session->target->lun, task,
                                        on_answer, NULL, command) == 0)
    return;
  if (task) {
    in_trouble (session, "cannot send: %s", iscsi_get_error (session->context));
    scsi_free_scsi_task (task);
  }
  finish (command, &result);
}

void
lun_iscsi_session_abort (LunIscsiSession *session, uint64_t tag)
{
  for (GList *link = session->commands.head; link; link = link->next) {
    Command *command = link->data;
    if (command->io->priv.tag != tag)
      continue;
    command->is_overdue = true;
    in_trouble (session, "a command was given up");
    return;
  }
}

static bool
is_later (int64_t until_us, int64_t now_us, int64_t *again_us)
{
  if (until_us < 0)
    return true;
  if (until_us <= now_us)
    return false;
  if (*again_us < 0 || until_us < *again_us)
    *again_us = until_us;
  return true;
}

int64_t
lun_iscsi_session_check_time (LunIscsiSession *session, int64_t now_us)
{
  int64_t again_us = -1;

  if (!is_later (session->until_us, now_us, &again_us))
    in_trouble (session, "no answer to the %s within %d ms",
                session->is_leaving ? "logout" : "login",
                (int) ((session->is_leaving ? LOGOUT_US : LOGIN_US) / 1000));
  for (GList *link = session->commands.head; link; link = link->next) {
    Command *command = link->data;
    if (is_later (command->until_us, now_us, &again_us))
      continue;
    command->is_overdue = true;
    in_trouble (session, "no answer to a command within %u ms",
                command->io->timeout_ms);
  }
  return again_us;
}

/* ---- service ---- */

int
lun_iscsi_session_fd (const LunIscsiSession *session)
{
  return session->context ? iscsi_get_fd (session->context) : -1;
}

int
lun_iscsi_session_events (const LunIscsiSession *session)
{
  return session->context ? iscsi_which_events (session->context) : 0;
}

void
lun_iscsi_session_service (LunIscsiSession *session, int revents)
{
  if (session->trouble || !session->context)
    return;
  if (iscsi_service (session->context, revents) != 0)
    in_trouble (session, "connection lost: %s", iscsi_get_error (session->context));
  if (revents & (POLLHUP | POLLERR | POLLNVAL))
    in_trouble (session, "connection lost");
}

bool
lun_iscsi_session_is_open (const LunIscsiSession *session)
{
  return session->is_open && !session->is_leaving && !session->trouble;
}

const char *
lun_iscsi_session_trouble (const LunIscsiSession *session)
{
  return session->trouble;
}

bool
lun_iscsi_session_is_worth_retrying (const LunIscsiSession *session)
{
  return session->is_wanted;
}

unsigned
lun_iscsi_session_n_commands (const LunIscsiSession *session)
{
  return session->commands.length;
}

/* ---- logout and reset ---- */

static void
on_logout (struct iscsi_context *context, int status, void *data, void *user_data)
{
  in_trouble (user_data, "logged out");
}

void
lun_iscsi_session_logout (LunIscsiSession *session)
{
  if (session->is_leaving)
    return;
  session->is_leaving = true;
  session->until_us = g_get_monotonic_time () + LOGOUT_US;
  if (session->is_open && !session->trouble) {
    int failed = iscsi_logout_async (session->context, on_logout, session);
    if (failed == 0)
      return;
  }
  in_trouble (session, "logged out");
}

static void
on_reset (struct iscsi_context *context, int status, void *data, void *user_data)
{
  LunIscsiSession *session = user_data;
  const uint32_t *response = data;
  void (*done) (bool ok, void *user_data) = session->reset_done;
  bool ok =
    status == SCSI_STATUS_GOOD && response && *response == ISCSI_TMR_FUNC_COMPLETE;

  if (ok && session->commands.length > 0) {
    session->end_as = LUN_OUTCOME_ABORTED;
    in_trouble (session, "the LUN was reset");
  }
  session->reset_done = NULL;
  if (done)
    done (ok, session->reset_data);
}

void
lun_iscsi_session_reset (LunIscsiSession *session,
                         void (*done) (bool ok, void *user_data), void *user_data)
{
  int failed = -1;

  if (!session->reset_done && lun_iscsi_session_is_open (session))
    failed = iscsi_task_mgmt_lun_reset_async (
      session->context, (uint32_t) session->target->lun, on_reset, session);
  if (failed != 0) {
    done (false, user_data);
    return;
  }
  session->reset_done = done;
  session->reset_data = user_data;
}
