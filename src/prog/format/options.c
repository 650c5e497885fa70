#include "prog/format/options.h"

#include "base/error.h"
#include "volume/lock.h"

#include <string.h>

/* The texts as GOption leaves them. */
typedef struct {
  char *size, *placement, *lock, *fence;
  int block_size, segment_kib, entries, connections, hosts, multi_buffer;
  int heartbeat_ms, dead_ms, io_timeout_ms;
} Raw;

static void
clear_raw (Raw *raw)
{
  g_free (raw->size);
  g_free (raw->placement);
  g_free (raw->lock);
  g_free (raw->fence);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Raw, clear_raw)

static const char summary[] =
  "Makes a volume on DEVICE, the master, and on the SECONDARY devices if there are any.\n"
  "A device is written PATH or PATH|PATH... for several paths to it; a PATH without a kind\n"
  "is an image file.  Devices that hold data or another volume are refused.";

static const char description[] =
  "Sizes are bytes or a number with K, M, G or T.  Exit status: 0 done, 1 refused or\n"
  "failed, 2 wrong usage, 3 device not reachable, 4 device damaged.\n";

bool
fts_format_parse_size (const char *text, uint64_t *out)
{
  static const char units[] = "KMGT";
  char *end;
  guint64 n = g_ascii_strtoull (text, &end, 10);
  unsigned shift = 0;

  if (end == text || !g_ascii_isdigit (text[0]))
    return false;
  if (*end != '\0') {
    const char *unit = strchr (units, g_ascii_toupper (*end));
    if (unit == NULL)
      return false;
    shift = 10 * (unsigned) (unit - units + 1);
    end++;
    if (g_ascii_toupper (*end) == 'B' || strcmp (end, "iB") == 0)
      end += strlen (end);
  }
  if (*end != '\0' || n == 0 || n > UINT64_MAX >> shift)
    return false;
  *out = (uint64_t) n << shift;
  return true;
}

static bool
refuse (GError **error, const char *option, const char *value, const char *expected)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "--%s %s: must be %s", option, value,
               expected);
  return false;
}

static bool
take_words (const Raw *raw, FtsFormatOptions *o, GError **error)
{
  static const char *const placements[] = { "random", "striped", "chunked" };
  static const char *const fences[] = { "off", "all-registrants", "registrants-only" };

  if (raw->size != NULL && !fts_format_parse_size (raw->size, &o->size))
    return refuse (error, "size", raw->size, "a size such as 512M");
  if (raw->lock != NULL) {
    o->has_lock_method = strcmp (raw->lock, "auto") != 0;
    if (o->has_lock_method && !fts_lock_method_parse (raw->lock, &o->wish.lock_method))
      return refuse (error, "lock", raw->lock, "auto, caw, pr, scsi2, file or delay");
  }
  for (unsigned i = 0; raw->placement != NULL; i++) {
    if (i == G_N_ELEMENTS (placements))
      return refuse (error, "placement", raw->placement, "random, striped or chunked");
    o->wish.placement = (FtsPlacement) i;
    if (strcmp (placements[i], raw->placement) == 0)
      break;
  }
  for (unsigned i = 0; raw->fence != NULL; i++) {
    if (i == G_N_ELEMENTS (fences))
      return refuse (error, "fence", raw->fence,
                     "off, all-registrants or registrants-only");
    o->wish.fence_mode = (FtsFenceMode) i;
    if (strcmp (fences[i], raw->fence) == 0)
      break;
  }
  return true;
}

static bool
take_number (const char *option, int value, int max, uint32_t *out, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%d", value);
  g_autofree char *range = g_strdup_printf ("1 to %d", max);

  if (value == 0) /* not given */
    return true;
  if (value < 0 || value > max)
    return refuse (error, option, text, range);
  *out = (uint32_t) value;
  return true;
}

