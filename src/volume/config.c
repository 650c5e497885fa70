#include "volume/config.h"

#include "base/error.h"
#include "volume/device_spec.h"

#include <lunpath/transport.h>

#include <string.h>
#include <sys/stat.h>

#define CONFIG_DIR "/etc/ftsfs/volumes"

void
fts_volume_config_free (FtsVolumeConfig *config)
{
  if (config == NULL)
    return;
  g_free (config->file);
  g_free (config->name);
  g_free (config->host);
  g_free (config->policy);
  g_free (config->secret_file);
  g_ptr_array_unref (config->devices);
  g_free (config);
}

static void
free_strv (gpointer strv)
{
  g_strfreev (strv);
}

/* The key file's path when WORD names one: a path ending in .conf, or a plain word for which
 * a file exists. */
static char *
config_file_of (const char *word)
{
  g_autofree char *file = NULL;

  if (g_str_has_suffix (word, ".conf") && strpbrk (word, "|+:") == NULL)
    return g_strdup (word);
  if (strpbrk (word, "/|+:?") != NULL)
    return NULL;
  file = g_strdup_printf ("%s/%s.conf", CONFIG_DIR, word);
  return g_file_test (file, G_FILE_TEST_EXISTS) ? g_steal_pointer (&file) : NULL;
}

static bool
is_known_key (const char *group, const char *key)
{
  static const char *const volume_keys[] = { "name", "host", "policy", "secret-file",
                                             NULL };

  if (strcmp (group, "volume") == 0)
    return g_strv_contains (volume_keys, key);
  return strcmp (key, "paths") == 0;
}

static bool
is_device_group (const char *group, guint64 *number)
{
  return g_str_has_prefix (group, "device ") &&
         g_ascii_string_to_unsigned (group + strlen ("device "), 10, 1, 1024, number,
                                     NULL);
}

/* A misspelt group or key must not pass unseen. */
static bool
check_words (GKeyFile *keys, const char *file, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (keys, NULL);

  for (char **group = groups; *group != NULL; group++) {
    guint64 number;
    g_auto (GStrv) names = g_key_file_get_keys (keys, *group, NULL, NULL);
    if (strcmp (*group, "volume") != 0 && !is_device_group (*group, &number)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "%s: group [%s] is unknown; known are [volume] and [device NUMBER]",
                   file, *group);
      return false;
    }
    for (char **name = names; name != NULL && *name != NULL; name++)
      if (!is_known_key (*group, *name)) {
        g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: [%s]: key %s is unknown",
                     file, *group, *name);
        return false;
      }
  }
  return true;
}

static bool
add_device_words (FtsVolumeConfig *config, char *const *words, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (; *words != NULL; words++) {
    g_auto (GStrv) some = fts_device_spec_paths (*words, error);
    if (some == NULL)
      return false;
    for (char **p = some; *p != NULL; p++)
      g_ptr_array_add (paths, g_strdup (*p));
  }
  g_ptr_array_add (paths, NULL);
  g_ptr_array_add (config->devices, g_ptr_array_free (g_steal_pointer (&paths), FALSE));
  return true;
}

static bool
take_devices (FtsVolumeConfig *config, GKeyFile *keys, const char *file, GError **error)
{
  for (unsigned i = 1;; i++) {
    g_autofree char *group = g_strdup_printf ("device %u", i);
    g_auto (GStrv) words =
      g_key_file_get_string_list (keys, group, "paths", NULL, NULL);
    if (words == NULL || words[0] == NULL) {
      if (i > 1 && !g_key_file_has_group (keys, group))
        return true;
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: [%s]: key paths is missing",
                   file, group);
      return false;
    }
    if (!add_device_words (config, words, error)) {
      g_prefix_error (error, "%s: [%s]: paths: ", file, group);
      return false;
    }
  }
}

/* A file with a secret in a path name is for its owner alone. */
static bool
check_private (const FtsVolumeConfig *config, const char *file, GError **error)
{
  bool has_secret = false;
  struct stat st;

  for (unsigned i = 0; i < config->devices->len; i++)
    for (char **path = g_ptr_array_index (config->devices, i); *path != NULL; path++) {
      g_autofree char *masked = lun_path_name_mask (*path);
      has_secret |= strcmp (masked, *path) != 0;
    }
  if (!has_secret || stat (file, &st) != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "%s: holds a CHAP secret and can be read or written by others (mode "
               "%04o); \"chmod 600 %s\", or put the secret into a secret-file",
               file, st.st_mode & 07777, file);
  return false;
}

static bool
load_key_file (FtsVolumeConfig *config, const char *file, GError **error)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) cause = NULL;

  if (!g_key_file_load_from_file (keys, file, G_KEY_FILE_NONE, &cause)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s: %s", file, cause->message);
    return false;
  }
  config->name = g_key_file_get_string (keys, "volume", "name", NULL);
  config->host = g_key_file_get_string (keys, "volume", "host", NULL);
  config->policy = g_key_file_get_string (keys, "volume", "policy", NULL);
  config->secret_file = g_key_file_get_string (keys, "volume", "secret-file", NULL);
  return check_words (keys, file, error) && take_devices (config, keys, file, error) &&
         check_private (config, file, error);
}

FtsVolumeConfig *
fts_volume_config_load (const FtsVolumeSpec *spec, GError **error)
{
  g_autoptr (FtsVolumeConfig) config = g_new0 (FtsVolumeConfig, 1);
  g_autofree char *file = NULL;

  config->devices = g_ptr_array_new_with_free_func (free_strv);
  if (spec->volume == NULL || spec->volume[0] == '\0') {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "no volume named");
    return NULL;
  }
  file = config_file_of (spec->volume);
  if (file != NULL) {
    if (!load_key_file (config, file, error))
      return NULL;
    config->file = g_steal_pointer (&file);
  } else if (!add_device_words (config, (char *[]){ spec->volume, NULL }, error)) {
    return NULL;
  }
  for (char **word = spec->devices; word != NULL && *word != NULL; word++)
    if (!add_device_words (config, (char *[]){ *word, NULL }, error))
      return NULL;
  return g_steal_pointer (&config);
}

static char *
complete_word (const char *word)
{
  g_autofree char *file = config_file_of (word);
  g_auto (GStrv) paths = NULL;

  if (file != NULL)
    return g_canonicalize_filename (file, NULL);
  paths = fts_device_spec_paths (word, NULL);
  return paths != NULL ? g_strjoinv ("|", paths) : g_strdup (word);
}

void
fts_volume_spec_complete (const FtsVolumeSpec *spec, FtsVolumeSpec *out)
{
  guint n = spec->devices != NULL ? g_strv_length (spec->devices) : 0;

  *out = (FtsVolumeSpec){ .volume = complete_word (spec->volume),
                          .devices = g_new0 (char *, n + 1),
                          .read_only = spec->read_only };
  for (guint i = 0; i < n; i++)
    out->devices[i] = complete_word (spec->devices[i]);
}

void
fts_volume_spec_clear (FtsVolumeSpec *spec)
{
  g_clear_pointer (&spec->volume, g_free);
  g_clear_pointer (&spec->devices, g_strfreev);
}
