#include "volume/join.h"

#include <stdio.h>
#include <string.h>

static bool
is_in_use (const FtsPeer *peer)
{
  return peer->is_known && peer->host.state != FTS_HOST_FREE;
}

static const FtsPeer *
find_namesake (const FtsPeers *peers, uint32_t n, FtsHostRole role, const char *name,
               uint32_t *index)
{
  for (uint32_t i = 0; i < n; i++)
    if (is_in_use (&peers->peer[i]) && peers->peer[i].host.role == role &&
        strcmp (peers->peer[i].host.name, name) == 0) {
      *index = i;
      return &peers->peer[i];
    }
  return NULL;
}

/* "host.2", "host.3"... until no live process has it; the base is cut where needed. */
static const FtsPeer *
make_unique (const FtsPeers *peers, uint32_t n, FtsHostRole role, char *name,
             uint32_t *index)
{
  char base[FTS_NAME_LEN];
  const FtsPeer *namesake = find_namesake (peers, n, role, name, index);

  memcpy (base, name, FTS_NAME_LEN);
  for (unsigned k = 2; namesake != NULL && !namesake->is_dead; k++) {
    char suffix[12];
    int len = snprintf (suffix, sizeof suffix, ".%u", k);
    snprintf (name, FTS_NAME_LEN, "%.*s%s", (int) FTS_NAME_LEN - 1 - len, base, suffix);
    namesake = find_namesake (peers, n, role, name, index);
  }
  return namesake;
}

static FtsJoin
choose_unused (const FtsPeers *peers, uint32_t n, uint32_t *index)
{
  bool is_doubtful = false;

  for (uint32_t i = 0; i < n; i++)
    if (peers->peer[i].is_known && peers->peer[i].host.state == FTS_HOST_FREE) {
      *index = i;
      return FTS_JOIN_TAKE;
    }
  for (uint32_t i = 0; i < n; i++) {
    if (peers->peer[i].is_dead) {
      *index = i;
      return FTS_JOIN_TAKE;
    }
    is_doubtful = is_doubtful || !peers->peer[i].is_beating;
  }
  return is_doubtful ? FTS_JOIN_WAIT : FTS_JOIN_FULL;
}

FtsJoin
fts_join_choose (const FtsPeers *peers, uint32_t n, FtsHostRole role, char *name,
                 uint32_t *index)
{
  const FtsPeer *namesake = role == FTS_ROLE_SERVER
                              ? find_namesake (peers, n, role, name, index)
                              : make_unique (peers, n, role, name, index);

  if (namesake == NULL)
    return choose_unused (peers, n, index);
  if (namesake->is_dead)
    return FTS_JOIN_TAKE;
  return namesake->is_beating ? FTS_JOIN_BUSY : FTS_JOIN_WAIT;
}
