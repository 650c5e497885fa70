/* idmap.c - see idmap.h. */
#include "fts/idmap.h"

#include "base/error.h"
#include "base/le.h"

#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <string.h>

static void
clear_table (FtsIdTable *table)
{
  g_clear_pointer (&table->there_of, g_hash_table_unref);
  g_clear_pointer (&table->here_of, g_hash_table_unref);
}

void
fts_idmap_clear (FtsIdMap *map)
{
  clear_table (&map->users);
  clear_table (&map->groups);
}

static bool
is_identity (const FtsIdTable *table)
{
  return table->there_of == NULL && !table->rest_is_one;
}

bool
fts_idmap_is_identity (const FtsIdMap *map)
{
  return is_identity (&map->users) && is_identity (&map->groups);
}

/* The first pair of a number counts. */
static void
add_one (GHashTable **into, uint32_t from, uint32_t to)
{
  if (*into == NULL)
    *into = g_hash_table_new (g_direct_hash, g_direct_equal);
  if (!g_hash_table_contains (*into, GUINT_TO_POINTER (from)))
    g_hash_table_insert (*into, GUINT_TO_POINTER (from), GUINT_TO_POINTER (to));
}

void
fts_idmap_add (FtsIdTable *table, uint32_t here, uint32_t there)
{
  add_one (&table->there_of, here, there);
  add_one (&table->here_of, there, here);
}

void
fts_idmap_set_rest (FtsIdTable *table, uint32_t here, uint32_t there)
{
  table->rest_is_one = true;
  table->rest_here = here;
  table->rest_there = there;
}

/* ---- files ---- */

static bool
parse_number (const char *text, uint32_t *out)
{
  guint64 number;

  /* 2^32 - 1 means "no change" to chown(2). */
  if (!g_ascii_string_to_unsigned (text, 10, 0, UINT32_MAX - 1, &number, NULL))
    return false;
  *out = (uint32_t) number;
  return true;
}

static bool
find_user (const char *name, uint32_t *out)
{
  char buffer[4096];
  struct passwd entry, *found = NULL;

  if (getpwnam_r (name, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
    return false;
  *out = found->pw_uid;
  return true;
}

static bool
find_group (const char *name, uint32_t *out)
{
  g_autofree char *buffer = g_malloc (256u << 10); /* all members' names */
  struct group entry, *found = NULL;

  if (getgrnam_r (name, &entry, buffer, 256u << 10, &found) != 0 || found == NULL)
    return false;
  *out = found->gr_gid;
  return true;
}

static bool
take_line (FtsIdTable *table, FtsIdKind kind, const char *line, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (line, ":", 2);
  bool is_user = kind == FTS_ID_USERS;
  uint32_t here;
  uint32_t there;

  if (parts[0] == NULL || parts[1] == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "'%s' is not NAME:NUMBER", line);
    return false;
  }
  g_strstrip (parts[0]);
  g_strstrip (parts[1]);
  if (!parse_number (parts[0], &here) &&
      !(is_user ? find_user (parts[0], &here) : find_group (parts[0], &here))) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "no %s '%s' on this host",
                 is_user ? "user" : "group", parts[0]);
    return false;
  }
  if (!parse_number (parts[1], &there)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "'%s' is not a number", parts[1]);
    return false;
  }
  fts_idmap_add (table, here, there);
  return true;
}

bool
fts_idmap_load (FtsIdMap *map, FtsIdKind kind, const char *file, GError **error)
{
  FtsIdTable *table = kind == FTS_ID_USERS ? &map->users : &map->groups;
  g_autoptr (GError) failed = NULL;
  g_autofree char *text = NULL;

  if (!g_file_get_contents (file, &text, NULL, &failed)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: %s", file, failed->message);
    return false;
  }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    const char *line = g_strstrip (lines[i]);
    if (*line == '\0' || *line == '#' || take_line (table, kind, line, &failed))
      continue;
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: line %u: %s", file, i + 1,
                 failed->message);
    return false;
  }
  return true;
}

/* ---- mapping ---- */

static uint32_t
map_number (GHashTable *pairs, bool rest_is_one, uint32_t rest, uint32_t id)
{
  gpointer found;

  if (pairs != NULL &&
      g_hash_table_lookup_extended (pairs, GUINT_TO_POINTER (id), NULL, &found))
    return GPOINTER_TO_UINT (found);
  return rest_is_one ? rest : id;
}

uint32_t
fts_idmap_to_there (const FtsIdTable *table, uint32_t here)
{
  return map_number (table->there_of, table->rest_is_one, table->rest_there, here);
}

uint32_t
fts_idmap_to_here (const FtsIdTable *table, uint32_t there)
{
  return map_number (table->here_of, table->rest_is_one, table->rest_here, there);
}

void
fts_idmap_attr_to_here (const FtsIdMap *map, FtsAttr *attr)
{
  attr->uid = fts_idmap_to_here (&map->users, attr->uid);
  attr->gid = fts_idmap_to_here (&map->groups, attr->gid);
}

void
fts_idmap_attr_to_there (const FtsIdMap *map, FtsAttr *attr)
{
  attr->uid = fts_idmap_to_there (&map->users, attr->uid);
  attr->gid = fts_idmap_to_there (&map->groups, attr->gid);
}

/* ---- POSIX ACL as extended attributes: version u32, then tag u16, rights u16, id u32 ---- */

typedef struct {
  FtsLe16 tag, rights;
  FtsLe32 id;
} AclEntry;

static bool
is_acl (const char *name)
{
  return strcmp (name, "system.posix_acl_access") == 0 ||
         strcmp (name, "system.posix_acl_default") == 0;
}

void
fts_idmap_acl (const FtsIdMap *map, FtsIdFunc func, const char *name, uint8_t *bytes,
               size_t len)
{
  FtsLe32 version;
  AclEntry entry;

  if (!is_acl (name) || fts_idmap_is_identity (map) || len < sizeof version)
    return;
  memcpy (&version, bytes, sizeof version);
  if (fts_le32_get (version) != POSIX_ACL_XATTR_VERSION)
    return;
  for (size_t at = sizeof version; at + sizeof entry <= len; at += sizeof entry) {
    memcpy (&entry, bytes + at, sizeof entry);
    uint16_t tag = fts_le16_get (entry.tag);
    if (tag != ACL_USER && tag != ACL_GROUP)
      continue;
    const FtsIdTable *table = tag == ACL_USER ? &map->users : &map->groups;
    entry.id = fts_le32 (func (table, fts_le32_get (entry.id)));
    memcpy (bytes + at, &entry, sizeof entry);
  }
}
