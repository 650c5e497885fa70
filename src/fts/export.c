/* export.c - see export.h. */
#include "fts/export.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_PREFIX "export "
#define NAME_CHARS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define NAME_MOST    64u

typedef struct {
  char *name; /* or pattern */
  char *secret;
} Secret;

struct FtsExports {
  GPtrArray *all;     /* of FtsExport */
  GPtrArray *secrets; /* of Secret, in the file's order; NULL = none asked */
};

static void
free_secret (gpointer data)
{
  Secret *secret = data;

  g_free (secret->name);
  g_free (secret->secret);
  g_free (secret);
}

static void
unref_export (gpointer data)
{
  fts_export_unref (data);
}

FtsExports *
fts_exports_new (void)
{
  FtsExports *exports = g_new0 (FtsExports, 1);
  exports->all = g_ptr_array_new_with_free_func (unref_export);
  return exports;
}

void
fts_exports_free (FtsExports *exports)
{
  if (exports == NULL)
    return;
  g_ptr_array_unref (exports->all);
  g_clear_pointer (&exports->secrets, g_ptr_array_unref);
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
  fts_rights_complete (&owned->rights);
  g_ptr_array_add (exports->all, g_steal_pointer (&owned));
  return true;
}

/* ---- command line ---- */

/* "KEY=VALUE"; a word alone says yes. */
static bool
set_option (FtsExport *export, const char *option, GError **error)
{
  const char *equals = strchr (option, '=');

  if (equals == NULL)
    return fts_export_set (export, option, NULL, error);
  g_autofree char *key = g_strndup (option, (gsize) (equals - option));
  return fts_export_set (export, key, equals + 1, error);
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
  g_autoptr (FtsExport) export = fts_export_new ();
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
    g_autoptr (GError) failed = NULL;
    if (set_option (export, parts[i], &failed))
      continue;
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "export '%s': %s", spec,
                 failed->message);
    return false;
  }
  g_autofree char *where = g_strdup_printf ("export '%s'", spec);
  return add_export (exports, g_steal_pointer (&export), where, error);
}

/* ---- key file ---- */

static bool
load_key (GKeyFile *keys, const char *group, const char *key, FtsExport *export,
          GError **error)
{
  g_autofree char *value = g_key_file_get_string (keys, group, key, error);

  if (value == NULL)
    return false;
  if (strcmp (key, "path") != 0)
    return fts_export_set (export, key, value, error);
  g_free (export->path);
  export->path = g_steal_pointer (&value);
  return true;
}

static bool
load_group (FtsExports *exports, GKeyFile *keys, const char *group, const char *file,
            GError **error)
{
  g_autoptr (FtsExport) export = fts_export_new ();
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
                 *key, failed->message);
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
    exports->secrets = g_ptr_array_new_with_free_func (free_secret);
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *text = g_key_file_get_string (keys, "secrets", *name, NULL);
    if (text == NULL || text[0] == '\0') {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "%s: [secrets] %s: the secret is empty", file, *name);
      return false;
    }
    Secret *secret = g_new0 (Secret, 1);
    secret->name = g_strdup (*name);
    secret->secret = g_steal_pointer (&text);
    g_ptr_array_add (exports->secrets, secret);
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

static bool
is_name (const char *pattern, const char *peer)
{
  return strcmp (pattern, peer) == 0;
}

static bool
is_like (const char *pattern, const char *peer)
{
  return fnmatch (pattern, peer, 0) == 0;
}

static const char *
find_secret (const FtsExports *exports, bool (*fits) (const char *, const char *),
             const char *peer)
{
  for (guint i = 0; peer != NULL && i < exports->secrets->len; i++) {
    const Secret *secret = exports->secrets->pdata[i];
    if (fits (secret->name, peer))
      return secret->secret;
  }
  return NULL;
}

const char *
fts_exports_secret_of (const FtsExports *exports, const char *peer)
{
  g_autofree char *first = name_without_number (peer);

  if (exports->secrets == NULL)
    return "";
  const char *secret = find_secret (exports, is_name, peer);
  if (secret == NULL)
    secret = find_secret (exports, is_name, first);
  return secret != NULL ? secret : find_secret (exports, is_like, peer);
}

bool
fts_export_allows (const FtsExport *export, const char *peer)
{
  g_autofree char *first = name_without_number (peer);
  char **pattern = export->peers;

  if (pattern == NULL)
    return true;
  for (; *pattern != NULL; pattern++)
    if (is_like (*pattern, peer) || (first != NULL && is_like (*pattern, first)))
      return true;
  return false;
}
