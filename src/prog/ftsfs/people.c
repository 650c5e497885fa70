/* people.c - see people.h. */
#include "prog/ftsfs/people.h"

#include "base/error.h"

#include <unistd.h>

static uint32_t
choose (uint32_t wanted, uint32_t otherwise)
{
  return wanted == FTS_NO_ID ? otherwise : wanted;
}

static bool
squash (FtsPeople *people, const FtsMountOptions *options, const FtsAttr *root,
        GError **error)
{
  uint32_t uid = choose (options->anon_uid, root->uid);
  uint32_t gid = choose (options->anon_gid, root->gid);

  /* Every user of this host would be root there, by an accident of who owns a directory. */
  if (uid == 0 && options->anon_uid == FTS_NO_ID) {
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_CONFIG,
      "idmap=squash: the exported directory belongs to root; say by anonuid=N as "
      "whom to work there");
    return false;
  }
  fts_idmap_set_rest (&people->map.users, choose (options->uid, getuid ()), uid);
  fts_idmap_set_rest (&people->map.groups, choose (options->gid, getgid ()), gid);
  people->is_one = true;
  return true;
}

static bool
load_files (FtsPeople *people, const FtsMountOptions *options, GError **error)
{
  FtsIdMap *map = &people->map;

  if (options->uid_file != NULL &&
      !fts_idmap_load (map, FTS_ID_USERS, options->uid_file, error))
    return false;
  if (options->gid_file != NULL &&
      !fts_idmap_load (map, FTS_ID_GROUPS, options->gid_file, error))
    return false;
  if (options->nomap_ignore)
    return true;
  if (options->uid_file != NULL)
    fts_idmap_set_rest (&map->users, FTS_IDMAP_NOBODY, FTS_IDMAP_NOBODY);
  if (options->gid_file != NULL)
    fts_idmap_set_rest (&map->groups, FTS_IDMAP_NOBODY, FTS_IDMAP_NOBODY);
  return true;
}

static bool
choose_map (FtsPeople *people, const FtsMountOptions *options, const FtsAttr *root,
            GError **error)
{
  switch (options->idmap) {
  case FTS_MOUNT_IDMAP_NONE:
    return true;
  case FTS_MOUNT_IDMAP_USER:
    fts_idmap_add (&people->map.users, choose (options->uid, getuid ()), root->uid);
    fts_idmap_add (&people->map.groups, choose (options->gid, getgid ()), root->gid);
    return true;
  case FTS_MOUNT_IDMAP_FILE:
    return load_files (people, options, error);
  case FTS_MOUNT_IDMAP_SQUASH:
    return squash (people, options, root, error);
  }
  return false;
}

bool
fts_people_init (FtsPeople *people, const FtsMountOptions *options, const FtsAttr *root,
                 GError **error)
{
  const uint32_t none = FTS_NO_ID;
  uint32_t file = options->fmask != none ? options->fmask : options->umask;
  uint32_t dir = options->dmask != none ? options->dmask : options->umask;

  bool is_shown =
    options->idmap == FTS_MOUNT_IDMAP_NONE || options->idmap == FTS_MOUNT_IDMAP_FILE;

  *people = (FtsPeople){
    .uid = is_shown ? options->uid : none,
    .gid = is_shown ? options->gid : none,
    .has_masks = file != none || dir != none,
    .file_mode = file != none ? 0777 & ~file : none,
    .dir_mode = dir != none ? 0777 & ~dir : none,
  };
  return choose_map (people, options, root, error);
}

void
fts_people_clear (FtsPeople *people)
{
  fts_idmap_clear (&people->map);
}

void
fts_people_send (const FtsPeople *people, FtsCaller *caller, uint32_t *groups)
{
  if (fts_idmap_is_identity (&people->map))
    return;
  caller->uid = fts_idmap_to_there (&people->map.users, caller->uid);
  caller->gid = fts_idmap_to_there (&people->map.groups, caller->gid);
  if (people->is_one)
    caller->n_groups = 0;
  for (uint32_t i = 0; i < caller->n_groups; i++)
    groups[i] = fts_idmap_to_there (&people->map.groups, groups[i]);
}

static void
show_mode (const FtsPeople *people, struct stat *st)
{
  uint32_t shown = S_ISDIR (st->st_mode) ? people->dir_mode : people->file_mode;

  if (!S_ISLNK (st->st_mode) && shown != FTS_NO_ID)
    st->st_mode = (st->st_mode & S_IFMT) | shown;
}

void
fts_people_show (const FtsPeople *people, struct stat *st)
{
  st->st_uid = choose (people->uid, fts_idmap_to_here (&people->map.users, st->st_uid));
  st->st_gid =
    choose (people->gid, fts_idmap_to_here (&people->map.groups, st->st_gid));
  if (people->has_masks)
    show_mode (people, st);
}

bool
fts_people_hide_acl (const FtsPeople *people)
{
  return people->has_masks || people->uid != FTS_NO_ID || people->gid != FTS_NO_ID ||
         people->is_one;
}
