/* dump.c - fts-admin dump: structures byte by byte, from a volume, a file or a hex dump. */
#include "volume/dump.h"
#include "prog/admin/command.h"
#include "volume/layout.h"

#include <stdio.h>
#include <string.h>

#define MAX_TEXT_BYTES 8

/* ---- which blocks ---- */

typedef struct {
  const char *name; /* as on the command line */
  const char *type; /* of the first block; see dump.h */
  FtsRegionId region;
  unsigned first; /* number of the first one */
} Place;

static const Place places[] = {
  { "mcb", "mcb", FTS_REGION_MCB, 1 },
  { "copy", "mcb", FTS_REGION_MCB_COPY, 1 },
  { "lock", "lock", FTS_REGION_LOCK, 0 },
  { "host", "host", FTS_REGION_HOSTS, 0 },
  { "pid", "pid", FTS_REGION_PIDS, 1 },
  { "device", "device", FTS_REGION_DEVICES, 1 },
  { "socket", "socket", FTS_REGION_SOCKETS, 1 },
  { "port", "port", FTS_REGION_PORTS, 0 },
  { "initiator", "head", FTS_REGION_INITIATOR, 1 },
  { "connector", "head", FTS_REGION_CONNECTOR, 1 },
  { "segment", "segment", FTS_REGION_SEGMENTS, 1 },
};

typedef struct {
  FtsAdmin *admin;
  JsonBuilder *json; /* the array of structures, or NULL for text */
} Output;

static const Place *
find_place (const char *name, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    if (strcmp (places[i].name, name) == 0)
      return &places[i];
  g_set_error (
    error, FTS_ERROR, FTS_ERROR_CONFIG,
    "structure \"%s\" is unknown; known are mcb, copy, lock, host, pid, device, "
    "socket, port, initiator, connector and segment",
    name);
  return NULL;
}

/* ---- one structure ---- */

static void
print_structure (const FtsStruct *type, const char *where, const uint8_t *bytes)
{
  printf ("%s, %s\n", type->title, where);
  printf ("  %6s %5s  %-32s %-28s %s\n", "offset", "size", "field", "bytes", "meaning");
  for (unsigned i = 0; i < type->n_fields; i++) {
    const FtsField *field = &type->fields[i];
    g_autofree char *hex = fts_dump_hex (field, bytes, MAX_TEXT_BYTES);
    g_autofree char *meaning = fts_dump_meaning (type, field, bytes);
    printf ("  %6u %5u  %-32s %-28s %s\n", field->offset, field->size, field->name, hex,
            meaning);
  }
}

static void
add_structure (JsonBuilder *json, const FtsStruct *type, const char *where,
               const uint8_t *bytes)
{
  json_builder_begin_object (json);
  fts_json_text (json, "structure", type->name);
  fts_json_text (json, "title", type->title);
  fts_json_text (json, "where", where);
  json_builder_set_member_name (json, "fields");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < type->n_fields; i++) {
    const FtsField *field = &type->fields[i];
    g_autofree char *hex = fts_dump_hex (field, bytes, field->size);
    g_autofree char *meaning = fts_dump_meaning (type, field, bytes);
    json_builder_begin_object (json);
    fts_json_text (json, "name", field->name);
    fts_json_number (json, "offset", field->offset);
    fts_json_number (json, "size", field->size);
    fts_json_text (json, "bytes", hex);
    fts_json_text (json, "meaning", meaning);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
}

static void
show_structure (Output *out, const FtsStruct *type, const char *where,
                const uint8_t *bytes)
{
  if (out->json != NULL)
    add_structure (out->json, type, where, bytes);
  else
    print_structure (type, where, bytes);
}

/* ---- from a volume ---- */

