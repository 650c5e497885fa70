/* session.c - see session.h. */
#include "fts/session.h"

#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#define MOST_OPEN_FILES 16384u

struct FtsSession {
  FtsSessions *sessions;
  uint32_t index;
  uint64_t generation;
  unsigned connections;   /* under the table's lock */
  pthread_mutex_t lock;   /* protects `open_files` */
  GHashTable *open_files; /* uint64_t -> FtsOpenFile */
};

struct FtsSessions {
  pthread_mutex_t lock; /* protects all below */
  GPtrArray *all;
  uint64_t
    next_open_id; /* begins at random: old ids of an earlier start stay unknown */
};

FtsSessions *
fts_sessions_new (void)
{
  FtsSessions *sessions = g_new0 (FtsSessions, 1);

  pthread_mutex_init (&sessions->lock, NULL);
  sessions->all = g_ptr_array_new ();
  sessions->next_open_id = (uint64_t) randombytes_random () << 32 | 1;
  return sessions;
}

void
fts_sessions_free (FtsSessions *sessions)
{
  if (sessions == NULL)
    return;
  g_assert (sessions->all->len == 0);
  g_ptr_array_unref (sessions->all);
  pthread_mutex_destroy (&sessions->lock);
  g_free (sessions);
}

void
fts_open_file_unref (FtsOpenFile *file)
{
  if (file == NULL || !g_atomic_int_dec_and_test (&file->refs))
    return;
  close (file->fd);
  g_free (file);
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
                                               (GDestroyNotify) fts_open_file_unref);
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
  g_hash_table_unref (session->open_files);
  pthread_mutex_destroy (&session->lock);
  g_free (session);
}

static uint64_t
take_open_id (FtsSessions *sessions)
{
  pthread_mutex_lock (&sessions->lock);
  uint64_t id = sessions->next_open_id++;
  pthread_mutex_unlock (&sessions->lock);
  return id;
}

uint64_t
fts_session_add (FtsSession *session, int fd, uint32_t open_flags,
                 const FtsHandle *handle)
{
  uint64_t id = take_open_id (session->sessions);
  uint64_t *key = g_memdup2 (&id, sizeof id);
  FtsOpenFile *file = g_new0 (FtsOpenFile, 1);

  *file = (FtsOpenFile){ fd, open_flags, *handle, 1 };
  pthread_mutex_lock (&session->lock);
  bool full = g_hash_table_size (session->open_files) >= MOST_OPEN_FILES;
  if (!full)
    g_hash_table_insert (session->open_files, key, file);
  pthread_mutex_unlock (&session->lock);
  if (!full)
    return id;
  g_free (key);
  fts_open_file_unref (file);
  return 0;
}

FtsOpenFile *
fts_session_find (FtsSession *session, uint64_t open_id)
{
  pthread_mutex_lock (&session->lock);
  FtsOpenFile *file = g_hash_table_lookup (session->open_files, &open_id);
  if (file != NULL)
    g_atomic_int_inc (&file->refs);
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
  fts_open_file_unref (file);
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
