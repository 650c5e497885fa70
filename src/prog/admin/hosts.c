/* hosts.c - fts-admin hosts: who takes part in the volume. */
#include "prog/admin/people.h"

#include <lunpath/reservation.h>

#include <stdio.h>
#include <string.h>

void
fts_admin_people_clear (FtsAdminPeople *people)
{
  g_clear_pointer (&people->keys, g_array_unref);
}

static bool
read_keys (FtsVolume *volume, FtsAdminPeople *people, GError **error)
{
  LunReservationConfig config = { .key = 1, .has_flags = true };
  LunResvView view;

  if (fts_volume_mcb (volume)->fence_mode == FTS_FENCE_OFF)
    return true;
  g_autoptr (LunReservation) reservation =
    lun_reservation_new (fts_volume_master (volume), &config);
  if (!lun_reservation_read (reservation, &view, error))
    return false;
  people->keys = g_array_ref (view.keys);
  lun_resv_view_clear (&view);
  return true;
}

bool
fts_admin_observe (FtsVolume *volume, FtsAdminPeople *people, GError **error)
{
  memset (people, 0, sizeof *people);
  return fts_observe_hosts (volume, &people->peers, fts_observe_beat_ms (volume),
                            error) &&
         read_keys (volume, people, error);
}

static bool
is_used (const FtsPeer *peer)
{
  return peer->is_known && peer->host.state != FTS_HOST_FREE;
}

/* Its registration was removed: the device takes no writes from it any more. */
static bool
is_shut_out (const FtsAdminPeople *people, const FtsPeer *peer)
{
  if (people->keys == NULL || peer->host.pr_key == 0)
    return false;
  for (guint i = 0; i < people->keys->len; i++)
    if (g_array_index (people->keys, uint64_t, i) == peer->host.pr_key)
      return false;
  return true;
}

static const char *
life_of (const FtsAdminPeople *people, const FtsPeer *peer)
{
  if (peer->is_dead)
    return "dead";
  if (is_shut_out (people, peer))
    return "fenced";
  return peer->is_beating ? "alive" : "silent";
}

unsigned
fts_admin_count_hosts (const FtsAdminPeople *people, unsigned *live)
{
  unsigned n = 0;

  *live = 0;
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    if (!is_used (&people->peers.peer[i]))
      continue;
    n++;
    *live += people->peers.peer[i].is_dead ? 0 : 1;
  }
  return n;
}

void
fts_admin_print_hosts (const FtsAdminPeople *people)
{
  printf ("%5s  %-31s %-7s %-8s %-7s %10s  %-8s %s\n", "entry", "name", "role", "state",
          "life", "silent", "pid", "program");
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsPeer *peer = &people->peers.peer[i];
    if (!is_used (peer))
      continue;
    printf ("%5u  %-31s %-7s %-8s %-7s %7" G_GINT64_FORMAT " ms  %-8u %s\n", i,
            peer->host.name, fts_host_role_name (peer->host.role),
            fts_host_state_name (peer->host.state), life_of (people, peer),
            peer->silent_us / 1000, peer->host.pid, peer->host.program);
  }
}

static void
add_host (JsonBuilder *json, const FtsAdminPeople *people, const FtsPeer *peer)
{
  const FtsHost *host = &peer->host;
  g_autofree char *generation =
    g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", host->generation);
  g_autofree char *key = g_strdup_printf ("0x%016" G_GINT64_MODIFIER "x", host->pr_key);

  json_builder_begin_object (json);
  fts_json_number (json, "entry", host->index);
  fts_json_text (json, "name", host->name);
  fts_json_text (json, "role", fts_host_role_name (host->role));
  fts_json_text (json, "state", fts_host_state_name (host->state));
  fts_json_text (json, "life", life_of (people, peer));
  fts_json_number (json, "silent_ms", (uint64_t) peer->silent_us / 1000);
  fts_json_text (json, "generation", generation);
  fts_json_text (json, "key", key);
  fts_json_number (json, "heartbeat", host->heartbeat);
  fts_json_number (json, "heartbeat_ms", host->heartbeat_ms);
  fts_json_number (json, "dead_ms", host->dead_ms);
  fts_json_number (json, "pid", host->pid);
  fts_json_text (json, "program", host->program);
  json_builder_end_object (json);
}

void
fts_admin_add_hosts (JsonBuilder *json, const FtsAdminPeople *people)
{
  json_builder_begin_array (json);
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++)
    if (is_used (&people->peers.peer[i]))
      add_host (json, people, &people->peers.peer[i]);
  json_builder_end_array (json);
}

static bool
show (FtsAdmin *admin, FtsVolume *volume, GError **error)
{
  g_auto (FtsAdminPeople) people = { 0 };

  if (!fts_admin_observe (volume, &people, error))
    return false;
  if (admin->json) {
    g_autoptr (JsonBuilder) json = json_builder_new ();
    fts_admin_add_hosts (json, &people);
    fts_json_print (json);
  } else {
    fts_admin_print_hosts (&people);
  }
  return true;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  g_autoptr (FtsVolume) volume = NULL;
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_hosts, NULL, 0, &argc, &argv, &error) ||
      (volume = fts_volume_options_open (&admin->where, true, &error)) == NULL ||
      !show (admin, volume, &error))
    return fts_admin_fail (error);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_hosts = {
  "hosts", "", "who takes part in the volume, and who is alive", run,
  "life: alive = its heartbeat was seen to grow; dead = it was silent for its dead time,\n"
  "or its process is gone; fenced = its registration was removed from the device, and what\n"
  "it writes is refused; silent = neither was seen yet.\n"
};
