#include "prog/admin/command.h"

#include <stdio.h>

bool
fts_admin_parse (FtsAdmin *admin, const FtsCommand *command,
                 const GOptionEntry *entries, int max_args, int *argc, char ***argv,
                 GError **error)
{
  const GOptionEntry common[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &admin->json,
                                    "Print JSON instead of text", NULL },
                                  { 0 } };
  g_autofree char *usage =
    g_strdup_printf ("%s %s- %s", command->name, command->arguments, command->summary);
  g_autoptr (GOptionContext) context = g_option_context_new (usage);

  if (command->description != NULL)
    g_option_context_set_description (context, command->description);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, common, NULL);
  fts_volume_options_add (&admin->where, FTS_VOLUME_OPTIONS_PLAIN, context);
  if (!g_option_context_parse (context, argc, argv, error))
    return false;
  if (*argc - 1 <= max_args)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: argument \"%s\" is too much",
               command->name, (*argv)[max_args + 1]);
  return false;
}

FtsExit
fts_admin_fail (const GError *error)
{
  if (fts_error_to_exit (error) == FTS_EXIT_USAGE)
    return fts_program_usage ("%s", error->message);
  return fts_program_fail (error);
}

void
fts_json_text (JsonBuilder *json, const char *key, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);

  json_builder_set_member_name (json, key);
  json_builder_add_string_value (json, valid);
}

void
fts_json_number (JsonBuilder *json, const char *key, uint64_t value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_int_value (json, (gint64) value);
}

void
fts_json_bool (JsonBuilder *json, const char *key, bool value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_boolean_value (json, value);
}

void
fts_json_print (JsonBuilder *json)
{
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  g_autofree char *text = json_to_string (root, TRUE);

  puts (text);
}
