/* lately.h - what a client changed itself of late, and what it is told of that later.
 *
 * inotify does not say who made a change.  A client that writes a file would be told so after each
 * of its writes, and drop what it has just written.  So what is seen of a thing that the client
 * changed within the last FTS_LATELY_US is put off for that time, and told once for all: should
 * it be somebody else's change after all, the client hears of it so much later.
 *
 * Bounded: beyond FTS_LATELY_MOST keys nothing more is put off.
 * Pure.  Threads: the caller's lock.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FTS_LATELY_US   G_USEC_PER_SEC
#define FTS_LATELY_MOST 16384u

typedef struct FtsLately FtsLately;

FtsLately *fts_lately_new (void);
void fts_lately_free (FtsLately *lately);

/* The client is about to change what KEY stands for. */
void fts_lately_note (FtsLately *lately, uint64_t key, int64_t now_us);
/* KEY was seen to change, which NOTICE (a copy is kept) says.  False: tell it now. */
bool fts_lately_put_off (FtsLately *lately, uint64_t key, const GByteArray *notice,
                         int64_t now_us);

/* The next one to be told, if it is time: *NOTICE is the caller's. */
bool fts_lately_take (FtsLately *lately, int64_t now_us, uint64_t *key,
                      GByteArray **notice);
/* When there will be one; 0 = none is put off. */
int64_t fts_lately_due (const FtsLately *lately);
