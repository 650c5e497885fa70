/* client.c - a client's life, its connections and the repeating of calls (client.h,
 * client_call.h).
 *
 * Locks: `lock` guards counters and the files to close; it is never held while the pool, the
 * table of open files or a channel is used.
 */
#include "fts/client.h"

#include "base/error.h"
#include "fts/client_call.h"
#include "fts/open_table.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define DEFAULT_CONNECTIONS 8
#define CLOSE_DELAY_MS      10    /* how long closes are gathered */
#define ACCEPT_MS           10000 /* a live server accepts within it, or not at all */

struct FtsClient {
  FtsPool *pool;
  FtsOpenTable *open_files;
  char *peer, *export_name;
  uint32_t accept_ms;
  bool read_only; /* our wish */

  pthread_mutex_t lock; /* all below */
  bool attached;        /* once; what follows is constant then */
  FtsHandle root;
  bool root_read_only;
  uint64_t max_data;
  uint64_t calls[FTS_OP_N];
  GArray *to_close; /* uint64_t, the server's ids */
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
  call.request.open_flags = client->read_only ? FTS_OPEN_READ_ONLY : 0;
  /* ATTACH goes out before the server has accepted (A9); then a refusal shows first. */
  if (!fts_call_send (connection, &call, error) ||
      !fts_connect_await (connection->channel, client->accept_ms, error))
    return false;
  if (!fts_call_receive (connection, &call, &in_step, &cause))
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

FtsConnection *
fts_client_take (FtsClient *client, GError **error)
{
  return fts_pool_take (client->pool, FTS_POOL_AT_ONCE, error);
}

void
fts_client_give (FtsClient *client, FtsConnection *connection, FtsPoolVerdict verdict)
{
  fts_pool_give (client->pool, connection, verdict);
}

/* Did the connection, not the request, fail? */
static bool
is_broken_connection (const GError *error)
{
  if (error->domain == LUN_ERROR)
    return true;
  return g_error_matches (error, FTS_ERROR, FTS_ERROR_PEER_DEAD) ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_CLOSED) ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_CORRUPT);
}

static bool
may_repeat (FtsClient *client, const FtsCall *call, const GError *error)
{
  return fts_wire_command (call->request.op)->repeatable && !call->once &&
         call->delivered == 0 && is_broken_connection (error) &&
         fts_pool_peer_lives (client->pool);
}

/* *REPEAT: it failed, and is worth a second try. */
static bool
call_once (FtsClient *client, FtsCall *call, bool *repeat, GError **error)
{
  g_autoptr (GError) cause = NULL;
  bool in_step;

  *repeat = false;
  FtsConnection *connection = fts_client_take (client, error);
  if (connection == NULL)
    return false;
  bool ok = fts_call_exchange (connection, call, &in_step, &cause);
  fts_client_give (client, connection, in_step ? FTS_POOL_HEALTHY : FTS_POOL_BROKEN);
  if (ok)
    return true;
  g_clear_pointer (&call->text, g_free);
  *repeat = !in_step && may_repeat (client, call, cause);
  g_propagate_error (error, g_steal_pointer (&cause));
  return false;
}

bool
fts_client_call (FtsClient *client, FtsCall *call, GError **error)
{
  g_autoptr (GError) first = NULL;
  bool repeat;

  fts_client_count (client, call->request.op);
  if (call_once (client, call, &repeat, &first))
    return true;
  if (!repeat) {
    g_propagate_error (error, g_steal_pointer (&first));
    return false;
  }
  g_info ("%s: %s; doing it again on a new connection",
          fts_wire_command (call->request.op)->name, first->message);
  return call_once (client, call, &repeat, error);
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
  call->once = call->once || flags & FTS_OPEN_APPEND;
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

bool
fts_client_call_open (FtsClient *client, FtsCall *call, uint64_t open_id,
                      GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (call_by_id (client, call, open_id, &cause))
    return true;
  if (open_id == 0 || !g_error_matches (cause, FTS_ERRNO, ESTALE)) {
    g_propagate_error (error, g_steal_pointer (&cause));
    return false;
  }
  return reopen_files (client, call, open_id, error) &&
         call_by_id (client, call, open_id, error);
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
  FtsConnection *first = fts_pool_take (client->pool, FTS_POOL_WAIT, error);

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
  client->to_close = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  client->open_files = fts_open_table_new ();
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
  g_free (client->peer);
  g_free (client->export_name);
  g_free (client);
}
