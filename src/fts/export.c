/* export.c - see export.h. */
#include "fts/export.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_PREFIX "export "
#define NAME_CHARS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define NAME_MOST    64u

struct FtsExports {
  GPtrArray *all;      /* of FtsExport */
  GHashTable *secrets; /* peer -> secret; NULL = none asked */
};

static void
free_export (gpointer data)
{
  FtsExport *export = data;

  g_free (export->name);
  g_free (export->path);
  g_strfreev (export->peers);
  if (export->root_fd >= 0)
    close (export->root_fd);
  g_free (export);
}

static FtsExport *
new_export (void)
{
  FtsExport *export = g_new0 (FtsExport, 1);
  export->root_fd = -1;
  return export;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsExport, free_export)

FtsExports *
fts_exports_new (void)
{
  FtsExports *exports = g_new0 (FtsExports, 1);
  exports->all = g_ptr_array_new_with_free_func (free_export);
  return exports;
}

void
fts_exports_free (FtsExports *exports)
{
  if (exports == NULL)
    return;
  g_ptr_array_unref (exports->all);
  g_clear_pointer (&exports->secrets, g_hash_table_unref);
  g_free (exports);
}

/* Takes EXPORT over when its name and directory are right; WHERE is for messages. */
static bool
add_export (FtsExports *exports, FtsExport *export, const char *where, GError **error)
{
  g_autoptr (FtsExport) owned = export;
  size_t len = strlen (owned->name);

  if (len == 0 || len > NAME_MOST || strspn (owned->name, NAME_CHARS) != len) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: export name '%s': use up to %u letters, digits, '.', '_', '-'",
                 where, owned->name, NAME_MOST);
    return false;
  }
  if (fts_exports_find (exports, owned->name) != NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: export %s is there twice",
                 where, owned->name);
    return false;
  }
  if (owned->path == NULL || owned->path[0] != '/') {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: export %s: the path must be absolute", where, owned->name);
    return false;
  }
  owned->root_fd = open (owned->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (owned->root_fd < 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: export %s: %s: %s", where,
                 owned->name, owned->path, g_strerror (errno));
    return false;
  }
  g_ptr_array_add (exports->all, g_steal_pointer (&owned));
  return true;
}

/* ---- command line ---- */

static bool
set_option (FtsExport *export, const char *option)
{
  if (g_str_has_prefix (option, "peers=")) {
    g_strfreev (export->peers);
    export->peers = g_strsplit (option + strlen ("peers="), ":", -1);
    return true;
  }
  if (strcmp (option, "devices") == 0)
    return export->allow_devices = true;
  if (strcmp (option, "setid") == 0)
    return export->allow_setid = true;
  if (strcmp (option, "ro") == 0)
    return export->read_only = true;
  return strcmp (option, "rw") == 0;
}

/* Cuts ":ro" or ":rw" off PATH. */
static void
take_mode (FtsExport *export, char *path)
{
  size_t len = strlen (path);

  if (len < 3 ||
      (strcmp (path + len - 3, ":ro") != 0 && strcmp (path + len - 3, ":rw") != 0))
    return;
  export->read_only = path[len - 1] == 'o';
  path[len - 3] = '\0';
}

bool
fts_exports_add (FtsExports *exports, const char *spec, GError **error)
{
  g_autoptr (FtsExport) export = new_export ();
  const char *equals = strchr (spec, '=');

  if (equals == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "export '%s': write NAME=PATH, as in data=/srv/data", spec);
    return false;
  }
  g_auto (GStrv) parts = g_strsplit (equals + 1, ",", -1);
  export->name = g_strndup (spec, (size_t) (equals - spec));
  export->path = g_strdup (parts[0] != NULL ? parts[0] : "");
  take_mode (export, export->path);
  for (int i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
    if (set_option (export, parts[i]))
      continue;
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "export '%s': unknown option '%s' (known: ro, rw, peers=A:B, devices, "
                 "setid)",
                 spec, parts[i]);
    return false;
  }
  g_autofree char *where = g_strdup_printf ("export '%s'", spec);
  return add_export (exports, g_steal_pointer (&export), where, error);
}

/* ---- key file ---- */

static bool
load_mode (FtsExport *export, const char *value)
{
  export->read_only = strcmp (value, "ro") == 0;
  return export->read_only || strcmp (value, "rw") == 0;
}

/* One key of an export's group; false with or without ERROR set. */
static bool
load_key (GKeyFile *keys, const char *group, const char *key, FtsExport *export,
          GError **error)
{
  g_autoptr (GError) failed = NULL;
  g_autofree char *value = g_key_file_get_string (keys, group, key, &failed);

  if (value == NULL) {
    g_propagate_error (error, g_steal_pointer (&failed));
    return false;
  }
  if (strcmp (key, "path") == 0) {
    export->path = g_steal_pointer (&value);
    return true;
  }
  if (strcmp (key, "mode") == 0)
    return load_mode (export, value);
  if (strcmp (key, "peers") == 0) {
    export->peers = g_key_file_get_string_list (keys, group, key, NULL, error);
    return export->peers != NULL;
  }
  bool *flag = strcmp (key, "devices") == 0 ? &export->allow_devices
               : strcmp (key, "setid") == 0 ? &export->allow_setid
                                            : NULL;
  if (flag == NULL)
    return false;
  *flag = g_key_file_get_boolean (keys, group, key, &failed);
  if (failed == NULL)
    return true;
  g_propagate_error (error, g_steal_pointer (&failed));
  return false;
}

