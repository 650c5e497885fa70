/* verb.h - the commands of fts: one table, one file a command group.
 *
 * A new command is a row in its group's table; a new group is a table in verbs.c.
 */
#pragma once

#include "prog/fts/shell.h"

typedef struct {
  const char *name;
  const char *operands; /* as in help */
  const char *help;
  int min, max; /* operands; max -1 = any number */
  bool needs_open;
  /* ARGV[0] is the command. */
  bool (*run) (FtsShell *shell, int argc, char **argv, GError **error);
} FtsVerb;

/* Tables end with a row without a name. */
extern const FtsVerb fts_verbs_session[]; /* open close quit help */
extern const FtsVerb fts_verbs_dir[];     /* dir cd pwd lcd */
extern const FtsVerb fts_verbs_copy[];    /* get put replace mget mput */

/* Errors of the command line itself are FTS_ERROR_CONFIG. */
bool fts_verb_run (FtsShell *shell, int argc, char **argv, GError **error);

/* The table as text for help. */
char *fts_verb_help (void);
