/* client.c - a client's life, its connections and the repeating of calls (client.h,
 * client_call.h).
 *
 * Locks: `lock` guards counters and the files to close; it is never held while the pool, the
 * table of open files or a channel is used.
 */
#include "fts/client.h"

#include "base/error.h"
#include "fts/client_call.h"
#include "fts/interrupt.h"
#include "fts/open_table.h"
#include "fts/patience.h"
#include "fts/slots.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define DEFAULT_CONNECTIONS 8
#define CLOSE_DELAY_MS      10    /* how long closes are gathered */
#define MOST_REOPENS        8u    /* of a file for one call */
#define ACCEPT_MS           10000 /* a live server accepts within it, or not at all */
#define AWAY_FOR_US         (3 * G_USEC_PER_SEC)
#define HURRY_US            (10 * G_USEC_PER_SEC)

struct FtsClient {
  FtsPool *pool;
  FtsOpenTable *open_files;
  FtsSlots *slots;
  char *peer, *export_name;
  uint32_t accept_ms, timeout_ms;
  bool read_only; /* our wish */
  bool no_xattr;

  pthread_mutex_t lock; /* all below */
  bool attached;        /* once; what follows is constant then */
  FtsHandle root;
  bool root_read_only;
  uint64_t max_data;
  uint64_t calls[FTS_OP_N];
  GArray *to_close; /* uint64_t, the server's ids */
  FtsPatienceConfig patience;
  int64_t failed_us; /* when a call found it away last */
  int64_t away_us; /* since when the peer is away; 0 = it is not, as far as is known */
};

/* ---- attaching ---- */

static void
note_attached (FtsClient *client, const FtsAnswer *answer)
{
  pthread_mutex_lock (&client->lock);
  client->calls[FTS_OP_ATTACH]++;
  if (!client->attached) {
    client->root = answer->handle;
    client->root_read_only = answer->flags & FTS_ANSWER_READ_ONLY;
    client->max_data = answer->length;
    client->attached = true;
  }
  pthread_mutex_unlock (&client->lock);
}

/* What an export said to ATTACH, in the words of who connects. */
static bool
explain_attach (const FtsClient *client, GError *cause, GError **error)
{
  if (g_error_matches (cause, FTS_ERRNO, ENOENT))
    g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND,
                 "server %s has no export \"%s\"", client->peer, client->export_name);
  else if (g_error_matches (cause, FTS_ERRNO, EACCES) ||
           g_error_matches (cause, FTS_ERRNO, EPERM))
    g_set_error (error, FTS_ERROR, FTS_ERROR_DENIED,
                 "server %s does not give export \"%s\" to this host", client->peer,
                 client->export_name);
  else {
    g_propagate_error (error, cause);
    return false;
  }
  g_error_free (cause);
  return false;
}

static bool
attach (FtsConnection *connection, void *user_data, GError **error)
{
  FtsClient *client = user_data;
  GError *cause = NULL;
  FtsCall call;
  bool in_step;

  fts_call_init (&call, FTS_OP_ATTACH, NULL, NULL);
  if (!fts_call_text (&call.request.name, client->export_name, error))
    return false;
  call.request.open_flags = (client->read_only ? FTS_OPEN_READ_ONLY : 0u) |
                            (client->no_xattr ? FTS_OPEN_NO_XATTR : 0u);
  call.request.cookie = fts_slots_instance (client->slots);
  if (!fts_interrupt_guard (connection->channel))
    return fts_interrupt_tell (error);
  /* ATTACH goes out before the server has accepted (A9); then a refusal shows first. */
  bool ok = fts_call_send (connection, &call, error) &&
            fts_connect_await (connection->channel, client->accept_ms, error);
  bool attached = ok && fts_call_receive (connection, &call, &in_step, &cause);
  fts_interrupt_guard (NULL);
  if (!ok)
    return false;
  if (!attached)
    return explain_attach (client, cause, error);
  note_attached (client, &call.answer);
  return true;
}

/* ---- calls ---- */

void
fts_client_count (FtsClient *client, FtsOp op)
{
  pthread_mutex_lock (&client->lock);
  client->calls[op]++;
  pthread_mutex_unlock (&client->lock);
}

/* ---- patience ---- */

static int64_t
deadline_us (uint32_t ms)
{
  return ms > 0 ? (int64_t) ms * 1000 : FTS_PATIENCE_NEVER;
}

