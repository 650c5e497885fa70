/* fts-admin - look at a volume, keep it in order, reserve its devices. */
#include "prog/admin/command.h"

#include <stdio.h>
#include <string.h>

static const FtsCommand *const commands[] = {
  &fts_admin_status,  &fts_admin_hosts,    &fts_admin_connections, &fts_admin_dump,
  &fts_admin_check,   &fts_admin_keys,     &fts_admin_register,    &fts_admin_reserve,
  &fts_admin_release, &fts_admin_takeover, &fts_admin_fence,       &fts_admin_clear,
  &fts_admin_paths,   &fts_admin_cdb,      &fts_admin_discover,    &fts_admin_path,
  &fts_admin_reload
};

static const FtsCommand *
find_command (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static char *
describe_commands (void)
{
  GString *out = g_string_new ("Commands:\n");

  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (out, "  %-12s %s\n", commands[i]->name,
                            commands[i]->summary);
  g_string_append (out,
                   "\n`fts-admin COMMAND --help` shows the options of a command.\n"
                   "Exit status: 0 done and nothing wrong, 1 failed or something is\n"
                   "wrong, 2 wrong usage, 3 volume not reachable, 4 volume damaged.\n");
  return g_string_free (out, FALSE);
}

/* Options in front of the command; the rest stays in ARGV for it. */
static bool
parse_front (FtsAdmin *admin, gboolean *version, int *argc, char ***argv,
             GError **error)
{
  const GOptionEntry common[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &admin->json,
                                    "Print JSON instead of text", NULL },
                                  { "version", 'V', 0, G_OPTION_ARG_NONE, version,
                                    "Print the version and end", NULL },
                                  { 0 } };
  g_autoptr (GOptionContext) context =
    g_option_context_new ("COMMAND [ARGUMENT...] - look at an ftsfs volume");
  g_autofree char *description = describe_commands ();

  g_option_context_set_description (context, description);
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_add_main_entries (context, common, NULL);
  fts_volume_options_add (&admin->where, FTS_VOLUME_OPTIONS_PLAIN, context);
  return g_option_context_parse (context, argc, argv, error);
}

int
main (int argc, char **argv)
{
  FtsAdmin admin = { 0 };
  const FtsCommand *command;
  gboolean version = FALSE;
  g_autoptr (GError) error = NULL;
  FtsExit status;

  argv = fts_program_take_arguments (argc, argv);
  fts_program_start ("fts-admin");
  if (!parse_front (&admin, &version, &argc, &argv, &error))
    status = fts_program_usage ("%s", error->message);
  else if (version)
    status = puts ("fts-admin " FTS_VERSION) < 0 ? FTS_EXIT_FAILURE : FTS_EXIT_OK;
  else if (argc < 2)
    status = fts_program_usage ("no command given");
  else if ((command = find_command (argv[1])) == NULL)
    status = fts_program_usage ("command \"%s\" is unknown", argv[1]);
  else
    status = command->run (&admin, argc - 1, argv + 1);
  fts_volume_options_clear (&admin.where);
  return status;
}
