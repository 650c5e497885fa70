#include "prog/common/path_stats.h"

static void
add_number (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

static void
add_text (JsonBuilder *json, const char *name, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);

  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, valid);
}

/* How many took less than so many microseconds; only what is not zero. */
static void
add_latency (JsonBuilder *json, const LunPathInfo *info)
{
  json_builder_set_member_name (json, "us_below");
  json_builder_begin_object (json);
  for (unsigned i = 0; i < LUN_PATH_BUCKETS; i++) {
    g_autofree char *below = g_strdup_printf ("%u", 1u << i);
    if (info->latency[i] > 0)
      add_number (json, i == LUN_PATH_BUCKETS - 1 ? "more" : below, info->latency[i]);
  }
  json_builder_end_object (json);
}

static void
add_path (JsonBuilder *json, const LunPathInfo *info)
{
  json_builder_begin_object (json);
  add_text (json, "name", info->name);
  add_text (json, "state", lun_path_state_name (info->state));
  add_text (json, "reason", info->reason);
  if (info->method)
    add_text (json, "method", info->method);
  add_number (json, "since_ms",
              (uint64_t) (g_get_monotonic_time () - info->since_us) / 1000);
  add_number (json, "queued", info->queued);
  add_number (json, "window", info->window);
  add_number (json, "failures", info->failures);
  add_number (json, "commands", info->commands);
  add_number (json, "errors", info->errors);
  add_number (json, "bytes", info->bytes);
  add_number (json, "stuck", info->stuck);
  add_latency (json, info);
  json_builder_end_object (json);
}

void
fts_path_stats_add (JsonBuilder *json, LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  json_builder_set_member_name (json, "paths");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < n_paths; i++)
    add_path (json, &infos[i]);
  json_builder_end_array (json);
  lun_path_infos_free (infos, n_paths);
}
