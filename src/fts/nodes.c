/* nodes.c - see nodes.h. */
#include "fts/nodes.h"

#include <pthread.h>
#include <string.h>

/* Deeper than any path that the kernel takes in one call (PATH_MAX / 2). */
#define MOST_DEPTH 2048

typedef struct {
  FtsFileId file;
  FtsFileId dir;
  char *name;
} Node;

struct FtsNodes {
  pthread_mutex_t lock; /* protects `table` */
  GHashTable *table;    /* FtsFileId -> Node */
  FtsFileId root;
  unsigned most;
};

static guint
hash_id (gconstpointer key)
{
  const FtsFileId *id = key;
  uint64_t x = (id->ino ^ id->dev << 40) * 0x9e3779b97f4a7c15u;
  return (guint) (x >> 32);
}

static gboolean
equal_ids (gconstpointer a, gconstpointer b)
{
  const FtsFileId *x = a;
  const FtsFileId *y = b;
  return x->ino == y->ino && x->dev == y->dev && x->btime_sec == y->btime_sec &&
         x->btime_nsec == y->btime_nsec;
}

static void
free_node (gpointer data)
{
  Node *node = data;
  g_free (node->name);
  g_free (node);
}

FtsNodes *
fts_nodes_new (const FtsFileId *root, unsigned most)
{
  FtsNodes *nodes = g_new0 (FtsNodes, 1);

  pthread_mutex_init (&nodes->lock, NULL);
  nodes->table = g_hash_table_new_full (hash_id, equal_ids, NULL, free_node);
  nodes->root = *root;
  nodes->most = most;
  return nodes;
}

void
fts_nodes_free (FtsNodes *nodes)
{
  if (nodes == NULL)
    return;
  g_hash_table_unref (nodes->table);
  pthread_mutex_destroy (&nodes->lock);
  g_free (nodes);
}

void
fts_nodes_note (FtsNodes *nodes, const FtsFileId *file, const FtsFileId *dir,
                const char *name)
{
  Node *node = g_new0 (Node, 1);

  *node = (Node){ *file, *dir, g_strdup (name) };
  pthread_mutex_lock (&nodes->lock);
  if (g_hash_table_size (nodes->table) >= nodes->most)
    g_hash_table_remove_all (nodes->table);
  g_hash_table_replace (nodes->table, &node->file, node);
  pthread_mutex_unlock (&nodes->lock);
}

/* Names from FILE up to the root, FILE's first; false when one is missing. */
static bool
collect_locked (FtsNodes *nodes, const FtsFileId *file, GPtrArray *names)
{
  while (!equal_ids (file, &nodes->root)) {
    const Node *node = g_hash_table_lookup (nodes->table, file);
    if (node == NULL || names->len == MOST_DEPTH)
      return false;
    g_ptr_array_add (names, node->name);
    file = &node->dir;
  }
  return true;
}

char *
fts_nodes_path (FtsNodes *nodes, const FtsFileId *file)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GString *path = NULL;

  pthread_mutex_lock (&nodes->lock);
  if (collect_locked (nodes, file, names)) {
    path = g_string_new (names->len == 0 ? "." : NULL);
    for (guint i = names->len; i > 0; i--) {
      if (path->len > 0)
        g_string_append_c (path, '/');
      g_string_append (path, names->pdata[i - 1]);
    }
  }
  pthread_mutex_unlock (&nodes->lock);
  return path != NULL ? g_string_free (path, FALSE) : NULL;
}
