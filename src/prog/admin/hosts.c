/* hosts.c - fts-admin hosts: who takes part in the volume. */
#include "prog/admin/people.h"

#include <stdio.h>
#include <string.h>

bool
fts_admin_observe (FtsVolume *volume, FtsPeers *peers, GError **error)
{
  memset (peers, 0, sizeof *peers);
  return fts_observe_hosts (volume, peers, fts_observe_beat_ms (volume), error);
}

static bool
is_used (const FtsPeer *peer)
{
  return peer->is_known && peer->host.state != FTS_HOST_FREE;
}

static const char *
life_of (const FtsPeer *peer)
{
  if (peer->is_dead)
    return "dead";
  return peer->is_beating ? "alive" : "silent";
}

unsigned
fts_admin_count_hosts (const FtsPeers *peers, unsigned *live)
{
  unsigned n = 0;

  *live = 0;
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    if (!is_used (&peers->peer[i]))
      continue;
    n++;
    *live += peers->peer[i].is_dead ? 0 : 1;
  }
  return n;
}

void
fts_admin_print_hosts (const FtsPeers *peers)
{
  printf ("%5s  %-31s %-7s %-8s %-7s %10s  %-8s %s\n", "entry", "name", "role", "state",
          "life", "silent", "pid", "program");
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++) {
    const FtsPeer *peer = &peers->peer[i];
    if (!is_used (peer))
      continue;
    printf ("%5u  %-31s %-7s %-8s %-7s %7" G_GINT64_FORMAT " ms  %-8u %s\n", i,
            peer->host.name, fts_host_role_name (peer->host.role),
            fts_host_state_name (peer->host.state), life_of (peer),
            peer->silent_us / 1000, peer->host.pid, peer->host.program);
  }
}

static void
add_host (JsonBuilder *json, const FtsPeer *peer)
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
  fts_json_text (json, "life", life_of (peer));
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
fts_admin_add_hosts (JsonBuilder *json, const FtsPeers *peers)
{
  json_builder_begin_array (json);
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++)
    if (is_used (&peers->peer[i]))
      add_host (json, &peers->peer[i]);
  json_builder_end_array (json);
}

static bool
show (FtsAdmin *admin, FtsVolume *volume, GError **error)
{
  FtsPeers peers;

  if (!fts_admin_observe (volume, &peers, error))
    return false;
  if (admin->json) {
    g_autoptr (JsonBuilder) json = json_builder_new ();
    fts_admin_add_hosts (json, &peers);
    fts_json_print (json);
  } else {
    fts_admin_print_hosts (&peers);
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
  "or its process is gone; silent = neither was seen yet.\n"
};
