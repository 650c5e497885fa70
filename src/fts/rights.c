/* rights.c - see rights.h. */
#include "fts/rights.h"

void
fts_rights_complete (FtsRights *rights)
{
  if (rights->map.users.there_of != NULL)
    fts_idmap_set_rest (&rights->map.users, rights->anon_uid, FTS_IDMAP_NOBODY);
  if (rights->map.groups.there_of != NULL)
    fts_idmap_set_rest (&rights->map.groups, rights->anon_gid, FTS_IDMAP_NOBODY);
}

bool
fts_rights_are_plain (const FtsRights *rights)
{
  return rights->squash == FTS_SQUASH_NONE && fts_idmap_is_identity (&rights->map);
}

static uint32_t
map_id (const FtsRights *rights, const FtsIdTable *table, uint32_t anonymous,
        uint32_t id)
{
  if (rights->squash == FTS_SQUASH_ALL ||
      (rights->squash == FTS_SQUASH_ROOT && id == 0))
    return anonymous;
  return fts_idmap_to_here (table, id);
}

/* One number once: many may have become the same. */
static void
map_groups (const FtsRights *rights, FtsRequest *request)
{
  uint32_t n = request->n_groups;

  request->n_groups = 0;
  if (rights->squash == FTS_SQUASH_ALL)
    return;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t id =
      map_id (rights, &rights->map.groups, rights->anon_gid, request->groups[i]);
    bool known = false;
    for (uint32_t j = 0; j < request->n_groups; j++)
      known |= request->groups[j] == id;
    if (!known)
      request->groups[request->n_groups++] = id;
  }
}

/* A new owner is mapped but not squashed: to give a file away takes root, and there the kernel
 * decides by who asks. */
void
fts_rights_apply (const FtsRights *rights, FtsRequest *request)
{
  if (fts_rights_are_plain (rights))
    return;
  request->uid = map_id (rights, &rights->map.users, rights->anon_uid, request->uid);
  request->gid = map_id (rights, &rights->map.groups, rights->anon_gid, request->gid);
  map_groups (rights, request);
  fts_idmap_attr_to_here (&rights->map, &request->attr);
}
