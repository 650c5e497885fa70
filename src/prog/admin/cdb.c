/* cdb.c - fts-admin cdb: one SCSI command out of band, over a wanted path (B6). */
#include "prog/admin/reservation.h"

#include "base/error.h"

#include <stdio.h>

#define DATA_MAX (1 << 20)

typedef struct {
  char *path;    /* --path */
  int in_len;    /* --in */
  char *out_hex; /* --out */
  uint8_t cdb[LUN_CDB_MAX];
  size_t cdb_len;
  uint8_t *data;
  size_t len;
  LunDirection direction;
} Command;

static void
command_clear (Command *command)
{
  g_free (command->path);
  g_free (command->out_hex);
  g_free (command->data);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Command, command_clear)

/* ---- the command line ---- */

/* Appends the bytes in TEXT ("12 00" or "1200"). */
static bool
parse_hex (const char *text, GByteArray *bytes, GError **error)
{
  for (const char *p = text; *p != '\0';) {
    if (g_ascii_isspace (*p)) {
      p++;
      continue;
    }
    if (!g_ascii_isxdigit (p[0]) || !g_ascii_isxdigit (p[1])) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "\"%s\": not hexadecimal digits in pairs", text);
      return false;
    }
    uint8_t byte =
      (uint8_t) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]));
    g_byte_array_append (bytes, &byte, 1);
    p += 2;
  }
  return true;
}

static bool
take_cdb (Command *command, char **words, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  for (; *words != NULL; words++)
    if (!parse_hex (*words, bytes, error))
      return false;
  if (bytes->len < 6 || bytes->len > LUN_CDB_MAX) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "a command has 6 to %d bytes; %u are given", LUN_CDB_MAX, bytes->len);
    return false;
  }
  memcpy (command->cdb, bytes->data, bytes->len);
  command->cdb_len = bytes->len;
  return true;
}

static bool
take_data (Command *command, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  if (command->in_len < 0 || command->in_len > DATA_MAX ||
      (command->in_len > 0 && command->out_hex != NULL)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "--in: must be 0 to %d, and not with --out", DATA_MAX);
    return false;
  }
  if (command->out_hex != NULL && !parse_hex (command->out_hex, bytes, error))
    return false;
  command->direction = command->in_len > 0 ? LUN_DIR_IN
                       : bytes->len > 0    ? LUN_DIR_OUT
                                           : LUN_DIR_NONE;
  command->len = command->in_len > 0 ? (size_t) command->in_len : bytes->len;
  command->data = g_malloc0 (command->len + 1);
  if (bytes->len > 0)
    memcpy (command->data, bytes->data, bytes->len);
  return true;
}

/* ---- what comes back ---- */

static char *
hex_of (const uint8_t *bytes, size_t len)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < len; i++)
    g_string_append_printf (text, "%s%02x", i == 0 ? "" : " ", bytes[i]);
  return g_string_free (text, FALSE);
}

static void
print_bytes (const uint8_t *bytes, size_t len)
{
  for (size_t at = 0; at < len; at += 16) {
    g_autofree char *line = hex_of (bytes + at, MIN (len - at, 16));
    printf ("%06zx  %s\n", at, line);
  }
}

static void
show (const FtsAdmin *admin, const Command *command, const LunResult *result)
{
  bool has_data =
    command->direction == LUN_DIR_IN && result->outcome == LUN_OUTCOME_GOOD;
  size_t got = has_data ? command->len - MIN (result->residual, command->len) : 0;
  g_autofree char *sense = hex_of (result->sense, result->sense_len);

  if (!admin->json) {
    print_bytes (command->data, got);
    return;
  }
  g_autofree char *data = hex_of (command->data, got);
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  fts_json_bool (json, "good", result->outcome == LUN_OUTCOME_GOOD);
  fts_json_number (json, "status", result->status);
  fts_json_text (json, "sense", sense);
  fts_json_text (json, "data", data);
  json_builder_end_object (json);
  fts_json_print (json);
}

static FtsExit
execute (FtsAdmin *admin, Command *command)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LunDevice) device = fts_admin_open_device (admin, &error);
  LunIo io = { .op = LUN_OP_CDB };

  if (device == NULL)
    return fts_admin_fail (error);
  if (!lun_device_cdb (device, command->cdb, command->cdb_len, command->direction,
                       command->data, command->len, command->path, &io.result, &error))
    return fts_admin_fail (error);
  show (admin, command, &io.result);
  if (io.result.outcome == LUN_OUTCOME_GOOD || lun_device_check (device, &io, &error))
    return FTS_EXIT_OK;
  return fts_admin_fail (error);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_auto (Command) command = { 0 };
  const GOptionEntry entries[] = {
    { "path", 'p', 0, G_OPTION_ARG_STRING, &command.path, "Over this path", "NAME" },
    { "in", 'i', 0, G_OPTION_ARG_INT, &command.in_len,
      "Take so many bytes from the LUN", "BYTES" },
    { "out", 'o', 0, G_OPTION_ARG_STRING, &command.out_hex, "Send these bytes to it",
      "HEX" },
    { 0 }
  };
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_cdb, entries, LUN_CDB_MAX, &argc, &argv,
                        &error) ||
      !take_cdb (&command, argv + 1, &error) || !take_data (&command, &error))
    return fts_admin_fail (error);
  return execute (admin, &command);
}

const FtsCommand fts_admin_cdb = {
  "cdb", "HEX... ", "send a SCSI command to a device", run,
  "Without --path, and where it reads or writes blocks, the\n"
  "command goes over any good path.\n"
};
