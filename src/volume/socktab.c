#include "volume/socktab.h"

#include "volume/record.h"

#include <string.h>

void
fts_sock_encode (const FtsSock *sock, uint64_t volume_tag, void *block,
                 size_t block_size)
{
  FtsSockDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_SOCK_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->index = fts_le32 (sock->index);
  d->state = fts_le32 (sock->state);
  d->type = fts_le32 (sock->type);
  d->backlog = fts_le32 (sock->backlog);
  fts_record_put_text (d->local_system, FTS_NAME_LEN, sock->local_system);
  fts_record_put_text (d->local_group, FTS_NAME_LEN, sock->local_group);
  d->local_port = fts_le32 (sock->local_port);
  d->peer_port = fts_le32 (sock->peer_port);
  fts_record_put_text (d->peer_system, FTS_NAME_LEN, sock->peer_system);
  fts_record_put_text (d->peer_group, FTS_NAME_LEN, sock->peer_group);
  d->owner_index = fts_le32 (sock->owner_index);
  d->slot = fts_le32 (sock->slot);
  d->owner_generation = fts_le64 (sock->owner_generation);
  d->options = fts_le64 (sock->options);
  d->version = fts_le64 (sock->version);
  fts_record_seal (block);
}

bool
fts_sock_decode (const void *block, size_t len, uint64_t volume_tag, FtsSock *out)
{
  const FtsSockDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_SOCK_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  *out = (FtsSock){
    .index = fts_le32_get (d->index),
    .state = fts_le32_get (d->state),
    .type = fts_le32_get (d->type),
    .backlog = fts_le32_get (d->backlog),
    .local_port = fts_le32_get (d->local_port),
    .peer_port = fts_le32_get (d->peer_port),
    .owner_index = fts_le32_get (d->owner_index),
    .slot = fts_le32_get (d->slot),
    .owner_generation = fts_le64_get (d->owner_generation),
    .options = fts_le64_get (d->options),
    .version = fts_le64_get (d->version),
  };
  return fts_record_get_text (out->local_system, d->local_system, FTS_NAME_LEN) &&
         fts_record_get_text (out->local_group, d->local_group, FTS_NAME_LEN) &&
         fts_record_get_text (out->peer_system, d->peer_system, FTS_NAME_LEN) &&
         fts_record_get_text (out->peer_group, d->peer_group, FTS_NAME_LEN) &&
         out->index != 0 && out->state <= FTS_SOCKET_CLOSING &&
         (out->state == FTS_SOCKET_FREE || out->owner_index < FTS_MAX_HOSTS);
}

void
fts_ports_encode (const FtsPorts *ports, uint64_t volume_tag, void *block,
                  size_t block_size)
{
  FtsPortDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_PORT_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->index = fts_le32 (ports->index);
  d->n_ports = fts_le32 (ports->n_ports);
  for (uint32_t i = 0; i < ports->n_ports; i++) {
    d->entry[i].port = fts_le16 (ports->entry[i].port);
    d->entry[i].socket = fts_le16 (ports->entry[i].socket);
  }
  d->version = fts_le64 (ports->version);
  fts_record_seal (block);
}

bool
fts_ports_decode (const void *block, size_t len, uint64_t volume_tag, FtsPorts *out)
{
  const FtsPortDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_PORT_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  *out = (FtsPorts){
    .index = fts_le32_get (d->index),
    .n_ports = fts_le32_get (d->n_ports),
    .version = fts_le64_get (d->version),
  };
  if (out->n_ports > FTS_PORTS_PER_BLOCK)
    return false;
  for (uint32_t i = 0; i < out->n_ports; i++) {
    out->entry[i].port = fts_le16_get (d->entry[i].port);
    out->entry[i].socket = fts_le16_get (d->entry[i].socket);
    if (out->entry[i].port == 0 || out->entry[i].socket == 0)
      return false;
  }
  return true;
}
