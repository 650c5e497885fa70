/* keeper.h - a tiny process that stands behind the one that serves a mount.
 *
 * It does nothing but wait for it.  When who serves is killed or crashes, the kernel ends the
 * mount's requests with errors, and what was open stays dead (ENOTCONN); but the directory would
 * stay dead, too.  So the keeper starts another one, which reaches the peer as patiently as it can,
 * takes the dead mount away and mounts anew.  In between the directory answers ENOTCONN, so that
 * nobody writes to what lies under it; whoever takes the dead mount away meanwhile ends it all.
 *
 * Who serves and ends by itself (umount, a signal that ends it) ends the keeper.  SIGTERM, SIGINT,
 * SIGHUP and SIGUSR1 are handed on.  When more than FTS_KEEPER_TRIES in a row do not live for a
 * minute, the next one waits: 1 s, 2 s ... 32 s.
 *
 * The keeper has one thread, no volume and no connection; who serves does not need it.
 */
#pragma once

#include "base/error.h"

#define FTS_KEEPER_TRIES 10u

typedef struct {
  const char *mountpoint;
  /* In a process of its own: serves until the end.  AGAIN: one before it died. */
  FtsExit (*serve) (bool again, void *user_data);
  void *user_data;
} FtsKeeperConfig;

/* Returns when it is all over: the status of who served last. */
FtsExit fts_keeper_run (const FtsKeeperConfig *config);

/* Of who serves: the mount is live, from here on it is worth keeping. */
void fts_keeper_set_live (void);
/* Is there the mount of somebody who died? */
bool fts_keeper_is_dead_mount (const char *mountpoint);
/* The mount of somebody who died goes away; nothing when there is none at MOUNTPOINT. */
void fts_keeper_take_away (const char *mountpoint);
