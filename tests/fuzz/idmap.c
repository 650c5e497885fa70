/* POSIX ACL that a peer or a program hands in: mapped there and back they are what they were, and
 * bytes beyond whole entries are left alone. */
#include "fts/idmap.h"

#include "base/le.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define N_IDS 16u

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  g_auto (FtsIdMap) map = { 0 };
  g_autofree uint8_t *copy = g_memdup2 (bytes, len);
  size_t whole = len < 4 ? 0 : 4 + (len - 4) / 8 * 8;

  /* A swap of two ranges goes back by the way it came. */
  for (uint32_t i = 0; i < N_IDS; i++) {
    fts_idmap_add (&map.users, i, N_IDS + i);
    fts_idmap_add (&map.users, N_IDS + i, i);
    fts_idmap_add (&map.groups, i, i);
  }
  fts_idmap_acl (&map, fts_idmap_to_there, "system.posix_acl_default", copy, len);
  if (len > 0 && memcmp (copy + whole, bytes + whole, len - whole) != 0)
    abort ();
  fts_idmap_acl (&map, fts_idmap_to_here, "system.posix_acl_default", copy, len);
  if (len > 0 && memcmp (copy, bytes, len) != 0)
    abort ();
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  static const uint8_t acl[] = {
    2,    0, 0, 0,                         /* version */
    1,    0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* owner */
    2,    0, 4, 0, 5,    0,    0,    0,    /* a user */
    8,    0, 4, 0, 3,    0,    0,    0,    /* a group */
    0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others */
  };

  if (n > 0 || room < sizeof acl)
    return 0;
  memcpy (buf, acl, sizeof acl);
  return sizeof acl;
}
