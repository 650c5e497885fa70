#include "fts/client_pool.h"

#include "base/error.h"
#include "fts/interrupt.h"

#include <errno.h>
#include <pthread.h>

#define TICK_US     (1000 * 1000)
#define QUIET_US    (200 * 1000) /* idle for so long: acknowledge */
#define LOOK_UP_US  (200 * 1000) /* who waits looks whether it still should */
#define NEVER       INT64_MAX
#define US_PER_SEC  1000000
#define NS_PER_USEC 1000

struct FtsPool {
  FtsMember *member;
  char *peer, *secret;
  FtsPoolConfig config;

  pthread_mutex_t lock; /* all below */
  pthread_cond_t freed; /* an idle connection or room for a new one */
  pthread_cond_t work;  /* something for the thread */
  GQueue idle;          /* FtsConnection, the last used first */
  GQueue broken;        /* to be closed by the thread */
  unsigned n_open, most_open;
  uint64_t n_sessions;
  FtsChannelStats total;
  int64_t wake_at_us; /* when `background` is to run, or NEVER */
  /* The thread looks after the connections now and then, as long as there is one, in use or idle (a
   * single one, too: the member may be AWAY, and waits for its end): nobody wakes it for that. */
  bool is_ticking;
  bool stopping;

  pthread_t thread;
};

/* ---- time ---- */

static void
init_cond (pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attr);
  pthread_condattr_destroy (&attr);
}

/* False when UNTIL_US (g_get_monotonic_time) passed. */
static bool
wait_until (FtsPool *pool, pthread_cond_t *cond, int64_t until_us)
{
  if (until_us == NEVER)
    return pthread_cond_wait (cond, &pool->lock) == 0;

  struct timespec ts = { .tv_sec = until_us / US_PER_SEC,
                         .tv_nsec = until_us % US_PER_SEC * NS_PER_USEC };
  return pthread_cond_timedwait (cond, &pool->lock, &ts) != ETIMEDOUT;
}

/* ---- counting ---- */

static void
count_locked (FtsPool *pool, FtsConnection *connection)
{
  FtsChannelStats now;

  fts_channel_get_stats (connection->channel, &now);
#define ADD(field) pool->total.field += now.field - connection->seen.field
  ADD (messages_sent);
  ADD (messages_received);
  ADD (fragments_sent);
  ADD (fragments_received);
  ADD (inline_sent);
  ADD (bytes_sent);
  ADD (bytes_received);
  ADD (resends_asked);
  ADD (resends_served);
#undef ADD
  connection->seen = now;
}

void
fts_pool_get_stats (FtsPool *pool, unsigned *now, unsigned *most,
                    FtsChannelStats *channels)
{
  pthread_mutex_lock (&pool->lock);
  *now = pool->n_open;
  *most = pool->most_open;
  *channels = pool->total;
  pthread_mutex_unlock (&pool->lock);
}

uint64_t
fts_pool_session (FtsPool *pool)
{
  pthread_mutex_lock (&pool->lock);
  uint64_t session = pool->n_open > 0 ? pool->n_sessions : 0;
  pthread_mutex_unlock (&pool->lock);
  return session;
}

/* ---- opening ---- */

bool
fts_pool_peer_lives (FtsPool *pool)
{
  FtsHost host;
  return fts_member_find (pool->member, pool->peer, FTS_ROLE_SERVER, true, &host);
}

bool
fts_pool_has_path (FtsPool *pool)
{
  return fts_member_has_path (pool->member);
}

/* By the last look. */
static bool
is_peer_known (FtsPool *pool)
{
  FtsHost host;
  return fts_member_find (pool->member, pool->peer, FTS_ROLE_SERVER, false, &host);
}

bool
fts_pool_may_use (FtsPool *pool, GError **error)
{
  return fts_member_standing (pool->member) != FTS_STANDING_SHUT_OUT ||
         fts_member_check (pool->member, error);
}

