/* fanotify.c - see fanotify.h. */
#include "fts/fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAME_EVENTS (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define FILE_EVENTS (FAN_MODIFY | FAN_ATTRIB | FAN_MOVE_SELF | FAN_DELETE_SELF)
#define BUFFER_LEN  65536u
/* Changes that concern nobody come in crowds: they need not wake us one by one. */
#define NAP_US      2000

typedef struct {
  FtsHandles *handles;
  fsid_t fsid;
} Seen;

struct FtsFanotify {
  FtsWatchers *watchers;
  int fd;     /* -1: nothing can be seen here */
  int end_fd; /* readable: the end */
  pid_t self;
  pthread_mutex_t lock; /* all below */
  GArray *seen;         /* of Seen */
  bool has_thread;
  pthread_t thread;
};

static void *run (void *data);

static void
clear_seen (gpointer data)
{
  fts_handles_unref (((Seen *) data)->handles);
}

static int
start_fanotify (unsigned reports)
{
  return fanotify_init (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | reports,
                        O_RDONLY | O_CLOEXEC);
}

FtsFanotify *
fts_fanotify_new (FtsWatchers *watchers)
{
  FtsFanotify *fanotify = g_new0 (FtsFanotify, 1);

  fanotify->watchers = watchers;
  fanotify->self = getpid ();
  fanotify->seen = g_array_new (FALSE, FALSE, sizeof (Seen));
  g_array_set_clear_func (fanotify->seen, clear_seen);
  pthread_mutex_init (&fanotify->lock, NULL);
  fanotify->end_fd = eventfd (0, EFD_CLOEXEC);
  /* Which file a name was taken from: the file itself tells only when nobody has it open. */
  fanotify->fd = start_fanotify (FAN_REPORT_DFID_NAME_TARGET);
  if (fanotify->fd < 0)
    fanotify->fd = start_fanotify (FAN_REPORT_FID | FAN_REPORT_DFID_NAME);
  return fanotify;
}

/* Exports that are served no more leave handles to us alone. */
static void
prune_locked (FtsFanotify *fanotify)
{
  for (guint i = fanotify->seen->len; i-- > 0;)
    if (fts_handles_has_one_ref (g_array_index (fanotify->seen, Seen, i).handles))
      g_array_remove_index_fast (fanotify->seen, i);
}

static bool
add_locked (FtsFanotify *fanotify, FtsHandles *handles, fsid_t fsid)
{
  Seen seen = { handles, fsid };

  prune_locked (fanotify);
  for (guint i = 0; i < fanotify->seen->len; i++)
    if (g_array_index (fanotify->seen, Seen, i).handles == handles)
      return true;
  fts_handles_ref (handles);
  g_array_append_val (fanotify->seen, seen);
  if (!fanotify->has_thread)
    fanotify->has_thread = pthread_create (&fanotify->thread, NULL, run, fanotify) == 0;
  return fanotify->has_thread;
}

bool
fts_fanotify_add (FtsFanotify *fanotify, const FtsExport *export, FtsHandles *handles)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", export->root_fd);
  struct statfs fs;

  if (fanotify->fd < 0 || fanotify->end_fd < 0 || fts_handles_are_by_path (handles) ||
      fstatfs (export->root_fd, &fs) != 0)
    return false;
  if (fanotify_mark (fanotify->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                     NAME_EVENTS | FILE_EVENTS | FAN_ONDIR, AT_FDCWD, path) != 0) {
    g_info ("export %s: changes made here are not seen: %s", export->name,
            g_strerror (errno));
    return false;
  }
  pthread_mutex_lock (&fanotify->lock);
  bool done = add_locked (fanotify, handles, fs.f_fsid);
  pthread_mutex_unlock (&fanotify->lock);
  return done;
}

/* ---- one event ---- */

/* What its records say. */
typedef struct {
  const struct file_handle *file, *dir; /* NULL where there is none */
  const char *name;
  fsid_t fsid;
} Facts;

/* The record of LEN bytes: identity of the file system, a file handle, and maybe a name. */
static void
read_record (const struct fanotify_event_info_fid *record, Facts *facts)
{
  const struct file_handle *handle = (const void *) record->handle;
  const uint8_t *end = (const uint8_t *) record + record->hdr.len;
  const char *name = (const char *) handle->f_handle + handle->handle_bytes;

  memcpy (&facts->fsid, &record->fsid, sizeof facts->fsid);
  switch (record->hdr.info_type) {
  case FAN_EVENT_INFO_TYPE_FID:
    facts->file = handle;
    break;
  case FAN_EVENT_INFO_TYPE_DFID_NAME:
    facts->name = (const uint8_t *) name < end ? name : NULL;
    facts->dir = handle;
    break;
  case FAN_EVENT_INFO_TYPE_DFID:
    facts->dir = handle;
    break;
  default:
    break;
  }
}

