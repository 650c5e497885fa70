/* replay.h - what the server has answered last to each client, to tell a request that is sent again.
 *
 * A client sends a request that changes something in one of its slots, with a number that grows in
 * the slot; it uses the slot for the next one only when it has the answer or wants it no more.  So
 * one answer a slot is all there is to remember, and the next number in the slot frees it.  A slot
 * is named by the client's instance (a random number that it keeps as long as it lives) and its
 * number.
 *
 *   NEW      never seen: carry it out
 *   DONE     carried out: the answer is there
 *   DOUBTFUL begun, and nobody knows how far: the process that did it died, or the request broke
 *            off.  What the file system looked like before (the note) tells (server_again.h)
 *   OUTDATED the slot has gone on: nobody waits for an answer
 *
 * The memory lies in a file that is mapped, so that it outlives the process (not the host: a file
 * of an earlier start of the host is emptied).  Each record is written in an order that leaves it
 * right wherever the process dies: the note before BEGUN, the answer before DONE.
 *
 * Bounds: FTS_REPLAY_RECORDS slots of all clients; the one that was not used for longest goes.
 * Threads: any; one lock.  A request whose first copy is still being carried out waits for it.
 */
#pragma once

#include "fts/wire.h"

#define FTS_REPLAY_RECORDS 2048u
#define FTS_REPLAY_SLOTS   512u /* of one client, from 1 */

typedef struct FtsReplay FtsReplay;
typedef struct FtsReplayRecord FtsReplayRecord;

/* What the names and files of a request looked like before it was begun; 0 = not there. */
typedef struct {
  uint64_t ino, ino2;
  uint64_t size;
} FtsReplayNote;

/* FILE NULL = in memory alone.  Errors: FTS_ERRNO. */
FtsReplay *fts_replay_new (const char *file, GError **error);
void fts_replay_free (FtsReplay *replay); /* the file stays */

typedef enum {
  FTS_REPLAY_NEW,
  FTS_REPLAY_DONE,
  FTS_REPLAY_DOUBTFUL,
  FTS_REPLAY_OUTDATED,
} FtsReplayVerdict;

/* REQUEST of INSTANCE.  NEW and DOUBTFUL: *RECORD is the caller's until end or abandon.  DONE:
 * ANSWER is filled in but for its tag. */
FtsReplayVerdict fts_replay_begin (FtsReplay *replay, uint64_t instance,
                                   const FtsRequest *request, FtsReplayRecord **record,
                                   FtsAnswer *answer);
/* From here on the request may have been carried out. */
void fts_replay_set_note (FtsReplayRecord *record, const FtsReplayNote *note);
const FtsReplayNote *fts_replay_note (const FtsReplayRecord *record);
void fts_replay_end (FtsReplay *replay, FtsReplayRecord *record,
                     const FtsAnswer *answer);
/* It broke off: NEW or DOUBTFUL when it comes again. */
void fts_replay_abandon (FtsReplay *replay, FtsReplayRecord *record);
