/* server.h - the server half: serves exports to the connections that a door hands in.
 *
 * Threads: fts_server_serve() runs on the door's workers, many at once; session state (open
 * files of one client incarnation, whatever connection it uses) has its own lock.
 */
#pragma once

#include "channel/door.h"
#include "fts/export.h"
#include "fts/fdcache.h"
#include "fts/stream.h"
#include "fts/watchers.h"
#include "fts/wire.h"

typedef struct FtsServer FtsServer;

typedef struct {
  /* Keeps the key of handles; NULL = derived from the machine's id (server_key.h). */
  const char *state_dir;
  /* Of files kept open between commands; 0 = up to 512. */
  unsigned most_descriptors;
  /* Open files of clients that have a descriptor at once (openfile.h); 0 = 3/8 of the limit. */
  unsigned most_awake;
  /* Watches of inotify (inotify.h); 0 = half of those that the user may have. */
  unsigned most_watches;
  /* Do without the kernel's file handles (tests). */
  bool by_path;
} FtsServerConfig;

/* EXPORTS must outlive it, or the next fts_server_set_exports().  CONFIG may be NULL. */
FtsServer *fts_server_new_with (FtsExports *exports, const FtsServerConfig *config,
                                GError **error);
FtsServer *fts_server_new (FtsExports *exports, GError **error);
/* What was answered is kept in FILE from here on, so that it outlives the process (replay.h); in
 * memory alone until then.  Before anybody connects. */
bool fts_server_remember (FtsServer *server, const char *file, GError **error);
void fts_server_free (FtsServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsServer, fts_server_free)

/* Serves EXPORTS from here on: mounts go on with what is still exported to them, and get ESTALE
 * or EACCES for the rest.  False: nothing has changed.  One thread at a time. */
bool fts_server_set_exports (FtsServer *server, FtsExports *exports, GError **error);

/* The callbacks of FtsDoorConfig; USER_DATA is the FtsServer. */
char *fts_server_secret_of (const char *name, void *user_data);
void *fts_server_on_open (FtsChannel *channel, void *user_data);
bool fts_server_serve (FtsChannel *channel, void *connection, void *user_data);
void fts_server_summoned (FtsChannel *channel, void *connection, void *user_data);
void fts_server_on_close (FtsChannel *channel, void *connection, void *user_data);
/* Before the door is open: this client is alive and may hold locks of an earlier server (grace.h). */
void fts_server_expect (FtsServer *server, uint32_t index, uint64_t generation);
/* It is dead. */
void fts_server_peer_dead (FtsServer *server, uint32_t index, uint64_t generation);
/* The door that serves, as soon as it is open. */
void fts_server_set_door (FtsServer *server, FtsDoor *door);

/* The same three for any stream: one client, named by host-table index, generation and name. */
void *fts_server_connect (FtsServer *server, uint32_t index, uint64_t generation,
                          const char *peer);
/* Serves one message.  False: the connection ends; ERROR is set unless the client said QUIT. */
bool fts_server_serve_stream (void *connection, FtsStream *stream, GError **error);
void fts_server_disconnect (void *connection);
/* To be called when the hook summoned CONNECTION: answers its WATCH request. */
bool fts_server_answer_watch (void *connection, FtsStream *stream, GError **error);
void fts_server_set_hooks (FtsServer *server, const FtsWatchersHooks *hooks);

/* To be called about once a second: closes what was not used for a while. */
void fts_server_tick (FtsServer *server);

typedef struct {
  uint64_t calls[FTS_OP_N], errors[FTS_OP_N], time_us[FTS_OP_N];
  uint64_t bytes_read, bytes_written;
  unsigned sessions, open_files;
  unsigned watches;            /* of inotify */
  FtsFdCacheStats descriptors; /* of all exports together */
} FtsServerStats;
void fts_server_get_stats (FtsServer *server, FtsServerStats *out);