void
fts_pool_explain (FtsPool *pool, GError **error)
{
  if (!g_error_matches (*error, LUN_ERROR, LUN_ERROR_FENCED) ||
      fts_member_standing (pool->member) != FTS_STANDING_AWAY)
    return;
  g_clear_error (error);
  fts_member_check (pool->member, error);
}

/* Do the incarnations that CONNECTION joins still live, ours and the peer's? */
static bool
leads_to_life (FtsPool *pool, const FtsConnection *connection)
{
  const FtsPid *pid = fts_channel_pid (connection->channel);
  return !fts_member_is_fenced (pool->member) &&
         fts_member_is_alive (pool->member, pid->requestee_index,
                              pid->requestee_generation);
}

/* Beside others of ours a further one is a convenience: no waiting for a free slot then. */
static FtsConnection *
open_connection (FtsPool *pool, FtsPoolPatience patience, bool is_only, GError **error)
{
  const FtsConnectConfig config = {
    .peer = pool->peer,
    .service = FTS_SERVICE_FILES,
    .secret = pool->secret,
    .wait_ms = is_only ? pool->config.wait_ms : 0,
    .timeout_ms = pool->config.timeout_ms,
  };

  if (patience == FTS_POOL_AT_ONCE && !fts_member_look (pool->member, error))
    return NULL;
  if (patience == FTS_POOL_AT_ONCE && !is_peer_known (pool)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PEER_DEAD, "server %s is not running",
                 pool->peer);
    return NULL;
  }
  FtsChannel *channel = fts_connect (pool->member, &config, error);
  if (channel == NULL)
    return NULL;
  FtsConnection *connection = g_new0 (FtsConnection, 1);
  connection->channel = channel;
  if (!pool->config.attach (connection, pool->config.user_data, error)) {
    fts_channel_close (channel);
    g_free (connection);
    return NULL;
  }
  return connection;
}

FtsConnection *
fts_pool_open_extra (FtsPool *pool, GError **error)
{
  FtsHost host;

  if (fts_member_find (pool->member, pool->peer, FTS_ROLE_SERVER, false, &host))
    return open_connection (pool, FTS_POOL_AT_ONCE, false, error);
  g_set_error (error, FTS_ERROR, FTS_ERROR_PEER_DEAD, "server %s is not running",
               pool->peer);
  return NULL;
}

void
fts_pool_close_extra (FtsConnection *connection)
{
  fts_channel_close (connection->channel);
  g_free (connection);
}

/* ---- taking and giving ---- */

/* A usable idle one, or NULL; those of a dead incarnation go to the thread. */
static FtsConnection *
pop_idle_locked (FtsPool *pool)
{
  FtsConnection *connection;

  while ((connection = g_queue_pop_head (&pool->idle)) != NULL) {
    if (leads_to_life (pool, connection))
      return connection;
    g_queue_push_tail (&pool->broken, connection);
    pthread_cond_signal (&pool->work);
  }
  return NULL;
}

/* The table of connections is full, or its lock is held for long: another of ours will do. */
static bool
is_crowded (const GError *error)
{
  return g_error_matches (error, FTS_ERROR, FTS_ERROR_NO_SLOT) ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_BUSY);
}

/* Opens one with the lock released meanwhile.  *CROWDED = there is no room for a further one,
 * but others of ours exist: wait for them. */
static FtsConnection *
grow_locked (FtsPool *pool, FtsPoolPatience patience, bool *crowded, GError **error)
{
  g_autoptr (GError) cause = NULL;

  bool is_only = pool->n_open++ == 0;
  pool->n_sessions += is_only;
  pthread_mutex_unlock (&pool->lock);
  FtsConnection *connection = open_connection (pool, patience, is_only, &cause);
  pthread_mutex_lock (&pool->lock);
  if (connection != NULL) {
    pool->most_open = MAX (pool->most_open, pool->n_open);
    return connection;
  }
  pool->n_open--;
  pthread_cond_signal (&pool->freed);
  fts_pool_explain (pool, &cause);
  *crowded = is_crowded (cause) && pool->n_open > 0;
  if (!*crowded)
    g_propagate_error (error, g_steal_pointer (&cause));
  return NULL;
}

