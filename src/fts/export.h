/* export.h - what a server gives away: names, directories, rights, secrets.
 *
 * Each export is a directory held open as O_PATH; every later step goes beneath it by openat2
 * (containment.h), so no path of a peer leaves it.  Constant after load.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  char *name;
  char *path;
  int root_fd; /* O_PATH | O_DIRECTORY */
  bool read_only;
  char **peers;       /* names that may attach; NULL = all that have connected */
  bool allow_devices; /* peers may make device nodes */
  bool allow_setid;   /* peers may set set-user-id and set-group-id bits */
} FtsExport;

typedef struct FtsExports FtsExports;

FtsExports *fts_exports_new (void);
void fts_exports_free (FtsExports *exports);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsExports, fts_exports_free)

/* SPEC as on the command line: NAME=PATH[:ro|rw][,peers=A:B][,devices][,setid]; a name alone is
 * not enough.  Opens PATH; errors: CONFIG, FTS_ERRNO. */
bool fts_exports_add (FtsExports *exports, const char *spec, GError **error);
/* Key file: groups [export NAME] with path, mode=ro|rw, peers, devices, setid. */
bool fts_exports_load (FtsExports *exports, const char *file, GError **error);
/* Key file with one line a peer: group [secrets], NAME=SECRET.  The file must not be readable
 * by others (refused).  With a secrets file only peers in it may connect. */
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