static FtsPatienceConfig
current_patience (FtsClient *client)
{
  pthread_mutex_lock (&client->lock);
  FtsPatienceConfig config = client->patience;
  pthread_mutex_unlock (&client->lock);
  return config;
}

void
fts_client_hurry (FtsClient *client)
{
  pthread_mutex_lock (&client->lock);
  client->patience.grace_us = 0;
  client->patience.deadline_us = MIN (client->patience.deadline_us, HURRY_US);
  pthread_mutex_unlock (&client->lock);
}

/* The peer, or the way to it, is away: since when. */
static int64_t
note_away (FtsClient *client, const GError *error)
{
  int64_t now_us = g_get_monotonic_time ();

  pthread_mutex_lock (&client->lock);
  bool is_news = client->away_us == 0;
  if (is_news)
    client->away_us = now_us;
  int64_t away_us = client->away_us;
  client->failed_us = now_us;
  pthread_mutex_unlock (&client->lock);
  if (is_news)
    g_message ("%s is away: %s", client->peer, error->message);
  return away_us;
}

bool
fts_client_is_away (FtsClient *client)
{
  pthread_mutex_lock (&client->lock);
  bool is_away =
    client->away_us != 0 && g_get_monotonic_time () - client->failed_us < AWAY_FOR_US;
  pthread_mutex_unlock (&client->lock);
  return is_away || !fts_pool_has_path (client->pool);
}

uint64_t
fts_client_session (FtsClient *client)
{
  return fts_pool_session (client->pool);
}

static void
note_there (FtsClient *client)
{
  pthread_mutex_lock (&client->lock);
  int64_t away_us = client->away_us;
  client->away_us = 0;
  pthread_mutex_unlock (&client->lock);
  if (away_us != 0)
    g_message ("%s is back after %.1f s", client->peer,
               (double) (g_get_monotonic_time () - away_us) / G_USEC_PER_SEC);
}

static bool
does_peer_live (void *user_data)
{
  FtsClient *client = user_data;
  return fts_pool_peer_lives (client->pool);
}

/* After CALL failed: true when it is worth another try, after a pause. */
static bool
await_next_try (FtsClient *client, const FtsCall *call, FtsPatience *patience,
                const GError *cause)
{
  FtsFailure failure = fts_patience_classify (cause);
  FtsPatienceConfig config = current_patience (client);
  int64_t now_us = g_get_monotonic_time ();

  if (now_us >= patience->until_us || (call->delivered > 0 && call->restart == NULL))
    return false;
  int64_t away_us = failure == FTS_FAILURE_AWAY ? note_away (client, cause) : now_us;
  int64_t step_us = fts_patience_next (patience, &config, failure, away_us, now_us,
                                       does_peer_live, client);
  return step_us >= 0 && fts_interrupt_sleep (step_us);
}

/* ---- calls on connections ---- */

FtsConnection *
fts_client_take (FtsClient *client, GError **error)
{
  int64_t limit_us = deadline_us (client->timeout_ms);
  int64_t now_us = g_get_monotonic_time ();
  int64_t until_us =
    limit_us == FTS_PATIENCE_NEVER ? FTS_PATIENCE_NEVER : now_us + limit_us;

  FtsConnection *connection =
    fts_pool_take (client->pool, FTS_POOL_AT_ONCE, until_us, error);
  if (connection != NULL)
    fts_channel_set_timeout (connection->channel, client->timeout_ms);
  return connection;
}

void
fts_client_give (FtsClient *client, FtsConnection *connection, FtsPoolVerdict verdict)
{
  fts_pool_give (client->pool, connection, verdict);
}

FtsConnection *
fts_client_open_extra (FtsClient *client, GError **error)
{
  return fts_pool_open_extra (client->pool, error);
}

void
fts_client_close_extra (FtsConnection *connection)
{
  fts_pool_close_extra (connection);
}

/* Time for one wait on a connection, of a call that ends at UNTIL_US; 0 = no limit. */
static uint32_t
time_left_ms (int64_t until_us)
{
  if (until_us == FTS_PATIENCE_NEVER)
    return 0;
  int64_t left_ms = (until_us - g_get_monotonic_time ()) / 1000;
  return (uint32_t) CLAMP (left_ms, 1, (int64_t) G_MAXINT32);
}

