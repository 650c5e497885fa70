/* export_keys.c - one export: its life, and the words that set what it allows.
 *
 * The words are those of NFS where NFS has them.  The table is what a key file and the command
 * line share.
 */
#include "base/error.h"
#include "fts/export.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t last_root_id; /* atomic */

FtsExport *
fts_export_new (void)
{
  FtsExport *export = g_new0 (FtsExport, 1);

  export->refs = 1;
  export->root_fd = -1;
  export->root_id = __atomic_add_fetch (&last_root_id, 1, __ATOMIC_RELAXED);
  export->rights.anon_uid = export->rights.anon_gid = FTS_IDMAP_NOBODY;
  return export;
}

FtsExport *
fts_export_ref (const FtsExport *export)
{
  FtsExport *same = (FtsExport *) export;

  g_atomic_int_inc (&same->refs);
  return same;
}

void
fts_export_unref (FtsExport *export)
{
  if (export == NULL || !g_atomic_int_dec_and_test (&export->refs))
    return;
  g_free (export->name);
  g_free (export->path);
  g_strfreev (export->peers);
  fts_idmap_clear (&export->rights.map);
  if (export->root_fd >= 0)
    close (export->root_fd);
  g_free (export);
}

bool
fts_export_is_same_place (const FtsExport *a, const FtsExport *b)
{
  struct stat one, other;

  return strcmp (a->name, b->name) == 0 && fstat (a->root_fd, &one) == 0 &&
         fstat (b->root_fd, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

/* ---- values ---- */

static bool
wrong (GError **error, const char *wanted)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s is needed", wanted);
  return false;
}

static bool
parse_number (const char *value, uint32_t *out, GError **error)
{
  guint64 number = 0;

  if (value == NULL ||
      !g_ascii_string_to_unsigned (value, 10, 0, UINT32_MAX - 1, &number, NULL))
    return wrong (error, "a user's or group's number");
  *out = (uint32_t) number;
  return true;
}

static bool
parse_flag (const char *value, bool *out, GError **error)
{
  *out = value == NULL || strcmp (value, "true") == 0;
  return *out || strcmp (value, "false") == 0 || wrong (error, "true or false");
}

static bool
parse_word (const char *value, const char *const *words, unsigned *out, GError **error)
{
  for (*out = 0; words[*out] != NULL; (*out)++)
    if (g_strcmp0 (value, words[*out]) == 0)
      return true;
  g_autofree char *known = g_strjoinv (" or ", (char **) words);
  return wrong (error, known);
}

static const char *const modes[] = { "rw", "ro", NULL };
static const char *const squashes[] = { "none", "root", "all", NULL }; /* FtsSquash */
static const char *const watches[] = { "auto", "fanotify", "inotify", "off",
                                       NULL }; /* FtsWatchChoice */

/* "A:B" or "A;B"; blanks around a name count for nothing. */
static bool
parse_peers (const char *value, char ***out, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) parts = g_strsplit_set (value ? value : "", ":;", -1);

  for (char **part = parts; *part != NULL; part++)
    if (*g_strstrip (*part) != '\0')
      g_ptr_array_add (names, g_strdup (*part));
  if (names->len == 0)
    return wrong (error, "the name of a peer");
  g_ptr_array_add (names, NULL);
  g_strfreev (*out);
  *out = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return true;
}

static bool
load_map (FtsExport *export, FtsIdKind kind, const char *file, GError **error)
{
  FtsRights *rights = &export->rights;

  if (file == NULL || *file != '/')
    return wrong (error, "the absolute name of a file with lines NAME:NUMBER");
  return fts_idmap_load (&rights->map, kind, file, error);
}

/* ---- keys ---- */

typedef enum {
  KEY_MODE,
  KEY_PEERS,
  KEY_FLAG,
  KEY_SQUASH,
  KEY_NUMBER,
  KEY_USERS,
  KEY_GROUPS,
  KEY_WATCH,
} KeyKind;

typedef struct {
  const char *name;
  KeyKind kind;
  size_t field;      /* of a flag or number */
  const char *value; /* a word that stands for this value */
} Key;