/* IDENTITY is the file's or the directory's.  True when somebody was told. */
static bool
tell_key (FtsFanotify *fanotify, const FtsHandles *handles, uint64_t key,
          const FtsHandle *identity, const char *name)
{
  FtsNotice notice = { .kind = name ? FTS_NOTICE_NAME : FTS_NOTICE_FILE,
                       .handle = *identity };
  uint64_t ignored = 0;

  if (!fts_watchers_note (fanotify->watchers, key))
    return false;
  fts_handles_prove (handles, &notice.handle);
  if (name != NULL)
    notice.name = (FtsText){ name, (uint16_t) strlen (name) };
  fts_watchers_tell (fanotify->watchers, NULL, key, &notice, &ignored);
  return true;
}

static bool
tell_file (FtsFanotify *fanotify, const FtsHandles *handles, const FtsHandle *identity)
{
  return tell_key (fanotify, handles,
                   fts_watchers_identity_key (fanotify->watchers, identity), identity,
                   NULL);
}

static bool
tell_name (FtsFanotify *fanotify, const FtsHandles *handles, const FtsHandle *dir,
           const char *name)
{
  uint64_t key = fts_watchers_identity_key (fanotify->watchers, dir);
  uint64_t name_key =
    fts_watchers_name_key (fanotify->watchers, key, name, strlen (name));
  bool told = tell_key (fanotify, handles, name_key, dir, name);

  return tell_key (fanotify, handles, key, dir, NULL) || told;
}

static bool
tell (FtsFanotify *fanotify, FtsHandles *handles, uint64_t mask, const Facts *facts)
{
  bool is_self = facts->name == NULL || strcmp (facts->name, ".") == 0;
  FtsHandle file, dir;
  bool told = false;

  file.len = dir.len = 0;
  if (facts->file != NULL)
    fts_handles_of_kernel (handles, facts->file, &file);
  if (facts->dir != NULL)
    fts_handles_of_kernel (handles, facts->dir, &dir);
  if (mask & NAME_EVENTS && dir.len > 0 && !is_self)
    told = tell_name (fanotify, handles, &dir, facts->name);
  if (file.len > 0)
    told = tell_file (fanotify, handles, &file) || told;
  else if (mask & FILE_EVENTS && is_self && dir.len > 0)
    told = tell_file (fanotify, handles, &dir) || told;
  return told;
}

/* True when somebody was told of it.  EVENT is a copy of how BYTES begin: events lie at multiples
 * of four only. */
static bool
take_event (FtsFanotify *fanotify, const struct fanotify_event_metadata *event,
            const uint8_t *bytes)
{
  const uint8_t *at = bytes + event->metadata_len;
  const uint8_t *end = bytes + event->event_len;
  Facts facts = { 0 };
  bool told = false;

  if (event->mask & FAN_Q_OVERFLOW) {
    g_info ("changes on this host came too fast: all caches of clients are dropped");
    fts_watchers_tell_all (fanotify->watchers);
    return true;
  }
  if (event->pid == fanotify->self)
    return false;
  while (end - at >= (ptrdiff_t) sizeof (struct fanotify_event_info_fid)) {
    const struct fanotify_event_info_fid *record = (const void *) at;
    read_record (record, &facts);
    at += record->hdr.len;
  }
  pthread_mutex_lock (&fanotify->lock);
  for (guint i = 0; i < fanotify->seen->len; i++) {
    const Seen *seen = &g_array_index (fanotify->seen, Seen, i);
    if (memcmp (&seen->fsid, &facts.fsid, sizeof facts.fsid) == 0)
      told = tell (fanotify, seen->handles, event->mask, &facts) || told;
  }
  pthread_mutex_unlock (&fanotify->lock);
  return told;
}

/* ---- the thread ---- */

static bool
take_events (FtsFanotify *fanotify, uint8_t *buffer)
{
  struct fanotify_event_metadata event;
  ssize_t len = read (fanotify->fd, buffer, BUFFER_LEN);
  bool any = false;

  for (const uint8_t *at = buffer; len >= (ssize_t) sizeof event;
       at += event.event_len, len -= event.event_len) {
    memcpy (&event, at, sizeof event);
    if (!FAN_EVENT_OK (&event, len))
      break;
    any = take_event (fanotify, &event, at) || any;
  }
  return any;
}

static void *
run (void *data)
{
  FtsFanotify *fanotify = data;
  g_autofree uint8_t *buffer = g_malloc (BUFFER_LEN);
  struct pollfd fds[2] = { { .fd = fanotify->fd, .events = POLLIN },
                           { .fd = fanotify->end_fd, .events = POLLIN } };

  for (;;) {
    if (poll (fds, 2, -1) < 0 && errno != EINTR)
      return NULL;
    if (fds[1].revents != 0)
      return NULL;
    if (!take_events (fanotify, buffer))
      g_usleep (NAP_US);
  }
}

void
fts_fanotify_free (FtsFanotify *fanotify)
{
  const uint64_t one = 1;

  if (fanotify == NULL)
    return;
  if (fanotify->has_thread) {
    (void) !write (fanotify->end_fd, &one, sizeof one);
    pthread_join (fanotify->thread, NULL);
  }
  if (fanotify->end_fd >= 0)
    close (fanotify->end_fd);
  if (fanotify->fd >= 0)
    close (fanotify->fd);
  g_array_unref (fanotify->seen);
  pthread_mutex_destroy (&fanotify->lock);
  g_free (fanotify);
}
