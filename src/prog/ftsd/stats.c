#include "prog/ftsd/stats.h"

#include "prog/common/stats_json.h"

static void
add_by_command (JsonBuilder *json, const char *name, const uint64_t values[FTS_OP_N])
{
  fts_stats_begin (json, name);
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command ((FtsOp) op);
    if (command != NULL)
      fts_stats_add_number (json, command->name, values[op]);
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
  fts_stats_add_number (json, "bytes_read", stats.bytes_read);
  fts_stats_add_number (json, "bytes_written", stats.bytes_written);
  fts_stats_add_number (json, "sessions", stats.sessions);
  fts_stats_add_number (json, "open_files", stats.open_files);
  fts_stats_add_number (json, "watches", stats.watches);
  fts_stats_begin (json, "descriptors");
  fts_stats_add_number (json, "files", stats.descriptors.pins);
  fts_stats_add_number (json, "descriptors", stats.descriptors.descriptors);
  fts_stats_add_number (json, "hits", stats.descriptors.hits);
  fts_stats_add_number (json, "misses", stats.descriptors.misses);
  json_builder_end_object (json);
}

static void
add_door (JsonBuilder *json, FtsDoor *door)
{
  FtsDoorStats stats;

  fts_door_get_stats (door, &stats);
  fts_stats_begin (json, "door");
  fts_stats_add_number (json, "connections", stats.connections);
  fts_stats_add_number (json, "workers", stats.workers);
  fts_stats_add_number (json, "busy_workers", stats.busy_workers);
  fts_stats_add_number (json, "accepted", stats.accepted);
  fts_stats_add_number (json, "refused", stats.refused);
  fts_stats_add_number (json, "messages", stats.messages);
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
  fts_stats_add_devices (json, volume);
  json_builder_end_object (json);
  return fts_stats_text (json);
}
