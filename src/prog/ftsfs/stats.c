#include "prog/ftsfs/stats.h"

#include "prog/common/stats_json.h"

static void
add_calls (JsonBuilder *json, const FtsClientStats *stats)
{
  fts_stats_begin (json, "calls");
  for (int op = 1; op < FTS_OP_N; op++) {
    const FtsCommand *command = fts_wire_command (op);
    if (command)
      fts_stats_add_number (json, command->name, stats->calls[op]);
  }
  json_builder_end_object (json);
}

static void
add_channels (JsonBuilder *json, const FtsChannelStats *stats)
{
  fts_stats_begin (json, "channels");
  fts_stats_add_number (json, "messages_sent", stats->messages_sent);
  fts_stats_add_number (json, "messages_received", stats->messages_received);
  fts_stats_add_number (json, "fragments_sent", stats->fragments_sent);
  fts_stats_add_number (json, "fragments_received", stats->fragments_received);
  fts_stats_add_number (json, "inline_sent", stats->inline_sent);
  fts_stats_add_number (json, "bytes_sent", stats->bytes_sent);
  fts_stats_add_number (json, "bytes_received", stats->bytes_received);
  fts_stats_add_number (json, "resends_asked", stats->resends_asked);
  fts_stats_add_number (json, "resends_served", stats->resends_served);
  json_builder_end_object (json);
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
  fts_stats_add_number (json, "connections", stats.connections);
  fts_stats_add_number (json, "most_connections", stats.most_connections);
  fts_stats_add_number (json, "inodes", fts_inodes_count (fs->inodes));
  add_channels (json, &stats.channels);
  fts_stats_add_devices (json, volume);
  json_builder_end_object (json);
  return fts_stats_text (json);
}

bool
fts_mount_stats_write (FtsFs *fs, FtsVolume *volume, const char *file, GError **error)
{
  g_autofree char *text = fts_mount_stats (fs, volume);

  return g_file_set_contents (file, text, -1, error);
}
