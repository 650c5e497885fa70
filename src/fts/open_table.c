#include "fts/open_table.h"

#include "fts/client_call.h"

#include <pthread.h>
#include <string.h>

/* Doing these again would harm what was written since. */
#define ONLY_ONCE (FTS_OPEN_TRUNC | FTS_OPEN_EXCL)

typedef struct {
  uint64_t id; /* key */
  uint64_t server_id;
  uint32_t flags;
  FtsHandle handle;
  FtsCaller caller;
  uint32_t *groups;
} OpenFile;

struct FtsOpenTable {
  pthread_mutex_t lock; /* all below */
  GHashTable *files;    /* OpenFile by its id */
  uint64_t last_id;
};

static void
free_file (gpointer data)
{
  OpenFile *file = data;
  g_free (file->groups);
  g_free (file);
}

FtsOpenTable *
fts_open_table_new (void)
{
  FtsOpenTable *table = g_new0 (FtsOpenTable, 1);

  pthread_mutex_init (&table->lock, NULL);
  table->files = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_file);
  return table;
}

void
fts_open_table_free (FtsOpenTable *table)
{
  g_hash_table_unref (table->files);
  pthread_mutex_destroy (&table->lock);
  g_free (table);
}

static void
keep_caller (OpenFile *file, const FtsRequest *rights)
{
  file->groups = g_memdup2 (rights->groups, rights->n_groups * sizeof *rights->groups);
  file->caller = (FtsCaller){ .uid = rights->uid,
                              .gid = rights->gid,
                              .umask = rights->umask,
                              .n_groups = rights->n_groups,
                              .groups = file->groups };
}

uint64_t
fts_open_table_add (FtsOpenTable *table, const FtsHandle *handle, uint32_t flags,
                    const FtsCaller *caller, uint64_t server_id)
{
  OpenFile *file = g_new0 (OpenFile, 1);
  FtsCall call;

  fts_call_init (&call, FTS_OP_OPEN, caller, NULL);
  keep_caller (file, &call.request);
  file->server_id = server_id;
  file->flags = flags;
  file->handle = *handle;
  pthread_mutex_lock (&table->lock);
  uint64_t id = file->id = ++table->last_id;
  g_hash_table_insert (table->files, &file->id, file);
  pthread_mutex_unlock (&table->lock);
  return id;
}

bool
fts_open_table_find (FtsOpenTable *table, uint64_t id, uint64_t *server_id,
                     uint32_t *flags)
{
  pthread_mutex_lock (&table->lock);
  const OpenFile *file = g_hash_table_lookup (table->files, &id);
  if (file != NULL) {
    *server_id = file->server_id;
    *flags = file->flags;
  }
  pthread_mutex_unlock (&table->lock);
  return file != NULL;
}

uint64_t
fts_open_table_remove (FtsOpenTable *table, uint64_t id)
{
  uint64_t server_id = 0;

  pthread_mutex_lock (&table->lock);
  const OpenFile *file = g_hash_table_lookup (table->files, &id);
  if (file != NULL)
    server_id = file->server_id;
  g_hash_table_remove (table->files, &id);
  pthread_mutex_unlock (&table->lock);
  return server_id;
}

bool
fts_open_table_describe (FtsOpenTable *table, uint64_t id, FtsRequest *request)
{
  FtsCall call;

  pthread_mutex_lock (&table->lock);
  const OpenFile *file = g_hash_table_lookup (table->files, &id);
  if (file != NULL) {
    fts_call_init (&call, FTS_OP_OPEN, &file->caller, &file->handle);
    *request = call.request;
    request->open_flags = file->flags & ~(uint32_t) ONLY_ONCE;
  }
  pthread_mutex_unlock (&table->lock);
  return file != NULL;
}

uint64_t
fts_open_table_renew (FtsOpenTable *table, uint64_t id, uint64_t stale, uint64_t fresh)
{
  pthread_mutex_lock (&table->lock);
  OpenFile *file = g_hash_table_lookup (table->files, &id);
  bool is_ours = file != NULL && file->server_id == stale;
  if (is_ours)
    file->server_id = fresh;
  pthread_mutex_unlock (&table->lock);
  return is_ours ? 0 : fresh;
}
