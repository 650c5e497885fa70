/* status.c - fts-admin status: the volume at a glance. */
#include "prog/admin/people.h"
#include "volume/lock.h"
#include "volume/pidtab.h"
#include "volume/text.h"

#include <stdio.h>

typedef struct {
  FtsVolume *volume;
  FtsAdminPeople people;
  unsigned n_connections; /* allocated */
  unsigned n_damaged;
} Status;

static void
status_clear (Status *status)
{
  fts_admin_people_clear (&status->people);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Status, status_clear)

static bool
load (Status *status, FtsVolume *volume, GError **error)
{
  uint32_t n = fts_volume_mcb (volume)->blk5_max_connections;
  g_autofree FtsPid *pids = g_new0 (FtsPid, n);

  *status = (Status){ .volume = volume };
  if (!fts_admin_observe (volume, &status->people, error) ||
      !fts_pidtab_load_all (volume, pids, error))
    return false;
  for (uint32_t i = 0; i < n; i++) {
    if (pids[i].pro_process_id == 0)
      status->n_damaged++;
    else if (pids[i].pro_flag_process & FTS_PRO_FLAG_ALLOCATED)
      status->n_connections++;
  }
  return true;
}

static char *
describe_time (uint64_t us)
{
  g_autoptr (GDateTime) time =
    g_date_time_new_from_unix_utc ((gint64) (us / G_USEC_PER_SEC));

  return time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ")
                      : g_strdup ("?");
}

static void
print_devices (const Status *status)
{
  for (unsigned i = 0; i < fts_volume_n_devices (status->volume); i++) {
    const FtsDev *dev = fts_volume_device_entry (status->volume, i);
    LunDevice *device = fts_volume_device (status->volume, i);
    g_autofree char *size = g_format_size_full (lun_device_facts (device)->n_blocks *
                                                  lun_device_facts (device)->block_size,
                                                G_FORMAT_SIZE_IEC_UNITS);
    printf ("device %u:     %s (%s), %s, %" G_GUINT64_FORMAT " segments\n", dev->index,
            lun_device_name (device), dev->sec_dev_id, size,
            dev->sec_seg_number_for_device);
    if (!lun_device_facts (device)->has_pr)
      printf ("              no persistent reservations: one path, SCSI-2 RESERVE, no "
              "host can be shut out\n");
  }
}

static void
print (const Status *status)
{
  const FtsMcb *m = fts_volume_mcb (status->volume);
  g_autofree char *uuid = fts_text_uuid (m->volume_uuid);
  g_autofree char *time = describe_time (m->blk5_time_id);
  unsigned live, n = fts_admin_count_hosts (&status->people, &live);

  printf ("volume:       %s (%s), formatted %s, version %u\n", m->volume_name, uuid,
          time, m->blk5_version);
  print_devices (status);
  printf (
    "geometry:     blocks of %u bytes, segments of %u KiB, %u entries a table, %s\n",
    m->block_size, m->blk5_seg_size * m->block_size / 1024, m->blk5_maxptr,
    fts_text_placement (m->placement));
  printf ("lock:         %s; fencing %s\n", fts_lock_method_name (m->lock_method),
          fts_text_fence (m->fence_mode));
  printf ("times:        heartbeat %u ms, dead after %u ms, I/O time-out %u ms\n",
          m->heartbeat_ms, m->dead_ms, m->io_timeout_ms);
  printf ("connections:  %u of %u in use\n", status->n_connections,
          m->blk5_max_connections);
  if (status->n_damaged > 0)
    printf ("              %u damaged: see `fts-admin check`\n", status->n_damaged);
  printf ("members:      %u of %u entries in use, %u of them not dead\n", n,
          m->max_hosts, live);
  if (n > 0)
    fts_admin_print_hosts (&status->people);
}

static void
add_devices (JsonBuilder *json, const Status *status)
{
  json_builder_set_member_name (json, "devices");
  json_builder_begin_array (json);
  for (unsigned i = 0; i < fts_volume_n_devices (status->volume); i++) {
    const FtsDev *dev = fts_volume_device_entry (status->volume, i);
    const LunFacts *facts = lun_device_facts (fts_volume_device (status->volume, i));
    json_builder_begin_object (json);
    fts_json_number (json, "index", dev->index);
    fts_json_text (json, "name",
                   lun_device_name (fts_volume_device (status->volume, i)));
    fts_json_text (json, "identity", facts->identity);
    fts_json_number (json, "blocks", facts->n_blocks);
    fts_json_bool (json, "persistent_reservations", facts->has_pr);
    fts_json_number (json, "segments", dev->sec_seg_number_for_device);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
print_json (const Status *status)
{
  const FtsMcb *m = fts_volume_mcb (status->volume);
  g_autofree char *uuid = fts_text_uuid (m->volume_uuid);
  g_autofree char *time = describe_time (m->blk5_time_id);
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  fts_json_text (json, "name", m->volume_name);
  fts_json_text (json, "uuid", uuid);
  fts_json_text (json, "formatted", time);
  fts_json_number (json, "version", m->blk5_version);
  fts_json_number (json, "block_size", m->block_size);
  fts_json_number (json, "segment_bytes", (uint64_t) m->blk5_seg_size * m->block_size);
  fts_json_number (json, "entries", m->blk5_maxptr);
  fts_json_number (json, "multi_buffer", m->blk5_ptr_seg_per_process);
  fts_json_text (json, "placement", fts_text_placement (m->placement));
  fts_json_text (json, "lock", fts_lock_method_name (m->lock_method));
  fts_json_text (json, "fence", fts_text_fence (m->fence_mode));
  fts_json_number (json, "heartbeat_ms", m->heartbeat_ms);
  fts_json_number (json, "dead_ms", m->dead_ms);
  fts_json_number (json, "io_timeout_ms", m->io_timeout_ms);
  fts_json_number (json, "connections", m->blk5_max_connections);
  fts_json_number (json, "connections_used", status->n_connections);
  fts_json_number (json, "connections_damaged", status->n_damaged);
  fts_json_number (json, "max_hosts", m->max_hosts);
  add_devices (json, status);
  json_builder_set_member_name (json, "hosts");
  fts_admin_add_hosts (json, &status->people);
  json_builder_end_object (json);
  fts_json_print (json);
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_autoptr (FtsVolume) volume = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Status) status = { 0 };

  if (!fts_admin_parse (admin, &fts_admin_status, NULL, 0, &argc, &argv, &error) ||
      (volume = fts_volume_options_open (&admin->where, true, &error)) == NULL ||
      !load (&status, volume, &error))
    return fts_admin_fail (error);
  if (admin->json)
    print_json (&status);
  else
    print (&status);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_status = { "status", "",
                                      "name, geometry, devices, members, connections",
                                      run, NULL };
