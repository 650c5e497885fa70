/* fts - get, put and list files of another host through the volume (doc/man/fts.1.rst). */
#include "prog/common/program.h"
#include "prog/fts/script.h"
#include "prog/fts/verb.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_WAIT_S 5.0

typedef struct {
  FtsShell shell;
  char *file;  /* script */
  char **rest; /* PEER COMMAND ARGS */
  gboolean json, quiet, keep_going, version;
} Program;

static bool
parse (Program *program, int *argc, char ***argv, GError **error)
{
  FtsShell *shell = &program->shell;
  const GOptionEntry entries[] = {
    { "export", 'e', 0, G_OPTION_ARG_FILENAME, &shell->export_name,
      "The server's export, where PEER does not say it", "NAME" },
    { "secret-file", 's', 0, G_OPTION_ARG_FILENAME, &shell->volume_options.secret_file,
      "File with the secret shared with the server", "FILE" },
    { "file", 'f', 0, G_OPTION_ARG_FILENAME, &program->file,
      "Take commands from FILE (- = standard input)", "FILE" },
    { "keep-going", 'k', 0, G_OPTION_ARG_NONE, &program->keep_going,
      "Go on after an error", NULL },
    { "wait", 'w', 0, G_OPTION_ARG_DOUBLE, &shell->wait_s,
      "Seconds to wait for the server to appear (5)", "SECONDS" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &program->json,
      "Print results as JSON, one value a line", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &program->quiet, "No progress bar", NULL },
    { "version", 'V', 0, G_OPTION_ARG_NONE, &program->version, "Print the version",
      NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &program->rest, NULL,
      NULL },
    { 0 }
  };
  g_autofree char *verbs = fts_verb_help ();
  g_autofree char *description = g_strdup_printf (
    "Without COMMAND, commands are read from the terminal or standard input:\n%s",
    verbs);
  g_autoptr (GOptionContext) context =
    g_option_context_new ("[PEER[:/EXPORT] [COMMAND ARGS...]]");

  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  fts_volume_options_add (&shell->volume_options, FTS_VOLUME_OPTIONS_WITH_NAME,
                          context);
  return g_option_context_parse (context, argc, argv, error);
}

static bool
run_script (Program *program, GError **error)
{
  FtsShell *shell = &program->shell;

  if (program->file == NULL || strcmp (program->file, "-") == 0) {
    shell->interactive = program->file == NULL && isatty (STDIN_FILENO);
    return fts_script_run (shell, stdin, "standard input", error);
  }
  FILE *input = fopen (program->file, "re");
  if (input == NULL)
    return fts_set_errno (error, errno, "%s", program->file);
  bool ok = fts_script_run (shell, input, program->file, error);
  fclose (input);
  return ok;
}

static bool
run (Program *program, GError **error)
{
  FtsShell *shell = &program->shell;
  char **rest = program->rest;
  int n = rest ? (int) g_strv_length (rest) : 0;

  if (n > 1 && program->file != NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "either a command or --file");
    return false;
  }
  if (n > 0 && !fts_shell_open (shell, rest[0], error))
    return false;
  return n > 1 ? fts_verb_run (shell, n - 1, rest + 1, error)
               : run_script (program, error);
}

/* As the shell expects it of a program that a signal ended. */
static int
end_by_signal (int signum)
{
  signal (signum, SIG_DFL);
  raise (signum);
  return 128 + signum;
}

int
main (int argc, char **argv)
{
  Program program = { .shell = { .wait_s = DEFAULT_WAIT_S } };
  g_autoptr (GError) error = NULL;

  argv = fts_program_take_arguments (argc, argv);
  fts_program_start ("fts");
  if (!parse (&program, &argc, &argv, &error))
    return fts_program_usage ("%s", error->message);
  if (program.version) {
    puts ("fts " FTS_VERSION);
    return FTS_EXIT_OK;
  }
  program.shell.json = program.json;
  program.shell.quiet = program.quiet;
  program.shell.keep_going = program.keep_going;
  fts_shell_watch_signals ();
  int status = run (&program, &error) ? FTS_EXIT_OK : fts_program_fail (error);
  fts_shell_clear (&program.shell);
  g_free (program.file);
  g_strfreev (program.rest);
  return fts_shell_signal () ? end_by_signal (fts_shell_signal ()) : status;
}