/* Releases the lock for each. */
static void
close_broken_locked (FtsPool *pool)
{
  FtsConnection *connection;

  while ((connection = g_queue_pop_head (&pool->broken)) != NULL) {
    pthread_mutex_unlock (&pool->lock);
    fts_channel_close (connection->channel);
    g_free (connection);
    pthread_mutex_lock (&pool->lock);
    pool->n_open--;
    pthread_cond_signal (&pool->freed);
  }
}

/* For a connection that is given back. */
static bool
await_freed_locked (FtsPool *pool, int64_t until_us, GError **error)
{
  int64_t now = g_get_monotonic_time ();

  if (fts_interrupt_is_raised ())
    return fts_interrupt_tell (error);
  if (now < until_us) {
    wait_until (pool, &pool->freed, MIN (until_us, now + LOOK_UP_US));
    return true;
  }
  g_set_error (error, FTS_ERROR, FTS_ERROR_TIMEOUT,
               "all %u connections to %s were in use until the deadline", pool->n_open,
               pool->peer);
  return false;
}

static FtsConnection *
take_locked (FtsPool *pool, FtsPoolPatience patience, int64_t until_us, GError **error)
{
  bool crowded = false;

  for (;;) {
    FtsConnection *connection = pop_idle_locked (pool);
    if (connection != NULL)
      return connection;
    if (pool->n_open == 0)
      crowded = false;
    if (!crowded && pool->n_open < pool->config.max_connections) {
      connection = grow_locked (pool, patience, &crowded, error);
      if (connection != NULL || !crowded)
        return connection;
      continue;
    }
    if (!g_queue_is_empty (&pool->broken)) {
      /* The pool's thread may be the one that waits here. */
      close_broken_locked (pool);
      continue;
    }
    if (!await_freed_locked (pool, until_us, error))
      return NULL;
  }
}

FtsConnection *
fts_pool_take (FtsPool *pool, FtsPoolPatience patience, int64_t until_us,
               GError **error)
{
  pthread_mutex_lock (&pool->lock);
  FtsConnection *connection = take_locked (pool, patience, until_us, error);
  pthread_mutex_unlock (&pool->lock);
  return connection;
}

void
fts_pool_give (FtsPool *pool, FtsConnection *connection, FtsPoolVerdict verdict)
{
  pthread_mutex_lock (&pool->lock);
  count_locked (pool, connection);
  if (verdict == FTS_POOL_BROKEN) {
    g_queue_push_tail (&pool->broken, connection);
    pthread_cond_signal (&pool->work);
  } else {
    connection->idle_since_us = g_get_monotonic_time ();
    connection->acknowledged = false;
    g_queue_push_head (&pool->idle, connection);
    pthread_cond_signal (&pool->freed);
    if (!pool->is_ticking)
      pthread_cond_signal (&pool->work);
  }
  pthread_mutex_unlock (&pool->lock);
}

void
fts_pool_wake (FtsPool *pool, uint32_t delay_ms)
{
  int64_t at = g_get_monotonic_time () + (int64_t) delay_ms * 1000;

  pthread_mutex_lock (&pool->lock);
  if (at < pool->wake_at_us) {
    pool->wake_at_us = at;
    pthread_cond_signal (&pool->work);
  }
  pthread_mutex_unlock (&pool->lock);
}

/* ---- the pool's thread ---- */

/* Is `c` to be closed (too long idle, or its peer is dead) rather than kept? */
static bool
is_surplus_locked (FtsPool *pool, const FtsConnection *c, int64_t now)
{
  if (!leads_to_life (pool, c))
    return true;
  return pool->idle.length > 1 &&
         now - c->idle_since_us > (int64_t) FTS_POOL_IDLE_MS * 1000;
}

