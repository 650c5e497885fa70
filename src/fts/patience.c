#include "fts/patience.h"

#include "base/error.h"

#include <lunpath/error.h>

#define FIRST_STEP_US 20000
#define MOST_STEP_US  250000

static FtsFailure
classify_lun (LunError code)
{
  switch (code) {
  case LUN_ERROR_NO_PATH:
  case LUN_ERROR_TIMEOUT:
  case LUN_ERROR_BUSY:
    return FTS_FAILURE_AWAY;
  case LUN_ERROR_IO:
  case LUN_ERROR_RESERVED:
    return FTS_FAILURE_DAMAGE;
  case LUN_ERROR_FENCED: /* this process will never come back */
  case LUN_ERROR_CONFIG:
  case LUN_ERROR_UNSUPPORTED:
  case LUN_ERROR_IDENTITY:
  case LUN_ERROR_RANGE:
    return FTS_FAILURE_FINAL;
  }
  return FTS_FAILURE_FINAL;
}

static FtsFailure
classify_own (FtsError code)
{
  switch (code) {
  case FTS_ERROR_PEER_DEAD:
  case FTS_ERROR_NOT_FOUND:
  case FTS_ERROR_CLOSED:
  case FTS_ERROR_REFUSED:
  case FTS_ERROR_TIMEOUT:
  case FTS_ERROR_BUSY:
  case FTS_ERROR_NO_SLOT:
    return FTS_FAILURE_AWAY;
  case FTS_ERROR_CORRUPT:
    return FTS_FAILURE_DAMAGE;
  case FTS_ERROR_FENCED:
  case FTS_ERROR_DENIED:
  case FTS_ERROR_PROTOCOL:
  case FTS_ERROR_NOT_VOLUME:
  case FTS_ERROR_VERSION:
  case FTS_ERROR_MISMATCH:
  case FTS_ERROR_TOO_SMALL:
  case FTS_ERROR_IN_USE:
  case FTS_ERROR_IO:
  case FTS_ERROR_CONFIG:
  case FTS_ERROR_UNSUPPORTED:
  case FTS_ERROR_SYSTEM:
    return FTS_FAILURE_FINAL;
  }
  return FTS_FAILURE_FINAL;
}

FtsFailure
fts_patience_classify (const GError *error)
{
  if (error->domain == LUN_ERROR)
    return classify_lun ((LunError) error->code);
  if (error->domain == FTS_ERROR)
    return classify_own ((FtsError) error->code);
  return FTS_FAILURE_FINAL;
}

static int64_t
later (int64_t from_us, int64_t by_us)
{
  return by_us >= FTS_PATIENCE_NEVER - from_us ? FTS_PATIENCE_NEVER : from_us + by_us;
}

void
fts_patience_begin (FtsPatience *patience, const FtsPatienceConfig *config,
                    int64_t now_us)
{
  *patience = (FtsPatience){ .until_us = later (now_us, config->deadline_us) };
}

static int64_t
step_of (unsigned tries)
{
  if (tries <= 1)
    return 0;
  return MIN ((int64_t) FIRST_STEP_US << MIN (tries - 2, 8), (int64_t) MOST_STEP_US);
}

int64_t
fts_patience_next (FtsPatience *patience, const FtsPatienceConfig *config,
                   FtsFailure failure, int64_t away_us, int64_t now_us,
                   bool (*peer_lives) (void *user_data), void *user_data)
{
  int64_t step_us = step_of (++patience->tries);

  if (failure == FTS_FAILURE_FINAL || later (now_us, step_us) >= patience->until_us)
    return -1;
  if (failure == FTS_FAILURE_DAMAGE || config->grace_us == 0)
    return patience->tries < FTS_PATIENCE_TRIES &&
               (failure == FTS_FAILURE_DAMAGE || peer_lives (user_data))
             ? step_us
             : -1;
  return now_us < later (away_us, config->grace_us) ? step_us : -1;
}
