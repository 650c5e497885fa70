/* people.h - members of a volume as status and hosts show them. */
#pragma once

#include "prog/admin/command.h"
#include "volume/observe.h"

typedef struct {
  FtsPeers peers;
  GArray *keys; /* of uint64_t: registered on the master; NULL where nobody has to be */
} FtsAdminPeople;

void fts_admin_people_clear (FtsAdminPeople *people);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsAdminPeople, fts_admin_people_clear)

/* Watches the host table as long as it takes to see who beats; then reads the keys, for a member
 * registers before it is in the table. */
bool fts_admin_observe (FtsVolume *volume, FtsAdminPeople *people, GError **error);

/* Members in use; LIVE of them beat or may be alive. */
unsigned fts_admin_count_hosts (const FtsAdminPeople *people, unsigned *live);

void fts_admin_print_hosts (const FtsAdminPeople *people);
/* An array. */
void fts_admin_add_hosts (JsonBuilder *json, const FtsAdminPeople *people);