/* The idle connection that was quiet for longest and is not acknowledged, taken out. */
static FtsConnection *
pop_quiet_locked (FtsPool *pool, int64_t now)
{
  for (GList *l = pool->idle.tail; l != NULL; l = l->prev) {
    FtsConnection *connection = l->data;
    if (!connection->acknowledged && now - connection->idle_since_us > QUIET_US) {
      g_queue_delete_link (&pool->idle, l);
      return connection;
    }
  }
  return NULL;
}

static void
acknowledge_locked (FtsPool *pool, int64_t now)
{
  FtsConnection *connection;

  while ((connection = pop_quiet_locked (pool, now)) != NULL) {
    pthread_mutex_unlock (&pool->lock);
    bool ok = fts_channel_acknowledge (connection->channel, NULL);
    pthread_mutex_lock (&pool->lock);
    connection->acknowledged = true;
    g_queue_push_tail (ok ? &pool->idle : &pool->broken, connection);
    pthread_cond_signal (&pool->freed);
  }
}

static void
tend_idle_locked (FtsPool *pool)
{
  int64_t now = g_get_monotonic_time ();

  for (GList *l = pool->idle.tail, *next; l != NULL; l = next) {
    next = l->prev;
    if (is_surplus_locked (pool, l->data, now)) {
      g_queue_push_tail (&pool->broken, l->data);
      g_queue_delete_link (&pool->idle, l);
    }
  }
  acknowledge_locked (pool, now);
}

static void
run_background_locked (FtsPool *pool)
{
  pool->wake_at_us = NEVER;
  pthread_mutex_unlock (&pool->lock);
  pool->config.background (pool->config.user_data);
  pthread_mutex_lock (&pool->lock);
}

static void *
keep (void *data)
{
  FtsPool *pool = data;
  int64_t tick_us = NEVER;

  pthread_mutex_lock (&pool->lock);
  while (!pool->stopping) {
    int64_t now = g_get_monotonic_time ();
    if (now >= pool->wake_at_us) {
      run_background_locked (pool);
      continue;
    }
    if (now >= tick_us) {
      tend_idle_locked (pool);
      tick_us = NEVER;
    }
    close_broken_locked (pool);
    if (tick_us == NEVER && pool->n_open > 0)
      tick_us = g_get_monotonic_time () + TICK_US;
    pool->is_ticking = tick_us != NEVER;
    if (!pool->stopping && g_queue_is_empty (&pool->broken))
      wait_until (pool, &pool->work, MIN (tick_us, pool->wake_at_us));
  }
  pthread_mutex_unlock (&pool->lock);
  return NULL;
}

/* ---- life ---- */

FtsPool *
fts_pool_new (const FtsPoolConfig *config)
{
  FtsPool *pool = g_new0 (FtsPool, 1);

  pool->member = config->member;
  pool->peer = g_strdup (config->peer);
  pool->secret = g_strdup (config->secret);
  pool->config = *config;
  pool->wake_at_us = NEVER;
  g_queue_init (&pool->idle);
  g_queue_init (&pool->broken);
  pthread_mutex_init (&pool->lock, NULL);
  init_cond (&pool->freed);
  init_cond (&pool->work);
  int failed = pthread_create (&pool->thread, NULL, keep, pool);
  g_assert (failed == 0); /* as GLib: no thread, no program */
  return pool;
}

static void
close_connection (gpointer data)
{
  FtsConnection *connection = data;
  fts_channel_close (connection->channel);
  g_free (connection);
}

void
fts_pool_free (FtsPool *pool)
{
  pthread_mutex_lock (&pool->lock);
  pool->stopping = true;
  pthread_cond_signal (&pool->work);
  pthread_mutex_unlock (&pool->lock);
  pthread_join (pool->thread, NULL);
  pool->config.background (pool->config.user_data);
  g_queue_clear_full (&pool->idle, close_connection);
  g_queue_clear_full (&pool->broken, close_connection);
  pthread_cond_destroy (&pool->work);
  pthread_cond_destroy (&pool->freed);
  pthread_mutex_destroy (&pool->lock);
  g_free (pool->peer);
  g_free (pool->secret);
  g_free (pool);
}
