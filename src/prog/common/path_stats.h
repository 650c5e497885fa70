/* path_stats.h - the paths of a device as JSON, the same in every program's statistics. */
#pragma once

#include <json-glib/json-glib.h>
#include <lunpath/paths.h>

/* Adds the member "paths" to the object under way: an array with state, reason and counters. */
void fts_path_stats_add (JsonBuilder *json, LunDevice *device);
