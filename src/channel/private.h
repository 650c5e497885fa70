/* private.h - the channel's inside, shared by the files of this folder and by nothing else.
 *
 *   channel.c   life: making, breaking, closing
 *   wait.c      waiting for the peer, its heads, its death
 *   send.c      the writer (Fig. 10) with publishing and roll-back
 *   ahead.c     table writes and looks at the peer's head that nobody waits for
 *   receive.c   the reader (Fig. 11) with its checks and re-send requests
 *   connect.c, door.c, workers.c   set-up and serving
 */
#pragma once

#include "channel/channel.h"
#include "channel/ring.h"
#include "channel/segio.h"
#include "channel/states.h"
#include "channel/table.h"

/* Bits of FtsChannel.cancel; atomic, set by any thread. */
enum {
  FTS_CANCEL_CLOSED = 1,   /* fts_channel_interrupt() */
  FTS_CANCEL_DEAD = 2,     /* the peer's process is dead */
  FTS_CANCEL_GONE = 4,     /* the slot is no longer this connection's */
  FTS_CANCEL_SHUTDOWN = 8, /* this process ends */
  FTS_CANCEL_POKE = 16,    /* a wait in fts_channel_poll() ends; no error */
};

/* Segments read ahead where the device works asynchronously. */
#define FTS_READ_AHEAD 16u

/* A fragment that the peer has not acknowledged. */
typedef struct {
  uint8_t *buffer; /* the segment as it goes out; NULL for an inline one */
  size_t len;      /* of its blocks in use */
  FtsSeg seg;
  FtsSegIo io;
} FtsOut;

/* A command on a table beside the transfer (ahead.c). */
typedef struct {
  uint8_t *buffer;
  size_t room;
  FtsSegIo io;
} FtsAhead;

/* A segment read ahead. */
typedef struct {
  uint64_t sequence; /* 0 = unused */
  uint8_t *buffer;
  FtsEntry entry;
  FtsSegIo io;
} FtsIn;

struct FtsChannel {
  FtsMember *member;
  FtsVolume *volume;
  LunDevice *master;
  FtsPid pid;
  FtsDirection direction; /* of the own table */
  uint32_t peer_index;
  uint64_t peer_generation;
  int64_t opened_us; /* for a peer that joined later than the host table was read */

  bool is_accepted; /* a connector's always is */
  /* initiator, until the connector has accepted */
  char *secret;
  uint8_t host_nonce[FTS_NONCE_LEN];
  uint8_t *pid_block; /* the entry as seen last */

  FtsLife life;
  GError *broken;  /* what every later call returns */
  FtsConRc reason; /* for a reset */
  int cancel;
  uint32_t timeout_ms;

  uint32_t block_size;
  uint32_t payload_max;
  size_t segment_len; /* bytes of a whole segment */
  FtsTx tx;
  FtsRx rx;
  FtsOwnTable own;
  FtsPeerTable peer;
  bool
    peer_noticed; /* the image is newer than what was looked at (fts_channel_noticed) */

  FtsSegGroup group;
  FtsOut *out;     /* R, by ring index */
  uint8_t *open;   /* segment being filled, or NULL */
  size_t open_len; /* its payload bytes so far */
  FtsIn in[FTS_READ_AHEAD];
  unsigned in_lent; /* whose buffer the caller has */
  FtsAhead table_write, head_look;

  /* waiting (wait.c) */
  int64_t answer_us; /* moving average */
  int spin_credit;   /* > 0: spinning has paid lately */
  unsigned waits;

  FtsChannelStats stats;
};

/* ---- channel.c ---- */

/* A channel over the prepared own table OWN (taken over, like the caller's hold of MEMBER).  The
 * initiator's life begins as REQUESTED, the connector's as OPEN. */
FtsChannel *fts_channel_new (FtsMember *member, const FtsPid *pid,
                             FtsDirection direction, FtsOwnTable *own);
/* Every public call begins with it: false with what broke the channel. */
bool fts_channel_enter (FtsChannel *channel, GError **error);
/* Breaks the channel by EVENT, with REASON for the peer; takes over CAUSE and copies it into
 * ERROR.  Always false. */
bool fts_channel_fail (FtsChannel *channel, FtsEvent event, FtsConRc reason,
                       GError *cause, GError **error);