/* *MET: an answer came, be it an error. */
static bool
call_once (FtsClient *client, FtsCall *call, int64_t until_us, bool *met,
           GError **error)
{
  bool ok = false;

  *met = false;
  FtsConnection *connection =
    fts_pool_take (client->pool, FTS_POOL_AT_ONCE, until_us, error);
  if (connection == NULL)
    return false;
  fts_channel_set_timeout (connection->channel, time_left_ms (until_us));
  if (fts_interrupt_guard (connection->channel))
    ok = fts_call_exchange (connection, call, met, error);
  else
    fts_interrupt_tell (error);
  fts_interrupt_guard (NULL);
  if (!*met)
    fts_pool_explain (client->pool, error);
  fts_client_give (client, connection, *met ? FTS_POOL_HEALTHY : FTS_POOL_BROKEN);
  return ok;
}

static void
prepare_next_try (FtsCall *call)
{
  g_clear_pointer (&call->text, g_free);
  if (call->delivered > 0)
    call->restart (call->user_data);
  call->delivered = 0;
}

/* What the server remembers may be sent again in any case. */
static bool
may_repeat (const FtsCall *call)
{
  return call->request.slot != 0 ||
         (fts_wire_command (call->request.op)->repeatable && !call->once);
}

/* What changes something must not be done twice, nor late: by a connection that was given up. */
static bool
wants_slot (const FtsRequest *request)
{
  if (request->op == FTS_OP_OPEN)
    return request->open_flags & FTS_OPEN_TRUNC && request->length == 0;
  return fts_wire_command (request->op)->modifies && request->op != FTS_OP_PUT;
}

/* True when CALL has a slot now that is to be given back after it. */
static bool
take_slot (FtsClient *client, FtsCall *call)
{
  FtsRequest *request = &call->request;

  if (request->slot != 0 || !wants_slot (request))
    return false;
  request->slot = fts_slots_take (client->slots, &request->sequence);
  return request->slot != 0;
}

static void
give_slot (FtsClient *client, FtsCall *call)
{
  fts_slots_give (client->slots, call->request.slot);
  call->request.slot = 0;
}

static bool
call_patiently (FtsClient *client, FtsCall *call, GError **error)
{
  FtsPatienceConfig config = current_patience (client);
  FtsPatience patience;

  fts_client_count (client, call->request.op);
  config.deadline_us = MIN (config.deadline_us, deadline_us (fts_interrupt_limit ()));
  fts_patience_begin (&patience, &config, g_get_monotonic_time ());
  for (;;) {
    g_autoptr (GError) cause = NULL;
    bool met = false;

    if (fts_interrupt_is_raised ())
      return fts_interrupt_tell (error);
    if (!fts_pool_may_use (client->pool, error))
      return false;
    bool ok = call_once (client, call, patience.until_us, &met, &cause);
    if (met)
      note_there (client);
    if (ok)
      return true;
    if (met || (call->is_sent && !may_repeat (call)) ||
        !await_next_try (client, call, &patience, cause)) {
      g_clear_pointer (&call->text, g_free);
      g_propagate_error (error, g_steal_pointer (&cause));
      return false;
    }
    prepare_next_try (call);
  }
}

/* Files to close ride on a call that goes to the server anyway. */
static void
take_riders (FtsClient *client, FtsRequest *request)
{
  if (request->op == FTS_OP_CLOSE)
    return;
  pthread_mutex_lock (&client->lock);
  guint n = MIN (client->to_close->len, FTS_CLOSES_MAX);
  for (guint i = 0; i < n; i++)
    request->closes[i] = g_array_index (client->to_close, uint64_t, i);
  if (n > 0)
    g_array_remove_range (client->to_close, 0, n);
  pthread_mutex_unlock (&client->lock);
  request->n_closes = n;
}

/* A failed call may not have taken them along; a file that is closed twice does no harm. */
static void
put_riders_back (FtsClient *client, const FtsRequest *request)
{
  if (request->n_closes == 0)
    return;
  pthread_mutex_lock (&client->lock);
  g_array_append_vals (client->to_close, request->closes, request->n_closes);
  pthread_mutex_unlock (&client->lock);
  fts_pool_wake (client->pool, CLOSE_DELAY_MS);
}

/* A failure before anything was sent may be repeated in any case. */
bool
fts_client_call (FtsClient *client, FtsCall *call, GError **error)
{
  take_riders (client, &call->request);
  bool has_slot = take_slot (client, call);
  bool ok = call_patiently (client, call, error);

  if (!ok && call->answer.status == 0)
    put_riders_back (client, &call->request);
  if (has_slot)
    give_slot (client, call);
  return ok;
}

