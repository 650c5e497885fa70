/* paths.c - fts-admin paths: the paths to a device, and whether they are good. */
#include "prog/admin/reservation.h"

#include "prog/common/path_stats.h"

#include <stdio.h>

static void
print_text (LunDevice *device)
{
  const LunFacts *facts = lun_device_facts (device);
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  printf ("%s: %" G_GUINT64_FORMAT " blocks of %u bytes\n", facts->identity,
          facts->n_blocks, facts->block_size);
  for (unsigned i = 0; i < n_paths; i++)
    printf ("  %-8s %s (%s)\n", lun_path_state_name (infos[i].state), infos[i].name,
            infos[i].reason);
  lun_path_infos_free (infos, n_paths);
}

static void
print_json (LunDevice *device)
{
  const LunFacts *facts = lun_device_facts (device);
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  fts_json_text (json, "identity", facts->identity);
  fts_json_number (json, "blocks", facts->n_blocks);
  fts_json_number (json, "block_size", facts->block_size);
  fts_path_stats_add (json, device);
  json_builder_end_object (json);
  fts_json_print (json);
}

static bool
all_are_up (LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  bool all = true;

  for (unsigned i = 0; i < n_paths; i++)
    all &= infos[i].state == LUN_PATH_UP;
  lun_path_infos_free (infos, n_paths);
  return all;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_paths, NULL, 0, &argc, &argv, &error))
    return fts_admin_fail (error);
  g_autoptr (LunDevice) device = fts_admin_open_device (admin, &error);
  if (device == NULL)
    return fts_admin_fail (error);
  if (admin->json)
    print_json (device);
  else
    print_text (device);
  return all_are_up (device) ? FTS_EXIT_OK : FTS_EXIT_FAILURE;
}

const FtsCommand fts_admin_paths = {
  "paths", "", "the paths to a device", run,
  "Opens the device over all its paths.  What a running\n"
  "program sees of them is in its statistics.\n"
};
