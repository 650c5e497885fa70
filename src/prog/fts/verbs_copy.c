/* get, put, replace, mget, mput: their options and operands. */
#include "prog/fts/copy.h"
#include "prog/fts/verb.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

typedef bool (*CopyOne) (FtsCopy *copy, const char *source, const char *target,
                         GError **error);

/* Takes leading options (-r, -c, -f, together or apart) from ARGV; "--" ends them. */
static bool
take_options (FtsCopy *copy, int *argc, char ***argv, GError **error)
{
  while (*argc > 1 && (*argv)[1][0] == '-' && (*argv)[1][1] != '\0') {
    const char *letters = (*argv)[1] + 1;
    (*argc)--;
    (*argv)++;
    if (strcmp (letters, "-") == 0)
      return true;
    for (; *letters; letters++) {
      if (*letters == 'r')
        copy->recursive = true;
      else if (*letters == 'c')
        copy->resume = true;
      else if (*letters == 'f')
        copy->replace = true;
      else {
        g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                     "%s: no option -%c; there are -r (directories), -c (continue), -f "
                     "(overwrite)",
                     copy->verb, *letters);
        return false;
      }
    }
  }
  return true;
}

static bool
copy_each (FtsCopy *copy, CopyOne copy_one, int n, char **sources, const char *target,
           GError **error)
{
  for (int i = 0; i < n; i++) {
    GError *cause = NULL;
    if (!copy_one (copy, sources[i], target, &cause) &&
        !fts_copy_go_on (copy, cause, error))
      return false;
  }
  if (copy->n_failed == 0)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_IO, "%s: %u could not be copied", copy->verb,
               copy->n_failed);
  return false;
}

static bool
no_operand (const char *verb, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: which file?", verb);
  return false;
}

/* All sources go to the current directory. */
static bool
copy_many (FtsShell *shell, FtsCopy *copy, CopyOne copy_one, int argc, char **argv,
           GError **error)
{
  copy->shell = shell;
  copy->verb = argv[0];
  if (!take_options (copy, &argc, &argv, error))
    return false;
  if (argc < 2)
    return no_operand (copy->verb, error);
  return copy_each (copy, copy_one, argc - 1, argv + 1, NULL, error);
}

/* SOURCE [TARGET]. */
static bool
copy_to (FtsShell *shell, FtsCopy *copy, CopyOne copy_one, int argc, char **argv,
         GError **error)
{
  copy->shell = shell;
  copy->verb = argv[0];
  if (!take_options (copy, &argc, &argv, error))
    return false;
  if (argc < 2)
    return no_operand (copy->verb, error);
  if (argc > 3) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s takes one source and one target; m%s takes many sources",
                 copy->verb, strcmp (copy->verb, "get") == 0 ? "get" : "put");
    return false;
  }
  return copy_each (copy, copy_one, 1, argv + 1, argc > 2 ? argv[2] : NULL, error);
}

static bool
run_get (FtsShell *shell, int argc, char **argv, GError **error)
{
  FtsCopy copy = { 0 };
  return copy_to (shell, &copy, fts_copy_get, argc, argv, error);
}

static bool
run_put (FtsShell *shell, int argc, char **argv, GError **error)
{
  FtsCopy copy = { 0 };
  return copy_to (shell, &copy, fts_copy_put, argc, argv, error);
}

static bool
run_replace (FtsShell *shell, int argc, char **argv, GError **error)
{
  FtsCopy copy = { .replace = true };
  return copy_to (shell, &copy, fts_copy_put, argc, argv, error);
}

static bool
run_mget (FtsShell *shell, int argc, char **argv, GError **error)
{
  FtsCopy copy = { 0 };
  return copy_many (shell, &copy, fts_copy_get, argc, argv, error);
}

static bool
run_mput (FtsShell *shell, int argc, char **argv, GError **error)
{
  FtsCopy copy = { 0 };
  return copy_many (shell, &copy, fts_copy_put, argc, argv, error);
}

const FtsVerb fts_verbs_copy[] = {
  { "get", "[-rcf] REMOTE [LOCAL]", "bring a file, a pattern, or with -r a tree", 1, -1,
    true, run_get },
  { "put", "[-rcf] LOCAL [REMOTE]", "send likewise; an existing file stays", 1, -1,
    true, run_put },
  { "replace", "[-rc] LOCAL [REMOTE]", "put over an existing file", 1, -1, true,
    run_replace },
  { "mget", "[-rcf] REMOTE...", "get each into the local directory", 1, -1, true,
    run_mget },
  { "mput", "[-rcf] LOCAL...", "put each into the remote directory", 1, -1, true,
    run_mput },
  { 0 },
};