static bool
take_numbers (const Raw *raw, FtsFormatWish *w, GError **error)
{
  const struct {
    const char *option;
    int value, max;
    uint32_t *out;
  } numbers[] = {
    { "block-size", raw->block_size, 4096, &w->block_size },
    { "segment-size", raw->segment_kib, 16384, &w->segment_bytes },
    { "entries", raw->entries, 4096, &w->entries },
    { "connections", raw->connections, 4096, &w->connections },
    { "hosts", raw->hosts, FTS_MAX_HOSTS, &w->hosts },
    { "multi-buffer", raw->multi_buffer, 4096, &w->multi_buffer },
    { "heartbeat-ms", raw->heartbeat_ms, 3600000, &w->heartbeat_ms },
    { "dead-ms", raw->dead_ms, 3600000, &w->dead_ms },
    { "io-timeout-ms", raw->io_timeout_ms, 3600000, &w->io_timeout_ms },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (!take_number (numbers[i].option, numbers[i].value, numbers[i].max,
                      numbers[i].out, error))
      return false;
  w->segment_bytes *= 1024;
  return true;
}

static bool
parse_context (FtsFormatOptions *o, Raw *raw, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "name", 'n', 0, G_OPTION_ARG_STRING, &o->name, "Volume name (default: ftsfs)",
      "NAME" },
    { "size", 's', 0, G_OPTION_ARG_STRING, &raw->size,
      "Create the image files, or make them this long", "SIZE" },
    { "block-size", 'b', 0, G_OPTION_ARG_INT, &raw->block_size,
      "Block size of image files that are created: 512 (default) or 4096", "BYTES" },
    { "segment-size", 0, 0, G_OPTION_ARG_INT, &raw->segment_kib,
      "Size of a data segment, header included (default: 256)", "KiB" },
    { "entries", 0, 0, G_OPTION_ARG_INT, &raw->entries,
      "Segments of a connection in each direction (default: 16)", "COUNT" },
    { "connections", 'c', 0, G_OPTION_ARG_INT, &raw->connections,
      "Connections at a time (default: 64, fewer where the devices are small)",
      "COUNT" },
    { "hosts", 0, 0, G_OPTION_ARG_INT, &raw->hosts,
      "Servers, mounts and clients at a time (default: 32, which is the most)",
      "COUNT" },
    { "multi-buffer", 0, 0, G_OPTION_ARG_INT, &raw->multi_buffer,
      "Segments announced by one table update (default: 4)", "COUNT" },
    { "placement", 0, 0, G_OPTION_ARG_STRING, &raw->placement,
      "Where segments lie: random (default), striped or chunked", "POLICY" },
    { "lock", 0, 0, G_OPTION_ARG_STRING, &raw->lock,
      "Volume lock: caw, pr, scsi2, file or delay (default: auto, the first that\n"
      "                             works on the master device)",
      "METHOD" },
    { "fence", 0, 0, G_OPTION_ARG_STRING, &raw->fence,
      "How dead hosts are shut out by persistent reservations: off (default),\n"
      "                             all-registrants or registrants-only",
      "MODE" },
    { "heartbeat-ms", 0, 0, G_OPTION_ARG_INT, &raw->heartbeat_ms,
      "Heartbeat period of each member (default: 1000)", "MS" },
    { "dead-ms", 0, 0, G_OPTION_ARG_INT, &raw->dead_ms,
      "A member silent for so long is dead (default: 10000)", "MS" },
    { "io-timeout-ms", 0, 0, G_OPTION_ARG_INT, &raw->io_timeout_ms,
      "Longest time one command may stay under way (default: 30000)", "MS" },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &o->force,
      "Overwrite data, another volume, or a volume in use", NULL },
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &o->dry_run,
      "Show what would be done and write nothing", NULL },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &o->json, "Show the layout as JSON", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Say nothing when all went well",
      NULL },
    { "version", 'V', 0, G_OPTION_ARG_NONE, &o->version, "Print the version and end",
      NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->devices, NULL, NULL },
    { 0 }
  };
  g_autoptr (GOptionContext) context =
    g_option_context_new ("DEVICE [SECONDARY...] - make an ftsfs volume");

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error);
}

bool
fts_format_options_parse (FtsFormatOptions *options, int *argc, char ***argv,
                          GError **error)
{
  g_auto (Raw) raw = { 0 };

  *options = (FtsFormatOptions){ 0 };
  if (!parse_context (options, &raw, argc, argv, error) ||
      !take_words (&raw, options, error) || !take_numbers (&raw, &options->wish, error))
    return false;
  options->wish.name = options->name;
  if (options->devices != NULL || options->version)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "no device named");
  return false;
}

void
fts_format_options_clear (FtsFormatOptions *options)
{
  g_strfreev (options->devices);
  g_free (options->name);
}