/* The life's next step and its action on the head. */
FtsAction fts_channel_event (FtsChannel *channel, FtsEvent event);
/* Has the connection ended, with nothing left to deliver? */
bool fts_channel_has_ended (const FtsChannel *channel);
/* Gives memory back that a quiet connection does not need. */
void fts_channel_trim (FtsChannel *channel);
/* Any thread; BITS of FTS_CANCEL_*. */
void fts_channel_cancel (FtsChannel *channel, int bits);

/* Do commands run beside this thread? */
static inline bool
fts_channel_is_async (const FtsChannel *channel)
{
  return !lun_device_facts (channel->master)->in_memory;
}

/* ---- ahead.c; where the device is asynchronous ---- */
/* Starts a table write when one is due in the middle of a message and none is under way: n
 * fragments are on the LUN, or half of the ring waits for the acknowledgement. */
bool fts_ahead_publish (FtsChannel *channel, GError **error);
/* Waits for the table write under way. */
bool fts_ahead_settle (FtsChannel *channel, GError **error);
/* Starts a look at the peer's head, if none is under way. */
bool fts_ahead_look (FtsChannel *channel, GError **error);
/* Takes in what a look brought, if it has ended or WAITS. */
bool fts_ahead_take_look (FtsChannel *channel, bool waits, bool *news, GError **error);
void fts_ahead_forget_look (FtsChannel *channel);
/* A look where it is likely to pay.  Its failure is found when it is taken. */
void fts_ahead_reader_looks (FtsChannel *channel);
void fts_ahead_writer_looks (FtsChannel *channel);

/* ---- wait.c ---- */
typedef enum {
  FTS_WAKE_NEWS,    /* a new head was taken in, or the connector has accepted */
  FTS_WAKE_TIMEOUT, /* the deadline passed */
  FTS_WAKE_POKED,
  FTS_WAKE_FAILED, /* the channel is broken */
} FtsWake;

typedef enum {
  FTS_WAIT_URGING, /* the peer's head is overdue: ask for it now and then */
  FTS_WAIT_IDLE,   /* nothing is owed */
} FtsWaitKind;

/* Waits for news until DEADLINE_US (monotonic clock; 0 = none). */
FtsWake fts_channel_wait (FtsChannel *channel, int64_t deadline_us, FtsWaitKind kind,
                          GError **error);
/* The same, with the channel's time limit START_US + timeout and TIMEOUT as an error. */
bool fts_channel_wait_news (FtsChannel *channel, int64_t start_us, GError **error);
/* What every record of the peer's must bear; sequence and request are the caller's. */
void fts_channel_expect (const FtsChannel *channel, FtsExpect *expect);
/* Takes in the head that stands in the peer's image.  *NEWS: it was a new one. */
bool fts_channel_take_head (FtsChannel *channel, bool *news, GError **error);
/* By the host table as it was read last. */
bool fts_channel_is_peer_dead (FtsChannel *channel);
/* For the door: the run of blocks to watch; after it was read into the image, noticed(). */
void fts_channel_watch (FtsChannel *channel, LunWatch *watch);
void fts_channel_noticed (FtsChannel *channel);

/* ---- send.c ---- */
/* Writes the own head and what is pending, with acknowledgement. */
bool fts_channel_publish (FtsChannel *channel, bool urge, GError **error);
/* Forgets what the peer has acknowledged since ACKED_BEFORE. */
void fts_channel_release (FtsChannel *channel, uint64_t acked_before);
/* Writes all from FROM on again. */
bool fts_channel_roll_back (FtsChannel *channel, uint64_t from, GError **error);

/* ---- receive.c ---- */
/* Waits for reads under way and gives the buffers back, the lent one aside when KEEP_LENT. */
void fts_channel_drop_reads (FtsChannel *channel, bool keep_lent);

/* ---- connect.c ---- */
/* The connector's or initiator's proof in PID, compared in constant time. */
bool fts_proof_is_right (const char *who, const char *secret,
                         const uint8_t *volume_uuid, const FtsPid *pid,
                         const uint8_t *requestee_host_nonce);
/* Looks at the entry in channel->pid_block; true when it settled something or is unchanged. */
bool fts_connect_look (FtsChannel *channel, bool *settled, GError **error);