static void
show_entries (Output *out, FtsVolume *volume, uint64_t lba, const uint8_t *bytes)
{
  const FtsStruct *type = fts_dump_find ("entry");

  for (uint32_t i = 0; i < fts_volume_mcb (volume)->blk5_maxptr; i++) {
    g_autofree char *where =
      g_strdup_printf ("entry %u, block %" G_GUINT64_FORMAT, i,
                       lba + i * type->len / fts_volume_block_size (volume));
    show_structure (out, type, where, bytes + (size_t) i * type->len);
  }
}

static bool
show_blocks (Output *out, FtsVolume *volume, LunDevice *device, const Place *place,
             uint64_t index, uint64_t lba, GError **error)
{
  const FtsMcb *m = fts_volume_mcb (volume);
  bool is_table = strcmp (place->type, "head") == 0;
  size_t len = (size_t) m->block_size *
               (is_table ? fts_segtab_blocks (m->blk5_maxptr, m->block_size) : 1);
  g_autofree uint8_t *bytes = g_malloc (len);
  g_autofree char *where =
    g_strdup_printf ("%s %" G_GUINT64_FORMAT ", %s block %" G_GUINT64_FORMAT,
                     place->name, index, lun_device_name (device), lba);

  if (!lun_device_read (device, lba, bytes, len, LUN_PRIO_CONTROL, error))
    return false;
  show_structure (out, fts_dump_find (place->type), where, bytes);
  if (is_table)
    show_entries (out, volume, lba + 1, bytes + m->block_size);
  return true;
}

/* How many there are of a structure, and where number INDEX lies. */
static uint64_t
count_of (FtsVolume *volume, const Place *place)
{
  FtsRegion regions[FTS_N_REGIONS];

  fts_layout_regions (fts_volume_mcb (volume), regions);
  switch (place->region) {
  case FTS_REGION_MCB:
  case FTS_REGION_MCB_COPY:
    return fts_volume_n_devices (volume);
  case FTS_REGION_INITIATOR:
  case FTS_REGION_CONNECTOR:
    return fts_volume_mcb (volume)->blk5_max_connections;
  case FTS_REGION_SEGMENTS:
    return fts_volume_mcb (volume)->blk5_tot_seg_num;
  default:
    return regions[place->region].blocks;
  }
}

static LunDevice *
locate (FtsVolume *volume, const Place *place, uint64_t index, uint64_t *lba)
{
  FtsRegion regions[FTS_N_REGIONS];
  LunDevice *device;

  fts_layout_regions (fts_volume_mcb (volume), regions);
  switch (place->region) {
  case FTS_REGION_MCB:
  case FTS_REGION_MCB_COPY:
    device = fts_volume_device (volume, (unsigned) index - 1);
    *lba = place->region == FTS_REGION_MCB ? FTS_MCB_BLOCK
                                           : lun_device_facts (device)->n_blocks - 1;
    return device;
  case FTS_REGION_INITIATOR:
  case FTS_REGION_CONNECTOR:
    *lba = fts_volume_head_lba (volume, (uint32_t) index,
                                place->region == FTS_REGION_INITIATOR
                                  ? FTS_DIRECTION_INITIATOR
                                  : FTS_DIRECTION_CONNECTOR);
    return fts_volume_master (volume);
  case FTS_REGION_SEGMENTS:
    return fts_volume_locate_segment (volume, index, lba);
  default:
    *lba = regions[place->region].start + index - place->first;
    return fts_volume_master (volume);
  }
}

static bool
show_place (Output *out, FtsVolume *volume, const Place *place, const char *index_text,
            GError **error)
{
  uint64_t first = place->first, last = place->first + count_of (volume, place) - 1,
           lba;
  LunDevice *device;

  if (index_text != NULL) {
    guint64 index;
    if (!g_ascii_string_to_unsigned (index_text, 10, first, last, &index, NULL)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                   "%s %s: must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                   place->name, index_text, first, last);
      return false;
    }
    first = last = index;
  }
  for (uint64_t i = first; i <= last; i++) {
    device = locate (volume, place, i, &lba);
    if (!show_blocks (out, volume, device, place, i, lba, error))
      return false;
  }
  return true;
}

