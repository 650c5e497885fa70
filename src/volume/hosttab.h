/* hosttab.h - entries of the host table (FtsHostDisk): who takes part in the volume.
 *
 * encode/decode are pure; any thread.  load_all() and store() do one LUN command each. */
#pragma once

#include "volume/disk.h"

#include <glib.h>
#include <stdbool.h>

typedef struct FtsVolume FtsVolume;

typedef struct {
  uint32_t index; /* 0-based place in the table */
  FtsHostState state;
  FtsHostRole role; /* 0 in a free entry */
  FtsOsType os_type;
  char name[FTS_NAME_LEN];
  uint8_t host_uuid[FTS_UUID_LEN];
  uint64_t generation;
  uint64_t pr_key;
  uint64_t heartbeat;
  uint32_t heartbeat_ms, dead_ms, io_timeout_ms;
  uint32_t pid;
  char program[32];
  uint8_t nonce[FTS_NONCE_LEN];
  uint64_t pid_space;
} FtsHost;

void fts_host_encode (const FtsHost *host, uint64_t volume_tag, void *block,
                      size_t block_size);
/* False when magic, tag, CRC, index or an enum is wrong, a name has no NUL, or an entry in use
 * has no name or no times. */
bool fts_host_decode (const void *block, size_t len, uint64_t volume_tag, FtsHost *out);

/* All entries with one read; OUT has mcb->max_hosts places.  Bit i of *DAMAGED is set where
 * entry i does not decode (a writer may be at work; read again); OUT[i] is untouched then. */
bool fts_hosttab_load_all (FtsVolume *volume, FtsHost *out, uint32_t *damaged,
                           GError **error);
bool fts_hosttab_store (FtsVolume *volume, const FtsHost *host, GError **error);

/* Text for people: "server", "active". */
const char *fts_host_role_name (FtsHostRole role);
const char *fts_host_state_name (FtsHostState state);
