#include "volume/device_spec.h"

#include "base/error.h"

#include <stdbool.h>

#include <lunpath/transport.h>

#include <string.h>

/* Where the next C stands outside parentheses, or the end of TEXT. */
static const char *
find_outside (const char *text, char c)
{
  int depth = 0;

  for (; *text != '\0'; text++) {
    if (depth == 0 && *text == c)
      return text;
    if (*text == '(')
      depth++;
    else if (*text == ')' && depth > 0)
      depth--;
  }
  return text;
}

/* After the wrappers: a wrapper is a word, perhaps with (ARGS), and a "+". */
static const char *
skip_wrappers (const char *path)
{
  for (;;) {
    const char *p = path;
    while (g_ascii_isalnum (*p) || *p == '-' || *p == '_')
      p++;
    if (p == path)
      return path;
    if (*p == '(') {
      p = find_outside (p, '+');
      if (p[-1] != ')')
        return path;
    }
    if (*p != '+')
      return path;
    path = p + 1;
  }
}

/* "file:/x", "iscsi://...": letters and a colon. */
static bool
has_kind (const char *text)
{
  const char *p = text;

  while (g_ascii_isalnum (*p))
    p++;
  return p > text && *p == ':';
}

static char *
complete (const char *path)
{
  const char *core = skip_wrappers (path);
  const char *name = core;
  g_autofree char *wrappers = g_strndup (path, (gsize) (core - path));
  g_autofree char *absolute = NULL;

  if (path[0] == '?') /* options of the device, among its paths */
    return g_strdup (path);
  if (g_str_has_prefix (core, "file:"))
    name = core + strlen ("file:");
  else if (has_kind (core))
    return g_strdup (path);
  if (g_path_is_absolute (name))
    return g_strconcat (wrappers, "file:", name, NULL);
  absolute = g_canonicalize_filename (name, NULL);
  return g_strconcat (wrappers, "file:", absolute, NULL);
}

char **
fts_device_spec_paths (const char *spec, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (const char *p = spec;;) {
    const char *end = find_outside (p, '|');
    g_autofree char *path = g_strndup (p, (gsize) (end - p));
    g_strstrip (path);
    if (path[0] == '\0') {
      g_autofree char *shown = lun_path_name_mask (spec);
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "device \"%s\": empty path name",
                   shown);
      return NULL;
    }
    g_ptr_array_add (paths, complete (path));
    if (*end == '\0')
      break;
    p = end + 1;
  }
  g_ptr_array_add (paths, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&paths), FALSE);
}

char *
fts_device_spec_image (const char *path)
{
  const char *core = skip_wrappers (path);

  if (!g_str_has_prefix (core, "file:"))
    return NULL;
  core += strlen ("file:");
  return g_strndup (core, strcspn (core, "?"));
}
