#include "prog/fts/script.h"

#include "prog/fts/verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* getline's buffer. */
typedef struct {
  char *text;
  size_t size;
} FtsLine;

static void
free_line (FtsLine *line)
{
  free (line->text);
  g_free (line);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsLine, free_line)

static void
show_prompt (const FtsShell *shell)
{
  if (shell->client != NULL)
    printf ("%s:/%s> ", shell->peer, shell->dir_path);
  else
    fputs ("fts> ", stdout);
  fflush (stdout);
}

static bool
run_line (FtsShell *shell, char *line, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_auto (GStrv) argv = NULL;
  int argc;

  line[strcspn (line, "\n")] = '\0';
  const char *text = line + strspn (line, " \t\r");
  if (*text == '\0' || *text == '#')
    return true;
  if (!g_shell_parse_argv (text, &argc, &argv, &cause)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s", cause->message);
    return false;
  }
  return fts_verb_run (shell, argc, argv, error);
}

/* On a terminal Ctrl-C drops the line or the command, nothing else. */
static bool
go_on_after_signal (FtsShell *shell, FILE *input)
{
  if (fts_shell_signal () == 0)
    return true;
  if (!shell->interactive)
    return false;
  putchar ('\n');
  clearerr (input);
  fts_shell_forget_signal ();
  return true;
}

static bool
next_line (FtsShell *shell, FILE *input, char **line, size_t *size)
{
  for (;;) {
    if (shell->interactive)
      show_prompt (shell);
    errno = 0;
    if (getline (line, size, input) >= 0)
      return true;
    if (errno != EINTR || !go_on_after_signal (shell, input))
      return false;
  }
}

/* After CAUSE: true = go on with the next line. */
static bool
go_on_after_error (FtsShell *shell, FILE *input, const GError *cause)
{
  if (!shell->interactive && !shell->keep_going)
    return false;
  if (!go_on_after_signal (shell, input))
    return false;
  fprintf (stderr, "fts: %s\n", cause->message);
  return true;
}

static bool
run_lines (FtsShell *shell, FILE *input, const char *name, unsigned *n_failed,
           GError **error)
{
  unsigned number = 0;
  g_autoptr (FtsLine) line = g_new0 (FtsLine, 1);

  while (!shell->quit && next_line (shell, input, &line->text, &line->size)) {
    g_autoptr (GError) cause = NULL;
    number++;
    if (run_line (shell, line->text, &cause))
      continue;
    if (!shell->interactive)
      g_prefix_error (&cause, "%s:%u: ", name, number);
    if (!go_on_after_error (shell, input, cause)) {
      g_propagate_error (error, g_steal_pointer (&cause));
      return false;
    }
    (*n_failed)++;
  }
  return true;
}

bool
fts_script_run (FtsShell *shell, FILE *input, const char *name, GError **error)
{
  unsigned n_failed = 0;

  if (!run_lines (shell, input, name, &n_failed, error))
    return false;
  if (n_failed == 0 || shell->interactive)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_IO, "%s: %u commands failed", name,
               n_failed);
  return false;
}
