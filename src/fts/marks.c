/* marks.c - see marks.h. */
#include "fts/marks.h"

#include <string.h>

typedef struct {
  int watch;
  GPtrArray *handles; /* of FtsHandle, cut to its length: mostly one */
  GHashTable *names;  /* of char *; NULL: none so far */
  GList link;         /* in `order` */
} Mark;

struct FtsMarks {
  unsigned most, most_names;
  GHashTable *table; /* watch -> Mark */
  GQueue order;      /* the one needed last is the head */
  unsigned n_names;
};

static void
free_mark (gpointer data)
{
  Mark *mark = data;

  g_ptr_array_unref (mark->handles);
  if (mark->names != NULL)
    g_hash_table_unref (mark->names);
  g_free (mark);
}

FtsMarks *
fts_marks_new (unsigned most, unsigned most_names)
{
  FtsMarks *marks = g_new0 (FtsMarks, 1);

  marks->most = most;
  marks->most_names = most_names;
  marks->table = g_hash_table_new_full (NULL, NULL, NULL, free_mark);
  g_queue_init (&marks->order);
  return marks;
}

void
fts_marks_free (FtsMarks *marks)
{
  if (marks == NULL)
    return;
  g_hash_table_unref (marks->table);
  g_free (marks);
}

static Mark *
find (const FtsMarks *marks, int watch)
{
  return g_hash_table_lookup (marks->table, GINT_TO_POINTER (watch));
}

/* ---- covering ---- */

static Mark *
add (FtsMarks *marks, int watch)
{
  Mark *mark = g_new0 (Mark, 1);

  mark->watch = watch;
  mark->handles = g_ptr_array_new_with_free_func (g_free);
  mark->link.data = mark;
  g_hash_table_insert (marks->table, GINT_TO_POINTER (watch), mark);
  g_queue_push_head_link (&marks->order, &mark->link);
  return mark;
}

static void
move_to_front (FtsMarks *marks, Mark *mark)
{
  g_queue_unlink (&marks->order, &mark->link);
  g_queue_push_head_link (&marks->order, &mark->link);
}

static bool
has_handle (const Mark *mark, const FtsHandle *handle)
{
  for (guint i = 0; i < mark->handles->len; i++) {
    const FtsHandle *known = mark->handles->pdata[i];
    if (known->len == handle->len &&
        memcmp (known->bytes, handle->bytes, handle->len) == 0)
      return true;
  }
  return false;
}

bool
fts_marks_cover (FtsMarks *marks, int watch, const FtsHandle *handle)
{
  Mark *mark = find (marks, watch);

  if (mark == NULL)
    mark = add (marks, watch);
  else
    move_to_front (marks, mark);
  if (has_handle (mark, handle))
    return false;
  g_ptr_array_add (mark->handles,
                   g_memdup2 (handle, offsetof (FtsHandle, bytes) + handle->len));
  return true;
}

bool
fts_marks_cover_name (FtsMarks *marks, int watch, const char *name, size_t len)
{
  Mark *mark = find (marks, watch);

  if (mark == NULL)
    return false;
  if (mark->names == NULL)
    mark->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = g_strndup (name, len);
  if (g_hash_table_contains (mark->names, text))
    return true;
  if (marks->n_names >= marks->most_names)
    return false;
  g_hash_table_add (mark->names, g_steal_pointer (&text));
  marks->n_names++;
  return true;
}

/* ---- bounds ---- */

int
fts_marks_oldest (const FtsMarks *marks)
{
  return marks->order.tail ? ((Mark *) marks->order.tail->data)->watch : -1;
}

int
fts_marks_surplus (const FtsMarks *marks)
{
  return marks->order.length > marks->most ? fts_marks_oldest (marks) : -1;
}

unsigned
fts_marks_count (const FtsMarks *marks)
{
  return marks->order.length;
}

/* ---- telling ---- */

static void
tell (const Mark *mark, const char *name, FtsMarksFunc func, void *user_data)
{
  FtsHandle handle;

  for (guint i = 0; i < mark->handles->len; i++) {
    const FtsHandle *known = mark->handles->pdata[i];
    handle.len = known->len;
    memcpy (handle.bytes, known->bytes, known->len);
    func (&handle, name, user_data);
  }
}

void
fts_marks_tell (const FtsMarks *marks, int watch, const char *name, FtsMarksFunc func,
                void *user_data)
{
  const Mark *mark = find (marks, watch);

  if (mark != NULL)
    tell (mark, name, func, user_data);
}

static void
forget_names (FtsMarks *marks, Mark *mark)
{
  if (mark->names == NULL)
    return;
  marks->n_names -= g_hash_table_size (mark->names);
  g_clear_pointer (&mark->names, g_hash_table_unref);
}

void
fts_marks_drop (FtsMarks *marks, int watch, FtsMarksFunc func, void *user_data)
{
  Mark *mark = find (marks, watch);
  GHashTableIter names;
  gpointer name;

  if (mark == NULL)
    return;
  if (mark->names != NULL) {
    g_hash_table_iter_init (&names, mark->names);
    while (g_hash_table_iter_next (&names, &name, NULL))
      tell (mark, name, func, user_data);
  }
  tell (mark, NULL, func, user_data);
  forget_names (marks, mark);
  g_queue_unlink (&marks->order, &mark->link);
  g_hash_table_remove (marks->table, GINT_TO_POINTER (watch));
}

void
fts_marks_forget_name (FtsMarks *marks, int watch, const char *name)
{
  Mark *mark = find (marks, watch);

  if (mark != NULL && mark->names != NULL && g_hash_table_remove (mark->names, name))
    marks->n_names--;
}

void
fts_marks_forget_names (FtsMarks *marks)
{
  for (GList *link = marks->order.head; link != NULL; link = link->next)
    forget_names (marks, link->data);
}
