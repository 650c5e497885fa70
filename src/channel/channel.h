/* channel.h - one connection: an ordered, checked, duplex stream of messages over two rings of
 * segments on the volume (doc/protocol.md, "Sending and receiving").
 *
 * A message is a run of fragments, the last one flagged 0x20.  A fragment travels inline in the
 * head block (small ones) or in a data segment.  Sequence numbers start at 1 with each epoch and
 * count fragments of both kinds.
 *
 * Invariants
 *  1. Nothing is delivered that was not checked: epoch, sequence, request number, lengths, CRCs.
 *  2. A segment is written again only when the peer's consumed covers its last use.
 *  3. published = s is written only after the segments up to and including s are written.
 *  4. A fragment's bytes stay in memory until the peer's consumed covers them, so that a
 *     re-send (A12) has its source.
 *
 * Threads: one thread at a time uses a channel (hand over by a lock or queue of the caller's).
 * fts_channel_interrupt() may be called from any thread.
 * Errors: PEER_DEAD, CLOSED, TIMEOUT, CORRUPT (roll-backs used up), PROTOCOL, FENCED, LUN_ERROR.
 * After any error but TIMEOUT the channel is broken; only fts_channel_close() is left.  A send
 * that timed out has left its message unfinished: only closing makes sense then, too.
 */
#pragma once

#include "volume/membership.h"
#include "volume/pidtab.h"

typedef struct FtsChannel FtsChannel;

/* Counters since the channel was opened. */
typedef struct {
  uint64_t messages_sent, messages_received;
  uint64_t fragments_sent, fragments_received, inline_sent;
  uint64_t bytes_sent, bytes_received;
  uint64_t resends_asked, resends_served;
} FtsChannelStats;

const FtsPid *
fts_channel_pid (const FtsChannel *channel); /* names, slot, epoch, service */
void fts_channel_get_stats (const FtsChannel *channel, FtsChannelStats *out);

/* Time limit of each later call that waits for the peer, in ms; 0 = none (only the peer's
 * death ends a wait). */
void fts_channel_set_timeout (FtsChannel *channel, uint32_t timeout_ms);

/* ---- sending ---- */

/* Memory for the next fragment: *DATA with *ROOM bytes (the segment payload).  Blocks while the
 * ring is full (A14).  The memory is the channel's; fill it and commit, or never commit. */
bool fts_channel_reserve (FtsChannel *channel, uint8_t **data, size_t *room,
                          GError **error);

/* Sends LEN bytes of the reserved memory; LAST ends the message and publishes everything.  CRC: the
 * CRC32C of those bytes where the caller has it, else NULL. */
bool fts_channel_commit (FtsChannel *channel, size_t len, const uint32_t *crc,
                         bool last, GError **error);

/* A whole message from memory: inline when it fits, else in segments. */
bool fts_channel_send (FtsChannel *channel, const struct iovec *iov, int n_iov,
                       GError **error);

/* The same without the end: begins or goes on with a message (header in front of bulk data that
 * reserve/commit follows with). */
bool fts_channel_send_part (FtsChannel *channel, const struct iovec *iov, int n_iov,
                            GError **error);

/* ---- receiving ---- */
typedef struct {
  const uint8_t *data; /* valid until the next receive call on this channel */
  size_t len;
  uint32_t crc; /* CRC32C of data, which was checked */
  bool first;   /* begins a message */
  bool last;    /* ends it */
} FtsFragment;

/* The next fragment in order.  Blocks up to the channel's time limit. */
bool fts_channel_receive (FtsChannel *channel, FtsFragment *fragment, GError **error);

/* Is there something to receive (or an end to learn of) now, or within WAIT_US? */
bool fts_channel_poll (FtsChannel *channel, int64_t wait_us);

/* The rest of the message under way (all of it when none is), appended to INTO; more than MAX
 * bytes is FTS_ERROR_PROTOCOL. */
bool fts_channel_receive_message (FtsChannel *channel, GByteArray *into, size_t max,
                                  GError **error);
/* Receives and drops what is left of the message under way. */
bool fts_channel_discard_message (FtsChannel *channel, GError **error);

/* Acknowledges what was received and is not acknowledged yet; for a connection that will be
 * quiet for a while. */
bool fts_channel_acknowledge (FtsChannel *channel, GError **error);

/* Writes the own head again and asks the peer to do the same: heals what was lost on the way.
 * For a side that waits for long by fts_channel_poll(). */
bool fts_channel_remind (FtsChannel *channel, GError **error);

/* Any thread: the call under way and every later one fails with FTS_ERROR_CLOSED. */
void fts_channel_interrupt (FtsChannel *channel);

/* Closes: an initiator waits briefly for the peer's `closed`, then frees the slot; a connector
 * answers closed.  A broken channel is reset (its head says why).  NULL is fine. */
void fts_channel_close (FtsChannel *channel);
