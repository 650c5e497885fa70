/* shell.h - what the commands of fts work on: a volume, a server's export, two directories.
 *
 * The volume is joined by the first open and left at the end.  Paths of the other side are
 * relative to its current directory, or to the export's root with a slash in front; the local
 * current directory is the process's.
 *
 * Threads: the main thread alone.
 */
#pragma once

#include "base/error.h"
#include "fts/client.h"
#include "prog/common/volume_options.h"

typedef struct {
  FtsVolumeOptions volume_options;
  char *export_name; /* where PEER names none */
  double wait_s;     /* for the server to appear */
  bool json, quiet, keep_going, interactive;

  FtsVolume *volume;
  FtsMember *member;
  FtsClient *client; /* NULL = not open */
  char *peer;
  FtsHandle dir;
  char *dir_path; /* from the export's root, without a slash in front */
  bool quit;
} FtsShell;

void fts_shell_clear (FtsShell *shell);

/* PEER[:[/]EXPORT]; what was open is closed first. */
bool fts_shell_open (FtsShell *shell, const char *where, GError **error);
void fts_shell_close (FtsShell *shell);

/* The directory that PATH is relative to; *REST is what follows, "." for nothing. */
const FtsHandle *fts_shell_base (const FtsShell *shell, const char *path,
                                 const char **rest);

bool fts_shell_walk (FtsShell *shell, const char *path, FtsNode *out, char **full,
                     GError **error);

/* VISIT for each entry of DIR but "." and ".."; PATTERN may be NULL. */
typedef bool (*FtsVisit) (const char *name, const FtsDirent *entry, void *user_data,
                          GError **error);
bool fts_shell_list (FtsShell *shell, const FtsHandle *dir, const char *pattern,
                     FtsVisit visit, void *user_data, GError **error);

/* Ctrl-C: the command under way ends soon; the next signal ends the program. */
void fts_shell_watch_signals (void);
int fts_shell_signal (void); /* the one that came, or 0 */
void fts_shell_forget_signal (void);
