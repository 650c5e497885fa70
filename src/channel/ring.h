/* ring.h - what one side knows of one direction of a connection, as pure state: FtsTx of the
 * side that writes it, FtsRx of the side that reads it (documents' Figs. 10 and 11).
 *
 * Words: a fragment is one entry of the ring, in a segment or inline in the head.  Sequence
 * numbers start at 1 with each epoch and never wrap (64 bits).  Entry of sequence number s:
 * (s - 1) mod R.  A request number counts the messages of one direction, from 1; an entry
 * carries it modulo 16.
 *
 * Invariants
 *  1. acked <= published < next, and next - acked <= R + 1: nothing is overwritten that the
 *     reader may still need.
 *  2. told <= consumed <= published <= told + R at the reader; a peer that says otherwise broke
 *     the protocol.
 *  3. acked, published, consumed only grow.
 *
 * Nothing here does I/O, waits or allocates.  Any thread.  Tests: tests/unit/channel/ring.c.
 */
#pragma once

#include "volume/head.h"

#include <stdbool.h>
#include <stdint.h>

/* Roll-backs that may follow each other without progress before the connection is given up. */
#define FTS_ROLLBACKS_MAX 8u

/* ---- the writer ---- */
typedef struct {
  uint32_t size;           /* R */
  uint64_t next;           /* what the next fragment gets */
  uint64_t published;      /* in the own head */
  uint64_t acked;          /* the peer's consumed */
  uint64_t inline_seq;     /* fragment in the head's inline area; 0 = none yet */
  uint32_t inline_request; /* its request number */
  uint32_t request;        /* of the message under way, else of the last one */
  bool in_message;
  uint32_t resend_count; /* of the peer's newest request that was looked at */
  uint32_t rollbacks;    /* since acked grew last */
} FtsTx;

void fts_tx_init (FtsTx *tx, uint32_t size);
/* May the next fragment be written?  (next - R <= acked) */
bool fts_tx_is_free (const FtsTx *tx);
/* May the inline area be replaced? */
bool fts_tx_inline_is_free (const FtsTx *tx);
/* Takes the next sequence number; LAST ends the message, IN_HEAD uses the inline area. */
uint64_t fts_tx_take (FtsTx *tx, bool last, bool in_head);
/* Fragments taken and not published. */
uint64_t fts_tx_pending (const FtsTx *tx);
/* Must the table be written now?  N is blk5_ptr_seg_per_process (A13). */
bool fts_tx_must_publish (const FtsTx *tx, uint32_t n);
/* The peer's consumed; false when it acknowledges what was never published. */
bool fts_tx_acknowledge (FtsTx *tx, uint64_t consumed);

typedef enum {
  FTS_RESEND_NONE,      /* no request, an old one, or one that progress has overtaken */
  FTS_RESEND_SERVE,     /* write again from resend_from on */
  FTS_RESEND_TOO_OFTEN, /* the bound is reached */
  FTS_RESEND_INVALID,   /* asks for what was never published */
} FtsResend;

/* What to do about the peer's re-send request; counts it. */
FtsResend fts_tx_resend (FtsTx *tx, uint64_t resend_from, uint32_t resend_count);

/* ---- the reader ---- */
typedef struct {
  uint32_t size;
  uint64_t consumed;  /* delivered to the caller */
  uint64_t told;      /* consumed in the own head as written last */
  uint64_t published; /* the peer's */
  uint32_t request;   /* of the message under way, else of the last one */
  bool in_message;
  uint64_t resend_from; /* for the own head; 0 = none */
  uint32_t resend_count;
  uint32_t asked; /* requests for the fragment consumed + 1 */
} FtsRx;

void fts_rx_init (FtsRx *rx, uint32_t size);
/* The peer's published; false when it is beyond what the ring holds. */
bool fts_rx_publish (FtsRx *rx, uint64_t published);
bool fts_rx_has_more (const FtsRx *rx);
/* Request number that the next fragment must bear. */
uint32_t fts_rx_request (const FtsRx *rx);
/* The fragment consumed + 1 was checked and is delivered. */
void fts_rx_deliver (FtsRx *rx, bool last);
/* Is it time for an acknowledgement of its own?  When half of the ring waits: the writer then
 * still has the other half to go on with.  The end of a message is no reason: the
 * acknowledgement rides on the answer or on the next request. */
bool fts_rx_must_acknowledge (const FtsRx *rx);
/* Enters a re-send request from consumed + 1; false when the bound is reached. */
bool fts_rx_ask_resend (FtsRx *rx);

/* ---- both in a head ---- */
/* Fills the counters of HEAD from both rings and notes what the peer is told by it: that all
 * fragments up to PUBLISHED are there. */
void fts_ring_fill_head (FtsTx *tx, FtsRx *rx, uint64_t published, FtsHead *head);

static inline uint32_t
fts_ring_index (uint64_t sequence, uint32_t size)
{
  return (uint32_t) ((sequence - 1) % size);
}
