#include "lib/fake_channel.h"

#include "base/crc.h"
#include "base/error.h"

#include <pthread.h>
#include <string.h>

struct FtsChannel {
  FtsPid pid;
  GPtrArray *message; /* fragments of the request under way */
  GQueue in;          /* GByteArray; set to NULL data for a break */
  GQueue in_last;     /* GINT_TO_POINTER (last) for each of `in` */
  GByteArray *current;
  bool current_last, mid_message, broken, break_next_receive;
  uint8_t segment[FAKE_ROOM];
  FtsOp op;
  uint32_t tag;
  FtsChannelStats stats;
};

Fake fake;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the fake's counters */

static bool
count_down (unsigned *n)
{
  pthread_mutex_lock (&lock);
  bool hit = *n > 0;
  *n -= hit;
  pthread_mutex_unlock (&lock);
  return hit;
}

static void
count (unsigned *n)
{
  pthread_mutex_lock (&lock);
  (*n)++;
  pthread_mutex_unlock (&lock);
}

void
fake_start (FakeServe serve, void *user_data)
{
  fake = (Fake){ .serve = serve,
                 .user_data = user_data,
                 .peer_alive = true,
                 .generation = 1,
                 .connect_error = -1 };
}

/* ---- host table ---- */

bool
fts_member_find (FtsMember *member, const char *name, FtsHostRole role, bool fresh,
                 FtsHost *out)
{
  memset (out, 0, sizeof *out);
  out->generation = fake.generation;
  return fake.peer_alive;
}

bool
fts_member_is_fenced (const FtsMember *member)
{
  return false;
}

FtsStanding
fts_member_standing (const FtsMember *member)
{
  return FTS_STANDING_GOOD;
}

bool
fts_member_has_path (const FtsMember *member)
{
  return true;
}

bool
fts_member_check (const FtsMember *member, GError **error)
{
  return true;
}

bool
fts_member_is_alive (FtsMember *member, uint32_t index, uint64_t generation)
{
  return fake.peer_alive && generation == fake.generation;
}

/* ---- life ---- */

FtsChannel *
fts_connect (FtsMember *member, const FtsConnectConfig *config, GError **error)
{
  if (fake.connect_error >= 0) {
    g_set_error (error, FTS_ERROR, fake.connect_error, "no connection");
    return NULL;
  }
  count (&fake.n_connects);
  FtsChannel *channel = g_new0 (FtsChannel, 1);
  channel->pid.requestee_generation = fake.generation;
  channel->message =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  g_queue_init (&channel->in);
  g_queue_init (&channel->in_last);
  return channel;
}

bool
fts_connect_await (FtsChannel *channel, uint32_t wait_ms, GError **error)
{
  return true;
}

void
fts_channel_close (FtsChannel *channel)
{
  count (&fake.n_closes);
  g_ptr_array_unref (channel->message);
  g_queue_clear_full (&channel->in, (GDestroyNotify) g_byte_array_unref);
  g_queue_clear (&channel->in_last);
  if (channel->current)
    g_byte_array_unref (channel->current);
  g_free (channel);
}

const FtsPid *
fts_channel_pid (const FtsChannel *channel)
{
  return &channel->pid;
}

void
fts_channel_get_stats (const FtsChannel *channel, FtsChannelStats *out)
{
  *out = channel->stats;
}

bool
fts_channel_acknowledge (FtsChannel *channel, GError **error)
{
  count (&fake.n_acknowledged);
  return true;
}

static bool
fail (FtsChannel *channel, GError **error)
{
  channel->broken = true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CLOSED, "connection closed");
  return false;
}

/* ---- the test's side ---- */

void
fake_more (FtsChannel *channel, const void *data, size_t len, bool last)
{
  GByteArray *fragment = g_byte_array_new ();
  if (len > 0)
    g_byte_array_append (fragment, data, (guint) len);
  g_queue_push_tail (&channel->in, fragment);
  g_queue_push_tail (&channel->in_last, GINT_TO_POINTER (last));
}

void
fake_answer (FtsChannel *channel, FtsAnswer *answer, const void *data, size_t len,
             bool last)
{
  GByteArray *fragment = g_byte_array_new ();

  answer->op = channel->op;
  answer->tag = channel->tag;
  fts_wire_encode_answer (answer, fragment);
  if (len > 0)
    g_byte_array_append (fragment, data, (guint) len);
  g_queue_push_tail (&channel->in, fragment);
  g_queue_push_tail (&channel->in_last, GINT_TO_POINTER (last));
}

