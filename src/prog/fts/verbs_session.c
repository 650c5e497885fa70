/* open, close, quit, help. */
#include "prog/fts/verb.h"

#include <stdio.h>

static bool
run_open (FtsShell *shell, int argc, char **argv, GError **error)
{
  return fts_shell_open (shell, argv[1], error);
}

static bool
run_close (FtsShell *shell, int argc, char **argv, GError **error)
{
  fts_shell_close (shell);
  return true;
}

static bool
run_quit (FtsShell *shell, int argc, char **argv, GError **error)
{
  shell->quit = true;
  return true;
}

static bool
run_help (FtsShell *shell, int argc, char **argv, GError **error)
{
  g_autofree char *text = fts_verb_help ();
  fputs (text, stdout);
  return true;
}

const FtsVerb fts_verbs_session[] = {
  { "open", "PEER[:/EXPORT]", "connect to a server's export", 1, 1, false, run_open },
  { "close", "", "end the connection", 0, 0, false, run_close },
  { "quit", "", "leave", 0, 0, false, run_quit },
  { "help", "", "this list", 0, 0, false, run_help },
  { 0 },
};
