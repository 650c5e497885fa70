#include "channel/buffers.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define PAGE 4096u

/* A free buffer holds its own list node. */
typedef struct Free Free;
struct Free {
  Free *next;
  size_t len;
};

/* Protects both below. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Free *free_list;
static size_t free_bytes;

static Free *
unlink_of_len (size_t len)
{
  for (Free **at = &free_list; *at; at = &(*at)->next)
    if ((*at)->len == len) {
      Free *found = *at;

      *at = found->next;
      free_bytes -= len;
      return found;
    }
  return NULL;
}

uint8_t *
fts_buffer_take (size_t len)
{
  pthread_mutex_lock (&lock);
  void *buffer = unlink_of_len (len);
  pthread_mutex_unlock (&lock);
  if (buffer != NULL)
    return buffer;
  buffer = aligned_alloc (PAGE, (len + PAGE - 1) / PAGE * PAGE);
  if (buffer == NULL)
    g_error ("out of memory for a segment of %zu bytes", len);
  return buffer;
}

void
fts_buffer_give (uint8_t *buffer, size_t len)
{
  if (buffer == NULL)
    return;
  pthread_mutex_lock (&lock);
  bool keep = free_bytes + len <= FTS_BUFFERS_KEPT_BYTES;
  if (keep) {
    Free *node = (void *) buffer;

    *node = (Free){ .next = free_list, .len = len };
    free_list = node;
    free_bytes += len;
  }
  pthread_mutex_unlock (&lock);
  if (!keep)
    free (buffer);
}
