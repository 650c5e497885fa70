#include "prog/ftsfs/behind.h"

#include "fts/interrupt.h"

#include <string.h>
#include <time.h>

#define LOOK_UP_US (100 * 1000) /* who waits looks whether it still should */

/* FILLING -> QUEUED (full, old or not followed on) -> SENDING -> gone
 *
 * FILLING  is in `filling`; more may be appended by one writer at a time (`in_use`)
 * QUEUED   is in `queue`; whoever is free sends it
 * SENDING  belongs to the thread that sends it */
typedef enum {
  FILLING,
  QUEUED,
  SENDING
} State;

typedef struct {
  FtsInode *inode;
  void *file;
  uint64_t offset;
  size_t len;
  uint8_t *data;
  State state;
  bool in_use;
  int64_t born_us;
  GList all, link; /* in `all`, and in `filling` or `queue` */
} Chunk;

struct FtsBehind {
  FtsBehindConfig config;
  pthread_mutex_t lock;   /* everything below, and the chunks */
  pthread_cond_t work;    /* a chunk was queued, began to fill unwatched, or stop */
  pthread_cond_t changed; /* a chunk went, or its `in_use` did */
  GQueue all, filling, queue;
  size_t held; /* bytes of buffers */
  /* Threads that will look at ages, earlier than any chunk that begins to fill now gets old. */
  unsigned n_watching;
  bool stop;
  GPtrArray *threads; /* of pthread_t* */
};

static void
start_chunk_locked (FtsBehind *behind, Chunk *chunk)
{
  g_queue_push_tail_link (&behind->all, &chunk->all);
  g_queue_push_tail_link (&behind->filling, &chunk->link);
  if (behind->n_watching == 0) /* somebody must watch its age */
    pthread_cond_signal (&behind->work);
}

static void
queue_chunk_locked (FtsBehind *behind, Chunk *chunk)
{
  g_queue_unlink (&behind->filling, &chunk->link);
  g_queue_push_tail_link (&behind->queue, &chunk->link);
  chunk->state = QUEUED;
  pthread_cond_signal (&behind->work);
}

static void
end_chunk_locked (FtsBehind *behind, Chunk *chunk)
{
  fts_buffers_give (behind->config.buffers, chunk->data);
  g_queue_unlink (&behind->all, &chunk->all);
  behind->held -= FTS_BUFFER_LEN;
  g_free (chunk);
}

/* It was not sent: the next one may. */
static void
requeue_chunk_locked (FtsBehind *behind, Chunk *chunk)
{
  g_queue_push_head_link (&behind->queue, &chunk->link);
  chunk->state = QUEUED;
  pthread_cond_signal (&behind->work);
}

/* Takes CHUNK out of its list, sends it without the lock, and ends it. */
static void
send_chunk_locked (FtsBehind *behind, Chunk *chunk)
{
  const FtsBehindConfig *config = &behind->config;

  g_queue_unlink (chunk->state == FILLING ? &behind->filling : &behind->queue,
                  &chunk->link);
  chunk->state = SENDING;
  pthread_mutex_unlock (&behind->lock);
  bool is_sent = config->send (chunk->file, chunk->offset, chunk->data, chunk->len,
                               config->user_data);
  pthread_mutex_lock (&behind->lock);
  if (is_sent)
    end_chunk_locked (behind, chunk);
  else
    requeue_chunk_locked (behind, chunk);
  pthread_cond_broadcast (&behind->changed);
}

/* ---- threads ---- */
static int64_t
due_us (const Chunk *chunk)
{
  return chunk->born_us + FTS_BEHIND_AGE_MS * 1000;
}

/* What to send next; NULL and *WAKE_US = when to look again (0 = when told). */
static Chunk *
find_work_locked (FtsBehind *behind, int64_t *wake_us)
{
  int64_t now = g_get_monotonic_time ();
  Chunk *oldest = behind->filling.head ? behind->filling.head->data : NULL;

  *wake_us = 0;
  if (behind->queue.head)
    return behind->queue.head->data;
  if (oldest == NULL)
    return NULL;
  if (due_us (oldest) <= now && !oldest->in_use)
    return oldest;
  *wake_us = MAX (due_us (oldest), now + 10000);
  return NULL;
}

