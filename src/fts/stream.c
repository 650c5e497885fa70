/* stream.c - see stream.h. */
#include "fts/stream.h"

static FtsChannel *
channel_of (FtsStream *stream)
{
  return ((FtsChannelStream *) stream)->channel;
}

static bool
receive (FtsStream *stream, FtsFragment *fragment, GError **error)
{
  return fts_channel_receive (channel_of (stream), fragment, error);
}

static bool
reserve (FtsStream *stream, uint8_t **data, size_t *room, GError **error)
{
  return fts_channel_reserve (channel_of (stream), data, room, error);
}

static bool
commit (FtsStream *stream, size_t len, const uint32_t *crc, bool last, GError **error)
{
  return fts_channel_commit (channel_of (stream), len, crc, last, error);
}

static bool
send_all (FtsStream *stream, const struct iovec *iov, int n_iov, GError **error)
{
  return fts_channel_send (channel_of (stream), iov, n_iov, error);
}

FtsStream *
fts_stream_on_channel (FtsChannelStream *out, FtsChannel *channel)
{
  *out = (FtsChannelStream){ { receive, reserve, commit, send_all }, channel };
  return &out->stream;
}
