#include "prog/fts/pattern.h"

#include <errno.h>
#include <string.h>

typedef struct {
  FtsVisit visit;
  void *user_data;
  unsigned n;
} Matches;

bool
fts_pattern_is (const char *path)
{
  const char *last = strrchr (path, '/');
  return strpbrk (last ? last : path, "*?[") != NULL;
}

char *
fts_pattern_dir (const char *path)
{
  const char *last = strrchr (path, '/');
  return last ? g_strndup (path, (gsize) (last - path) + 1) : g_strdup ("");
}

static bool
count_and_visit (const char *name, const FtsDirent *entry, void *user_data,
                 GError **error)
{
  Matches *matches = user_data;

  matches->n++;
  return matches->visit (name, entry, matches->user_data, error);
}

bool
fts_pattern_each (FtsShell *shell, const char *path, FtsVisit visit, void *user_data,
                  GError **error)
{
  g_autofree char *dir = fts_pattern_dir (path);
  const char *last = path + strlen (dir);
  Matches matches = { visit, user_data, 0 };
  FtsNode node;

  if (!fts_shell_walk (shell, *dir ? dir : ".", &node, NULL, error) ||
      !fts_shell_list (shell, &node.handle, last, count_and_visit, &matches, error))
    return false;
  return matches.n > 0 || fts_set_errno (error, ENOENT, "%s", path);
}
