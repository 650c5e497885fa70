/* pattern.h - file groups: names with * ? [ in their last part, applied by the server.
 *
 * A path is a pattern only where no file has that very name, so that every name can be said.
 */
#pragma once

#include "prog/fts/shell.h"

bool fts_pattern_is (const char *path);

/* VISIT gets the names in front of which stands what fts_pattern_dir() gives; ENOENT when nothing
 * matches. */
bool fts_pattern_each (FtsShell *shell, const char *path, FtsVisit visit,
                       void *user_data, GError **error);

/* "a/b/" of "a/b/\*.c", "" of a path without a slash. */
char *fts_pattern_dir (const char *path);