static void *
run_thread (void *data)
{
  FtsBehind *behind = data;

  pthread_mutex_lock (&behind->lock);
  while (!behind->stop || behind->queue.head) {
    int64_t wake_us = 0;
    Chunk *chunk = find_work_locked (behind, &wake_us);

    if (chunk)
      send_chunk_locked (behind, chunk);
    else if (wake_us) {
      struct timespec until = { wake_us / 1000000, wake_us % 1000000 * 1000 };
      behind->n_watching++;
      pthread_cond_timedwait (&behind->work, &behind->lock, &until);
      behind->n_watching--;
    } else
      pthread_cond_wait (&behind->work, &behind->lock);
  }
  pthread_mutex_unlock (&behind->lock);
  return NULL;
}

FtsBehind *
fts_behind_new (const FtsBehindConfig *config)
{
  FtsBehind *behind = g_new0 (FtsBehind, 1);
  pthread_condattr_t attr;

  behind->config = *config;
  behind->config.limit = MAX (config->limit, FTS_BUFFER_LEN);
  pthread_mutex_init (&behind->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&behind->work, &attr);
  pthread_cond_init (&behind->changed, &attr);
  pthread_condattr_destroy (&attr);
  g_queue_init (&behind->all);
  g_queue_init (&behind->filling);
  g_queue_init (&behind->queue);
  behind->threads = g_ptr_array_new_with_free_func (g_free);
  for (unsigned i = 0; i < config->threads; i++) {
    pthread_t *thread = g_new0 (pthread_t, 1);
    if (pthread_create (thread, NULL, run_thread, behind) == 0)
      g_ptr_array_add (behind->threads, thread);
    else
      g_free (thread);
  }
  return behind;
}

/* ---- draining ---- */
/* The next chunk of INODE (NULL = any), one to send before one that is being sent. */
static Chunk *
find_of_inode_locked (FtsBehind *behind, const FtsInode *inode)
{
  Chunk *found = NULL;

  for (GList *l = behind->all.head; l; l = l->next) {
    Chunk *chunk = l->data;
    if (inode && chunk->inode != inode)
      continue;
    if (chunk->state != SENDING && !chunk->in_use)
      return chunk;
    found = chunk;
  }
  return found;
}

/* For a chunk to go; a short while at most. */
static void
await_change_locked (FtsBehind *behind)
{
  int64_t until_us = g_get_monotonic_time () + LOOK_UP_US;
  struct timespec until = { until_us / G_USEC_PER_SEC,
                            until_us % G_USEC_PER_SEC * 1000 };

  pthread_cond_timedwait (&behind->changed, &behind->lock, &until);
}

/* The drainer sends what nobody sends yet: a small file's one chunk goes out from the thread
 * that closes it, without waking another. */
static bool
drain_locked (FtsBehind *behind, const FtsInode *inode)
{
  for (;;) {
    Chunk *chunk = find_of_inode_locked (behind, inode);

    if (chunk == NULL)
      return true;
    if (fts_interrupt_is_raised ())
      return false;
    if (chunk->state != SENDING && !chunk->in_use)
      send_chunk_locked (behind, chunk);
    else
      await_change_locked (behind);
  }
}

bool
fts_behind_drain (FtsBehind *behind, FtsInode *inode)
{
  pthread_mutex_lock (&behind->lock);
  bool is_clean = drain_locked (behind, inode);
  pthread_mutex_unlock (&behind->lock);
  return is_clean;
}

bool
fts_behind_is_dirty (FtsBehind *behind, FtsInode *inode)
{
  pthread_mutex_lock (&behind->lock);
  bool dirty = find_of_inode_locked (behind, inode) != NULL;
  pthread_mutex_unlock (&behind->lock);
  return dirty;
}

/* ---- the end ---- */
void
fts_behind_free (FtsBehind *behind)
{
  if (behind == NULL)
    return;
  pthread_mutex_lock (&behind->lock);
  drain_locked (behind, NULL);
  behind->stop = true;
  pthread_cond_broadcast (&behind->work);
  pthread_mutex_unlock (&behind->lock);
  for (guint i = 0; i < behind->threads->len; i++)
    pthread_join (*(pthread_t *) behind->threads->pdata[i], NULL);
  g_ptr_array_unref (behind->threads);
  pthread_cond_destroy (&behind->work);
  pthread_cond_destroy (&behind->changed);
  pthread_mutex_destroy (&behind->lock);
  g_free (behind);
}

