#include "channel/workers.h"

#include "lib/suite.h"

#include <glib.h>
#include <pthread.h>

typedef struct {
  FtsJob job;
  unsigned number;
} Task;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static unsigned running, most, done, order[100];

static void
pass_gate (FtsJob *job, void *user_data)
{
  Task *task = (Task *) job;

  pthread_mutex_lock (&lock);
  running++;
  most = MAX (most, running);
  pthread_cond_broadcast (&changed);
  while (!gate_open)
    pthread_cond_wait (&changed, &lock);
  order[done++] = task->number;
  running--;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
}

static void
await_running (unsigned n)
{
  pthread_mutex_lock (&lock);
  while (running < n)
    pthread_cond_wait (&changed, &lock);
  pthread_mutex_unlock (&lock);
}

static void
open_gate (void)
{
  pthread_mutex_lock (&lock);
  gate_open = true;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
}

START_TEST (test_no_more_threads_than_allowed)
{
  FtsWorkers *workers = fts_workers_new (3, NULL);
  Task tasks[20];
  unsigned threads, busy;

  for (unsigned i = 0; i < 20; i++) {
    tasks[i] = (Task){ .job.run = pass_gate, .number = i };
    fts_workers_push (workers, &tasks[i].job);
  }
  await_running (3);
  fts_workers_count (workers, &threads, &busy);
  ck_assert_uint_eq (threads, 3);
  ck_assert_uint_eq (busy, 3);
  ck_assert (fts_workers_is_pressed (workers));
  open_gate ();
  fts_workers_free (workers);
  ck_assert_uint_eq (done, 20);
  ck_assert_uint_eq (most, 3);
}
END_TEST

START_TEST (test_threads_come_on_demand_only)
{
  FtsWorkers *workers = fts_workers_new (8, NULL);
  Task task = { .job.run = pass_gate };
  unsigned threads, busy;

  fts_workers_count (workers, &threads, &busy);
  ck_assert_uint_eq (threads, 0);
  ck_assert (!fts_workers_is_pressed (workers));
  open_gate ();
  fts_workers_push (workers, &task.job);
  fts_workers_count (workers, &threads, &busy);
  ck_assert_uint_eq (threads, 1);
  fts_workers_free (workers);
  ck_assert_uint_eq (done, 1);
}
END_TEST

START_TEST (test_one_worker_keeps_the_order)
{
  FtsWorkers *workers = fts_workers_new (1, NULL);
  Task tasks[50];

  for (unsigned i = 0; i < 50; i++) {
    tasks[i] = (Task){ .job.run = pass_gate, .number = i };
    fts_workers_push (workers, &tasks[i].job);
  }
  open_gate ();
  fts_workers_free (workers);
  ck_assert_uint_eq (done, 50);
  for (unsigned i = 0; i < 50; i++)
    ck_assert_uint_eq (order[i], i);
}
END_TEST

FTS_SUITE ("channel/workers", test_no_more_threads_than_allowed,
           test_threads_come_on_demand_only, test_one_worker_keeps_the_order)
