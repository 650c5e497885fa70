/* check.c - fts-admin check: is the volume sound, and repair what can be. */
#include "volume/check.h"
#include "prog/admin/people.h"

#include <stdio.h>
#include <string.h>

static FtsExit
status_of (const FtsCheck *check)
{
  bool none;
  FtsFindingLevel worst = fts_check_worst (check, &none);

  if (none || worst == FTS_FINDING_NOTE)
    return FTS_EXIT_OK;
  return worst == FTS_FINDING_WARNING ? FTS_EXIT_FAILURE : FTS_EXIT_DAMAGED;
}

static void
print (const FtsVolume *volume, const FtsCheck *check)
{
  unsigned repaired = 0;

  for (guint i = 0; i < check->findings->len; i++) {
    const FtsFinding *f = g_ptr_array_index (check->findings, i);
    repaired += f->is_repaired ? 1 : 0;
    printf ("%s: %s block %" G_GUINT64_FORMAT ": %s %u: %s%s\n",
            fts_finding_level_name (f->level),
            lun_device_name (fts_volume_device (volume, f->device)), f->block,
            f->structure, f->index, f->what,
            f->is_repaired                 ? " (repaired)"
            : f->repair != FTS_REPAIR_NONE ? " (--repair can help)"
                                           : "");
  }
  printf ("%" G_GUINT64_FORMAT " structures checked, %u findings, %u repaired%s\n",
          check->n_checked, check->findings->len, repaired,
          check->n_live > 0 ? "; the volume is in use" : "");
}

static void
print_json (const FtsVolume *volume, const FtsCheck *check)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  fts_json_number (json, "checked", check->n_checked);
  fts_json_number (json, "live_members", check->n_live);
  json_builder_set_member_name (json, "findings");
  json_builder_begin_array (json);
  for (guint i = 0; i < check->findings->len; i++) {
    const FtsFinding *f = g_ptr_array_index (check->findings, i);
    json_builder_begin_object (json);
    fts_json_text (json, "level", fts_finding_level_name (f->level));
    fts_json_text (json, "device",
                   lun_device_name (fts_volume_device (volume, f->device)));
    fts_json_number (json, "block", f->block);
    fts_json_text (json, "structure", f->structure);
    fts_json_number (json, "index", f->index);
    fts_json_text (json, "what", f->what);
    fts_json_bool (json, "repairable", f->repair != FTS_REPAIR_NONE);
    fts_json_bool (json, "repaired", f->is_repaired);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
  fts_json_print (json);
}

/* To repair it must be certain who is dead: that takes the longest dead time of all. */
static uint32_t
watch_ms (const FtsVolume *volume, bool repair)
{
  uint32_t beat_ms = fts_observe_beat_ms (volume);

  return repair ? 2 * fts_volume_mcb (volume)->dead_ms + beat_ms : beat_ms;
}

static FtsExit
check_volume (FtsAdmin *admin, FtsVolume *volume, bool repair, GError **error)
{
  g_autoptr (FtsCheck) check = NULL;
  FtsPeers peers;
  FtsExit status;

  memset (&peers, 0, sizeof peers);
  if (!fts_observe_hosts (volume, &peers, watch_ms (volume, repair), error))
    return FTS_EXIT_FAILURE;
  check = fts_check_run (volume, &peers, error);
  if (check == NULL || (repair && check->findings->len > 0 &&
                        !fts_check_repair (volume, check, &peers, error)))
    return FTS_EXIT_FAILURE;
  status = status_of (check);
  if (admin->json)
    print_json (volume, check);
  else
    print (volume, check);
  return status;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  gboolean repair = FALSE;
  const GOptionEntry entries[] = {
    { "repair", 'r', 0, G_OPTION_ARG_NONE, &repair,
      "Put right what can be; only when nobody uses the volume", NULL },
    { 0 }
  };
  g_autoptr (FtsVolume) volume = NULL;
  g_autoptr (GError) error = NULL;
  FtsExit status;

  if (!fts_admin_parse (admin, &fts_admin_check, entries, 0, &argc, &argv, &error) ||
      (volume = fts_volume_options_open (&admin->where, !repair, &error)) == NULL)
    return fts_admin_fail (error);
  status = check_volume (admin, volume, repair, &error);
  return error != NULL ? fts_admin_fail (error) : status;
}

const FtsCommand fts_admin_check = {
  "check", "", "whether all structures are sound; --repair puts right what can be", run,
  "On a volume in use, what is found counts when it is still there in a second look.\n"
  "Levels: note = left by a dead process, harmless; warning; damage.\n"
  "Exit status: 0 sound (notes do not count), 1 warnings, 4 damage that was not repaired.\n"
};
