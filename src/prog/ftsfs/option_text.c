/* option_text.c - see option_text.h. */
#include "prog/ftsfs/option_text.h"

GPtrArray *
fts_option_text_split (const char *list)
{
  GPtrArray *options = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) option = g_string_new (NULL);

  for (const char *p = list;; p++) {
    if (*p == '\\' && (p[1] == ',' || p[1] == '\\')) {
      g_string_append_c (option, *++p);
      continue;
    }
    if (*p != ',' && *p != '\0') {
      g_string_append_c (option, *p);
      continue;
    }
    if (option->len > 0)
      g_ptr_array_add (options, g_strdup (option->str));
    g_string_truncate (option, 0);
    if (*p == '\0')
      return options;
  }
}

void
fts_option_text_join (GString *list, const char *option)
{
  if (list->len > 0)
    g_string_append_c (list, ',');
  for (const char *p = option; *p; p++) {
    if (*p == ',' || *p == '\\')
      g_string_append_c (list, '\\');
    g_string_append_c (list, *p);
  }
}

unsigned
fts_option_text_edits (const char *a, size_t a_len, const char *b, size_t b_len)
{
  unsigned rows[3][FTS_OPTION_NAME_MOST + 1];
  unsigned *before = rows[0], *above = rows[1], *row = rows[2];

  for (size_t j = 0; j <= b_len; j++)
    above[j] = (unsigned) j;
  for (size_t i = 1; i <= a_len; i++) {
    row[0] = (unsigned) i;
    for (size_t j = 1; j <= b_len; j++) {
      row[j] =
        MIN (MIN (above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    unsigned *spare = before;
    before = above;
    above = row;
    row = spare;
  }
  return above[b_len];
}
