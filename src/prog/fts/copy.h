/* copy.h - files and trees from one side to the other, as the commands get and put want them.
 *
 * An error ends the whole copy; with keep_going it is printed and counted, and the copy goes on,
 * unless the connection or the user ended it.
 */
#pragma once

#include "prog/fts/progress.h"
#include "prog/fts/shell.h"

typedef struct {
  FtsShell *shell;
  const char *verb; /* get or put, for reports */
  bool replace, resume, recursive;
  unsigned n_failed;

  FtsProgress progress; /* of the file under way */
  uint64_t bytes;
} FtsCopy;

/* Remote PATH (a file, with `recursive` a tree, or a pattern) to LOCAL; NULL = under its own name
 * in the current directory; into LOCAL when that is a directory. */
bool fts_copy_get (FtsCopy *copy, const char *path, const char *local, GError **error);
/* Local PATH likewise to REMOTE. */
bool fts_copy_put (FtsCopy *copy, const char *path, const char *remote, GError **error);

/* ---- shared by both directions ---- */

/* The options of one file's transfer; calls come back to COPY. */
FtsTransfer fts_copy_begin_file (FtsCopy *copy, const char *name);
/* Reports a file that is complete. */
void fts_copy_end_file (FtsCopy *copy, const char *source, const char *target);
/* What to do after CAUSE (taken): true = go on. */
bool fts_copy_go_on (FtsCopy *copy, GError *cause, GError **error);
/* Says that SOURCE is neither file, directory nor symlink and stays behind. */
void fts_copy_skip (const char *source);