static void
attach (FtsChannel *channel)
{
  FtsAnswer answer = { .length = 8192, .handle = { 1, { 0x52 } } };
  fake_answer (channel, &answer, NULL, 0, true);
}

/* The first fragment of a request shows what to answer, even before the rest came. */
static void
note_header (FtsChannel *channel, FtsRequest *request, size_t *used)
{
  const GByteArray *first = g_ptr_array_index (channel->message, 0);
  bool ok = fts_wire_decode_request (first->data, first->len, request, used);

  g_assert (ok);
  channel->op = request->op;
  channel->tag = request->tag;
}

static void
serve (FtsChannel *channel)
{
  FtsRequest request;
  size_t used;

  count (&fake.n_messages);
  channel->stats.messages_sent++;
  note_header (channel, &request, &used);
  if (request.op == FTS_OP_ATTACH) {
    attach (channel);
  } else {
    channel->break_next_receive = count_down (&fake.break_receives);
    fake.serve (channel, &request, channel->message, used, fake.user_data);
  }
  g_ptr_array_set_size (channel->message, 0);
}

/* ---- sending ---- */

static bool
add_fragment (FtsChannel *channel, const void *data, size_t len, bool last,
              GError **error)
{
  GByteArray *fragment = g_byte_array_new ();

  if (channel->broken || (channel->op != 0 && count_down (&fake.break_sends))) {
    g_byte_array_unref (fragment);
    return fail (channel, error);
  }
  g_byte_array_append (fragment, data, (guint) len);
  g_ptr_array_add (channel->message, fragment);
  if (last)
    serve (channel);
  return true;
}

bool
fts_channel_reserve (FtsChannel *channel, uint8_t **data, size_t *room, GError **error)
{
  *data = channel->segment;
  *room = FAKE_ROOM;
  return true;
}

bool
fts_channel_commit (FtsChannel *channel, size_t len, const uint32_t *crc, bool last,
                    GError **error)
{
  g_assert (crc == NULL || *crc == fts_crc32c (channel->segment, len));
  return add_fragment (channel, channel->segment, len, last, error);
}

bool
fts_channel_send (FtsChannel *channel, const struct iovec *iov, int n_iov,
                  GError **error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();

  for (int i = 0; i < n_iov; i++)
    if (iov[i].iov_len > 0)
      g_byte_array_append (all, iov[i].iov_base, (guint) iov[i].iov_len);
  return add_fragment (channel, all->data, all->len, true, error);
}

/* ---- receiving ---- */

bool
fts_channel_receive (FtsChannel *channel, FtsFragment *fragment, GError **error)
{
  if (channel->break_next_receive || g_queue_is_empty (&channel->in))
    return fail (channel, error);
  if (channel->current)
    g_byte_array_unref (channel->current);
  channel->current = g_queue_pop_head (&channel->in);
  *fragment = (FtsFragment){
    .data = channel->current->data,
    .len = channel->current->len,
    .crc = fts_crc32c (channel->current->data, channel->current->len),
    .first = !channel->mid_message,
    .last = GPOINTER_TO_INT (g_queue_pop_head (&channel->in_last)),
  };
  channel->mid_message = !fragment->last;
  channel->stats.messages_received += fragment->last;
  return true;
}

void
fts_channel_set_timeout (FtsChannel *channel, uint32_t timeout_ms)
{
}

void
fts_channel_interrupt (FtsChannel *channel)
{
}

bool
fts_member_look (FtsMember *member, GError **error)
{
  return true;
}

bool
fts_channel_discard_message (FtsChannel *channel, GError **error)
{
  FtsFragment fragment;

  do
    if (!fts_channel_receive (channel, &fragment, error))
      return false;
  while (!fragment.last);
  return true;
}

/* The test may answer a request that has only begun, in serve_early. */
bool
fts_channel_poll (FtsChannel *channel, int64_t wait_us)
{
  FtsRequest request;
  size_t used;

  if (fake.serve_early == NULL || channel->message->len == 0)
    return !g_queue_is_empty (&channel->in);
  note_header (channel, &request, &used);
  fake.serve_early (channel, &request, channel->message, used, fake.user_data);
  return !g_queue_is_empty (&channel->in);
}
