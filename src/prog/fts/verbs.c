#include "prog/fts/verb.h"

#include <string.h>

static const FtsVerb *const groups[] = { fts_verbs_session, fts_verbs_dir,
                                         fts_verbs_copy };

static const FtsVerb *
find_verb (const char *name)
{
  for (size_t g = 0; g < G_N_ELEMENTS (groups); g++)
    for (const FtsVerb *verb = groups[g]; verb->name != NULL; verb++)
      if (strcmp (verb->name, name) == 0)
        return verb;
  return NULL;
}

bool
fts_verb_run (FtsShell *shell, int argc, char **argv, GError **error)
{
  const FtsVerb *verb = find_verb (argv[0]);

  if (verb == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "no command \"%s\"; try help",
                 argv[0]);
    return false;
  }
  if (argc - 1 < verb->min || (verb->max >= 0 && argc - 1 > verb->max)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "usage: %s %s", verb->name,
                 verb->operands);
    return false;
  }
  if (verb->needs_open && shell->client == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: no server; open PEER:/EXPORT first", verb->name);
    return false;
  }
  return verb->run (shell, argc, argv, error);
}

char *
fts_verb_help (void)
{
  GString *text = g_string_new (NULL);

  for (size_t g = 0; g < G_N_ELEMENTS (groups); g++)
    for (const FtsVerb *verb = groups[g]; verb->name != NULL; verb++) {
      g_autofree char *usage = g_strdup_printf ("%s %s", verb->name, verb->operands);
      g_string_append_printf (text, "  %-36s %s\n", usage, verb->help);
    }
  return g_string_free (text, FALSE);
}
