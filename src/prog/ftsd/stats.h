/* stats.h - the server's counters as JSON: commands, connections, descriptors, LUN commands. */
#pragma once

#include "channel/door.h"
#include "fts/server.h"

char *ftsd_stats_format (FtsServer *server, FtsDoor *door, FtsMember *member);
