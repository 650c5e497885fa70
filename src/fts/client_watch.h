/* client_watch.h - hearing of changes: one thread with a connection of its own that has a WATCH
 * request with the server (wire.h, watchers.h) as long as there is one.
 *
 *   connected, WATCH answered     begin(); what it returned from is told to the server: all locks that
 *                                 were held before have been asked for
 *   each notice                   notice(), and done() after the last of a batch; what done()
 *                                 returned from is acknowledged to the server
 *   the connection is lost        end(); then a new one is tried about every second
 *
 * Waiting costs no LUN command where the LUN wakes, else a read every 100 ms; every
 * FTS_WATCH_REMIND_MS one write, which heals what was lost on the way.
 *
 * Threads: the callbacks run on the watch's thread, one at a time.
 */
#pragma once

#include "fts/client.h"

#define FTS_WATCH_REMIND_MS 30000

typedef struct FtsWatch FtsWatch;

typedef struct {
  /* From here on the server tells of changes of what it calls watched. */
  void (*begin) (void *user_data);
  void (*notice) (const FtsNotice *notice, void *user_data);
  void (*done) (void *user_data);
  /* Nothing is told any more: nothing that was watched can be trusted. */
  void (*end) (void *user_data);
  void *user_data;
} FtsWatchConfig;

/* NULL when no thread can be started. */
FtsWatch *fts_watch_start (FtsClient *client, const FtsWatchConfig *config);
/* The last callback, end() if it is due, has returned then.  NULL is fine. */
void fts_watch_stop (FtsWatch *watch);
