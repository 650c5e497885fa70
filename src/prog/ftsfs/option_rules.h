/* option_rules.h - the mount options that there are: a new one is a row of the table in
 * option_rules.c, a line of the usage text there, and a paragraph of ftsfs(8).
 *
 * Pure; any thread.  Errors: FTS_ERROR_CONFIG naming the option, and for an unknown one the
 * nearest that is known.
 */
#pragma once

#include "prog/ftsfs/options.h"

/* Takes all of LIST, one -o; unknown ones are passed over when SLOPPY. */
bool fts_option_rules_take (FtsMountOptions *out, const char *list, bool sloppy,
                            GError **error);
