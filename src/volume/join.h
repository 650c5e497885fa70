/* join.h - which host table entry a process that joins may take, and under which name.
 *
 * A server's name is its address: two live servers of one name are refused.  Mounts, clients and
 * administrators are many on one host: a taken name gets a number ("host.2").  Pure.
 */
#pragma once

#include "volume/peers.h"

typedef enum {
  FTS_JOIN_TAKE, /* *INDEX, under the name in NAME */
  FTS_JOIN_WAIT, /* an entry in the way may be dead: watch it for its dead time */
  FTS_JOIN_BUSY, /* a live server has the name; *INDEX is its entry */
  FTS_JOIN_FULL, /* every entry belongs to a live process */
} FtsJoin;

/* N entries of PEERS count.  NAME (FTS_NAME_LEN bytes) is changed to the name to use. */
FtsJoin fts_join_choose (const FtsPeers *peers, uint32_t n, FtsHostRole role,
                         char *name, uint32_t *index);