/* ---- closing files in the background ---- */

static void
close_in_background (FtsClient *client, uint64_t server_id)
{
  pthread_mutex_lock (&client->lock);
  g_array_append_val (client->to_close, server_id);
  guint n = client->to_close->len;
  pthread_mutex_unlock (&client->lock);
  if (n == 1 || n >= FTS_CLOSE_MAX)
    fts_pool_wake (client->pool, n == 1 ? CLOSE_DELAY_MS : 0);
}

void
fts_client_close_file (FtsClient *client, uint64_t open_id)
{
  uint64_t server_id = fts_open_table_remove (client->open_files, open_id);
  if (server_id != 0)
    close_in_background (client, server_id);
}

/* Up to FTS_CLOSE_MAX of the files to close into IDS, as they go over the wire. */
static unsigned
take_closes (FtsClient *client, FtsLe64 ids[FTS_CLOSE_MAX])
{
  pthread_mutex_lock (&client->lock);
  guint n = MIN (client->to_close->len, FTS_CLOSE_MAX);
  for (guint i = 0; i < n; i++)
    ids[i] = fts_le64 (g_array_index (client->to_close, uint64_t, i));
  if (n > 0)
    g_array_remove_range (client->to_close, 0, n);
  pthread_mutex_unlock (&client->lock);
  return n;
}

/* On the pool's thread.  An error is of no interest: a server that lost the connection for good
 * has closed the files. */
static void
send_closes (void *user_data)
{
  FtsClient *client = user_data;
  FtsLe64 ids[FTS_CLOSE_MAX];
  unsigned n;

  while ((n = take_closes (client, ids)) > 0) {
    struct iovec more = { ids + 1, (n - 1) * sizeof *ids };
    FtsCall call;
    fts_call_init (&call, FTS_OP_CLOSE, NULL, NULL);
    call.request.open_id = fts_le64_get (ids[0]);
    call.iov = &more;
    call.n_iov = n > 1;
    if (!fts_client_call (client, &call, NULL))
      return;
  }
}

/* ---- calls on open files ---- */

uint64_t
fts_client_add_open (FtsClient *client, const FtsHandle *handle, uint32_t flags,
                     const FtsCaller *caller, uint64_t server_id)
{
  return fts_open_table_add (client->open_files, handle, flags, caller, server_id);
}

/* The server knows STALE no more: opens the file again. */
static bool
reopen (FtsClient *client, uint64_t open_id, uint64_t stale, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_OPEN, NULL, NULL);
  if (!fts_open_table_describe (client->open_files, open_id, &call.request))
    return fts_set_errno (error, EBADF, "a closed file");
  if (!fts_client_call (client, &call, error))
    return false;
  uint64_t useless =
    fts_open_table_renew (client->open_files, open_id, stale, call.answer.open_id);
  if (useless != 0)
    close_in_background (client, useless);
  return true;
}

/* A write that the file's flags put at the end must not be done twice. */
static bool
call_by_id (FtsClient *client, FtsCall *call, uint64_t open_id, GError **error)
{
  uint32_t flags = 0;

  call->request.open_id = 0;
  if (open_id != 0 && !fts_open_table_find (client->open_files, open_id,
                                            &call->request.open_id, &flags))
    return fts_set_errno (error, EBADF, "a closed file");
  if (call->open_id2 != 0 && !fts_open_table_find (client->open_files, call->open_id2,
                                                   &call->request.open_id2, &flags))
    return fts_set_errno (error, EBADF, "a closed file");
  if (flags & FTS_OPEN_APPEND && call->request.op == FTS_OP_WRITE) {
    call->once = true;
    call->request.flags |= FTS_REQUEST_APPENDS;
  }
  return fts_client_call (client, call, error);
}

/* Which of two files is stale is not told: both are opened anew then, and what may have been
 * good is closed. */
static bool
reopen_files (FtsClient *client, const FtsCall *call, uint64_t open_id, GError **error)
{
  uint64_t stale = call->request.open_id;
  uint64_t stale2 = call->request.open_id2;

  if (!reopen (client, open_id, stale, error))
    return false;
  if (call->open_id2 == 0)
    return true;
  close_in_background (client, stale);
  if (call->open_id2 != open_id) {
    if (!reopen (client, call->open_id2, stale2, error))
      return false;
    close_in_background (client, stale2);
  }
  return true;
}