/* ---- writing ---- */
static bool
overlaps_locked (FtsBehind *behind, const FtsInode *inode, uint64_t offset, size_t len)
{
  for (GList *l = behind->all.head; l; l = l->next) {
    const Chunk *chunk = l->data;
    if (chunk->inode == inode && offset < chunk->offset + chunk->len &&
        chunk->offset < offset + len)
      return true;
  }
  return false;
}

/* The chunk of FILE that is filling, whatever its end. */
static Chunk *
find_filling_locked (FtsBehind *behind, const void *file)
{
  for (GList *l = behind->filling.head; l; l = l->next) {
    Chunk *chunk = l->data;
    if (chunk->file == file && !chunk->in_use)
      return chunk;
  }
  return NULL;
}

static bool
has_room_locked (const FtsBehind *behind)
{
  return behind->held + FTS_BUFFER_LEN <= behind->config.limit;
}

/* A writer that finds no room helps to send instead of only waiting. */
static void
make_room_locked (FtsBehind *behind)
{
  Chunk *chunk = behind->queue.head     ? behind->queue.head->data
                 : behind->filling.head ? behind->filling.head->data
                                        : NULL;

  if (chunk && !chunk->in_use)
    send_chunk_locked (behind, chunk);
  else
    await_change_locked (behind);
}

static Chunk *
new_chunk_locked (FtsBehind *behind, FtsInode *inode, void *file, uint64_t offset)
{
  Chunk *chunk = g_new0 (Chunk, 1);

  chunk->inode = inode;
  chunk->file = file;
  chunk->offset = offset;
  chunk->born_us = g_get_monotonic_time ();
  chunk->all.data = chunk->link.data = chunk;
  behind->held += FTS_BUFFER_LEN;
  start_chunk_locked (behind, chunk);
  return chunk;
}

/* The chunk of FILE that goes on at OFFSET with room for LEN bytes; one that does not fit is
 * sent off. */
static Chunk *
find_following_locked (FtsBehind *behind, const void *file, uint64_t offset, size_t len)
{
  Chunk *chunk = find_filling_locked (behind, file);

  if (chunk == NULL)
    return NULL;
  if (offset == chunk->offset + chunk->len && chunk->len + len <= FTS_BUFFER_LEN)
    return chunk;
  queue_chunk_locked (behind, chunk);
  return NULL;
}

/* A chunk that LEN bytes at OFFSET may be appended to.  Each wait gives up the lock, so all
 * is looked at again after it.  NULL when the thread was interrupted. */
static Chunk *
claim_chunk_locked (FtsBehind *behind, FtsInode *inode, void *file, uint64_t offset,
                    size_t len)
{
  for (;;) {
    if (overlaps_locked (behind, inode, offset, len)) {
      if (!drain_locked (behind, inode))
        return NULL;
      continue;
    }
    Chunk *chunk = find_following_locked (behind, file, offset, len);
    if (chunk)
      return chunk;
    if (has_room_locked (behind))
      return new_chunk_locked (behind, inode, file, offset);
    if (fts_interrupt_is_raised ())
      return NULL;
    make_room_locked (behind);
  }
}

bool
fts_behind_write (FtsBehind *behind, FtsInode *inode, void *file, uint64_t offset,
                  const uint8_t *data, size_t len)
{
  pthread_mutex_lock (&behind->lock);
  Chunk *chunk = claim_chunk_locked (behind, inode, file, offset, len);
  if (chunk == NULL) {
    pthread_mutex_unlock (&behind->lock);
    return false;
  }
  size_t at = chunk->len;
  chunk->len += len;
  chunk->in_use = true;
  pthread_mutex_unlock (&behind->lock);

  if (chunk->data == NULL)
    chunk->data = fts_buffers_take (behind->config.buffers);
  memcpy (chunk->data + at, data, len);

  pthread_mutex_lock (&behind->lock);
  chunk->in_use = false;
  if (chunk->len == FTS_BUFFER_LEN)
    queue_chunk_locked (behind, chunk);
  pthread_cond_broadcast (&behind->changed);
  pthread_mutex_unlock (&behind->lock);
  return true;
}