static bool
dump_volume (Output *out, const char *name, const char *index, GError **error)
{
  const Place *place = find_place (name != NULL ? name : "mcb", error);
  g_autoptr (FtsVolume) volume = NULL;

  if (place == NULL)
    return false;
  volume = fts_volume_options_open (&out->admin->where, true, error);
  return volume != NULL && show_place (out, volume, place, index, error);
}

/* ---- from bytes ---- */

static GByteArray *
load_bytes (const char *file, bool is_hex, GError **error)
{
  g_autofree char *text = NULL;
  gsize len;

  if (!g_file_get_contents (strcmp (file, "-") == 0 ? "/dev/stdin" : file, &text, &len,
                            error))
    return NULL;
  if (is_hex)
    return fts_dump_parse_hex (text, error);
  return g_byte_array_new_take ((guint8 *) g_steal_pointer (&text), len);
}

static const FtsStruct *
choose_type (const char *name, const GByteArray *bytes, GError **error)
{
  const FtsStruct *type =
    name != NULL ? fts_dump_find (name) : fts_dump_recognise (bytes->data, bytes->len);

  if (type == NULL && name != NULL)
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_CONFIG,
      "structure \"%s\" is unknown; known here are mcb, lock, host, pid, device, "
      "socket, port, head, entry and segment",
      name);
  else if (type == NULL)
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "the bytes begin with no known magic; name the structure");
  else if (bytes->len < type->len) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%u bytes are too few: the %s has %u", bytes->len, type->title,
                 type->len);
    return NULL;
  }
  return type;
}

static bool
dump_bytes (Output *out, const char *file, bool is_hex, const char *name,
            GError **error)
{
  g_autoptr (GByteArray) bytes = load_bytes (file, is_hex, error);
  const FtsStruct *type;

  if (bytes == NULL || (type = choose_type (name, bytes, error)) == NULL)
    return false;
  for (guint at = 0; at + type->len <= bytes->len; at += type->len) {
    g_autofree char *where = g_strdup_printf ("%s, byte %u", file, at);
    show_structure (out, type, where, bytes->data + at);
    if (!type->is_array)
      break;
  }
  return true;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_autofree char *block = NULL;
  g_autofree char *hex = NULL;
  const GOptionEntry entries[] = {
    { "block", 'b', 0, G_OPTION_ARG_FILENAME, &block,
      "Take the bytes from FILE (- = standard input) instead of a volume", "FILE" },
    { "hex", 'x', 0, G_OPTION_ARG_FILENAME, &hex,
      "The same, from a hex dump (plain, xxd or hexdump -C)", "FILE" },
    { 0 }
  };
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (GError) error = NULL;
  Output out = { .admin = admin };
  bool ok;

  if (!fts_admin_parse (admin, &fts_admin_dump, entries, 2, &argc, &argv, &error))
    return fts_admin_fail (error);
  if (admin->json)
    out.json = json;
  json_builder_begin_array (json);
  if (block != NULL || hex != NULL)
    ok = dump_bytes (&out, block != NULL ? block : hex, block == NULL,
                     argc > 1 ? argv[1] : NULL, &error);
  else
    ok =
      dump_volume (&out, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL, &error);
  if (!ok)
    return fts_admin_fail (error);
  json_builder_end_array (json);
  if (admin->json)
    fts_json_print (json);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_dump = {
  "dump", "[STRUCTURE [NUMBER]] ", "a structure with offset, size, bytes and meaning",
  run,
  "STRUCTURE: mcb and copy (of device NUMBER), lock, host, pid, device, socket, port,\n"
  "initiator and connector (pointer table of connection NUMBER), segment.  Without NUMBER\n"
  "all of them; without STRUCTURE the Master Control Block.\n"
};
