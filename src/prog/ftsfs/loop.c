#include "prog/ftsfs/loop.h"

#include "fts/interrupt.h"
#include "prog/ftsfs/requester.h"

#include <linux/fuse.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KICK_SIGNAL SIGUSR2
#define KICK_US     20000
#define LINGER_US   (10 * G_USEC_PER_SEC) /* for requests under way at the end */
#define MOST_READ   3u /* at once: two that serve in turns, and one more */

/* A request that is served or waits for it. */
typedef struct {
  struct fuse_buf buf; /* its memory is libfuse's, by malloc */
  uint32_t opcode;
  pid_t requester; /* 0 = nobody to ask */
  int64_t since_us;
} Job;

typedef struct {
  struct Loop *loop;
  pthread_t thread;
  bool is_running; /* constant until the end */
  FtsInterrupt interrupt;
  struct fuse_buf buf; /* to read into */

  /* under the loop's lock */
  Job job; /* since_us 0 = none */
  bool has_ended;
} Worker;

typedef struct Loop {
  FtsFs *fs;
  struct fuse_session *session;
  sem_t finish;

  pthread_mutex_t lock; /* all below, and what the workers' comment names */
  unsigned n_serving;   /* all but one at most */
  unsigned n_reading, n_resting;
  GQueue waiting; /* of Job */
  bool stop;
  pthread_cond_t changed; /* a worker ended, or stop */
  pthread_cond_t read;    /* somebody must read, or stop */

  Worker *workers;
  unsigned n_workers;
} Loop;

/* ---- requests ---- */

static const struct fuse_in_header *
header_of (const struct fuse_buf *buf)
{
  return buf->mem;
}

/* Served by the last reader, as it takes no time. */
static bool
is_quick (uint32_t opcode)
{
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET ||
         opcode == FUSE_INTERRUPT || opcode == FUSE_DESTROY || opcode == FUSE_INIT;
}

/* What df and those who look at the mount point ask for. */
static bool
must_not_hang (const struct fuse_in_header *header)
{
  switch (header->opcode) {
  case FUSE_STATFS:
    return true;
  case FUSE_GETATTR:
  case FUSE_GETXATTR:
  case FUSE_LISTXATTR:
  case FUSE_OPENDIR:
    return header->nodeid == FUSE_ROOT_ID;
  default:
    return false;
  }
}

/* Nobody waits for these, and they must be done. */
static bool
is_of_nobody (uint32_t opcode)
{
  return opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR || is_quick (opcode);
}

static Job
job_of (const struct fuse_buf *buf)
{
  const struct fuse_in_header *header = header_of (buf);

  return (Job){ .buf = *buf,
                .opcode = header->opcode,
                .requester = is_of_nobody (header->opcode) ? 0 : (pid_t) header->pid,
                .since_us = g_get_monotonic_time () };
}

/* ---- workers ---- */

typedef enum {
  SERVE,
  SERVE_AT_ONCE, /* though nobody else reads */
  QUEUED,
  RESTED,
  ENDED
} Take;

/* May another one serve, with somebody left to read? */
static bool
has_server_locked (const Loop *loop)
{
  return loop->n_serving + 1 < loop->n_workers;
}

/* The lock is not held while reading.  Who read last rouses another. */
static int
read_locked (Worker *worker)
{
  Loop *loop = worker->loop;
  int len;

  loop->n_reading++;
  pthread_mutex_unlock (&loop->lock);
  do
    len = fuse_session_receive_buf (loop->session, &worker->buf);
  while (len == -EINTR && !fuse_session_exited (loop->session));
  pthread_mutex_lock (&loop->lock);
  loop->n_reading--;
  if (loop->n_reading == 0 && loop->n_resting > 0)
    pthread_cond_signal (&loop->read);
  return len;
}

/* The next request for WORKER is its `job`, unless the session ended. */
static Take
take_locked (Worker *worker)
{
  Loop *loop = worker->loop;
  Job *next = has_server_locked (loop) ? g_queue_pop_head (&loop->waiting) : NULL;

  if (next != NULL) {
    loop->n_serving++;
    free (worker->buf.mem);
    worker->buf = next->buf;
    worker->job = *next;
    g_free (next);
    return SERVE;
  }
  if (loop->n_reading >= MOST_READ) {
    loop->n_resting++;
    pthread_cond_wait (&loop->read, &loop->lock);
    loop->n_resting--;
    return fuse_session_exited (loop->session) ? ENDED : RESTED;
  }
  int len = read_locked (worker);
  if (len <= 0 || (size_t) len < sizeof (struct fuse_in_header))
    return ENDED;
  if (has_server_locked (loop)) {
    loop->n_serving++;
    worker->job = job_of (&worker->buf);
    return SERVE;
  }
  if (is_quick (header_of (&worker->buf)->opcode))
    return SERVE_AT_ONCE;
  Job job = job_of (&worker->buf);
  g_queue_push_tail (&loop->waiting, g_memdup2 (&job, sizeof job));
  worker->buf = (struct fuse_buf){ 0 };
  return QUEUED;
}

