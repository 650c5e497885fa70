/* server_door.c - the door's callbacks: a channel is a stream that the server serves. */
#include "fts/server_ops.h"

void *
fts_server_on_open (FtsChannel *channel, void *user_data)
{
  const FtsPid *pid = fts_channel_pid (channel);

  g_debug ("%s: connected on slot %u", pid->pro_requestor, pid->pro_process_id);
  return fts_server_connect (user_data, pid->requestor_index, pid->requestor_generation,
                             pid->pro_requestor);
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
