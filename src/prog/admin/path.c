/* path.c - fts-admin path, fts-admin reload: changing the paths of programs that run. */
#include "prog/admin/running.h"

#include "base/error.h"
#include "volume/device_spec.h"

#include <lunpath/transport.h>

#include <stdio.h>
#include <string.h>

/* Asks each of the programs that fit; fails when one of them does. */
static FtsExit
ask_all (const FtsAdmin *admin, int pid, const char *what, const char *path)
{
  const FtsRunningWhich which = { .pid = pid, .volume = admin->where.volume };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = fts_running_find (&which, &error);
  bool ok = true;

  if (all == NULL)
    return fts_admin_fail (error);
  for (unsigned i = 0; i < all->len; i++) {
    const FtsRunning *running = g_ptr_array_index (all, i);
    g_autofree char *done = NULL;
    g_autoptr (GError) why = NULL;
    if (fts_running_ask (running, what, path, &done, &why)) {
      printf ("%s %d (%s): %s\n", running->program, running->pid, running->what,
              done != NULL ? done : "done");
      continue;
    }
    ok = false;
    fts_program_fail (why);
  }
  return ok ? FTS_EXIT_OK : FTS_EXIT_FAILURE;
}

/* The path's complete name. */
static char *
complete_name (const char *word, GError **error)
{
  g_auto (GStrv) paths = fts_device_spec_paths (word, error);

  if (paths == NULL)
    return NULL;
  if (g_strv_length (paths) == 1)
    return g_strdup (paths[0]);
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "one path at a time");
  return NULL;
}

static bool
check_verb (int argc, char **argv, GError **error)
{
  static const char *const verbs[] = { "add", "remove", "up", "down", NULL };

  if (argc == 3 && g_strv_contains (verbs, argv[1]))
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "path: wants add, remove, up or down, and the name of a path");
  return false;
}

static FtsExit
run_path (FtsAdmin *admin, int argc, char **argv)
{
  int pid = 0;
  const GOptionEntry entries[] = {
    { "process", 'p', 0, G_OPTION_ARG_INT, &pid, "Of this process only", "PID" }, { 0 }
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;

  if (!fts_admin_parse (admin, &fts_admin_path, entries, 2, &argc, &argv, &error) ||
      !check_verb (argc, argv, &error) ||
      (name = complete_name (argv[2], &error)) == NULL)
    return fts_admin_fail (error);
  return ask_all (admin, pid, argv[1], name);
}

const FtsCommand fts_admin_path = {
  "path", "add|remove|up|down PATH ", "change the paths of running programs", run_path,
  "Of all ftsd and ftsfs of this host, or of those that use the\n"
  "--volume (its name, or what they were started with).\n"
};

static FtsExit
run_reload (FtsAdmin *admin, int argc, char **argv)
{
  int pid = 0;
  const GOptionEntry entries[] = {
    { "process", 'p', 0, G_OPTION_ARG_INT, &pid, "This process only", "PID" }, { 0 }
  };
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_reload, entries, 0, &argc, &argv, &error))
    return fts_admin_fail (error);
  return ask_all (admin, pid, "reload", NULL);
}

const FtsCommand fts_admin_reload = {
  "reload", "", "running programs read their key files again", run_reload,
  "Paths that are new in a volume's key file are added, those\n"
  "that have gone are removed.\n"
};
