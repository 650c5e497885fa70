/* inotify.c - see inotify.h. */
#include "fts/inotify.h"

#include "fts/caller.h"
#include "fts/marks.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NAME_EVENTS  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define SELF_EVENTS  (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define BUFFER_LEN   65536u
/* Events that concern nobody come in crowds: they need not wake us one by one. */
#define NAP_US       2000

#define MOST_FILE    "/proc/sys/fs/inotify/max_user_watches"
#define DEFAULT_MOST 4096u /* half of what a kernel allows that does not say */

struct FtsInotify {
  FtsWatchers *watchers;
  int fd;               /* -1: there is no inotify */
  int end_fd;           /* readable: the end */
  pthread_mutex_t lock; /* all below */
  FtsMarks *marks;
  bool has_thread;
  pthread_t thread;
};

/* ---- life ---- */

static unsigned
choose_most (unsigned most)
{
  g_autofree char *text = NULL;
  guint64 allowed = 0;

  if (most > 0)
    return most;
  if (!g_file_get_contents (MOST_FILE, &text, NULL, NULL) ||
      !g_ascii_string_to_unsigned (g_strstrip (text), 10, 2, INT32_MAX, &allowed, NULL))
    return DEFAULT_MOST;
  return (unsigned) allowed / 2;
}

FtsInotify *
fts_inotify_new (FtsWatchers *watchers, unsigned most)
{
  FtsInotify *inotify = g_new0 (FtsInotify, 1);

  inotify->watchers = watchers;
  inotify->fd = inotify->end_fd = -1;
  inotify->marks = fts_marks_new (choose_most (most), FTS_WATCHERS_KEYS);
  pthread_mutex_init (&inotify->lock, NULL);
  return inotify;
}

/* ---- telling ---- */

/* True in *USER_DATA when somebody is told. */
typedef struct {
  FtsInotify *inotify;
  bool at_once; /* whoever changed it */
  bool any;
} Told;

static void
tell_key (Told *told, uint64_t key, const FtsHandle *handle, const char *name)
{
  FtsWatchers *watchers = told->inotify->watchers;
  FtsNotice notice = { .kind = name ? FTS_NOTICE_NAME : FTS_NOTICE_FILE,
                       .handle = *handle };
  uint64_t ignored = 0;

  if (!fts_watchers_note (watchers, key))
    return;
  if (name != NULL)
    notice.name = (FtsText){ name, (uint16_t) strlen (name) };
  if (told->at_once)
    fts_watchers_tell (watchers, NULL, key, &notice, &ignored);
  else
    fts_watchers_tell_seen (watchers, key, &notice);
  told->any = true;
}

static void
tell_covered (const FtsHandle *handle, const char *name, void *user_data)
{
  Told *told = user_data;
  FtsWatchers *watchers = told->inotify->watchers;
  uint64_t key = fts_watchers_file_key (watchers, handle);

  if (name != NULL)
    key = fts_watchers_name_key (watchers, key, name, strlen (name));
  tell_key (told, key, handle, name);
}

/* ---- watching ---- */

static void
give_up_locked (FtsInotify *inotify, int watch)
{
  Told told = { inotify, true, false };

  inotify_rm_watch (inotify->fd, watch);
  fts_marks_drop (inotify->marks, watch, tell_covered, &told);
}

static int
add_locked (FtsInotify *inotify, int fd, bool is_dir)
{
  uint32_t mask = SELF_EVENTS | (is_dir ? NAME_EVENTS : IN_MODIFY);
  char path[FTS_FD_PATH_LEN];

  fts_caller_path_of_fd (fd, path);
  int watch = inotify_add_watch (inotify->fd, path, mask);
  if (watch >= 0 || errno != ENOSPC || fts_marks_count (inotify->marks) == 0)
    return watch < 0 ? -errno : watch;
  /* Others of this user have the rest. */
  give_up_locked (inotify, fts_marks_oldest (inotify->marks));
  watch = inotify_add_watch (inotify->fd, path, mask);
  return watch < 0 ? -errno : watch;
}

int
fts_inotify_watch (FtsInotify *inotify, const FtsHandle *handle, int fd, bool is_dir,
                   bool *is_new)
{
  int surplus;

  *is_new = false;
  pthread_mutex_lock (&inotify->lock);
  int watch = add_locked (inotify, fd, is_dir);
  if (watch >= 0) {
    *is_new = fts_marks_cover (inotify->marks, watch, handle);
    while ((surplus = fts_marks_surplus (inotify->marks)) >= 0 && surplus != watch)
      give_up_locked (inotify, surplus);
  }
  pthread_mutex_unlock (&inotify->lock);
  return watch;
}

bool
fts_inotify_watch_name (FtsInotify *inotify, int watch, const char *name, size_t len)
{
  pthread_mutex_lock (&inotify->lock);
  bool done = fts_marks_cover_name (inotify->marks, watch, name, len);
  pthread_mutex_unlock (&inotify->lock);
  return done;
}

