/* server_door.c - the door's callbacks: a channel is a stream that the server serves. */
#include "fts/server_ops.h"

void *
fts_server_on_open (FtsChannel *channel, void *user_data)
{
  const FtsPid *pid = fts_channel_pid (channel);

  g_debug ("%s: connected on slot %u", pid->pro_requestor, pid->pro_process_id);
  FtsPeer *peer = fts_server_connect (user_data, pid->requestor_index,
                                      pid->requestor_generation, pid->pro_requestor);
  peer->channel = channel;
  return peer;
}

/* ---- who has something to say ---- */

static void
summon (void *connection, void *user_data)
{
  const FtsPeer *peer = connection;
  fts_door_summon (user_data, peer->channel);
}

static void
set_waiting (bool waits, void *user_data)
{
  fts_door_set_waiting (user_data, waits);
}

void
fts_server_set_door (FtsServer *server, FtsDoor *door)
{
  const FtsWatchersHooks hooks = { summon, set_waiting, door };
  fts_server_set_hooks (server, &hooks);
}

/* An error shows when the connection is used next. */
void
fts_server_summoned (FtsChannel *channel, void *connection, void *user_data)
{
  FtsChannelStream stream;
  fts_server_answer_watch (connection, fts_stream_on_channel (&stream, channel), NULL);
}

void
fts_server_on_close (FtsChannel *channel, void *connection, void *user_data)
{
  const FtsPid *pid = fts_channel_pid (channel);

  g_debug ("%s: slot %u closed", pid->pro_requestor, pid->pro_process_id);
  if (connection != NULL)
    fts_server_disconnect (connection);
}

bool
fts_server_serve (FtsChannel *channel, void *connection, void *user_data)
{
  g_autoptr (GError) error = NULL;
  FtsChannelStream stream;

  if (fts_server_serve_stream (connection, fts_stream_on_channel (&stream, channel),
                               &error))
    return true;
  if (error != NULL)
    g_message ("%s: connection ends: %s", ((FtsPeer *) connection)->name,
               error->message);
  return false;
}
