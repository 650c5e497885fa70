/* absent.h - names that are known not to be in a directory.
 *
 * Before a program makes a file the kernel looks for its name, and compilers look for each header
 * in each folder: most look-ups find nothing.  Of a directory where that happens the peer is asked
 * once for (the hashes of) all names; for as long as the absence of a name may be trusted, what is
 * not among them is absent without a question.  A directory that was just made has none.
 *
 * Invariants
 *  1. The names of a directory are never fewer than it has, but for what others made since they
 *     were asked for: names that we make are added before the kernel hears of it, none is ever
 *     taken away, and names that were made while the peer was asked make the answer worthless.
 *  2. At most `most` hashes and FTS_ABSENT_DIRS directories are kept; the oldest go first.
 *
 * When asking pays: three look-ups found nothing, or the names asked for before have answered as
 * many look-ups as asking costs.  A directory that is too long, or may not be listed, is left
 * alone for FTS_ABSENT_REST_US.
 *
 * Bursts: names are used only while look-ups in the directory follow each other closely.  The first one after a pause asks, and the names are forgotten unless the peer
 * watches the directory; so whoever makes a file elsewhere and then looks for it here finds it, though the
 * peer's notice be late.
 *
 * Threads: any; one lock, held for a table look-up.  Directories are named by node numbers, which
 * are never used again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FTS_ABSENT_DIRS     4096u
#define FTS_ABSENT_BURST_US (50 * 1000)
#define FTS_ABSENT_NAMES    8192u /* most of one directory */
#define FTS_ABSENT_REST_US  (60 * INT64_C (1000000))

typedef struct FtsAbsent FtsAbsent;

FtsAbsent *fts_absent_new (size_t most);
void fts_absent_free (FtsAbsent *absent); /* NULL is fine */

typedef enum {
  FTS_ABSENT_ASK,       /* nothing is known of the name: look it up */
  FTS_ABSENT_ASK_NAMES, /* the same, but asking for all names pays; ends with publish */
  FTS_ABSENT_YES,       /* there is no such name */
} FtsAbsentVerdict;

/* For how long names are trusted; 0 = not at all. */
typedef struct {
  int64_t us;         /* of a directory that the peer does not watch for us */
  int64_t watched_us; /* of one that it watches */
  int64_t burst_us;   /* between two look-ups at most */
} FtsAbsentTrust;

/* Is NAME not in DIR?  *LEFT_US = for how much longer a YES holds, whatever happens; 0 where the
 * directory is watched, as it ends with any change there. */
FtsAbsentVerdict fts_absent_judge (FtsAbsent *absent, uint64_t dir, const char *name,
                                   const FtsAbsentTrust *trust, int64_t *left_us);
/* A look-up of the peer found nothing. */
void fts_absent_note_miss (FtsAbsent *absent, uint64_t dir);
/* NAME may be in DIR from now on. */
void fts_absent_add (FtsAbsent *absent, uint64_t dir, const char *name);
/* Others may have made any name in DIR. */
void fts_absent_forget (FtsAbsent *absent, uint64_t dir);
/* DIR was made by a request that began at START_US (monotonic), and is empty; WATCHED: the peer will tell
 * when that changes. */
void fts_absent_set_empty (FtsAbsent *absent, uint64_t dir, int64_t start_us,
                           bool watched);

/* After ASK_NAMES: begin, ask the peer, publish.  HASHES NULL: they cannot be had. */
typedef struct {
  uint64_t dir, serial, adds;
  int64_t start_us;
} FtsAbsentAsking;

FtsAbsentAsking fts_absent_begin (FtsAbsent *absent, uint64_t dir);
void fts_absent_publish (FtsAbsent *absent, const FtsAbsentAsking *asking,
                         const uint64_t *hashes, size_t n, bool watched);
/* Nothing is known any more. */
void fts_absent_clear (FtsAbsent *absent);
