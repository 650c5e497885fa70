/* people.h - members of a volume as status and hosts show them. */
#pragma once

#include "prog/admin/command.h"
#include "volume/observe.h"

/* Watches the host table as long as it takes to see who beats. */
bool fts_admin_observe (FtsVolume *volume, FtsPeers *peers, GError **error);

/* Members in use; LIVE of them beat or may be alive. */
unsigned fts_admin_count_hosts (const FtsPeers *peers, unsigned *live);

void fts_admin_print_hosts (const FtsPeers *peers);
/* An array. */
void fts_admin_add_hosts (JsonBuilder *json, const FtsPeers *peers);
