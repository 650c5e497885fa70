/* paths.c - fts-admin paths: the paths to a device, as this program or as running ones see them. */
#include "prog/admin/reservation.h"
#include "prog/admin/running.h"

#include "prog/common/path_stats.h"

#include <stdio.h>
#include <string.h>

/* ---- one device, opened here ---- */

static void
print_text (LunDevice *device)
{
  const LunFacts *facts = lun_device_facts (device);
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  printf ("%s: %" G_GUINT64_FORMAT " blocks of %u bytes\n", facts->identity,
          facts->n_blocks, facts->block_size);
  for (unsigned i = 0; i < n_paths; i++)
    printf ("  %-8s %s (%s%s%s)\n", lun_path_state_name (infos[i].state), infos[i].name,
            infos[i].reason, infos[i].method ? "; " : "",
            infos[i].method ? infos[i].method : "");
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
show_device (const FtsAdmin *admin)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LunDevice) device = fts_admin_open_device (admin, &error);

  if (device == NULL)
    return fts_admin_fail (error);
  if (admin->json)
    print_json (device);
  else
    print_text (device);
  return all_are_up (device) ? FTS_EXIT_OK : FTS_EXIT_FAILURE;
}

/* ---- running programs ---- */

static const char *
text_of (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, "?");
}

static gint64
number_of (JsonObject *object, const char *name)
{
  return json_object_get_int_member_with_default (object, name, 0);
}

static void
print_latency (JsonObject *path)
{
  JsonObject *buckets = json_object_get_object_member (path, "us_below");
  g_autoptr (GList) names = json_object_get_members (buckets);

  if (names == NULL)
    return;
  printf ("           took less than:");
  for (GList *link = names; link != NULL; link = link->next)
    printf (" %s%s %" G_GINT64_FORMAT "%s", (char *) link->data,
            strcmp (link->data, "more") == 0 ? "" : " us:",
            number_of (buckets, link->data), link->next != NULL ? "," : "\n");
}

static bool
print_path (JsonObject *path)
{
  printf ("  %-8s %s\n", text_of (path, "state"), text_of (path, "name"));
  printf ("           for %.1f s: %s\n", (double) number_of (path, "since_ms") / 1000,
          text_of (path, "reason"));
  printf ("           %" G_GINT64_FORMAT " queued, %" G_GINT64_FORMAT
          " commands, %" G_GINT64_FORMAT " errors, %" G_GINT64_FORMAT
          " failures, %" G_GINT64_FORMAT " stuck, %" G_GINT64_FORMAT " bytes\n",
          number_of (path, "queued"), number_of (path, "commands"),
          number_of (path, "errors"), number_of (path, "failures"),
          number_of (path, "stuck"), number_of (path, "bytes"));
  if (number_of (path, "window") > 0)
    printf ("           at most %" G_GINT64_FORMAT
            " at a time: the LUN said TASK SET FULL\n",
            number_of (path, "window"));
  print_latency (path);
  return strcmp (text_of (path, "state"), "up") == 0;
}

/* True when all its paths are up. */
static bool
print_running (const FtsRunning *running)
{
  JsonArray *devices =
    json_object_get_array_member (json_node_get_object (running->shown), "lun");
  bool all = true;

  printf ("%s %d, %s, volume \"%s\"\n", running->program, running->pid, running->what,
          running->volume);
  for (guint i = 0; i < json_array_get_length (devices); i++) {
    JsonArray *paths = json_object_get_array_member (
      json_array_get_object_element (devices, i), "paths");
    for (guint k = 0; k < json_array_get_length (paths); k++)
      all &= print_path (json_array_get_object_element (paths, k));
  }
  return all;
}

static void
print_running_json (const GPtrArray *all)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_array (json);
  for (unsigned i = 0; i < all->len; i++)
    json_builder_add_value (
      json, json_node_copy (((FtsRunning *) g_ptr_array_index (all, i))->shown));
  json_builder_end_array (json);
  fts_json_print (json);
}

static FtsExit
show_running (const FtsAdmin *admin, int pid)
{
  const FtsRunningWhich which = { .pid = pid, .volume = admin->where.volume };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = fts_running_find (&which, &error);
  bool all_up = true;

  if (all == NULL)
    return fts_admin_fail (error);
  if (admin->json)
    print_running_json (all);
  for (unsigned i = 0; !admin->json && i < all->len; i++)
    all_up &= print_running (g_ptr_array_index (all, i));
  return all_up ? FTS_EXIT_OK : FTS_EXIT_FAILURE;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  gboolean running = FALSE;
  int pid = 0;
  const GOptionEntry entries[] = {
    { "running", 'r', 0, G_OPTION_ARG_NONE, &running,
      "As the running ftsd and ftsfs of this host see them", NULL },
    { "process", 'p', 0, G_OPTION_ARG_INT, &pid, "The same, of this process only",
      "PID" },
    { 0 }
  };
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_paths, entries, 0, &argc, &argv, &error))
    return fts_admin_fail (error);
  return running || pid != 0 ? show_running (admin, pid) : show_device (admin);
}

const FtsCommand fts_admin_paths = {
  "paths", "", "the paths to a device", run,
  "Opens the device over all its paths, or asks running\n"
  "programs, which have counters and times.\n"
};