#define FIELD(name) offsetof (FtsExport, name)

static const Key keys[] = {
  { "mode", KEY_MODE, 0, NULL },
  { "ro", KEY_MODE, 0, "ro" },
  { "rw", KEY_MODE, 0, "rw" },
  { "peers", KEY_PEERS, 0, NULL },
  { "devices", KEY_FLAG, FIELD (allow_devices), NULL },
  { "setid", KEY_FLAG, FIELD (allow_setid), NULL },
  { "squash", KEY_SQUASH, 0, NULL },
  { "root_squash", KEY_SQUASH, 0, "root" },
  { "all_squash", KEY_SQUASH, 0, "all" },
  { "no_root_squash", KEY_SQUASH, 0, "none" },
  { "anonuid", KEY_NUMBER, FIELD (rights.anon_uid), NULL },
  { "anongid", KEY_NUMBER, FIELD (rights.anon_gid), NULL },
  { "uidmap", KEY_USERS, 0, NULL },
  { "gidmap", KEY_GROUPS, 0, NULL },
  { "watch", KEY_WATCH, 0, NULL },
};

static const Key *
find_key (const char *name, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++) {
    if (strcmp (keys[i].name, name) == 0)
      return &keys[i];
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", keys[i].name);
  }
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "unknown option '%s' (known: %s)",
               name, known->str);
  return NULL;
}

static bool
take_value (FtsExport *export, const Key *key, const char *value, GError **error)
{
  void *field = (char *) export + key->field;
  unsigned word = 0;

  switch (key->kind) {
  case KEY_MODE:
    if (!parse_word (value, modes, &word, error))
      return false;
    export->read_only = word == 1;
    return true;
  case KEY_PEERS:
    return parse_peers (value, &export->peers, error);
  case KEY_FLAG:
    return parse_flag (value, field, error);
  case KEY_SQUASH:
    if (!parse_word (value, squashes, &word, error))
      return false;
    export->rights.squash = (FtsSquash) word;
    return true;
  case KEY_NUMBER:
    return parse_number (value, field, error);
  case KEY_USERS:
    return load_map (export, FTS_ID_USERS, value, error);
  case KEY_GROUPS:
    return load_map (export, FTS_ID_GROUPS, value, error);
  case KEY_WATCH:
    if (!parse_word (value, watches, &word, error))
      return false;
    export->watch = (FtsWatchChoice) word;
    return true;
  }
  return false;
}

bool
fts_export_set (FtsExport *export, const char *name, const char *value, GError **error)
{
  g_autoptr (GError) failed = NULL;
  const Key *key = find_key (name, error);

  if (key == NULL)
    return false;
  if (key->value != NULL && value != NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s stands alone, without a value",
                 name);
    return false;
  }
  if (take_value (export, key, key->value != NULL ? key->value : value, &failed))
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s%s%s: %s", name,
               value != NULL ? "=" : "", value != NULL ? value : "", failed->message);
  return false;
}

char *
fts_export_describe (const FtsExport *export)
{
  const FtsRights *rights = &export->rights;
  g_autofree char *peers = export->peers ? g_strjoinv (":", export->peers) : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "%s=%s,%s,squash=%s", export->name, export->path,
                   modes[export->read_only], squashes[rights->squash]);
  if (rights->squash != FTS_SQUASH_NONE || !fts_idmap_is_identity (&rights->map))
    g_string_append_printf (text, ",anonuid=%u,anongid=%u", rights->anon_uid,
                            rights->anon_gid);
  if (!fts_idmap_is_identity (&rights->map))
    g_string_append (text, ",mapped");
  if (export->allow_devices)
    g_string_append (text, ",devices");
  if (export->allow_setid)
    g_string_append (text, ",setid");
  if (export->watch != FTS_WATCH_AUTO)
    g_string_append_printf (text, ",watch=%s", watches[export->watch]);
  g_string_append_printf (text, ",peers=%s", peers != NULL ? peers : "*");
  return g_string_free (g_steal_pointer (&text), FALSE);
}
