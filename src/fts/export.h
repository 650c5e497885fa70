/* export.h - what a server gives away: names, directories, rights, secrets.
 *
 * Each export is a directory held open as O_PATH; every later step goes beneath it by openat2
 * (containment.h), so no path of a peer leaves it.  Constant after load.
 *
 * An export lives as long as somebody holds a reference; the set holds one of each.
 */
#pragma once

#include "fts/rights.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How changes that other programs of this host make are seen (local.h). */
typedef enum {
  FTS_WATCH_AUTO, /* fanotify, else inotify */
  FTS_WATCH_FANOTIFY,
  FTS_WATCH_INOTIFY,
  FTS_WATCH_OFF,
} FtsWatchChoice;

typedef struct {
  int refs; /* atomic */
  char *name;
  char *path;
  int root_fd;      /* O_PATH | O_DIRECTORY */
  uint64_t root_id; /* no other export of this process ever has it */
  bool read_only;
  char **peers; /* patterns of names that may attach; NULL = all that have connected */
  bool allow_devices; /* peers may make device nodes */
  bool allow_setid;   /* peers may set set-user-id and set-group-id bits */
  FtsWatchChoice watch;
  FtsRights rights;
} FtsExport;

FtsExport *
fts_export_new (void); /* nothing is exported yet, with what holds by default */
FtsExport *fts_export_ref (const FtsExport *export);
void fts_export_unref (FtsExport *export);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsExport, fts_export_unref)

/* Sets what KEY says, the same words in a key file and on the command line.  Errors: CONFIG. */
bool fts_export_set (FtsExport *export, const char *key, const char *value,
                     GError **error);
/* Do both give away the same directory under the same name? */
bool fts_export_is_same_place (const FtsExport *a, const FtsExport *b);
/* One line for people: name, directory and all that is set. */
char *fts_export_describe (const FtsExport *export);

typedef struct FtsExports FtsExports;

FtsExports *fts_exports_new (void);
void fts_exports_free (FtsExports *exports);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsExports, fts_exports_free)

/* SPEC as on the command line: NAME=PATH[:ro|rw][,KEY[=VALUE]...]; a name alone is not enough.
 * Opens PATH; errors: CONFIG. */
bool fts_exports_add (FtsExports *exports, const char *spec, GError **error);
/* Key file: groups [export NAME] with path and the keys of export_keys.c. */
bool fts_exports_load (FtsExports *exports, const char *file, GError **error);
/* Key file with one line a peer: group [secrets], NAME=SECRET; NAME may be a pattern, the first
 * that fits counts when no line names the peer itself.  The file must not be readable by others
 * (refused).  With a secrets file only peers in it may connect. */
bool fts_exports_load_secrets (FtsExports *exports, const char *file, GError **error);

unsigned fts_exports_count (const FtsExports *exports);
const FtsExport *fts_exports_get (const FtsExports *exports, unsigned index);
/* NAME with or without a leading '/'. */
const FtsExport *fts_exports_find (const FtsExports *exports, const char *name);
/* Further mounts and clients of one host are numbered ("alpha.2", volume/join.h): what is said of
 * "alpha" holds for them, unless something is said of themselves. */

/* "" when no secrets are in use, NULL when PEER may not connect. */
const char *fts_exports_secret_of (const FtsExports *exports, const char *peer);
bool fts_export_allows (const FtsExport *export, const char *peer);
