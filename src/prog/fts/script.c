#include "prog/fts/script.h"

#include "prog/fts/verb.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
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
  bool ok = fts_verb_run (shell, argc, argv, error);
  fflush (stdout); /* a program may be waiting for the answer before it says more */
  return ok;
}

/* On a terminal Ctrl-C drops the line or the command, nothing else; other signals mean it. */
static bool
go_on_after_signal (FtsShell *shell, FILE *input)
{
  if (fts_shell_signal () == 0)
    return true;
  if (!shell->interactive || fts_shell_signal () != SIGINT)
    return false;
  putchar ('\n');
  clearerr (input);
  fts_shell_forget_signal ();
  return true;
}

/* Until a terminal has a line (or its end) for us; false when a signal came before or meanwhile.
 * Signals are let in only while we sleep, so that none slips in just before. */
static bool
wait_for_line (FILE *input)
{
  struct pollfd in = { .fd = fileno (input), .events = POLLIN };
  sigset_t ours, before;

  sigemptyset (&ours);
  sigaddset (&ours, SIGINT);
  sigaddset (&ours, SIGTERM);
  sigaddset (&ours, SIGHUP);
  sigprocmask (SIG_BLOCK, &ours, &before);
  while (fts_shell_signal () == 0 && ppoll (&in, 1, NULL, &before) < 0 &&
         errno == EINTR)
    continue;
  sigprocmask (SIG_SETMASK, &before, NULL);
  return fts_shell_signal () == 0;
}

static bool
next_line (FtsShell *shell, FILE *input, char **line, size_t *size)
{
  while (shell->interactive) {
    show_prompt (shell);
    if (wait_for_line (input))
      break;
    if (!go_on_after_signal (shell, input))
      return false;
  }
  return getline (line, size, input) >= 0;
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
