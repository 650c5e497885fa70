/* lock_method.h - contract between lock.c and the lock's methods.
 *
 * attempt() tries once.  HELD fills *HOLDER with what the lock block says.  STEAL, when not
 * NULL, is the content of a dead holder: the lock may be taken from exactly that content.
 * Called by one thread at a time.
 */
#pragma once

#include "volume/lock.h"

#include <lunpath/swap.h>

typedef enum {
  FTS_LOCK_TAKEN,
  FTS_LOCK_HELD,
  FTS_LOCK_FAILED, /* error is set */
} FtsLockAttempt;

typedef struct {
  FtsVolume *volume;
  LunReservation *reservation; /* the master's, or NULL: no fencing */
  int fd;                      /* file method: the image, own description */
  LunSwap *swap;               /* caw, pr, scsi2 */
  FtsLockBlock mine;           /* what we wrote, while held */
  FtsLockBlock left;           /* ours that could not be released, or none */
} FtsLockState;

typedef struct {
  const char *name;
  bool (*open) (FtsLockState *state, GError **error);
  FtsLockAttempt (*attempt) (FtsLockState *state, const FtsLockOwner *owner,
                             const FtsLockBlock *steal, FtsLockBlock *holder,
                             GError **error);
  void (*release) (FtsLockState *state);
  void (*close) (FtsLockState *state);
} FtsLockOps;

extern const FtsLockOps fts_lock_file_ops, fts_lock_caw_ops, fts_lock_pr_ops,
  fts_lock_scsi2_ops, fts_lock_delay_ops;

/* Reads the lock block; a damaged one is read again a few times before CORRUPT.  BLOCK gets its
 * bytes. */
bool fts_lock_load (FtsVolume *volume, uint8_t *block, FtsLockBlock *out,
                    GError **error);
/* May OWNER write over CURRENT: is it free, or exactly the dead holder's? */
bool fts_lock_is_takeable (const FtsLockBlock *current, const FtsLockBlock *steal);
/* OWNER's claim that follows CURRENT. */
FtsLockBlock fts_lock_claim (const FtsLockOwner *owner, const FtsLockBlock *current);
