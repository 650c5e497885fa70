/* discover.c - fts-admin discover: paths become devices, devices a volume's key file.
 *
 * Every path is probed by itself; those with one identity are one device, which is then opened
 * read-only over all of them to see whether it carries a volume.  Nothing is changed anywhere.
 */
#include "prog/admin/found.h"

#include "base/error.h"
#include "volume/device_spec.h"

#include <lunpath/transport.h>

#include <stdio.h>
#include <string.h>

/* ---- which paths ---- */

static bool
add_portal (const char *name, GPtrArray *names, GError **error)
{
  g_autoptr (GPtrArray) paths = lun_discover_portal (name, error);

  for (unsigned i = 0; paths != NULL && i < paths->len; i++)
    g_ptr_array_add (names, g_strdup (g_ptr_array_index (paths, i)));
  return paths != NULL;
}

static bool
add_words (char *const *words, GPtrArray *names, GPtrArray *named, GError **error)
{
  for (; *words != NULL; words++) {
    g_auto (GStrv) paths = fts_device_spec_paths (*words, error);
    if (paths == NULL)
      return false;
    for (char **path = paths; *path != NULL; path++) {
      if ((*path)[0] == '?') /* options of a device: not looked for */
        continue;
      bool is_portal = lun_discover_is_portal (*path);
      if (is_portal && !add_portal (*path, names, error))
        return false;
      if (!is_portal)
        g_ptr_array_add (names, g_strdup (*path));
      if (!is_portal)
        g_ptr_array_add (named, g_strdup (*path));
    }
  }
  return true;
}

/* All names; those that WORDS say themselves are NAMED too. */
static GPtrArray *
find_names (char *const *words, GPtrArray *named, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;

  if (words[0] == NULL)
    return lun_discover_local ();
  names = g_ptr_array_new_with_free_func (g_free);
  return add_words (words, names, named, error) ? g_steal_pointer (&names) : NULL;
}

/* ---- as text ---- */

static void
print_size (const LunPathFacts *facts)
{
  static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
  double size = (double) facts->n_blocks * facts->block_size / 1024;
  unsigned unit = 0;

  for (; size >= 1024 && unit + 1 < G_N_ELEMENTS (units); unit++)
    size /= 1024;
  printf ("%.4g %s, %" G_GUINT64_FORMAT " blocks of %u bytes", size, units[unit],
          facts->n_blocks, facts->block_size);
}

static void
print_reservations (const LunPathFacts *facts)
{
  if (!facts->has_pr)
    printf ("  reservations: persistent ones are not supported\n");
  else if (!facts->is_reserved)
    printf ("  reservations: persistent, %u keys registered, not reserved\n",
            facts->n_keys);
  else
    printf ("  reservations: persistent, %u keys registered, reserved (type %d)\n",
            facts->n_keys, facts->reservation);
}

static void
print_volume (const FtsFound *found)
{
  const FtsMcb *mcb = &found->mcb;

  if (found->trouble != NULL)
    printf ("  volume: cannot be read: %s\n", found->trouble);
  else if (!found->has_volume)
    printf ("  volume: none\n");
  else if (mcb->is_master)
    printf ("  volume: \"%s\", master of %u devices\n", mcb->volume_name,
            mcb->blk5_secondary_device_entrynum);
  else
    printf ("  volume: \"%s\", device %u\n", mcb->volume_name, mcb->blk5_dev_id);
}

static void
print_device (const FtsFound *found)
{
  const LunPathFacts *facts = fts_found_facts (found);

  printf ("%s: ", facts->identity);
  if (facts->vendor != NULL || facts->product != NULL)
    printf ("%s %s, ", facts->vendor != NULL ? facts->vendor : "-",
            facts->product != NULL ? facts->product : "-");
  print_size (facts);
  printf ("\n");
  print_volume (found);
  print_reservations (facts);
  for (unsigned i = 0; i < found->paths->len; i++) {
    const FtsFoundPath *path = g_ptr_array_index (found->paths, i);
    printf ("  path: %s%s%s\n", path->facts.name, path->facts.port_state ? ", " : "",
            path->facts.port_state ? path->facts.port_state : "");
  }
}

static void
print_text (const FtsSearch *search)
{
  for (unsigned i = 0; i < search->devices->len; i++)
    print_device (g_ptr_array_index (search->devices, i));
}

/* ---- as JSON ---- */

static void
add_text_or_null (JsonBuilder *json, const char *key, const char *value)
{
  if (value != NULL) {
    fts_json_text (json, key, value);
    return;
  }
  json_builder_set_member_name (json, key);
  json_builder_add_null_value (json);
}

static void
add_volume (JsonBuilder *json, const FtsFound *found)
{
  g_autofree char *uuid = fts_text_uuid (found->mcb.volume_uuid);

  json_builder_set_member_name (json, "volume");
  if (!found->has_volume) {
    json_builder_add_null_value (json);
    return;
  }
  json_builder_begin_object (json);
  fts_json_text (json, "name", found->mcb.volume_name);
  fts_json_text (json, "uuid", uuid);
  fts_json_number (json, "device", found->mcb.blk5_dev_id);
  fts_json_bool (json, "master", found->mcb.is_master);
  json_builder_end_object (json);
}

