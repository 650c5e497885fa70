/* transport/name.c - reading path names (grammar: lunpath/transport.h).
 *
 * Pure.  A cursor walks the text once; every refusal names the character where it happened,
 * counted from 1.  A name that starts with '/' or '.', or has no ':' before its first '/', is
 * a file name.
 */
#include <lunpath/transport.h>

#include <string.h>

typedef struct {
  const char *text;
  const char *at;
} Cursor;

static bool
refuse (const Cursor *cursor, const char *what, GError **error)
{
  g_autofree char *shown = lun_path_name_mask (cursor->text);

  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "path name \"%s\": %s at character %d", shown, what,
               (int) (cursor->at - cursor->text) + 1);
  return false;
}

static size_t
word_len (const char *text)
{
  return strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

/* The end of the "(...)" that starts at OPEN: its ')', or NULL. */
static const char *
closing (const char *open)
{
  int depth = 0;

  for (const char *p = open; *p != '\0'; p++) {
    if (*p == '(')
      depth++;
    if (*p == ')' && --depth == 0)
      return p;
  }
  return NULL;
}

/* The LEN bytes at the cursor with %XX resolved; the cursor moves behind them. */
static char *
decode (Cursor *cursor, size_t len, GError **error)
{
  g_autoptr (GString) out = g_string_sized_new (len);
  const char *end = cursor->at + len;

  while (cursor->at < end) {
    if (*cursor->at != '%') {
      g_string_append_c (out, *cursor->at++);
      continue;
    }
    if (end - cursor->at < 3 || !g_ascii_isxdigit (cursor->at[1]) ||
        !g_ascii_isxdigit (cursor->at[2])) {
      refuse (cursor,
              "'%' without two hexadecimal digits (write %25 for the sign itself)",
              error);
      return NULL;
    }
    int byte =
      g_ascii_xdigit_value (cursor->at[1]) * 16 + g_ascii_xdigit_value (cursor->at[2]);
    if (byte == 0) {
      refuse (cursor, "%00 cannot be part of a name", error);
      return NULL;
    }
    g_string_append_c (out, (char) byte);
    cursor->at += 3;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static bool
is_layer (const char *text)
{
  size_t len = word_len (text);

  return len > 0 && (text[len] == '+' || text[len] == '(');
}

static bool
parse_layer (Cursor *cursor, LunPathName *name, GError **error)
{
  size_t len = word_len (cursor->at);
  LunNameLayer *layer;

  name->layers = g_renew (LunNameLayer, name->layers, name->n_layers + 1);
  layer = &name->layers[name->n_layers++];
  *layer = (LunNameLayer){ .name = g_strndup (cursor->at, len),
                           .at = (size_t) (cursor->at - cursor->text) };
  cursor->at += len;
  if (*cursor->at == '(') {
    const char *end = closing (cursor->at);
    if (!end)
      return refuse (cursor, "'(' that is never closed", error);
    cursor->at++;
    layer->args = decode (cursor, (size_t) (end - cursor->at), error);
    if (!layer->args)
      return false;
    cursor->at = end + 1;
  }
  if (*cursor->at != '+')
    return refuse (cursor, "'+' missing after a layer", error);
  cursor->at++;
  return true;
}

static bool
parse_kind (Cursor *cursor, LunPathName *name, GError **error)
{
  size_t len = word_len (cursor->at);

  name->kind_at = (size_t) (cursor->at - cursor->text);
  if (*cursor->at == '\0')
    return refuse (cursor, "no kind of path or file name", error);
  if (cursor->at[len] == ':' && len > 0) {
    name->kind = g_strndup (cursor->at, len);
    cursor->at += len + 1;
    return true;
  }
  name->kind = g_strdup ("file");
  return true;
}

static bool
parse_option (Cursor *cursor, GPtrArray *keys, GPtrArray *values, GError **error)
{
  size_t len = word_len (cursor->at);

  if (len == 0)
    return refuse (cursor, "option without a name", error);
  g_ptr_array_add (keys, g_strndup (cursor->at, len));
  cursor->at += len;
  if (*cursor->at != '=')
    return refuse (cursor, "'=' missing after an option's name", error);
  cursor->at++;
  char *value = decode (cursor, strcspn (cursor->at, "&"), error);
  if (!value)
    return false;
  g_ptr_array_add (values, value);
  return true;
}

static bool
parse_options (Cursor *cursor, LunPathName *name, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  bool ok = true;

  while (ok && *cursor->at != '\0') { /* at '?' or '&' */
    cursor->at++;
    ok = parse_option (cursor, keys, values, error);
  }
  g_ptr_array_add (keys, NULL);
  g_ptr_array_add (values, NULL);
  name->keys = (char **) g_ptr_array_free (g_steal_pointer (&keys), FALSE);
  name->values = (char **) g_ptr_array_free (g_steal_pointer (&values), FALSE);
  return ok;
}

/* The '@' after the user and secret that begin at AT; NULL without them. */
static const char *
end_of_user (const char *at)
{
  size_t len = strcspn (at, "/?|@");

  return at[len] == '@' ? at + len : NULL;
}

/* At "//": user and secret, if there are any. */
static bool
parse_user (Cursor *cursor, LunPathName *name, GError **error)
{
  const char *end = end_of_user (cursor->at + 2);

  if (!end)
    return true;
  cursor->at += 2;
  size_t user_len = strcspn (cursor->at, "%@");
  name->user = g_strndup (cursor->at, user_len);
  cursor->at += user_len;
  if (user_len == 0)
    return refuse (cursor, "no user before '%' or '@'", error);
  if (*cursor->at == '%') {
    cursor->at++;
    name->secret = decode (cursor, (size_t) (end - cursor->at), error);
    if (!name->secret)
      return false;
  }
  cursor->at = end + 1;
  return true;
}

static bool
parse_target (Cursor *cursor, LunPathName *name, GError **error)
{
  bool is_url = g_str_has_prefix (cursor->at, "//");

  if (is_url && !parse_user (cursor, name, error))
    return false;
  g_autofree char *rest = decode (cursor, strcspn (cursor->at, "?"), error);
  if (!rest)
    return false;
  name->target = name->user ? g_strconcat ("//", rest, NULL) : g_steal_pointer (&rest);
  return true;
}

static bool
parse (Cursor *cursor, LunPathName *name, GError **error)
{
  while (is_layer (cursor->at))
    if (!parse_layer (cursor, name, error))
      return false;
  return parse_kind (cursor, name, error) && parse_target (cursor, name, error) &&
         parse_options (cursor, name, error);
}

LunPathName *
lun_path_name_parse (const char *text, GError **error)
{
  g_autoptr (LunPathName) name = g_new0 (LunPathName, 1);
  Cursor cursor = { text, text };

  name->text = lun_path_name_mask (text);
  if (!parse (&cursor, name, error))
    return NULL;
  return g_steal_pointer (&name);
}

void
lun_path_name_free (LunPathName *name)
{
  if (!name)
    return;
  for (unsigned i = 0; i < name->n_layers; i++) {
    g_free (name->layers[i].name);
    g_free (name->layers[i].args);
  }
  g_free (name->layers);
  g_free (name->text);
  g_free (name->kind);
  g_free (name->user);
  if (name->secret)
    explicit_bzero (name->secret, strlen (name->secret));
  g_free (name->secret);
  g_free (name->target);
  g_strfreev (name->keys);
  g_strfreev (name->values);
  g_free (name);
}

const char *
lun_path_name_option (const LunPathName *name, const char *key)
{
  for (unsigned i = 0; name->keys[i] && name->values[i]; i++)
    if (g_str_equal (name->keys[i], key))
      return name->values[i];
  return NULL;
}

static unsigned
shift_of (const char *unit)
{
  static const char *const units[] = { "", "k", "M", "G", "T" };

  for (unsigned i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_str_equal (unit, units[i]))
      return i * 10;
  return 64;
}

bool
lun_path_name_number (const LunPathName *name, const char *key, uint64_t fallback,
                      uint64_t *out, GError **error)
{
  const char *text = lun_path_name_option (name, key);
  char *end;

  *out = fallback;
  if (!text)
    return true;
  uint64_t number = g_ascii_strtoull (text, &end, 10);
  unsigned shift = shift_of (end);
  if (g_ascii_isdigit (*text) && shift < 64 && number <= UINT64_MAX >> shift) {
    *out = number << shift;
    return true;
  }
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "path name \"%s\": %s=%s is not a number (k, M, G, T may follow it)",
               name->text, key, text);
  return false;
}

bool
lun_path_name_only (const LunPathName *name, const char *const *known, GError **error)
{
  for (unsigned i = 0; name->keys[i]; i++) {
    if (g_strv_contains (known, name->keys[i]))
      continue;
    g_autofree char *list = g_strjoinv (" ", (char **) known);
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "path name \"%s\": %s: knows no option \"%s\" (known: %s)", name->text,
                 name->kind, name->keys[i], *list ? list : "none");
    return false;
  }
  return true;
}

/* The first secret at or after *AT: its first byte, and in *AT the '@' behind it; NULL = no more. */
static const char *
next_secret (const char **at)
{
  for (const char *p = *at; (p = strstr (p, "://")) != NULL; p += 3) {
    const char *end = end_of_user (p + 3);
    const char *mark = end ? memchr (p, '%', (size_t) (end - p)) : NULL;
    if (!mark)
      continue;
    *at = end;
    return mark + 1;
  }
  return NULL;
}

char *
lun_path_name_mask (const char *text)
{
  GString *out = g_string_new (NULL);
  const char *rest = text, *end = text, *secret;

  while ((secret = next_secret (&end)) != NULL) {
    g_string_append_len (out, rest, secret - rest);
    g_string_append (out, "***");
    rest = end;
  }
  g_string_append (out, rest);
  return g_string_free (out, FALSE);
}

bool
lun_path_name_hide (char *text)
{
  const char *end = text, *secret;
  bool found = false;

  while ((secret = next_secret (&end)) != NULL) {
    memset (text + (secret - text), '*', (size_t) (end - secret));
    found = true;
  }
  return found;
}

char **
lun_path_name_split (const char *text)
{
  GPtrArray *parts = g_ptr_array_new ();
  const char *start = text;

  for (const char *p = text;; p++) {
    const char *end = *p == '(' ? closing (p) : NULL;
    if (end)
      p = end;
    if (*p != '|' && *p != '\0')
      continue;
    g_ptr_array_add (parts, g_strndup (start, (size_t) (p - start)));
    if (*p == '\0')
      break;
    start = p + 1;
  }
  g_ptr_array_add (parts, NULL);
  return (char **) g_ptr_array_free (parts, FALSE);
}
