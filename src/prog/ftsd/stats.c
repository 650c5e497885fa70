#include "prog/ftsd/stats.h"

#include "prog/common/path_stats.h"

#include <json-glib/json-glib.h>

static void
add_number (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

static void
begin (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
}

static void
add_by_command (JsonBuilder *json, const char *name, const uint64_t values[FTS_OP_N])
{
  begin (json, name);
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command ((FtsOp) op);
    if (command != NULL)
      add_number (json, command->name, values[op]);
  }
  json_builder_end_object (json);
}

static void
add_server (JsonBuilder *json, FtsServer *server)
{
  FtsServerStats stats;

  fts_server_get_stats (server, &stats);
  add_by_command (json, "calls", stats.calls);
  add_by_command (json, "errors", stats.errors);
  add_by_command (json, "time_us", stats.time_us);
  add_number (json, "bytes_read", stats.bytes_read);
  add_number (json, "bytes_written", stats.bytes_written);
  add_number (json, "sessions", stats.sessions);
  add_number (json, "open_files", stats.open_files);
  begin (json, "descriptors");
  add_number (json, "files", stats.descriptors.pins);
  add_number (json, "descriptors", stats.descriptors.descriptors);
  add_number (json, "hits", stats.descriptors.hits);
  add_number (json, "misses", stats.descriptors.misses);
  json_builder_end_object (json);
}

static void
add_door (JsonBuilder *json, FtsDoor *door)
{
  FtsDoorStats stats;

  fts_door_get_stats (door, &stats);
  begin (json, "door");
  add_number (json, "connections", stats.connections);
  add_number (json, "workers", stats.workers);
  add_number (json, "busy_workers", stats.busy_workers);
  add_number (json, "accepted", stats.accepted);
  add_number (json, "refused", stats.refused);
  add_number (json, "messages", stats.messages);
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

char *
ftsd_stats_format (FtsServer *server, FtsDoor *door, FtsMember *member)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  FtsVolume *volume = fts_member_volume (member);

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "name");
  json_builder_add_string_value (json, fts_member_self (member)->name);
  add_server (json, server);
  add_door (json, door);
  json_builder_set_member_name (json, "lun");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    add_device (json, fts_volume_device (volume, i));
  json_builder_end_array (json);
  json_builder_end_object (json);

  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  return json_generator_to_data (generator, NULL);
}