/* The server may be killed again between the opening and the call. */
static bool
call_open (FtsClient *client, FtsCall *call, uint64_t open_id, GError **error)
{
  for (unsigned opened = 0;; opened++) {
    g_autoptr (GError) cause = NULL;

    if (call_by_id (client, call, open_id, &cause))
      return true;
    if (open_id == 0 || opened == MOST_REOPENS ||
        !g_error_matches (cause, FTS_ERRNO, ESTALE)) {
      g_propagate_error (error, g_steal_pointer (&cause));
      return false;
    }
    if (!reopen_files (client, call, open_id, error))
      return false;
  }
}

/* It keeps its slot when the file was opened anew: it is the same request. */
bool
fts_client_call_open (FtsClient *client, FtsCall *call, uint64_t open_id,
                      GError **error)
{
  bool has_slot = take_slot (client, call);
  bool ok = call_open (client, call, open_id, error);

  if (has_slot)
    give_slot (client, call);
  return ok;
}

/* ---- facts ---- */

const FtsHandle *
fts_client_root (const FtsClient *client)
{
  return &client->root;
}

bool
fts_client_is_read_only (const FtsClient *client)
{
  return client->read_only || client->root_read_only;
}

size_t
fts_client_max_data (const FtsClient *client)
{
  return (size_t) client->max_data;
}

void
fts_client_get_stats (FtsClient *client, FtsClientStats *out)
{
  memset (out, 0, sizeof *out);
  fts_pool_get_stats (client->pool, &out->connections, &out->most_connections,
                      &out->channels);
  pthread_mutex_lock (&client->lock);
  memcpy (out->calls, client->calls, sizeof out->calls);
  pthread_mutex_unlock (&client->lock);
}

/* ---- life ---- */

static bool
connect_first (FtsClient *client, GError **error)
{
  FtsConnection *first =
    fts_pool_take (client->pool, FTS_POOL_WAIT, FTS_PATIENCE_NEVER, error);

  if (first == NULL)
    return false;
  fts_pool_give (client->pool, first, FTS_POOL_HEALTHY);
  if (client->max_data > 0)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "server %s takes no data at all",
               client->peer);
  return false;
}

/* "/home" and "home" are the same export. */
static char *
plain_export_name (const char *name)
{
  while (name != NULL && *name == '/')
    name++;
  return g_strdup (name ? name : "");
}

FtsClient *
fts_client_new (FtsMember *member, const FtsClientConfig *config, GError **error)
{
  g_autoptr (FtsClient) client = g_new0 (FtsClient, 1);
  const FtsPoolConfig pool_config = {
    .member = member,
    .peer = config->peer,
    .secret = config->secret,
    .max_connections =
      config->max_connections ? config->max_connections : DEFAULT_CONNECTIONS,
    .wait_ms = config->wait_ms,
    .timeout_ms = config->timeout_ms,
    .attach = attach,
    .background = send_closes,
    .user_data = client,
  };

  client->peer = g_strdup (config->peer);
  client->export_name = plain_export_name (config->export_name);
  client->accept_ms = MAX (config->wait_ms, ACCEPT_MS);
  client->read_only = config->read_only;
  client->no_xattr = config->no_xattr;
  client->timeout_ms = config->timeout_ms;
  client->patience = (FtsPatienceConfig){
    .grace_us = config->grace_ms == FTS_GRACE_FOREVER
                  ? FTS_PATIENCE_NEVER
                  : (int64_t) config->grace_ms * 1000,
    .deadline_us = deadline_us (config->timeout_ms),
  };
  client->to_close = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  client->open_files = fts_open_table_new ();
  client->slots = fts_slots_new ();
  pthread_mutex_init (&client->lock, NULL);
  client->pool = fts_pool_new (&pool_config);
  if (!connect_first (client, error))
    return NULL;
  return g_steal_pointer (&client);
}

void
fts_client_free (FtsClient *client)
{
  if (client == NULL)
    return;
  fts_pool_free (client->pool);
  pthread_mutex_destroy (&client->lock);
  g_array_unref (client->to_close);
  fts_open_table_free (client->open_files);
  fts_slots_free (client->slots);
  g_free (client->peer);
  g_free (client->export_name);
  g_free (client);
}
