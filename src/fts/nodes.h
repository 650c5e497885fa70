/* nodes.h - where files were last seen, for file systems that have no handles.
 *
 * A node remembers a file's name and its directory; the path to it is put together by following
 * the directories up to the root.  So a rename through the server is one entry's change and
 * everything beneath stays found.  A rename behind the server's back makes files stale until
 * they are looked up again.
 *
 * The table forgets everything when it has grown beyond its bound: the clients look up anew.
 *
 * Threads: any; one lock.
 */
#pragma once

#include "fts/attr.h"

typedef struct FtsNodes FtsNodes;

FtsNodes *fts_nodes_new (const FtsFileId *root, unsigned most);
void fts_nodes_free (FtsNodes *nodes);

void fts_nodes_note (FtsNodes *nodes, const FtsFileId *file, const FtsFileId *dir,
                     const char *name);
/* Path from the root, without a leading '/'; NULL when the file or a directory above it is not
 * known. */
char *fts_nodes_path (FtsNodes *nodes, const FtsFileId *file);
