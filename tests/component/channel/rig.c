#include "rig.h"

#include "volume/format.h"

#include "lib/suite.h"

#include <lunpath/emul.h>
#include <string.h>
#include <unistd.h>

#define OR(value, otherwise) ((value) != 0 ? (value) : (otherwise))

static LunDevice *
open_device (const char *image, GError **error)
{
  g_autofree char *path = g_strdup_printf ("file:%s", image);
  const char *paths[] = { path, NULL };
  LunDeviceConfig config = { .paths = paths };

  return lun_device_open (&config, error);
}

static void
format_image (const Rig *rig, const RigFormat *format)
{
  uint32_t entries = OR (format->entries, 16);
  uint32_t segment = OR (format->segment_bytes, 8192);
  uint32_t connections = OR (format->connections, 8);
  uint32_t block_size = OR (format->block_size, 512);
  uint64_t size = (4u << 20) + (uint64_t) 2 * connections * entries * (segment + 64);
  FtsFormatWish wish = {
    .block_size = block_size,
    .segment_bytes = segment,
    .entries = entries,
    .connections = connections,
    .multi_buffer = OR (format->multi_buffer, 4),
    .heartbeat_ms = OR (format->heartbeat_ms, 50),
    .dead_ms = OR (format->dead_ms, 500),
    .io_timeout_ms = 1000,
    .lock_method = FTS_LOCK_CAW,
    .volume_uuid = { 1, 2, 3 },
    .time_us = 1,
    .seed = 7,
  };
  GError *error = NULL;

  size = (size + 4095) / 4096 * 4096;
  rig_ok (lun_emul_create (rig->image, size, block_size, &error), error);
  g_autoptr (LunDevice) device = open_device (rig->image, &error);
  rig_ok (device, error);
  FtsFormatDevice shape = { .n_blocks = lun_device_facts (device)->n_blocks,
                            .identity = lun_device_facts (device)->identity };
  g_autoptr (FtsFormatPlan) plan = fts_format_plan (&wish, &shape, 1, &error);
  rig_ok (plan, error);
  rig_ok (fts_format_write (plan, &device, &error), error);
}

void
rig_init (Rig *rig, const RigFormat *format)
{
  *rig = (Rig){ .dir = g_strdup ("/dev/shm/fts-channel-XXXXXX") };
  ck_assert (g_mkdtemp (rig->dir) != NULL);
  rig->image = g_build_filename (rig->dir, "lun", NULL);
  format_image (rig, format ? format : &(RigFormat){ 0 });
}

void
rig_clear (Rig *rig)
{
  g_autofree char *state = g_strconcat (rig->image, ".lun", NULL);

  unlink (rig->image);
  unlink (state);
  rmdir (rig->dir);
  g_free (rig->image);
  g_free (rig->dir);
}

static void
on_peer_dead (uint32_t index, uint64_t generation, void *user_data)
{
  Node *node = user_data;
  FtsDoor *door = __atomic_load_n (&node->door, __ATOMIC_ACQUIRE);

  if (door != NULL)
    fts_door_peer_dead (door, index, generation);
}

void
rig_join (Rig *rig, Node *node, const char *wrapper, const char *name, FtsHostRole role)
{
  g_autofree char *spec = g_strdup_printf ("%sfile:%s?path=%u&host=%s", wrapper,
                                           rig->image, ++rig->nexus, name);
  FtsVolumeSpec volume = { .volume = spec };
  FtsMemberConfig config = { .name = name,
                             .role = role,
                             .program = "test",
                             .on_peer_dead = on_peer_dead,
                             .user_data = node };
  GError *error = NULL;

  *node = (Node){ 0 };
  node->volume = fts_volume_open (&volume, &error);
  rig_ok (node->volume, error);
  node->member = fts_member_join (node->volume, &config, &error);
  rig_ok (node->member, error);
}

void
rig_serve (Rig *rig, Node *node, const char *wrapper, const char *name,
           const FtsDoorConfig *config)
{
  GError *error = NULL;

  rig_join (rig, node, wrapper, name, FTS_ROLE_SERVER);
  FtsDoor *door = fts_door_start (node->member, config, &error);
  rig_ok (door, error);
  __atomic_store_n (&node->door, door, __ATOMIC_RELEASE);
}

void
rig_leave (Node *node)
{
  FtsDoor *door = __atomic_exchange_n (&node->door, NULL, __ATOMIC_ACQ_REL);

  fts_door_stop (door);
  fts_member_leave (node->member);
  fts_volume_close (node->volume);
  *node = (Node){ 0 };
}

FtsChannel *
rig_connect (Node *node, const char *peer)
{
  FtsConnectConfig config = {
    .peer = peer, .service = FTS_SERVICE_FILES, .wait_ms = 5000, .timeout_ms = 20000
  };
  GError *error = NULL;
  FtsChannel *channel = fts_connect (node->member, &config, &error);

  rig_ok (channel, error);
  return channel;
}

bool
rig_echo (FtsChannel *channel, void *connection, void *user_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  if (!fts_channel_receive_message (channel, bytes, 64u << 20, NULL))
    return false;
  struct iovec iov = { bytes->data, bytes->len };
  return fts_channel_send (channel, &iov, 1, NULL);
}

GByteArray *
rig_pattern (unsigned seed, size_t len)
{
  GByteArray *bytes = g_byte_array_sized_new ((guint) len + 1);
  uint32_t x = seed * 2654435761u + 12345;

  g_byte_array_set_size (bytes, (guint) len);
  for (size_t i = 0; i < len; i++) {
    x = x * 1664525 + 1013904223;
    bytes->data[i] = (uint8_t) (x >> 24);
  }
  return bytes;
}

void
rig_send (FtsChannel *channel, const GByteArray *bytes)
{
  struct iovec iov = { bytes->data, bytes->len };
  GError *error = NULL;

  rig_ok (fts_channel_send (channel, &iov, 1, &error), error);
}

void
rig_round_trip (FtsChannel *channel, unsigned seed, size_t len)
{
  g_autoptr (GByteArray) sent = rig_pattern (seed, len);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  GError *error = NULL;

  rig_send (channel, sent);
  rig_ok (fts_channel_receive_message (channel, got, len + 1, &error), error);
  ck_assert_uint_eq (got->len, len);
  ck_assert (len == 0 || memcmp (got->data, sent->data, len) == 0);
}
