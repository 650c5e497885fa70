/* command.h - the sub-commands of fts-admin: one file each, one row each in main.c's table.
 *
 * A command parses its own options with fts_admin_parse(), which also takes --volume, --device
 * and --json, opens the volume where it needs one, and prints text or JSON.  Its exit status is
 * the program's.
 */
#pragma once

#include "prog/common/program.h"
#include "prog/common/volume_options.h"

#include <json-glib/json-glib.h>

typedef struct {
  FtsVolumeOptions where;
  gboolean json;
} FtsAdmin;

typedef struct {
  const char *name;
  const char *arguments; /* for the usage line */
  const char *summary;
  FtsExit (*run) (FtsAdmin *admin, int argc, char **argv);
  const char *description; /* more help, or NULL */
} FtsCommand;

extern const FtsCommand fts_admin_status, fts_admin_hosts, fts_admin_connections,
  fts_admin_dump, fts_admin_check, fts_admin_keys, fts_admin_register,
  fts_admin_reserve, fts_admin_release, fts_admin_takeover, fts_admin_fence,
  fts_admin_clear, fts_admin_paths, fts_admin_cdb, fts_admin_discover, fts_admin_path,
  fts_admin_reload;

/* Takes the options out of ARGV.  ENTRIES may be NULL.  At most MAX_ARGS arguments may remain
 * after argv[0]. */
bool fts_admin_parse (FtsAdmin *admin, const FtsCommand *command,
                      const GOptionEntry *entries, int max_args, int *argc,
                      char ***argv, GError **error);

/* Prints and returns the status for a failed parse or operation. */
FtsExit fts_admin_fail (const GError *error);

/* ---- JSON ---- */
void fts_json_text (JsonBuilder *json, const char *key, const char *value);
void fts_json_number (JsonBuilder *json, const char *key, uint64_t value);
void fts_json_bool (JsonBuilder *json, const char *key, bool value);
/* Prints what was built and a line end. */
void fts_json_print (JsonBuilder *json);
