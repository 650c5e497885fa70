#include "volume/hosttab.h"

#include "volume/record.h"
#include "volume/volume.h"

#include <string.h>

void
fts_host_encode (const FtsHost *host, uint64_t volume_tag, void *block,
                 size_t block_size)
{
  FtsHostDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_HOST_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->index = fts_le32 (host->index);
  d->state = fts_le32 (host->state);
  d->role = fts_le32 (host->role);
  d->os_type = fts_le32 (host->os_type);
  fts_record_put_text (d->name, sizeof d->name, host->name);
  memcpy (d->host_uuid, host->host_uuid, sizeof d->host_uuid);
  d->generation = fts_le64 (host->generation);
  d->pr_key = fts_le64 (host->pr_key);
  d->heartbeat = fts_le64 (host->heartbeat);
  d->heartbeat_ms = fts_le32 (host->heartbeat_ms);
  d->dead_ms = fts_le32 (host->dead_ms);
  d->io_timeout_ms = fts_le32 (host->io_timeout_ms);
  d->pid = fts_le32 (host->pid);
  fts_record_put_text (d->program, sizeof d->program, host->program);
  memcpy (d->nonce, host->nonce, sizeof d->nonce);
  d->pid_space = fts_le64 (host->pid_space);
  fts_record_seal (block);
}

static bool
is_valid (const FtsHost *host)
{
  if (host->index >= FTS_MAX_HOSTS || host->state > FTS_HOST_FENCED ||
      host->role > FTS_ROLE_ADMIN || host->os_type > FTS_OS_TPF)
    return false;
  if (host->state == FTS_HOST_FREE)
    return true;
  return host->role != 0 && host->name[0] != '\0' && host->heartbeat_ms > 0 &&
         host->dead_ms > host->heartbeat_ms;
}

bool
fts_host_decode (const void *block, size_t len, uint64_t volume_tag, FtsHost *out)
{
  const FtsHostDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_HOST_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  *out = (FtsHost){
    .index = fts_le32_get (d->index),
    .state = fts_le32_get (d->state),
    .role = fts_le32_get (d->role),
    .os_type = fts_le32_get (d->os_type),
    .generation = fts_le64_get (d->generation),
    .pr_key = fts_le64_get (d->pr_key),
    .heartbeat = fts_le64_get (d->heartbeat),
    .heartbeat_ms = fts_le32_get (d->heartbeat_ms),
    .dead_ms = fts_le32_get (d->dead_ms),
    .io_timeout_ms = fts_le32_get (d->io_timeout_ms),
    .pid = fts_le32_get (d->pid),
    .pid_space = fts_le64_get (d->pid_space),
  };
  memcpy (out->host_uuid, d->host_uuid, sizeof out->host_uuid);
  memcpy (out->nonce, d->nonce, sizeof out->nonce);
  return fts_record_get_text (out->name, d->name, sizeof d->name) &&
         fts_record_get_text (out->program, d->program, sizeof d->program) &&
         is_valid (out);
}

bool
fts_hosttab_load_all (FtsVolume *volume, FtsHost *out, uint32_t *damaged,
                      GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  size_t len = (size_t) mcb->max_hosts * mcb->block_size;
  g_autofree uint8_t *table = g_malloc (len);

  if (!fts_volume_read (volume, mcb->host_table_ptr, table, len, error))
    return false;
  *damaged = 0;
  for (uint32_t i = 0; i < mcb->max_hosts; i++) {
    FtsHost host;
    if (fts_host_decode (table + (size_t) i * mcb->block_size, mcb->block_size,
                         fts_volume_tag (volume), &host) &&
        host.index == i)
      out[i] = host;
    else
      *damaged |= 1U << i;
  }
  return true;
}

bool
fts_hosttab_store (FtsVolume *volume, const FtsHost *host, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  g_autofree uint8_t *block = g_malloc (mcb->block_size);

  fts_host_encode (host, fts_volume_tag (volume), block, mcb->block_size);
  return fts_volume_write (volume, mcb->host_table_ptr + host->index, block,
                           mcb->block_size, error);
}

const char *
fts_host_role_name (FtsHostRole role)
{
  switch (role) {
  case FTS_ROLE_SERVER:
    return "server";
  case FTS_ROLE_MOUNT:
    return "mount";
  case FTS_ROLE_CLIENT:
    return "client";
  case FTS_ROLE_ADMIN:
    return "admin";
  }
  return "none";
}

const char *
fts_host_state_name (FtsHostState state)
{
  switch (state) {
  case FTS_HOST_FREE:
    return "free";
  case FTS_HOST_JOINING:
    return "joining";
  case FTS_HOST_ACTIVE:
    return "active";
  case FTS_HOST_LEAVING:
    return "leaving";
  case FTS_HOST_FENCED:
    return "fenced";
  }
  return "unknown";
}
