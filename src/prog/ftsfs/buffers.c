#include "prog/ftsfs/buffers.h"

#include <pthread.h>

struct FtsBuffers {
  pthread_mutex_t lock; /* kept */
  GPtrArray *kept;
  unsigned n_kept;
};

FtsBuffers *
fts_buffers_new (unsigned n_kept)
{
  FtsBuffers *buffers = g_new0 (FtsBuffers, 1);

  pthread_mutex_init (&buffers->lock, NULL);
  buffers->kept = g_ptr_array_new_with_free_func (g_free);
  buffers->n_kept = n_kept;
  return buffers;
}

void
fts_buffers_free (FtsBuffers *buffers)
{
  if (buffers == NULL)
    return;
  g_ptr_array_unref (buffers->kept);
  pthread_mutex_destroy (&buffers->lock);
  g_free (buffers);
}

uint8_t *
fts_buffers_take (FtsBuffers *buffers)
{
  uint8_t *buffer = NULL;

  pthread_mutex_lock (&buffers->lock);
  if (buffers->kept->len > 0)
    buffer = g_ptr_array_steal_index_fast (buffers->kept, buffers->kept->len - 1);
  pthread_mutex_unlock (&buffers->lock);
  return buffer ? buffer : g_malloc (FTS_BUFFER_LEN);
}

void
fts_buffers_give (FtsBuffers *buffers, uint8_t *buffer)
{
  pthread_mutex_lock (&buffers->lock);
  if (buffer && buffers->kept->len < buffers->n_kept) {
    g_ptr_array_add (buffers->kept, buffer);
    buffer = NULL;
  }
  pthread_mutex_unlock (&buffers->lock);
  g_free (buffer);
}
