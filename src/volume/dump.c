#include "volume/dump.h"

#include "base/crc.h"
#include "base/error.h"
#include "volume/text.h"

#include <string.h>

#define MAGIC_LEN 8

const FtsStruct *
fts_dump_find (const char *name)
{
  for (unsigned i = 0; i < fts_dump_n_structs; i++)
    if (strcmp (fts_dump_structs[i].name, name) == 0)
      return &fts_dump_structs[i];
  return NULL;
}

const FtsStruct *
fts_dump_recognise (const uint8_t *bytes, size_t len)
{
  for (unsigned i = 0; i < fts_dump_n_structs; i++) {
    const FtsStruct *type = &fts_dump_structs[i];
    if (type->magic == NULL || len < type->len)
      continue;
    if (memcmp (bytes, type->magic, MAGIC_LEN) == 0 ||
        (type->other_magic != NULL &&
         memcmp (bytes, type->other_magic, MAGIC_LEN) == 0))
      return type;
  }
  return NULL;
}

static uint64_t
number_of (const FtsField *field, const uint8_t *bytes)
{
  uint64_t x = 0;

  for (uint32_t i = field->size; i > 0; i--)
    x = x << 8 | bytes[field->offset + i - 1];
  return x;
}

static char *
describe_text (const FtsField *field, const uint8_t *bytes)
{
  const char *text = (const char *) bytes + field->offset;
  g_autofree char *cut = g_strndup (text, field->size);
  g_autofree char *escaped = g_strescape (cut, NULL);

  if (strnlen (text, field->size) == field->size && field->size > MAGIC_LEN)
    return g_strdup_printf ("\"%s\" (no end)", escaped);
  return g_strdup_printf ("\"%s\"", escaped);
}

static char *
describe_time (uint64_t us)
{
  g_autoptr (GDateTime) time = NULL;
  g_autofree char *text = NULL;

  if (us == 0 || us / G_USEC_PER_SEC > G_MAXINT64 / 2)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, us);
  time = g_date_time_new_from_unix_utc ((gint64) (us / G_USEC_PER_SEC));
  if (time == NULL)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, us);
  text = g_date_time_format (time, "%Y-%m-%d %H:%M:%S UTC");
  return g_strdup (text);
}

static char *
describe_named (const FtsField *field, uint64_t value)
{
  for (const FtsFieldName *n = field->names; n->name != NULL; n++)
    if (n->value == value)
      return g_strdup_printf ("%s (%" G_GUINT64_FORMAT ")", n->name, value);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " (unknown)", value);
}

static char *
describe_flags (const FtsField *field, uint64_t value)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "0x%" G_GINT64_MODIFIER "x", value);
  for (const FtsFieldName *n = field->names; n->name != NULL; n++)
    if (value & n->value) {
      g_string_append_printf (out, " %s", n->name);
      value &= ~n->value;
    }
  if (value != 0)
    g_string_append (out, " (unknown bits)");
  return g_string_free (out, FALSE);
}

static char *
describe_crc (const FtsStruct *type, uint64_t value, const uint8_t *bytes)
{
  uint32_t right;

  if (type->crc_offset == 0)
    return g_strdup_printf ("0x%08x", (uint32_t) value);
  right = fts_crc32c (bytes, type->crc_offset);
  if (right == value)
    return g_strdup_printf ("0x%08x, right", right);
  return g_strdup_printf ("0x%08x, wrong: should be 0x%08x", (uint32_t) value, right);
}

static bool
is_zero (const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

char *
fts_dump_meaning (const FtsStruct *type, const FtsField *field, const uint8_t *bytes)
{
  const uint8_t *at = bytes + field->offset;
  uint64_t value = field->size <= 8 ? number_of (field, bytes) : 0;

  switch (field->kind) {
  case FTS_FIELD_TEXT:
    return describe_text (field, bytes);
  case FTS_FIELD_BYTES:
    return g_strdup (is_zero (at, field->size) ? "all zero" : "");
  case FTS_FIELD_UUID:
    return fts_text_uuid (at);
  case FTS_FIELD_NUMBER:
    return g_strdup_printf ("%" G_GUINT64_FORMAT "%s%s", value,
                            field->unit != NULL ? " " : "",
                            field->unit != NULL ? field->unit : "");
  case FTS_FIELD_HEX:
    return g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", value);
  case FTS_FIELD_TIME:
    return describe_time (value);
  case FTS_FIELD_NAMED:
    return describe_named (field, value);
  case FTS_FIELD_FLAGS:
    return describe_flags (field, value);
  case FTS_FIELD_CRC:
    return describe_crc (type, value, bytes);
  case FTS_FIELD_RESERVED:
    return g_strdup (is_zero (at, field->size) ? "zero" : "not zero");
  }
  return g_strdup ("");
}

char *
fts_dump_hex (const FtsField *field, const uint8_t *bytes, unsigned max)
{
  GString *out = g_string_new (NULL);

  for (uint32_t i = 0; i < field->size && i < max; i++)
    g_string_append_printf (out, "%s%02x", i > 0 ? " " : "", bytes[field->offset + i]);
  if (field->size > max)
    g_string_append (out, " ...");
  return g_string_free (out, FALSE);
}

/* ---- hex dumps ---- */

/* Behind "00000010: " or "00000010  "; the line itself where it has no offset. */
static const char *
skip_offset (const char *line)
{
  const char *p = line;

  while (g_ascii_isxdigit (*p))
    p++;
  if (p - line >= 4 && *p == ':')
    return p + 1;
  if (p - line >= 7 && p[0] == ' ' && p[1] == ' ')
    return p;
  return p - line >= 7 && *p == '\0' ? p : line;
}

/* Where the column of text begins: "|" of hexdump, two spaces behind xxd's groups. */
static size_t
hex_len (const char *text, bool has_offset)
{
  size_t len = strcspn (text, "|");
  const char *gap;

  if (text[len] == '|' || !has_offset)
    return len;
  gap = strstr (text, "  ");
  return gap != NULL && (size_t) (gap - text) < len ? (size_t) (gap - text) : len;
}

static bool
add_line (GByteArray *out, const char *line, unsigned number, GError **error)
{
  const char *text = skip_offset (line);
  bool is_xxd = text != line && text[-1] == ':';
  size_t len;

  while (is_xxd && *text == ' ')
    text++;
  len = hex_len (text, is_xxd);
  for (size_t i = 0; i < len;) {
    uint8_t byte;
    if (g_ascii_isspace (text[i])) {
      i++;
      continue;
    }
    if (i + 1 >= len || g_ascii_xdigit_value (text[i]) < 0 ||
        g_ascii_xdigit_value (text[i + 1]) < 0) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "line %u of the hex dump: not pairs of hex digits", number);
      return false;
    }
    byte = (uint8_t) (g_ascii_xdigit_value (text[i]) << 4 |
                      g_ascii_xdigit_value (text[i + 1]));
    g_byte_array_append (out, &byte, 1);
    i += 2;
  }
  return true;
}

GByteArray *
fts_dump_parse_hex (const char *text, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (unsigned i = 0; lines[i] != NULL; i++)
    if (!add_line (out, g_strchomp (lines[i]), i + 1, error))
      return NULL;
  return g_steal_pointer (&out);
}
