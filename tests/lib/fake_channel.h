/* fake_channel.h - channels without a volume: what is sent goes to a function of the test, which
 * answers at once.  For tests of the client half alone.
 *
 * Replaces fts_connect*, fts_channel_*, fts_member_find and fts_member_is_alive in the program
 * that links fake_channel.c.  One thread may use a channel at a time, as with real ones; the
 * fake's own state has a lock.
 */
#pragma once

#include "channel/connect.h"
#include "fts/wire.h"

#define FAKE_ROOM 4096 /* payload of a segment */

/* REQUEST is one whole message: FRAGMENTS holds GByteArrays, the first begins with the header of
 * USED bytes.  Answers with fake_answer(). */
typedef void (*FakeServe) (FtsChannel *channel, const FtsRequest *request,
                           const GPtrArray *fragments, size_t used, void *user_data);

typedef struct {
  FakeServe serve;
  void *user_data;
  FakeServe
    serve_early;       /* called by polls while a request is under way; may answer it */
  bool peer_alive;     /* a server of that name is in the host table */
  uint64_t generation; /* of that server */
  unsigned break_sends; /* that many sends from now on fail with CLOSED, unheard */
  unsigned
    break_receives;  /* that many requests are served, and then the connection breaks */
  int connect_error; /* FtsError of fts_connect, -1 = none */
  unsigned n_connects, n_closes, n_messages, n_acknowledged;
} Fake;

extern Fake fake;

/* A live server, no trouble; ATTACH is answered by the fake itself (max data 8192). */
void fake_start (FakeServe serve, void *user_data);

/* One fragment: ANSWER's header (tag and op come from the last request) and DATA behind it. */
void fake_answer (FtsChannel *channel, FtsAnswer *answer, const void *data, size_t len,
                  bool last);
/* A further fragment. */
void fake_more (FtsChannel *channel, const void *data, size_t len, bool last);
