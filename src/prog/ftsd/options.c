#include "prog/ftsd/options.h"

#include "base/error.h"

#define MOST_WORKERS 1024

static bool
validate (const FtsdOptions *options, int argc, char **argv, GError **error)
{
  if (argc > 1) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "unexpected argument '%s'",
                 argv[1]);
    return false;
  }
  if (options->volume.volume == NULL && !options->check_config) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "no volume named; use --volume SPEC");
    return false;
  }
  if (options->exports == NULL && options->config == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "nothing to serve; use --export NAME=PATH or --config FILE");
    return false;
  }
  if (options->workers < 0 || options->workers > MOST_WORKERS) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "--workers %d: give a number from 1 to %d", options->workers,
                 MOST_WORKERS);
    return false;
  }
  if (options->watches < 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "--watches %d: give a number from 1, or 0 for the default",
                 options->watches);
    return false;
  }
  return true;
}

/* A daemon leaves its directory. */
static void
make_absolute (char **file)
{
  g_autofree char *given = *file;

  if (given != NULL)
    *file = g_canonicalize_filename (given, NULL);
}

bool
ftsd_options_parse (FtsdOptions *options, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
    { "export", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options->exports,
      "Directory to serve (may be repeated); options: ro, rw, peers=A:B, root_squash, "
      "all_squash, anonuid=N, anongid=N, uidmap=FILE, gidmap=FILE, devices, setid, "
      "watch=WAY",
      "NAME=PATH[:ro][,OPTION...]" },
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config,
      "Key file with groups [export NAME]; SIGHUP reads it again", "FILE" },
    { "secrets", 's', 0, G_OPTION_ARG_FILENAME, &options->secrets,
      "Key file with [secrets] PEER=SECRET; only these peers may connect", "FILE" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
      "Keeps the key of file handles (default: derived from the machine id)", "DIR" },
    { "workers", 'w', 0, G_OPTION_ARG_INT, &options->workers,
      "Most requests served at once (default 16)", "N" },
    { "watches", 0, 0, G_OPTION_ARG_INT, &options->watches,
      "Most inotify watches (default half of fs.inotify.max_user_watches)", "N" },
    { "stats-file", 0, 0, G_OPTION_ARG_FILENAME, &options->stats_file,
      "SIGUSR1 writes the counters there, as JSON", "FILE" },
    { "pid-file", 'p', 0, G_OPTION_ARG_FILENAME, &options->pid_file,
      "Process id, once connections are accepted", "FILE" },
    { "ready-fd", 0, 0, G_OPTION_ARG_INT, &options->ready_fd,
      "Descriptor that gets READY and a newline, once connections are accepted", "N" },
    { "foreground", 'f', 0, G_OPTION_ARG_NONE, &options->foreground,
      "Do not go to the background", NULL },
    { "check-config", 'C', 0, G_OPTION_ARG_NONE, &options->check_config,
      "Print what would be exported, or what is wrong, and end", NULL },
    { "version", 'V', 0, G_OPTION_ARG_NONE, &options->version,
      "Print the version and end", NULL },
    { 0 }
  };

  options->ready_fd = -1;
  g_option_context_set_summary (context,
                                "Serves directories to the hosts that share a volume.");
  g_option_context_add_main_entries (context, entries, NULL);
  fts_volume_options_add (&options->volume, FTS_VOLUME_OPTIONS_WITH_NAME, context);
  if (!g_option_context_parse (context, argc, argv, error))
    return false;
  make_absolute (&options->config);
  make_absolute (&options->secrets);
  make_absolute (&options->stats_file);
  make_absolute (&options->pid_file);
  return options->version || validate (options, *argc, *argv, error);
}

void
ftsd_options_clear (FtsdOptions *options)
{
  fts_volume_options_clear (&options->volume);
  g_clear_pointer (&options->exports, g_strfreev);
  g_clear_pointer (&options->config, g_free);
  g_clear_pointer (&options->secrets, g_free);
  g_clear_pointer (&options->state_dir, g_free);
  g_clear_pointer (&options->stats_file, g_free);
  g_clear_pointer (&options->pid_file, g_free);
}