/* Watches go before the word, so that a client that begins meanwhile gets it. */
static void
drop_all_locked (FtsInotify *inotify)
{
  int watch;

  while ((watch = fts_marks_oldest (inotify->marks)) >= 0)
    give_up_locked (inotify, watch);
  fts_watchers_tell_all (inotify->watchers);
}

void
fts_inotify_tick (FtsInotify *inotify)
{
  FtsWatchersStats stats;

  fts_watchers_get_stats (inotify->watchers, &stats);
  if (stats.watchers > 0)
    return;
  pthread_mutex_lock (&inotify->lock);
  if (fts_marks_count (inotify->marks) > 0)
    drop_all_locked (inotify);
  pthread_mutex_unlock (&inotify->lock);
}

unsigned
fts_inotify_count (FtsInotify *inotify)
{
  pthread_mutex_lock (&inotify->lock);
  unsigned n = fts_marks_count (inotify->marks);
  pthread_mutex_unlock (&inotify->lock);
  return n;
}

/* ---- events ---- */

/* With a name: of an entry of the directory, which has changed with it. */
static void
tell_name_locked (Told *told, int watch, const char *name)
{
  FtsMarks *marks = told->inotify->marks;

  fts_marks_tell (marks, watch, name, tell_covered, told);
  fts_marks_tell (marks, watch, NULL, tell_covered, told);
  fts_marks_forget_name (marks, watch, name);
}

static void
take_locked (Told *told, const struct inotify_event *event, const char *name)
{
  FtsMarks *marks = told->inotify->marks;

  if (event->mask & IN_Q_OVERFLOW) {
    g_info ("changes on this host came too fast: all caches of clients are dropped");
    fts_marks_forget_names (marks);
    fts_watchers_tell_all (told->inotify->watchers);
    told->any = true;
  } else if (event->mask & (IN_IGNORED | IN_UNMOUNT)) {
    /* The file, or its file system, is gone; or we gave the watch up, and told. */
    told->at_once = true;
    fts_marks_drop (marks, event->wd, tell_covered, told);
    told->at_once = false;
  } else if (event->mask & NAME_EVENTS) {
    tell_name_locked (told, event->wd, name);
  } else if (event->len == 0) {
    fts_marks_tell (marks, event->wd, NULL, tell_covered, told);
  }
}

/* True when somebody was told. */
static bool
take_events (FtsInotify *inotify, uint8_t *buffer)
{
  struct inotify_event event;
  Told told = { inotify, false, false };
  ssize_t len = read (inotify->fd, buffer, BUFFER_LEN);

  for (const uint8_t *at = buffer; len >= (ssize_t) sizeof event;
       at += sizeof event + event.len, len -= (ssize_t) (sizeof event + event.len)) {
    memcpy (&event, at, sizeof event);
    pthread_mutex_lock (&inotify->lock);
    take_locked (&told, &event, (const char *) at + sizeof event);
    pthread_mutex_unlock (&inotify->lock);
  }
  return told.any;
}

static void *
run (void *data)
{
  FtsInotify *inotify = data;
  g_autofree uint8_t *buffer = g_malloc (BUFFER_LEN);
  struct pollfd fds[2] = { { .fd = inotify->fd, .events = POLLIN },
                           { .fd = inotify->end_fd, .events = POLLIN } };

  for (;;) {
    int n = poll (fds, 2, fts_watchers_tell_put_off (inotify->watchers));
    if ((n < 0 && errno != EINTR) || fds[1].revents != 0)
      return NULL;
    if (n > 0 && !take_events (inotify, buffer))
      g_usleep (NAP_US);
  }
}

static bool
start_locked (FtsInotify *inotify)
{
  if (inotify->has_thread)
    return true;
  if (inotify->end_fd < 0)
    inotify->end_fd = eventfd (0, EFD_CLOEXEC);
  if (inotify->fd < 0)
    inotify->fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (inotify->end_fd >= 0 && inotify->fd >= 0)
    inotify->has_thread = pthread_create (&inotify->thread, NULL, run, inotify) == 0;
  return inotify->has_thread;
}

bool
fts_inotify_start (FtsInotify *inotify)
{
  pthread_mutex_lock (&inotify->lock);
  bool started = start_locked (inotify);
  pthread_mutex_unlock (&inotify->lock);
  return started;
}

void
fts_inotify_free (FtsInotify *inotify)
{
  const uint64_t one = 1;

  if (inotify == NULL)
    return;
  if (inotify->has_thread) {
    (void) !write (inotify->end_fd, &one, sizeof one);
    pthread_join (inotify->thread, NULL);
  }
  if (inotify->end_fd >= 0)
    close (inotify->end_fd);
  if (inotify->fd >= 0)
    close (inotify->fd);
  fts_marks_free (inotify->marks);
  pthread_mutex_destroy (&inotify->lock);
  g_free (inotify);
}
