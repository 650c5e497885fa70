/* stream.h - what the server's commands see of a connection: messages in, messages out.
 *
 * The channel is one implementation (fts_stream_on_channel); the tests' memory one is another.
 * So each command can be tested without a LUN.  The calls mean what their namesakes in
 * channel/channel.h mean.
 *
 * Threads: those of the channel: one thread at a time.
 */
#pragma once

#include "channel/channel.h"

typedef struct FtsStream FtsStream;

struct FtsStream {
  bool (*receive) (FtsStream *stream, FtsFragment *fragment, GError **error);
  bool (*reserve) (FtsStream *stream, uint8_t **data, size_t *room, GError **error);
  bool (*commit) (FtsStream *stream, size_t len, const uint32_t *crc, bool last,
                  GError **error);
  bool (*send) (FtsStream *stream, const struct iovec *iov, int n_iov, GError **error);
};

typedef struct {
  FtsStream stream; /* first, so that a stream is cast to it */
  FtsChannel *channel;
} FtsChannelStream;

/* Fills *OUT; nothing to free.  CHANNEL must outlive it. */
FtsStream *fts_stream_on_channel (FtsChannelStream *out, FtsChannel *channel);
