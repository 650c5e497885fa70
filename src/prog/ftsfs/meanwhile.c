#include "prog/ftsfs/meanwhile.h"

#include <glib.h>
#include <pthread.h>

typedef struct {
  void (*function) (void *data);
  void (*done) (void *data);
  void *data;
} Job;

struct FtsMeanwhile {
  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  bool is_taken; /* reserved, or at work */
  Job job;       /* function NULL = none */
  bool stop, has_thread;
  pthread_t thread;
};

static void *
work (void *user_data)
{
  FtsMeanwhile *meanwhile = user_data;

  pthread_mutex_lock (&meanwhile->lock);
  while (!meanwhile->stop || meanwhile->job.function != NULL) {
    if (meanwhile->job.function == NULL) {
      pthread_cond_wait (&meanwhile->changed, &meanwhile->lock);
      continue;
    }
    const Job job = meanwhile->job;
    pthread_mutex_unlock (&meanwhile->lock);
    job.function (job.data);
    pthread_mutex_lock (&meanwhile->lock);
    meanwhile->job.function = NULL;
    meanwhile->is_taken = false;
    pthread_mutex_unlock (&meanwhile->lock);
    if (job.done != NULL)
      job.done (job.data);
    pthread_mutex_lock (&meanwhile->lock);
  }
  pthread_mutex_unlock (&meanwhile->lock);
  return NULL;
}

FtsMeanwhile *
fts_meanwhile_new (void)
{
  FtsMeanwhile *meanwhile = g_new0 (FtsMeanwhile, 1);

  pthread_mutex_init (&meanwhile->lock, NULL);
  pthread_cond_init (&meanwhile->changed, NULL);
  return meanwhile;
}

void
fts_meanwhile_free (FtsMeanwhile *meanwhile)
{
  if (meanwhile == NULL)
    return;
  pthread_mutex_lock (&meanwhile->lock);
  meanwhile->stop = true;
  pthread_cond_broadcast (&meanwhile->changed);
  pthread_mutex_unlock (&meanwhile->lock);
  if (meanwhile->has_thread)
    pthread_join (meanwhile->thread, NULL);
  pthread_cond_destroy (&meanwhile->changed);
  pthread_mutex_destroy (&meanwhile->lock);
  g_free (meanwhile);
}

static bool
start_locked (FtsMeanwhile *meanwhile)
{
  if (!meanwhile->has_thread)
    meanwhile->has_thread =
      pthread_create (&meanwhile->thread, NULL, work, meanwhile) == 0;
  return meanwhile->has_thread;
}

bool
fts_meanwhile_reserve (FtsMeanwhile *meanwhile)
{
  pthread_mutex_lock (&meanwhile->lock);
  bool may = !meanwhile->is_taken && start_locked (meanwhile);
  meanwhile->is_taken = meanwhile->is_taken || may;
  pthread_mutex_unlock (&meanwhile->lock);
  return may;
}

void
fts_meanwhile_run (FtsMeanwhile *meanwhile, void (*job) (void *data),
                   void (*done) (void *data), void *data)
{
  pthread_mutex_lock (&meanwhile->lock);
  meanwhile->job = (Job){ job, done, data };
  meanwhile->is_taken = job != NULL;
  pthread_cond_broadcast (&meanwhile->changed);
  pthread_mutex_unlock (&meanwhile->lock);
}
