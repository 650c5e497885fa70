#include "prog/ftsfs/stats.h"

#include "prog/common/path_stats.h"

#include <json-glib/json-glib.h>

static void
add_number (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

static void
add_calls (JsonBuilder *json, const FtsClientStats *stats)
{
  json_builder_set_member_name (json, "calls");
  json_builder_begin_object (json);
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command (op);
    if (command)
      add_number (json, command->name, stats->calls[op]);
  }
  json_builder_end_object (json);
}

static void
add_channels (JsonBuilder *json, const FtsChannelStats *stats)
{
  json_builder_set_member_name (json, "channels");
  json_builder_begin_object (json);
  add_number (json, "messages_sent", stats->messages_sent);
  add_number (json, "messages_received", stats->messages_received);
  add_number (json, "fragments_sent", stats->fragments_sent);
  add_number (json, "fragments_received", stats->fragments_received);
  add_number (json, "inline_sent", stats->inline_sent);
  add_number (json, "bytes_sent", stats->bytes_sent);
  add_number (json, "bytes_received", stats->bytes_received);
  add_number (json, "resends_asked", stats->resends_asked);
  add_number (json, "resends_served", stats->resends_served);
  json_builder_end_object (json);
}

static void
add_device (JsonBuilder *json, LunDevice *device)
{
  LunStats stats;

  lun_device_get_stats (device, &stats);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "name");
  json_builder_add_string_value (json, lun_device_name (device));
  add_number (json, "reads", stats.reads);
  add_number (json, "read_bytes", stats.read_bytes);
  add_number (json, "writes", stats.writes);
  add_number (json, "written_bytes", stats.written_bytes);
  add_number (json, "caws", stats.caws);
  add_number (json, "cdbs", stats.cdbs);
  add_number (json, "flushes", stats.flushes);
  add_number (json, "polls", stats.polls);
  add_number (json, "wakes", stats.wakes);
  add_number (json, "errors", stats.errors);
  add_number (json, "retries", stats.retries);
  fts_path_stats_add (json, device);
  json_builder_end_object (json);
}

static void
add_devices (JsonBuilder *json, FtsVolume *volume)
{
  json_builder_set_member_name (json, "lun");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    add_device (json, fts_volume_device (volume, i));
  json_builder_end_array (json);
}

char *
fts_mount_stats (FtsFs *fs, FtsVolume *volume)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  FtsClientStats stats;

  fts_client_get_stats (fs->client, &stats);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "source");
  json_builder_add_string_value (json, fs->options->source);
  add_calls (json, &stats);
  add_number (json, "connections", stats.connections);
  add_number (json, "most_connections", stats.most_connections);
  add_number (json, "inodes", fts_inodes_count (fs->inodes));
  add_channels (json, &stats.channels);
  add_devices (json, volume);
  json_builder_end_object (json);

  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  return json_generator_to_data (generator, NULL);
}

bool
fts_mount_stats_write (FtsFs *fs, FtsVolume *volume, const char *file, GError **error)
{
  g_autofree char *text = fts_mount_stats (fs, volume);

  return g_file_set_contents (file, text, -1, error);
}