static bool
load_group (FtsExports *exports, GKeyFile *keys, const char *group, const char *file,
            GError **error)
{
  g_autoptr (FtsExport) export = new_export ();
  g_auto (GStrv) names = g_key_file_get_keys (keys, group, NULL, NULL);

  if (!g_str_has_prefix (group, GROUP_PREFIX)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: unknown group [%s] (known: [export NAME])", file, group);
    return false;
  }
  export->name = g_strstrip (g_strdup (group + strlen (GROUP_PREFIX)));
  for (char **key = names; *key != NULL; key++) {
    g_autoptr (GError) failed = NULL;
    if (load_key (keys, group, *key, export, &failed))
      continue;
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: [%s] %s: %s", file, group,
                 *key, failed != NULL ? failed->message : "unknown key or value");
    return false;
  }
  g_autofree char *where = g_strdup_printf ("%s: [%s]", file, group);
  return add_export (exports, g_steal_pointer (&export), where, error);
}

static GKeyFile *
load_key_file (const char *file, GError **error)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) failed = NULL;

  if (g_key_file_load_from_file (keys, file, G_KEY_FILE_NONE, &failed))
    return g_steal_pointer (&keys);
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: %s", file, failed->message);
  return NULL;
}

bool
fts_exports_load (FtsExports *exports, const char *file, GError **error)
{
  g_autoptr (GKeyFile) keys = load_key_file (file, error);

  if (keys == NULL)
    return false;
  g_auto (GStrv) groups = g_key_file_get_groups (keys, NULL);
  for (char **group = groups; *group != NULL; group++)
    if (!load_group (exports, keys, *group, file, error))
      return false;
  return true;
}

/* ---- secrets ---- */

static bool
is_private (const char *file, GError **error)
{
  struct stat st;

  if (stat (file, &st) != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: %s", file,
                 g_strerror (errno));
    return false;
  }
  if ((st.st_mode & 077) == 0 && (st.st_uid == 0 || st.st_uid == geteuid ()))
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "%s: others can read or own the secrets: chown it and chmod 600", file);
  return false;
}

bool
fts_exports_load_secrets (FtsExports *exports, const char *file, GError **error)
{
  if (!is_private (file, error))
    return false;
  g_autoptr (GKeyFile) keys = load_key_file (file, error);
  if (keys == NULL)
    return false;
  g_auto (GStrv) names = g_key_file_get_keys (keys, "secrets", NULL, NULL);
  if (names == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: no group [secrets]", file);
    return false;
  }
  if (exports->secrets == NULL)
    exports->secrets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (char **name = names; *name != NULL; name++) {
    char *secret = g_key_file_get_string (keys, "secrets", *name, NULL);
    if (secret == NULL || secret[0] == '\0') {
      g_free (secret);
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "%s: [secrets] %s: the secret is empty", file, *name);
      return false;
    }
    g_hash_table_insert (exports->secrets, g_strdup (*name), secret);
  }
  return true;
}

/* ---- questions ---- */

unsigned
fts_exports_count (const FtsExports *exports)
{
  return exports->all->len;
}

const FtsExport *
fts_exports_get (const FtsExports *exports, unsigned index)
{
  return exports->all->pdata[index];
}

const FtsExport *
fts_exports_find (const FtsExports *exports, const char *name)
{
  if (name[0] == '/')
    name++;
  for (guint i = 0; i < exports->all->len; i++) {
    const FtsExport *export = exports->all->pdata[i];
    if (strcmp (export->name, name) == 0)
      return export;
  }
  return NULL;
}

/* "alpha" of "alpha.2", the second mount or client of alpha (volume/join.h); NULL for others. */
static char *
name_without_number (const char *peer)
{
  const char *dot = strrchr (peer, '.');

  if (dot == NULL || dot == peer || dot[1] == '\0' ||
      strspn (dot + 1, "0123456789") != strlen (dot + 1))
    return NULL;
  return g_strndup (peer, (gsize) (dot - peer));
}

const char *
fts_exports_secret_of (const FtsExports *exports, const char *peer)
{
  g_autofree char *first = name_without_number (peer);
  const char *secret;

  if (exports->secrets == NULL)
    return "";
  secret = g_hash_table_lookup (exports->secrets, peer);
  if (secret == NULL && first != NULL)
    secret = g_hash_table_lookup (exports->secrets, first);
  return secret;
}

bool
fts_export_allows (const FtsExport *export, const char *peer)
{
  g_autofree char *first = name_without_number (peer);
  const char *const *peers = (const char *const *) export->peers;

  return peers == NULL || g_strv_contains (peers, peer) ||
         (first != NULL && g_strv_contains (peers, first));
}
