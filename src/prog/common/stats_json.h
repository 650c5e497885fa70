/* stats_json.h - what the statistics of the server and of a mount have in common.
 *
 * Each builds one object with json-glib: its own members, then "lun", an array with the counters of
 * each of the volume's devices and their paths.  Any thread that owns the builder.
 */
#pragma once

#include "volume/volume.h"

#include <json-glib/json-glib.h>

void fts_stats_add_number (JsonBuilder *json, const char *name, uint64_t value);
/* Opens an object as the member NAME; json_builder_end_object() closes it. */
void fts_stats_begin (JsonBuilder *json, const char *name);
/* The member "lun". */
void fts_stats_add_devices (JsonBuilder *json, FtsVolume *volume);

/* The finished object as readable text; free with g_free(). */
char *fts_stats_text (JsonBuilder *json);
