#include "prog/common/program.h"

#include <lunpath/transport.h>

#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>

static atomic_bool to_syslog;

static bool
is_wanted (GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
  const char *domain = NULL;

  for (gsize i = 0; i < n_fields; i++)
    if (g_strcmp0 (fields[i].key, "GLIB_DOMAIN") == 0)
      domain = fields[i].value;
  return !g_log_writer_default_would_drop (level, domain);
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const char *text = "";

  if (!is_wanted (level, fields, n_fields))
    return G_LOG_WRITER_HANDLED;
  for (gsize i = 0; i < n_fields; i++)
    if (g_strcmp0 (fields[i].key, "MESSAGE") == 0)
      text = fields[i].value;
  if (atomic_load (&to_syslog))
    syslog (level & G_LOG_LEVEL_WARNING ? LOG_WARNING : LOG_NOTICE, "%s", text);
  else
    fprintf (stderr, "%s: %s%s\n", g_get_prgname (),
             level & G_LOG_LEVEL_WARNING ? "warning: " : "", text);
  return G_LOG_WRITER_HANDLED;
}

void
fts_program_start (const char *name)
{
  setlocale (LC_ALL, "");
  g_set_prgname (name);
  g_log_set_writer_func (write_log, NULL, NULL);
}

char **
fts_program_take_arguments (int argc, char **argv)
{
  static char **copy; /* as long as the program */

  copy = g_new0 (char *, (gsize) argc + 1);
  for (int i = 0; i < argc; i++) {
    copy[i] = g_strdup (argv[i]);
    lun_path_name_hide (argv[i]);
  }
  return copy;
}

void
fts_program_use_syslog (void)
{
  openlog (g_get_prgname (), LOG_PID, LOG_DAEMON);
  atomic_store (&to_syslog, true);
}

FtsExit
fts_program_fail (const GError *error)
{
  fprintf (stderr, "%s: %s\n", g_get_prgname (), error->message);
  return fts_error_to_exit (error);
}

FtsExit
fts_program_usage (const char *format, ...)
{
  va_list args;

  fprintf (stderr, "%s: ", g_get_prgname ());
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fprintf (stderr, "\n%s: `%s --help` shows the options\n", g_get_prgname (),
           g_get_prgname ());
  return FTS_EXIT_USAGE;
}
