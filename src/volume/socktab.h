/* socktab.h - STP socket control blocks (FtsSockDisk) and port file blocks (FtsPortDisk).
 * Pure; any thread. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

typedef struct {
  uint32_t index; /* 1-based */
  FtsSocketState state;
  uint32_t type;
  uint32_t backlog;
  char local_system[FTS_NAME_LEN];
  char local_group[FTS_NAME_LEN];
  uint32_t local_port;
  uint32_t peer_port;
  char peer_system[FTS_NAME_LEN];
  char peer_group[FTS_NAME_LEN];
  uint32_t owner_index;
  uint32_t slot; /* connection, 0 = none */
  uint64_t owner_generation;
  uint64_t options;
  uint64_t version;
} FtsSock;

typedef struct {
  uint32_t index; /* 0-based block of the port file */
  uint32_t n_ports;
  struct {
    uint16_t port;
    uint16_t socket;
  } entry[FTS_PORTS_PER_BLOCK];
  uint64_t version;
} FtsPorts;

void fts_sock_encode (const FtsSock *sock, uint64_t volume_tag, void *block,
                      size_t block_size);
/* False when magic, tag, CRC, index, state or owner is wrong, or a name has no NUL. */
bool fts_sock_decode (const void *block, size_t len, uint64_t volume_tag, FtsSock *out);

void fts_ports_encode (const FtsPorts *ports, uint64_t volume_tag, void *block,
                       size_t block_size);
/* False when magic, tag, CRC or the number of entries is wrong, or an entry in use is 0. */
bool fts_ports_decode (const void *block, size_t len, uint64_t volume_tag,
                       FtsPorts *out);
