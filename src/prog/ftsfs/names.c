/* names.c - see names.h. */
#include "prog/ftsfs/names.h"

#include "prog/ftsfs/inodes.h"

#include <string.h>

struct FtsName {
  uint64_t parent;
  char *name;
  FtsName **of;           /* NULL = absent */
  FtsName *next, *before; /* in the file's list */
  GList age;              /* of an absent one */
  int64_t until_us;
};

struct FtsNames {
  GHashTable *all; /* set of FtsName */
  GQueue absent;   /* by age, the oldest first */
};

static guint
hash_name (gconstpointer key)
{
  const FtsName *name = key;
  return g_str_hash (name->name) ^ (guint) (name->parent * 2654435761u);
}

static gboolean
equal_names (gconstpointer a, gconstpointer b)
{
  const FtsName *one = a, *two = b;
  return one->parent == two->parent && strcmp (one->name, two->name) == 0;
}

FtsNames *
fts_names_new (void)
{
  FtsNames *names = g_new0 (FtsNames, 1);

  names->all = g_hash_table_new (hash_name, equal_names);
  g_queue_init (&names->absent);
  return names;
}

static void
free_name (FtsName *name)
{
  g_free (name->name);
  g_free (name);
}

void
fts_names_free (FtsNames *names)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, names->all);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    free_name (name);
  g_hash_table_unref (names->all);
  g_free (names);
}

static void
link_name (FtsNames *names, FtsName *name, FtsName **of)
{
  name->of = of;
  if (of == NULL) {
    name->age.data = name;
    g_queue_push_tail_link (&names->absent, &name->age);
    return;
  }
  name->before = NULL;
  name->next = *of;
  if (*of != NULL)
    (*of)->before = name;
  *of = name;
}

static void
unlink_name (FtsNames *names, FtsName *name)
{
  if (name->of == NULL) {
    g_queue_unlink (&names->absent, &name->age);
    return;
  }
  if (name->next != NULL)
    name->next->before = name->before;
  if (name->before != NULL)
    name->before->next = name->next;
  else
    *name->of = name->next;
}

static void
drop (FtsNames *names, FtsName *name)
{
  unlink_name (names, name);
  g_hash_table_remove (names->all, name);
  free_name (name);
}

static FtsName *
find (const FtsNames *names, uint64_t parent, const char *text)
{
  const FtsName key = { .parent = parent, .name = (char *) text };
  return g_hash_table_lookup (names->all, &key);
}

static bool
has_room (FtsNames *names, FtsName **of, int64_t now_us)
{
  if (of != NULL) {
    unsigned n = 0;
    for (const FtsName *name = *of; name != NULL; name = name->next)
      n++;
    return n < FTS_NAMES_OF_FILE;
  }
  while (names->absent.head != NULL &&
         ((FtsName *) names->absent.head->data)->until_us < now_us)
    drop (names, names->absent.head->data);
  return names->absent.length < FTS_NAMES_ABSENT;
}

bool
fts_names_add (FtsNames *names, uint64_t parent, const char *text, FtsName **of,
               double timeout)
{
  int64_t now_us = g_get_monotonic_time ();
  FtsName *name = find (names, parent, text);

  if (name != NULL && name->of == of && of != NULL)
    return true;
  if (name != NULL)
    drop (names, name);
  if (!has_room (names, of, now_us))
    return false;
  name = g_new0 (FtsName, 1);
  name->parent = parent;
  name->name = g_strdup (text);
  name->until_us = now_us + (int64_t) ((timeout + 1) * G_USEC_PER_SEC);
  link_name (names, name, of);
  g_hash_table_add (names->all, name);
  return true;
}

static void
rename_to (FtsNames *names, FtsName *name, uint64_t parent, const char *text)
{
  g_hash_table_remove (names->all, name);
  g_free (name->name);
  name->name = g_strdup (text);
  name->parent = parent;
  g_hash_table_add (names->all, name);
}

void
fts_names_move (FtsNames *names, uint64_t parent, const char *text, uint64_t new_parent,
                const char *new_text)
{
  FtsName *name = find (names, parent, text);
  FtsName *old = new_text ? find (names, new_parent, new_text) : NULL;

  if (old != NULL && old != name)
    drop (names, old);
  if (name == NULL)
    return;
  if (new_text == NULL || name->of == NULL) {
    drop (names, name);
    return;
  }
  rename_to (names, name, new_parent, new_text);
}

void
fts_names_exchange (FtsNames *names, uint64_t parent, const char *text,
                    uint64_t other_parent, const char *other_text)
{
  FtsName *one = find (names, parent, text);
  FtsName *two = find (names, other_parent, other_text);

  if (one == two)
    return;
  if (one == NULL || two == NULL) {
    if (one != NULL)
      rename_to (names, one, other_parent, other_text);
    else
      rename_to (names, two, parent, text);
    return;
  }
  FtsName **of = one->of;
  unlink_name (names, one);
  unlink_name (names, two);
  link_name (names, one, two->of);
  link_name (names, two, of);
}

void
fts_names_drop_list (FtsNames *names, FtsName **of)
{
  while (*of != NULL)
    drop (names, *of);
}

void
fts_names_take_all (FtsNames *names, GArray *into)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, names->all);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    FtsName *name = key;
    const FtsKeptName kept = { name->parent, g_steal_pointer (&name->name) };
    g_array_append_val (into, kept);
    g_hash_table_iter_steal (&iter);
    unlink_name (names, name);
    g_free (name);
  }
}

unsigned
fts_names_count (FtsNames *names)
{
  return g_hash_table_size (names->all);
}
