/* client_watch.c - see client_watch.h. */
#include "fts/client_watch.h"

#include "base/error.h"
#include "fts/client_call.h"

#include <pthread.h>
#include <time.h>

#define RETRY_MS    1000
#define MOST_NOTICE (1u << 20) /* bytes of one answer */

struct FtsWatch {
  FtsClient *client;
  FtsWatchConfig config;
  pthread_t thread;

  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  FtsChannel *channel; /* in use */
  bool stop;
};

/* ---- stopping ---- */

static bool
is_stopping (FtsWatch *watch)
{
  pthread_mutex_lock (&watch->lock);
  bool stop = watch->stop;
  pthread_mutex_unlock (&watch->lock);
  return stop;
}

static void
set_channel (FtsWatch *watch, FtsChannel *channel)
{
  pthread_mutex_lock (&watch->lock);
  watch->channel = channel;
  if (watch->stop && channel != NULL)
    fts_channel_interrupt (channel);
  pthread_mutex_unlock (&watch->lock);
}

static void
pause_before_retry (FtsWatch *watch)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += RETRY_MS / 1000;
  pthread_mutex_lock (&watch->lock);
  while (!watch->stop &&
         pthread_cond_timedwait (&watch->changed, &watch->lock, &until) == 0)
    ;
  pthread_mutex_unlock (&watch->lock);
}

/* ---- one connection ---- */

static bool
append (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  GByteArray *into = user_data;

  if (len > MOST_NOTICE - into->len) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "too many notices at once");
    return false;
  }
  g_byte_array_append (into, data, (guint) len);
  return true;
}

/* Until something comes, however long. */
static bool
await_answer (FtsWatch *watch, FtsChannel *channel, GError **error)
{
  while (!fts_channel_poll (channel, FTS_WATCH_REMIND_MS * INT64_C (1000)))
    if (!fts_channel_remind (channel, error))
      return false;
  return true;
}

static bool
ask (FtsWatch *watch, FtsConnection *connection, uint64_t *number, GByteArray *notices,
     GError **error)
{
  bool begun = *number != 0;
  FtsCall call;
  bool in_step;

  fts_call_init (&call, FTS_OP_WATCH, NULL, NULL);
  call.request.cookie = *number;
  call.request.open_flags = begun ? FTS_WATCH_RECLAIMED : 0;
  call.sink = append;
  call.user_data = notices;
  g_byte_array_set_size (notices, 0);
  fts_client_count (watch->client, FTS_OP_WATCH);
  if (!fts_call_send (connection, &call, error) ||
      !await_answer (watch, connection->channel, error) ||
      !fts_call_receive (connection, &call, &in_step, error))
    return false;
  *number = call.answer.cookie;
  return true;
}

static bool
hand_on (const FtsWatch *watch, const GByteArray *notices, GError **error)
{
  FtsNotice notice;
  size_t used;

  for (size_t at = 0; at < notices->len; at += used) {
    if (!fts_wire_decode_notice (notices->data + at, notices->len - at, &notice,
                                 &used)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "malformed notice");
      return false;
    }
    watch->config.notice (&notice, watch->config.user_data);
  }
  watch->config.done (watch->config.user_data);
  return true;
}

static void
follow (FtsWatch *watch, FtsConnection *connection)
{
  g_autoptr (GByteArray) notices = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  uint64_t number = 0;

  if (!ask (watch, connection, &number, notices, &error)) {
    g_info ("changes are not told: %s", error->message);
    return;
  }
  watch->config.begin (watch->config.user_data);
  while (ask (watch, connection, &number, notices, &error) &&
         hand_on (watch, notices, &error))
    ;
  watch->config.end (watch->config.user_data);
  g_info ("changes are told no more: %s", error->message);
}

static void *
run (void *data)
{
  FtsWatch *watch = data;

  while (!is_stopping (watch)) {
    g_autoptr (GError) error = NULL;
    FtsConnection *connection = fts_client_open_extra (watch->client, &error);
    if (connection != NULL) {
      set_channel (watch, connection->channel);
      follow (watch, connection);
      set_channel (watch, NULL);
      fts_client_close_extra (connection);
    }
    pause_before_retry (watch);
  }
  return NULL;
}

/* ---- life ---- */

FtsWatch *
fts_watch_start (FtsClient *client, const FtsWatchConfig *config)
{
  FtsWatch *watch = g_new0 (FtsWatch, 1);
  pthread_condattr_t attr;

  watch->client = client;
  watch->config = *config;
  pthread_mutex_init (&watch->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&watch->changed, &attr);
  pthread_condattr_destroy (&attr);
  if (pthread_create (&watch->thread, NULL, run, watch) == 0)
    return watch;
  pthread_cond_destroy (&watch->changed);
  pthread_mutex_destroy (&watch->lock);
  g_free (watch);
  return NULL;
}

void
fts_watch_stop (FtsWatch *watch)
{
  if (watch == NULL)
    return;
  pthread_mutex_lock (&watch->lock);
  watch->stop = true;
  if (watch->channel != NULL)
    fts_channel_interrupt (watch->channel);
  pthread_cond_signal (&watch->changed);
  pthread_mutex_unlock (&watch->lock);
  pthread_join (watch->thread, NULL);
  pthread_cond_destroy (&watch->changed);
  pthread_mutex_destroy (&watch->lock);
  g_free (watch);
}
