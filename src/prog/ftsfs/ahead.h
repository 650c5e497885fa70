/* ahead.h - small files that are opened at the peer before a program asks for them.
 *
 * Who reads a tree of small files, tar or grep -r, lists each directory and then opens its files in
 * the order of the listing, or against it.  Two in a row make it likely: then the next ones are
 * opened together with the one that is needed, in one request (opening.h), the more the longer
 * it goes on.  Listings alone cost nothing.
 *
 *   listings   which small files follow which, of the directories listed last
 *   store      files that were opened and not asked for yet: one is taken by the caller for whom it
 *              was opened, within FTS_AHEAD_MS
 *
 * Bounded: FTS_AHEAD_LISTED files in listings, FTS_AHEAD_FILES in the store with FTS_AHEAD_BYTES.
 * What is not taken is closed at the next change of the store, or when the peer says that it
 * changed.  Whether a file is still what it was is for the taker to see.
 *
 * Threads: any; one lock.  `close` is called without it.
 */
#pragma once

#include "fts/client.h"

#define FTS_AHEAD_SMALL  65536u /* files up to this long */
#define FTS_AHEAD_MOST   32u    /* files in one request */
#define FTS_AHEAD_BATCH  (1u << 20)
#define FTS_AHEAD_LISTED 65536u
#define FTS_AHEAD_FILES  128u
#define FTS_AHEAD_BYTES  (8u << 20)
#define FTS_AHEAD_MS     1000

typedef struct FtsAhead FtsAhead;

/* A file opened at the peer. */
typedef struct {
  uint64_t open_id;
  FtsAttr attr;
  GByteArray *first; /* all of its bytes when EOF, or NULL; owned */
  bool eof;
  uint64_t at; /* the clock before it was asked for (fs.h) */
} FtsAheadFile;

FtsAhead *fts_ahead_new (void (*close) (uint64_t open_id, void *user_data),
                         void *user_data);
void fts_ahead_free (FtsAhead *ahead); /* closes all.  NULL is fine */

/* ---- listings; files and directories by the kernel's numbers ---- */

/* DIR is listed from its begin. */
void fts_ahead_list (FtsAhead *ahead, uint64_t dir);
/* FILE comes next in it. */
void fts_ahead_add (FtsAhead *ahead, uint64_t dir, uint64_t file, uint64_t size);
/* FILE is opened to be read.  NEXT gets those that are to be opened with it, as they may be asked
 * for next; their number. */
unsigned fts_ahead_guess (FtsAhead *ahead, uint64_t file,
                          uint64_t next[FTS_AHEAD_MOST]);

/* FILE was there when it was opened: the same, for when there will be no more of those that were guessed
 * so far; 0 while there are enough. */
unsigned fts_ahead_guess_on (FtsAhead *ahead, uint64_t file,
                             uint64_t next[FTS_AHEAD_MOST]);

/* ---- the store ---- */

/* FILE was opened for CALLER at NOW_US; OPENED is the store's. */
void fts_ahead_put (FtsAhead *ahead, uint64_t file, const FtsCaller *caller,
                    const FtsAheadFile *opened, int64_t now_us);
/* True: OUT is the caller's. */
bool fts_ahead_take (FtsAhead *ahead, uint64_t file, const FtsCaller *caller,
                     int64_t now_us, FtsAheadFile *out);
/* FILE (0 = any) is not to be kept open any more. */
void fts_ahead_drop (FtsAhead *ahead, uint64_t file);
