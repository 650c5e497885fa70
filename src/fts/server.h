/* server.h - the server half: serves exports to the connections that a door hands in.
 *
 * Threads: fts_server_serve() runs on the door's workers, many at once; session state (open
 * files of one client incarnation, whatever connection it uses) has its own lock.
 */
#pragma once

#include "channel/door.h"
#include "fts/export.h"

typedef struct FtsServer FtsServer;

FtsServer *fts_server_new (FtsExports *exports, GError **error);
void fts_server_free (FtsServer *server);

/* The callbacks of FtsDoorConfig; USER_DATA is the FtsServer. */
const char *fts_server_secret_of (const char *name, void *user_data);
void *fts_server_on_open (FtsChannel *channel, void *user_data);
bool fts_server_serve (FtsChannel *channel, void *connection, void *user_data);
void fts_server_on_close (FtsChannel *channel, void *connection, void *user_data);
