/* patience.h - what a call does after a failure on the way to the peer: give up, or try again.
 *
 * Times are the monotonic clock's, in microseconds.  T = 0: a call fails because the peer or the
 * way to it is away.
 *
 *   0                  the call tries again: at once first, then after 20, 40 ... 250 ms
 *   grace              counted from the first call that failed: calls under way give up with
 *                      what they met, and later ones try once only, until one comes through
 *   begin + deadline   a call gives up with TIMEOUT, whatever it waits for
 *
 * Without a grace a call is tried again only while a peer of that name is alive.  Failures that
 * are not a matter of time (damage that repeating did not heal) get FTS_PATIENCE_TRIES.
 *
 * Pure: everything depends on the arguments.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FTS_PATIENCE_TRIES 3u
#define FTS_PATIENCE_NEVER INT64_MAX

typedef enum {
  FTS_FAILURE_FINAL,  /* the answer, or nothing that repeating mends */
  FTS_FAILURE_DAMAGE, /* the connection went wrong; another may do */
  FTS_FAILURE_AWAY,   /* peer, path or room for a connection is not there now */
} FtsFailure;

/* What ERROR of a call means.  Its connection is broken, or none was to be had. */
FtsFailure fts_patience_classify (const GError *error);

typedef struct {
  int64_t grace_us;    /* FTS_PATIENCE_NEVER = wait for ever */
  int64_t deadline_us; /* from the call's begin; FTS_PATIENCE_NEVER = none */
} FtsPatienceConfig;

typedef struct {
  int64_t until_us; /* the call's own end */
  unsigned tries;   /* that failed */
} FtsPatience;

void fts_patience_begin (FtsPatience *patience, const FtsPatienceConfig *config,
                         int64_t now_us);

/* After FAILURE at NOW_US, with the peer away since AWAY_US: microseconds to wait before the
 * next try, or -1: give up.  PEER_LIVES is asked for without a grace only. */
int64_t fts_patience_next (FtsPatience *patience, const FtsPatienceConfig *config,
                           FtsFailure failure, int64_t away_us, int64_t now_us,
                           bool (*peer_lives) (void *user_data), void *user_data);
