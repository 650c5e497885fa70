/* workers.h - a bounded pool of threads that run jobs in order of arrival.
 *
 * Threads are started when a job comes, none is idle and fewer than the bound run; they stay
 * until the pool is freed.  Any thread may call; `run` is called without locks held.
 */
#pragma once

#include <stdbool.h>

typedef struct FtsWorkers FtsWorkers;

/* Embedded in what the job is about; in the queue at most once. */
typedef struct FtsJob FtsJob;
struct FtsJob {
  FtsJob *next;
  void (*run) (FtsJob *job, void *user_data);
};

FtsWorkers *fts_workers_new (unsigned max, void *user_data);
/* Runs what is queued, joins all threads. */
void fts_workers_free (FtsWorkers *workers);

void fts_workers_push (FtsWorkers *workers, FtsJob *job);
/* A job that runs begins (or ends) to wait for another job: one thread more may run meanwhile, up
 * to FTS_WORKERS_WAITING in all.  Any number of jobs at once. */
#define FTS_WORKERS_WAITING 64u
void fts_workers_set_waiting (FtsWorkers *workers, bool waits);
/* Does a job wait that no thread is free for? */
bool fts_workers_is_pressed (FtsWorkers *workers);
void fts_workers_count (FtsWorkers *workers, unsigned *threads, unsigned *busy);
