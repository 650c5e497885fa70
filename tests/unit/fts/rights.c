#include "fts/rights.h"

#include "lib/suite.h"

static FtsRequest
request_of (uint32_t uid, uint32_t gid)
{
  return (FtsRequest){ .uid = uid,
                       .gid = gid,
                       .n_groups = 3,
                       .groups = { 0, 50, 60 },
                       .attr = { .uid = uid, .gid = gid } };
}

START_TEST (test_without_squash_and_map_numbers_stay)
{
  FtsRights rights = { .anon_uid = 70, .anon_gid = 71 };
  FtsRequest request = request_of (0, 0);

  fts_rights_apply (&rights, &request);
  ck_assert (request.uid == 0 && request.gid == 0 && request.n_groups == 3);
}
END_TEST

START_TEST (test_root_squash_takes_root_and_its_group_alone)
{
  FtsRights rights = { .squash = FTS_SQUASH_ROOT, .anon_uid = 70, .anon_gid = 71 };
  FtsRequest root = request_of (0, 0);
  FtsRequest user = request_of (5, 6);

  fts_rights_apply (&rights, &root);
  ck_assert (root.uid == 70 && root.gid == 71);
  ck_assert (root.n_groups == 3 && root.groups[0] == 71 && root.groups[1] == 50);
  fts_rights_apply (&rights, &user);
  ck_assert (user.uid == 5 && user.gid == 6 && user.groups[0] == 71);
}
END_TEST

START_TEST (test_all_squash_leaves_nobody)
{
  FtsRights rights = { .squash = FTS_SQUASH_ALL, .anon_uid = 70, .anon_gid = 71 };
  FtsRequest user = request_of (5, 6);

  fts_rights_apply (&rights, &user);
  ck_assert (user.uid == 70 && user.gid == 71 && user.n_groups == 0);
}
END_TEST

START_TEST (test_a_map_names_who_is_who_and_the_rest_is_anonymous)
{
  FtsRights rights = { .anon_uid = 70, .anon_gid = 71 };
  FtsRequest known = request_of (5, 50);
  FtsRequest other = request_of (0, 60);
  FtsAttr attr = { .uid = 1000, .gid = 1 };

  fts_idmap_add (&rights.map.users, 1000, 5);
  fts_idmap_add (&rights.map.groups, 1000, 50);
  fts_rights_complete (&rights);
  fts_rights_apply (&rights, &known);
  ck_assert (known.uid == 1000 && known.gid == 1000);
  ck_assert (known.n_groups == 2 && known.groups[0] == 71 && known.groups[1] == 1000);
  ck_assert (known.attr.uid == 1000 && known.attr.gid == 1000);
  fts_rights_apply (&rights, &other);
  ck_assert (other.uid == 70 && other.gid == 71);
  fts_idmap_attr_to_there (&rights.map, &attr);
  ck_assert (attr.uid == 5 && attr.gid == FTS_IDMAP_NOBODY);
  fts_idmap_clear (&rights.map);
}
END_TEST

FTS_SUITE ("fts/rights", test_without_squash_and_map_numbers_stay,
           test_root_squash_takes_root_and_its_group_alone,
           test_all_squash_leaves_nobody,
           test_a_map_names_who_is_who_and_the_rest_is_anonymous)
