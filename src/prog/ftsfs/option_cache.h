/* option_cache.h - mount options about caches, by the names that users of NFS and sshfs know.
 *
 * All of them end in a few numbers of FtsMountOptions: how long attributes (of files and of
 * directories, between a least and a most), names and the absence of names are trusted, and
 * what becomes of cached data at open.  A later option overrules an earlier one.
 *
 * Pure; any thread.  Errors: FTS_ERROR_CONFIG naming the option and what may stand there.
 */
#pragma once

#include "prog/ftsfs/options.h"

void fts_option_cache_set_defaults (FtsMountOptions *out);
/* OPTION is one of the names in the table of option_rules.c, with its value. */
bool fts_option_cache_take (FtsMountOptions *out, const char *option, GError **error);

/* For how many seconds attributes of a file (or of a DIRECTORY) may be trusted that last changed
 * AGE_S seconds ago: a tenth of that, within the limits. */
double fts_option_cache_seconds (const FtsMountOptions *options, bool directory,
                                 double age_s);
