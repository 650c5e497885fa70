/* connections.c - fts-admin connections: the slots in use and how far each side is. */
#include "prog/admin/command.h"
#include "volume/head.h"
#include "volume/pidtab.h"
#include "volume/text.h"

#include <stdio.h>

typedef struct {
  FtsPid pid;
  FtsHead head[2]; /* by direction */
  bool has_head[2];
} Connection;

static bool
load_head (FtsVolume *volume, Connection *connection, FtsDirection direction,
           GError **error)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);

  if (!fts_volume_read (
        volume, fts_volume_head_lba (volume, connection->pid.pro_process_id, direction),
        block, block_size, error))
    return false;
  connection->has_head[direction] =
    fts_head_decode (block, block_size, &connection->head[direction], NULL) &&
    connection->head[direction].epoch == connection->pid.epoch;
  return true;
}

static const char *
state_of (const FtsPid *pid)
{
  if (pid->pro_process_id == 0)
    return "damaged";
  if (!(pid->pro_flag_process & FTS_PRO_FLAG_ALLOCATED))
    return "free";
  if (pid->pro_flag_process & FTS_PRO_FLAG_PROCESSING)
    return "open";
  return pid->pro_con_rc == FTS_CON_OK || pid->pro_con_rc == FTS_CON_PENDING
           ? "asked"
           : "refused";
}

/* "published 12, read 12", of one side's head. */
static char *
describe_side (const Connection *connection, FtsDirection direction)
{
  const FtsHead *head = &connection->head[direction];

  if (!connection->has_head[direction])
    return g_strdup ("-");
  return g_strdup_printf (
    "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, head->published,
    connection->has_head[1 - direction] ? connection->head[1 - direction].consumed : 0);
}

static void
print_connection (uint32_t slot, const Connection *connection)
{
  const FtsPid *pid = &connection->pid;
  g_autofree char *to = describe_side (connection, FTS_DIRECTION_INITIATOR);
  g_autofree char *from = describe_side (connection, FTS_DIRECTION_CONNECTOR);

  printf ("%5u  %-8s %-8s %8" G_GUINT64_FORMAT "  %-24s %-24s %-15s %-15s %s\n", slot,
          state_of (pid), fts_text_service (pid->service), pid->epoch,
          pid->pro_requestor, pid->pro_requestee, to, from,
          pid->pro_con_rc == FTS_CON_OK ? "" : fts_text_con_rc (pid->pro_con_rc));
}

static void
add_side (JsonBuilder *json, const char *key, const Connection *connection,
          FtsDirection direction)
{
  const FtsHead *head = &connection->head[direction];

  if (!connection->has_head[direction])
    return;
  json_builder_set_member_name (json, key);
  json_builder_begin_object (json);
  fts_json_number (json, "published", head->published);
  fts_json_number (json, "consumed", head->consumed);
  fts_json_number (json, "state", head->state);
  fts_json_number (json, "resend_count", head->resend_count);
  fts_json_number (json, "writes", head->heartbeat);
  json_builder_end_object (json);
}

static void
add_connection (JsonBuilder *json, uint32_t slot, const Connection *connection)
{
  const FtsPid *pid = &connection->pid;

  json_builder_begin_object (json);
  fts_json_number (json, "slot", slot);
  fts_json_text (json, "state", state_of (pid));
  fts_json_text (json, "service", fts_text_service (pid->service));
  fts_json_number (json, "epoch", pid->epoch);
  fts_json_text (json, "initiator", pid->pro_requestor);
  fts_json_text (json, "connector", pid->pro_requestee);
  fts_json_text (json, "result", fts_text_con_rc (pid->pro_con_rc));
  add_side (json, "to_connector", connection, FTS_DIRECTION_INITIATOR);
  add_side (json, "to_initiator", connection, FTS_DIRECTION_CONNECTOR);
  json_builder_end_object (json);
}

static bool
show_slot (FtsAdmin *admin, FtsVolume *volume, JsonBuilder *json, uint32_t slot,
           const FtsPid *pid, GError **error)
{
  Connection connection = { .pid = *pid };

  if (pid->pro_process_id != 0 &&
      (!load_head (volume, &connection, FTS_DIRECTION_INITIATOR, error) ||
       !load_head (volume, &connection, FTS_DIRECTION_CONNECTOR, error)))
    return false;
  if (admin->json)
    add_connection (json, slot, &connection);
  else
    print_connection (slot, &connection);
  return true;
}

static bool
show (FtsAdmin *admin, FtsVolume *volume, bool all, GError **error)
{
  uint32_t n = fts_volume_mcb (volume)->blk5_max_connections;
  g_autofree FtsPid *pids = g_new0 (FtsPid, n);
  g_autoptr (JsonBuilder) json = json_builder_new ();

  if (!fts_pidtab_load_all (volume, pids, error))
    return false;
  json_builder_begin_array (json);
  if (!admin->json)
    printf ("%5s  %-8s %-8s %8s  %-24s %-24s %-15s %-15s %s\n", "slot", "state",
            "service", "epoch", "initiator", "connector", "sent/read ->",
            "sent/read <-", "result");
  for (uint32_t i = 0; i < n; i++) {
    bool is_free = pids[i].pro_process_id != 0 &&
                   !(pids[i].pro_flag_process & FTS_PRO_FLAG_ALLOCATED);
    if ((all || !is_free) && !show_slot (admin, volume, json, i + 1, &pids[i], error))
      return false;
  }
  json_builder_end_array (json);
  if (admin->json)
    fts_json_print (json);
  return true;
}

static FtsExit
run (FtsAdmin *admin, int argc, char **argv)
{
  gboolean all = FALSE;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "Show free slots too", NULL }, { 0 }
  };
  g_autoptr (FtsVolume) volume = NULL;
  g_autoptr (GError) error = NULL;

  if (!fts_admin_parse (admin, &fts_admin_connections, entries, 0, &argc, &argv,
                        &error) ||
      (volume = fts_volume_options_open (&admin->where, true, &error)) == NULL ||
      !show (admin, volume, all, &error))
    return fts_admin_fail (error);
  return FTS_EXIT_OK;
}

const FtsCommand fts_admin_connections = {
  "connections", "", "which connections are in use, and by whom", run,
  "state: asked = the server has not answered yet; open; refused (result says why).\n"
  "sent/read: fragments written by one side, and how many the other has taken.\n"
};
