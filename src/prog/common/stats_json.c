#include "prog/common/stats_json.h"

#include "prog/common/path_stats.h"

void
fts_stats_add_number (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

void
fts_stats_begin (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
}

static void
add_device (JsonBuilder *json, LunDevice *device)
{
  LunStats stats;

  lun_device_get_stats (device, &stats);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "name");
  json_builder_add_string_value (json, lun_device_name (device));
  fts_stats_add_number (json, "reads", stats.reads);
  fts_stats_add_number (json, "read_bytes", stats.read_bytes);
  fts_stats_add_number (json, "writes", stats.writes);
  fts_stats_add_number (json, "written_bytes", stats.written_bytes);
  fts_stats_add_number (json, "caws", stats.caws);
  fts_stats_add_number (json, "cdbs", stats.cdbs);
  fts_stats_add_number (json, "flushes", stats.flushes);
  fts_stats_add_number (json, "polls", stats.polls);
  fts_stats_add_number (json, "wakes", stats.wakes);
  fts_stats_add_number (json, "errors", stats.errors);
  fts_stats_add_number (json, "retries", stats.retries);
  fts_path_stats_add (json, device);
  json_builder_end_object (json);
}

void
fts_stats_add_devices (JsonBuilder *json, FtsVolume *volume)
{
  json_builder_set_member_name (json, "lun");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < fts_volume_n_devices (volume); i++)
    add_device (json, fts_volume_device (volume, i));
  json_builder_end_array (json);
}

char *
fts_stats_text (JsonBuilder *json)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (json);

  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  return json_generator_to_data (generator, NULL);
}
