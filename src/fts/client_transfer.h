/* client_transfer.h - what get and put share. */
#pragma once

#include "base/error.h"
#include "fts/client_call.h"

#include <errno.h>

/* Bytes between two calls of a transfer's progress and cancelled. */
#define FTS_TRANSFER_STEP (4u << 20)

/* Tells how far the transfer is; false with ECANCELED when the user wants no more. */
static inline bool
fts_transfer_step (const FtsTransfer *transfer, uint64_t done, uint64_t total,
                   GError **error)
{
  if (transfer->progress != NULL)
    transfer->progress (done, total, transfer->user_data);
  if (transfer->cancelled == NULL || !transfer->cancelled (transfer->user_data))
    return true;
  g_set_error (error, FTS_ERRNO, ECANCELED,
               "interrupted after %" G_GUINT64_FORMAT " bytes", done);
  return false;
}
