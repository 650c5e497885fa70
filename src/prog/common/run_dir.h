/* run_dir.h - where running programs have their sockets.
 *
 * $FTSFS_RUN_DIR, or /run/ftsfs for root, or ftsfs below the user's runtime directory.  A directory
 * that somebody else owns or can write is not used.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/un.h>

/* Never fails: the name. */
char *fts_run_dir (void);
/* Makes it, when needed, and checks whose it is. */
bool fts_run_dir_make (const char *dir, GError **error);
/* The address of the socket NAME there; CONFIG when it is too long. */
bool fts_run_dir_address (const char *dir, const char *name, struct sockaddr_un *out,
                          GError **error);
