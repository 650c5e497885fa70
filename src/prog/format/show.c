#include "prog/format/show.h"

#include "volume/lock.h"
#include "volume/text.h"

#include <json-glib/json-glib.h>

static void
append_size (GString *out, uint64_t bytes)
{
  g_autofree char *size = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);

  g_string_append (out, size);
}

static void
append_region (GString *out, const FtsRegion *region, uint32_t block_size)
{
  if (region->blocks == 0)
    return;
  g_string_append_printf (out,
                          "  %-34s %10" G_GUINT64_FORMAT " %10" G_GUINT64_FORMAT "  ",
                          region->name, region->start, region->blocks);
  append_size (out, region->blocks * block_size);
  g_string_append_c (out, '\n');
}

static bool
is_on_device (unsigned device, unsigned region)
{
  return device == 0 || region == FTS_REGION_ZERO || region == FTS_REGION_MCB ||
         region == FTS_REGION_SEGMENTS || region == FTS_REGION_MCB_COPY;
}

char *
fts_show_plan_text (const FtsFormatPlan *plan, const char *const *names,
                    bool lock_is_guess)
{
  const FtsMcb *m = &plan->mcb[0];
  GString *out = g_string_new (NULL);
  g_autofree char *uuid = fts_text_uuid (m->volume_uuid);

  g_string_append_printf (out, "volume \"%s\", %s\n", m->volume_name, uuid);
  g_string_append_printf (
    out, "%u connections%s, %u hosts; %u entries a table, segments of %u KiB, %s\n",
    m->blk5_max_connections, plan->is_reduced ? " (as many as fit)" : "", m->max_hosts,
    m->blk5_maxptr, m->blk5_seg_size * m->block_size / 1024,
    fts_text_placement (m->placement));
  g_string_append_printf (
    out, "volume lock: %s%s%s; heartbeat %u ms, dead after %u ms\n",
    fts_lock_method_name (m->lock_method),
    m->lock_method == FTS_LOCK_DELAY ? " (slow)" : "",
    lock_is_guess ? " (likely: it is tried when the volume is made)" : "",
    m->heartbeat_ms, m->dead_ms);
  for (unsigned d = 0; d < plan->n_devices; d++) {
    FtsRegion regions[FTS_N_REGIONS];
    fts_layout_regions (&plan->mcb[d], regions);
    g_string_append_printf (out, "%s: %" G_GUINT64_FORMAT " blocks of %u bytes, ",
                            names[d], plan->mcb[d].device_blocks, m->block_size);
    append_size (out, plan->mcb[d].device_blocks * m->block_size);
    g_string_append_printf (out, "\n  %-34s %10s %10s  %s\n", "region", "block",
                            "blocks", "size");
    for (unsigned r = 0; r < FTS_N_REGIONS; r++)
      if (is_on_device (d, r))
        append_region (out, &regions[r], m->block_size);
  }
  return g_string_free (out, FALSE);
}

static void
add_number (JsonBuilder *json, const char *key, uint64_t value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_int_value (json, (gint64) value);
}

static void
add_text (JsonBuilder *json, const char *key, const char *value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_string_value (json, value);
}

static void
add_device (JsonBuilder *json, const FtsFormatPlan *plan, unsigned d, const char *name)
{
  FtsRegion regions[FTS_N_REGIONS];

  fts_layout_regions (&plan->mcb[d], regions);
  json_builder_begin_object (json);
  add_text (json, "name", name);
  add_text (json, "identity", plan->entries[d].sec_dev_id);
  add_number (json, "blocks", plan->mcb[d].device_blocks);
  add_number (json, "segments", plan->mcb[d].device_segments);
  json_builder_set_member_name (json, "regions");
  json_builder_begin_array (json);
  for (unsigned r = 0; r < FTS_N_REGIONS; r++) {
    if (!is_on_device (d, r) || regions[r].blocks == 0)
      continue;
    json_builder_begin_object (json);
    add_text (json, "name", regions[r].name);
    add_number (json, "block", regions[r].start);
    add_number (json, "blocks", regions[r].blocks);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
}

static void
add_volume (JsonBuilder *json, const FtsMcb *m)
{
  g_autofree char *uuid = fts_text_uuid (m->volume_uuid);

  add_text (json, "name", m->volume_name);
  add_text (json, "uuid", uuid);
  add_number (json, "block_size", m->block_size);
  add_number (json, "segment_bytes", (uint64_t) m->blk5_seg_size * m->block_size);
  add_number (json, "entries", m->blk5_maxptr);
  add_number (json, "connections", m->blk5_max_connections);
  add_number (json, "hosts", m->max_hosts);
  add_number (json, "multi_buffer", m->blk5_ptr_seg_per_process);
  add_text (json, "placement", fts_text_placement (m->placement));
  add_text (json, "lock", fts_lock_method_name (m->lock_method));
  add_text (json, "fence", fts_text_fence (m->fence_mode));
  add_number (json, "heartbeat_ms", m->heartbeat_ms);
  add_number (json, "dead_ms", m->dead_ms);
  add_number (json, "io_timeout_ms", m->io_timeout_ms);
}

char *
fts_show_plan_json (const FtsFormatPlan *plan, const char *const *names)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (json);
  add_volume (json, &plan->mcb[0]);
  json_builder_set_member_name (json, "devices");
  json_builder_begin_array (json);
  for (unsigned d = 0; d < plan->n_devices; d++)
    add_device (json, plan, d, names[d]);
  json_builder_end_array (json);
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  return json_to_string (root, TRUE);
}
