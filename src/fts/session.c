/* session.c - see session.h. */
#include "fts/session.h"

#include "base/crc.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_OPEN_FILES 262144u

/* open_id: host start, opened for writing, number. */
#define NUMBER_BITS     47u
#define NUMBER_MASK     ((UINT64_C (1) << NUMBER_BITS) - 1)
#define START_SHIFT     (NUMBER_BITS + 1)
#define FOR_WRITING     (UINT64_C (1) << NUMBER_BITS)

struct FtsSession {
  FtsSessions *sessions;
  uint32_t index;
  uint64_t generation;
  uint64_t first_number;  /* of the open files that this session can have given out */
  unsigned connections;   /* under the table's lock */
  pthread_mutex_t lock;   /* protects `open_files` */
  GHashTable *open_files; /* uint64_t -> FtsOpenFile */
};

struct FtsSessions {
  pthread_mutex_t lock; /* protects all below */
  GPtrArray *all;
  uint64_t next_number;
  uint64_t host_start; /* constant, like the three below */
  FtsOpenFiles *files;
  FtsSessionEnd on_end;
  void *on_end_data;
};

static uint64_t
find_host_start (void)
{
  g_autofree char *boot_id = NULL;
  gsize len = 0;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, &len, NULL))
    return g_random_int () & 0xffff; /* nobody's id of an earlier start is known then */
  return fts_crc32c (boot_id, len) & 0xffff;
}

/* Microseconds since the host's start: a later start of the server begins above all that an
 * earlier one gave, as nobody opens files faster than that. */
static uint64_t
find_first_number (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);
  uint64_t us = (uint64_t) now.tv_sec * G_USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
  return us & NUMBER_MASK;
}

FtsSessions *
fts_sessions_new (unsigned most_awake)
{
  FtsSessions *sessions = g_new0 (FtsSessions, 1);

  pthread_mutex_init (&sessions->lock, NULL);
  sessions->all = g_ptr_array_new ();
  sessions->files = fts_open_files_new (most_awake);
  sessions->next_number = find_first_number () + 1;
  sessions->host_start = find_host_start ();
  return sessions;
}

void
fts_sessions_on_end (FtsSessions *sessions, FtsSessionEnd func, void *user_data)
{
  sessions->on_end = func;
  sessions->on_end_data = user_data;
}

void
fts_sessions_free (FtsSessions *sessions)
{
  if (sessions == NULL)
    return;
  g_assert (sessions->all->len == 0);
  g_ptr_array_unref (sessions->all);
  fts_open_files_free (sessions->files);
  pthread_mutex_destroy (&sessions->lock);
  g_free (sessions);
}

FtsOpenFiles *
fts_sessions_files (FtsSessions *sessions)
{
  return sessions->files;
}

static FtsSession *
find_locked (FtsSessions *sessions, uint32_t index, uint64_t generation)
{
  for (guint i = 0; i < sessions->all->len; i++) {
    FtsSession *session = sessions->all->pdata[i];
    if (session->index == index && session->generation == generation)
      return session;
  }
  return NULL;
}

static FtsSession *
make_session (FtsSessions *sessions, uint32_t index, uint64_t generation)
{
  FtsSession *session = g_new0 (FtsSession, 1);

  session->sessions = sessions;
  session->index = index;
  session->generation = generation;
  pthread_mutex_init (&session->lock, NULL);
  session->open_files = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                                               (GDestroyNotify) fts_open_file_drop);
  return session;
}

FtsSession *
fts_sessions_open (FtsSessions *sessions, uint32_t index, uint64_t generation)
{
  pthread_mutex_lock (&sessions->lock);
  FtsSession *session = find_locked (sessions, index, generation);
  if (session == NULL) {
    session = make_session (sessions, index, generation);
    g_ptr_array_add (sessions->all, session);
  }
  session->connections++;
  pthread_mutex_unlock (&sessions->lock);
  return session;
}

void
fts_sessions_close (FtsSessions *sessions, FtsSession *session)
{
  pthread_mutex_lock (&sessions->lock);
  bool last = --session->connections == 0;
  if (last)
    g_ptr_array_remove_fast (sessions->all, session);
  pthread_mutex_unlock (&sessions->lock);
  if (!last)
    return;
  if (sessions->on_end != NULL)
    sessions->on_end (session, sessions->on_end_data);
  g_hash_table_unref (session->open_files);
  pthread_mutex_destroy (&session->lock);
  g_free (session);
}

static uint64_t
take_open_id (FtsSessions *sessions, uint32_t open_flags)
{
  pthread_mutex_lock (&sessions->lock);
  uint64_t number = sessions->next_number++ & NUMBER_MASK;
  pthread_mutex_unlock (&sessions->lock);
  return sessions->host_start << START_SHIFT |
         (open_flags & FTS_OPEN_WRITE ? FOR_WRITING : 0) | number;
}

bool
fts_session_is_lost (const FtsSession *session, uint64_t open_id)
{
  return open_id >> START_SHIFT != session->sessions->host_start &&
         open_id & FOR_WRITING;
}

uint64_t
fts_session_add (FtsSession *session, int fd, uint32_t open_flags,
                 const FtsHandle *handle)
{
  uint64_t id = take_open_id (session->sessions, open_flags);
  FtsOpenFile *file =
    fts_open_file_new (session->sessions->files, fd, open_flags, handle);

  pthread_mutex_lock (&session->lock);
  bool full = g_hash_table_size (session->open_files) >= MOST_OPEN_FILES;
  if (!full)
    g_hash_table_insert (session->open_files, g_memdup2 (&id, sizeof id), file);
  pthread_mutex_unlock (&session->lock);
  if (!full)
    return id;
  fts_open_file_drop (file);
  return 0;
}

FtsOpenFile *
fts_session_find (FtsSession *session, uint64_t open_id)
{
  pthread_mutex_lock (&session->lock);
  FtsOpenFile *file = g_hash_table_lookup (session->open_files, &open_id);
  if (file != NULL)
    fts_open_file_use (file);
  pthread_mutex_unlock (&session->lock);
  return file;
}

bool
fts_session_remove (FtsSession *session, uint64_t open_id)
{
  FtsOpenFile *file = NULL;
  gpointer key = NULL;

  pthread_mutex_lock (&session->lock);
  bool found = g_hash_table_steal_extended (session->open_files, &open_id, &key,
                                            (gpointer *) &file);
  pthread_mutex_unlock (&session->lock);
  g_free (key);
  if (found)
    fts_open_file_drop (file);
  return found;
}

void
fts_sessions_get_stats (FtsSessions *sessions, FtsSessionsStats *out)
{
  *out = (FtsSessionsStats){ 0 };
  pthread_mutex_lock (&sessions->lock);
  out->sessions = sessions->all->len;
  for (guint i = 0; i < sessions->all->len; i++) {
    FtsSession *session = sessions->all->pdata[i];
    pthread_mutex_lock (&session->lock);
    out->open_files += g_hash_table_size (session->open_files);
    pthread_mutex_unlock (&session->lock);
  }
  pthread_mutex_unlock (&sessions->lock);
}