static void
serve (Loop *loop, FtsInterrupt *interrupt, const struct fuse_buf *buf)
{
  fts_interrupt_begin (interrupt);
  atomic_fetch_add (&loop->fs->n_served, 1);
  fuse_session_process_buf (loop->session, buf);
  atomic_fetch_sub (&loop->fs->n_served, 1);
  fts_interrupt_begin (NULL);
}

static void *
work (void *data)
{
  Worker *worker = data;
  Loop *loop = worker->loop;
  Take take;

  pthread_mutex_lock (&loop->lock);
  while (!loop->stop && (take = take_locked (worker)) != ENDED) {
    if (take == QUEUED || take == RESTED)
      continue;
    pthread_mutex_unlock (&loop->lock);
    serve (loop, &worker->interrupt, &worker->buf);
    pthread_mutex_lock (&loop->lock);
    worker->job.since_us = 0;
    loop->n_serving -= take == SERVE;
  }
  worker->has_ended = true;
  fuse_session_exit (loop->session);
  pthread_cond_broadcast (&loop->changed);
  pthread_cond_broadcast (&loop->read);
  pthread_mutex_unlock (&loop->lock);
  sem_post (&loop->finish);
  return NULL;
}

/* ---- the watcher ---- */

static bool
is_forsaken (const Job *job, int64_t now_us)
{
  return job->since_us != 0 && job->requester != 0 &&
         now_us - job->since_us >= FTS_LOOP_WATCH_MS * 1000 &&
         fts_requester_is_dying (job->requester);
}

static bool
is_overdue (const Job *job, int64_t now_us, int64_t wait_us)
{
  return must_not_hang (header_of (&job->buf)) && now_us - job->since_us >= wait_us;
}

/* A waiting job that is to be answered without the peer, taken out; or NULL. */
static Job *
pop_due_locked (Loop *loop, int64_t now_us)
{
  int64_t wait_us =
    fts_client_is_away (loop->fs->client) ? 0 : FTS_KNOWN_WAIT_MS * INT64_C (1000);

  for (GList *l = loop->waiting.head; l; l = l->next) {
    Job *job = l->data;
    if (!is_forsaken (job, now_us) && !is_overdue (job, now_us, wait_us))
      continue;
    g_queue_delete_link (&loop->waiting, l);
    return job;
  }
  return NULL;
}

static void
watch_locked (Loop *loop, FtsInterrupt *interrupt)
{
  int64_t now_us = g_get_monotonic_time ();
  Job *job;

  for (unsigned i = 0; i < loop->n_workers; i++)
    if (is_forsaken (&loop->workers[i].job, now_us))
      fts_interrupt_raise (&loop->workers[i].interrupt);
  while ((job = pop_due_locked (loop, now_us)) != NULL) {
    pthread_mutex_unlock (&loop->lock);
    fts_interrupt_begin (interrupt);
    fts_interrupt_raise (interrupt);
    fuse_session_process_buf (loop->session, &job->buf);
    free (job->buf.mem);
    g_free (job);
    pthread_mutex_lock (&loop->lock);
  }
}

/* False when UNTIL_US has passed. */
static bool
wait_locked (Loop *loop, int64_t until_us)
{
  struct timespec until = { until_us / G_USEC_PER_SEC,
                            until_us % G_USEC_PER_SEC * 1000 };

  return pthread_cond_timedwait (&loop->changed, &loop->lock, &until) == 0;
}

static bool
has_work_locked (const Loop *loop)
{
  for (unsigned i = 0; i < loop->n_workers; i++)
    if (loop->workers[i].job.since_us != 0)
      return true;
  return !g_queue_is_empty ((GQueue *) &loop->waiting);
}

/* Looks half as often while nothing is under way. */
static void *
watch (void *data)
{
  Loop *loop = data;
  FtsInterrupt interrupt;

  fts_interrupt_init (&interrupt);
  pthread_mutex_lock (&loop->lock);
  while (!loop->stop) {
    watch_locked (loop, &interrupt);
    int64_t pause_ms = FTS_LOOP_WATCH_MS * (has_work_locked (loop) ? 1 : 2);
    wait_locked (loop, g_get_monotonic_time () + pause_ms * 1000);
  }
  pthread_mutex_unlock (&loop->lock);
  fts_interrupt_clear (&interrupt);
  return NULL;
}

