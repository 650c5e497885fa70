/* table.h - the two Process Segment Pointer Tables of a connection as this side has them:
 * the own one (FtsOwnTable), written by nobody else, and an image of the peer's (FtsPeerTable).
 *
 * The own table's image holds what lies on the LUN plus what was changed since; a write takes
 * the head and the changed entry blocks, in one LUN command where they lie side by side.
 * Owner: the channel; same thread as the channel.
 */
#pragma once

#include "channel/verify.h"
#include "volume/volume.h"

/* A run of head and entries up to this long is read or written as one. */
#define FTS_TABLE_ONE_IO 4096u

typedef struct {
  FtsVolume *volume;
  uint64_t lba;
  uint32_t block_size;
  uint32_t blocks; /* head and entries */
  uint32_t size;   /* entries, R */
  uint64_t epoch;
  uint64_t tag;
  uint8_t *image;
  uint64_t *segments; /* segment number of each entry, fixed at format time */
  uint32_t
    dirty_first; /* entry blocks changed since the last write, 1-based after the */
  uint32_t dirty_last;  /* head; first > last = none */
  FtsHead head;         /* what the next write says, counters aside */
  uint8_t *inline_data; /* head.inline_len bytes, kept for re-writes */
} FtsOwnTable;

/* Starts the own table anew for EPOCH with one write: a fresh head, entries without flags and
 * sequence numbers (the documents' clean-up).  Nothing is read: the segment numbers are fixed
 * at format time and known from the Master Control Block, so that a damaged table heals by it.
 * Errors: LUN_ERROR. */
bool fts_own_table_prepare (FtsOwnTable *table, FtsVolume *volume, uint32_t slot,
                            FtsDirection direction, uint64_t epoch, GError **error);
void fts_own_table_clear (FtsOwnTable *table);

/* Enters the fragment SEG, which lies in its segment. */
void fts_own_table_set (FtsOwnTable *table, const FtsSeg *seg);
/* Marks the entry of SEQUENCE to be written again. */
void fts_own_table_touch (FtsOwnTable *table, uint64_t sequence);

/* Writes head and changed entries.  URGE sets the head's heartbeat to the next odd number (a
 * request to the peer to write its own head again), else to the next even one. */
bool fts_own_table_write (FtsOwnTable *table, bool urge, GError **error);

/* The same in two steps, for a caller who writes by himself: do head and changed entries go with
 * one write?  Then encode() makes them ready and counts them as written: so many bytes of `image`,
 * to the table's first block. */
bool fts_own_table_is_one_write (const FtsOwnTable *table);
size_t fts_own_table_encode (FtsOwnTable *table, bool urge);

/* Device and first block of the segment of SEQUENCE. */
LunDevice *fts_own_table_locate (const FtsOwnTable *table, uint64_t sequence,
                                 uint64_t *lba);

typedef struct {
  uint64_t lba;
  uint32_t block_size;
  uint32_t blocks;
  uint32_t size;
  uint32_t
    watched;      /* blocks that one read brings: head and entries, or the head alone */
  uint8_t *image; /* the whole table as read last */
  FtsHead head;   /* newest good one; zero before */
  uint8_t *inline_data[2]; /* of `head`, and the one lent to the caller before */
  unsigned inline_current;
} FtsPeerTable;

void fts_peer_table_init (FtsPeerTable *table, FtsVolume *volume, uint32_t slot,
                          FtsDirection direction);
void fts_peer_table_clear (FtsPeerTable *table);
/* The image has a new head HEAD with its inline bytes. */
void fts_peer_table_adopt (FtsPeerTable *table, const FtsHead *head,
                           const uint8_t *inline_data);
/* The inline bytes of the head; they stay while the caller has them. */
const uint8_t *fts_peer_table_lend_inline (FtsPeerTable *table);
const FtsEntryDisk *fts_peer_table_entry (const FtsPeerTable *table, uint64_t sequence);
/* Reads the entry of SEQUENCE again: with head and all where one read does, else its block and
 * those up to the block of LAST. */
bool fts_peer_table_load_entries (FtsPeerTable *table, LunDevice *master,
                                  uint64_t sequence, uint64_t last, GError **error);
