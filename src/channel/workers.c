#include "channel/workers.h"

#include <glib.h>
#include <pthread.h>

struct FtsWorkers {
  void *user_data;
  unsigned max;
  pthread_t *threads;

  /* Protects all below. */
  pthread_mutex_t lock;
  pthread_cond_t come; /* a job, or the end */
  FtsJob *first, **last;
  unsigned n_threads, n_idle, n_queued, n_waiting;
  bool ends;
};

static FtsJob *
pop_locked (FtsWorkers *workers)
{
  FtsJob *job = workers->first;

  workers->first = job->next;
  if (workers->first == NULL)
    workers->last = &workers->first;
  job->next = NULL;
  workers->n_queued--;
  return job;
}

static void *
work (void *data)
{
  FtsWorkers *workers = data;

  pthread_mutex_lock (&workers->lock);
  for (;;) {
    while (workers->first == NULL && !workers->ends)
      pthread_cond_wait (&workers->come, &workers->lock);
    if (workers->first == NULL)
      break;
    FtsJob *job = pop_locked (workers);
    workers->n_idle--;
    pthread_mutex_unlock (&workers->lock);
    job->run (job, workers->user_data);
    pthread_mutex_lock (&workers->lock);
    workers->n_idle++;
  }
  pthread_mutex_unlock (&workers->lock);
  return NULL;
}

FtsWorkers *
fts_workers_new (unsigned max, void *user_data)
{
  FtsWorkers *workers = g_new0 (FtsWorkers, 1);

  g_assert (max > 0);
  workers->user_data = user_data;
  workers->max = max;
  workers->threads = g_new0 (pthread_t, max + FTS_WORKERS_WAITING);
  workers->last = &workers->first;
  pthread_mutex_init (&workers->lock, NULL);
  pthread_cond_init (&workers->come, NULL);
  return workers;
}

void
fts_workers_free (FtsWorkers *workers)
{
  if (workers == NULL)
    return;
  pthread_mutex_lock (&workers->lock);
  workers->ends = true;
  pthread_cond_broadcast (&workers->come);
  pthread_mutex_unlock (&workers->lock);
  for (unsigned i = 0; i < workers->n_threads; i++)
    pthread_join (workers->threads[i], NULL);
  pthread_cond_destroy (&workers->come);
  pthread_mutex_destroy (&workers->lock);
  g_free (workers->threads);
  g_free (workers);
}

static void
start_thread_locked (FtsWorkers *workers)
{
  int failed =
    pthread_create (&workers->threads[workers->n_threads], NULL, work, workers);

  if (failed != 0) {
    if (workers->n_threads == 0)
      g_error ("cannot start a worker thread: %s", g_strerror (failed));
    return; /* those that run will come to it */
  }
  workers->n_threads++;
  workers->n_idle++;
}

static void
provide_thread_locked (FtsWorkers *workers)
{
  unsigned max = workers->max + MIN (workers->n_waiting, FTS_WORKERS_WAITING);

  if (workers->n_queued > workers->n_idle && workers->n_threads < max)
    start_thread_locked (workers);
}

void
fts_workers_set_waiting (FtsWorkers *workers, bool waits)
{
  pthread_mutex_lock (&workers->lock);
  workers->n_waiting += waits ? 1u : -1u;
  provide_thread_locked (workers);
  pthread_mutex_unlock (&workers->lock);
}

void
fts_workers_push (FtsWorkers *workers, FtsJob *job)
{
  pthread_mutex_lock (&workers->lock);
  g_assert (job->next == NULL);
  *workers->last = job;
  workers->last = &job->next;
  workers->n_queued++;
  provide_thread_locked (workers);
  pthread_cond_signal (&workers->come);
  pthread_mutex_unlock (&workers->lock);
}

bool
fts_workers_is_pressed (FtsWorkers *workers)
{
  pthread_mutex_lock (&workers->lock);
  bool pressed = workers->n_queued > workers->n_idle;
  pthread_mutex_unlock (&workers->lock);
  return pressed;
}

void
fts_workers_count (FtsWorkers *workers, unsigned *threads, unsigned *busy)
{
  pthread_mutex_lock (&workers->lock);
  *threads = workers->n_threads;
  *busy = workers->n_threads - workers->n_idle;
  pthread_mutex_unlock (&workers->lock);
}