static void
add_paths (JsonBuilder *json, const FtsFound *found)
{
  json_builder_set_member_name (json, "paths");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < found->paths->len; i++) {
    const FtsFoundPath *path = g_ptr_array_index (found->paths, i);
    json_builder_begin_object (json);
    fts_json_text (json, "name", path->facts.name);
    add_text_or_null (json, "port_state", path->facts.port_state);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_device (JsonBuilder *json, const FtsFound *found)
{
  const LunPathFacts *facts = fts_found_facts (found);

  json_builder_begin_object (json);
  fts_json_text (json, "identity", facts->identity);
  add_text_or_null (json, "vendor", facts->vendor);
  add_text_or_null (json, "product", facts->product);
  add_text_or_null (json, "revision", facts->revision);
  fts_json_number (json, "blocks", facts->n_blocks);
  fts_json_number (json, "block_size", facts->block_size);
  fts_json_bool (json, "persistent_reservations", facts->has_pr);
  fts_json_number (json, "keys", facts->n_keys);
  fts_json_number (json, "reservation_type",
                   facts->is_reserved ? (uint64_t) facts->reservation : 0);
  add_volume (json, found);
  add_text_or_null (json, "trouble", found->trouble);
  add_paths (json, found);
  json_builder_end_object (json);
}

static void
print_json (const FtsSearch *search)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "devices");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < search->devices->len; i++)
    add_device (json, g_ptr_array_index (search->devices, i));
  json_builder_end_array (json);
  json_builder_set_member_name (json, "skipped");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < search->skipped->len; i++) {
    const FtsSkipped *skipped = g_ptr_array_index (search->skipped, i);
    json_builder_begin_object (json);
    fts_json_text (json, "name", skipped->name);
    fts_json_text (json, "reason", skipped->reason);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
  fts_json_print (json);
}

/* ---- the command ---- */

static void
tell_skipped (const FtsSearch *search)
{
  for (unsigned i = 0; i < search->skipped->len; i++) {
    const FtsSkipped *skipped = g_ptr_array_index (search->skipped, i);
    fprintf (stderr, "%s: skipped %s: %s\n", g_get_prgname (), skipped->name,
             skipped->reason);
  }
}

static bool
show (const FtsAdmin *admin, const FtsSearch *search, const char *volume,
      GError **error)
{
  if (volume != NULL) {
    g_autofree char *text = fts_found_config (search, volume, error);
    if (text != NULL)
      fputs (text, stdout);
    return text != NULL;
  }
  if (admin->json)
    print_json (search);
  else
    print_text (search);
  return true;
}

/* One of the paths that were NAMED expressly. */
static bool
has_skipped (const FtsSearch *search, const GPtrArray *named)
{
  for (unsigned i = 0; i < search->skipped->len; i++) {
    const FtsSkipped *skipped = g_ptr_array_index (search->skipped, i);
    for (unsigned k = 0; k < named->len; k++) {
      g_autofree char *shown = lun_path_name_mask (g_ptr_array_index (named, k));
      if (strcmp (skipped->name, shown) == 0)
        return true;
    }
  }
  return false;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_autofree char *volume = NULL;
  const GOptionEntry entries[] = { { "config", 'c', 0, G_OPTION_ARG_STRING, &volume,
                                     "Print the key file of this volume (name or UUID)",
                                     "VOLUME" },
                                   { 0 } };
  g_autoptr (GError) error = NULL;
  g_auto (FtsSearch) search = { 0 };
  g_autoptr (GPtrArray) named = g_ptr_array_new_with_free_func (g_free);

  if (!fts_admin_parse (admin, &fts_admin_discover, entries, G_MAXINT - 1, &argc, &argv,
                        &error))
    return fts_admin_fail (error);
  g_autoptr (GPtrArray) names = find_names (argv + 1, named, &error);
  if (names == NULL)
    return fts_admin_fail (error);
  fts_search_run (&search, names);
  if (volume != NULL || !admin->json)
    tell_skipped (&search);
  if (!show (admin, &search, volume, &error))
    return fts_admin_fail (error);
  if (search.devices->len == 0)
    fprintf (stderr, "%s: no disk found\n", g_get_prgname ());
  return search.devices->len == 0 || has_skipped (&search, named) ? FTS_EXIT_FAILURE
                                                                  : FTS_EXIT_OK;
}

const FtsCommand fts_admin_discover = {
  "discover", "[PATH|PORTAL...] ", "find devices, their paths and volumes", run,
  "Without arguments the SCSI disks of this machine (/dev/sg*);\n"
  "PORTAL is iscsi://[USER@]HOST[:PORT][?secret-file=FILE].\n"
};