/* ---- life ---- */

static void
on_kick (int signal_number)
{
}

/* A read of the device ends then, to see that the session did. */
static void
prepare_kicks (void)
{
  struct sigaction action = { .sa_handler = on_kick };

  sigemptyset (&action.sa_mask);
  sigaction (KICK_SIGNAL, &action, NULL);
}

/* Signals that end the program are the main thread's. */
static bool
start_thread (pthread_t *thread, void *(*run) (void *), void *data)
{
  sigset_t all, before;

  sigfillset (&all);
  sigdelset (&all, KICK_SIGNAL);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  bool started = pthread_create (thread, NULL, run, data) == 0;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return started;
}

static void
await_end (Loop *loop)
{
  while (!fuse_session_exited (loop->session)) {
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    sem_clockwait (&loop->finish, CLOCK_MONOTONIC, &until);
  }
}

static Worker *
find_running_locked (Loop *loop)
{
  for (unsigned i = 0; i < loop->n_workers; i++)
    if (loop->workers[i].is_running && !loop->workers[i].has_ended)
      return &loop->workers[i];
  return NULL;
}

/* Requests under way get LINGER_US; then nobody waits for anything any more. */
static void
end_workers (Loop *loop)
{
  int64_t patience_us = g_get_monotonic_time () + LINGER_US;

  pthread_mutex_lock (&loop->lock);
  loop->stop = true;
  pthread_cond_broadcast (&loop->changed);
  pthread_cond_broadcast (&loop->read);
  while (find_running_locked (loop) != NULL) {
    bool is_late = g_get_monotonic_time () > patience_us;
    for (unsigned i = 0; i < loop->n_workers; i++) {
      Worker *worker = &loop->workers[i];
      if (worker->is_running && !worker->has_ended)
        pthread_kill (worker->thread, KICK_SIGNAL);
      if (is_late)
        fts_interrupt_raise (&worker->interrupt);
    }
    wait_locked (loop, g_get_monotonic_time () + KICK_US);
  }
  pthread_mutex_unlock (&loop->lock);
  for (unsigned i = 0; i < loop->n_workers; i++)
    if (loop->workers[i].is_running)
      pthread_join (loop->workers[i].thread, NULL);
}

static void
free_job (gpointer data)
{
  Job *job = data;
  free (job->buf.mem);
  g_free (job);
}

static void
init_loop (Loop *loop, FtsFs *fs, unsigned n_workers)
{
  pthread_condattr_t attr;

  *loop = (Loop){ .fs = fs, .session = fs->session, .n_workers = n_workers };
  sem_init (&loop->finish, 0, 0);
  pthread_mutex_init (&loop->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&loop->changed, &attr);
  pthread_condattr_destroy (&attr);
  pthread_cond_init (&loop->read, NULL);
  g_queue_init (&loop->waiting);
  loop->workers = g_new0 (Worker, n_workers);
  for (unsigned i = 0; i < n_workers; i++) {
    loop->workers[i].loop = loop;
    fts_interrupt_init (&loop->workers[i].interrupt);
  }
}

static void
clear_loop (Loop *loop)
{
  for (unsigned i = 0; i < loop->n_workers; i++) {
    free (loop->workers[i].buf.mem);
    fts_interrupt_clear (&loop->workers[i].interrupt);
  }
  g_free (loop->workers);
  g_queue_clear_full (&loop->waiting, free_job);
  pthread_cond_destroy (&loop->read);
  pthread_cond_destroy (&loop->changed);
  pthread_mutex_destroy (&loop->lock);
  sem_destroy (&loop->finish);
}

void
fts_loop_run (FtsFs *fs, unsigned threads, void (*ending) (void *user_data),
              void *user_data)
{
  pthread_t watcher;
  Loop loop;

  prepare_kicks ();
  init_loop (&loop, fs, threads + 1);
  bool is_watched = start_thread (&watcher, watch, &loop);
  for (unsigned i = 0; i < loop.n_workers; i++)
    loop.workers[i].is_running =
      start_thread (&loop.workers[i].thread, work, &loop.workers[i]);
  pthread_mutex_lock (&loop.lock);
  if (find_running_locked (&loop) == NULL)
    fuse_session_exit (fs->session);
  pthread_mutex_unlock (&loop.lock);
  await_end (&loop);
  ending (user_data);
  end_workers (&loop);
  if (is_watched)
    pthread_join (watcher, NULL);
  clear_loop (&loop);
}
