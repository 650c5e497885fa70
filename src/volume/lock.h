/* lock.h - the volume lock: one holder over all hosts, held for a handful of commands.
 *
 * Methods (chosen at format time, recorded in the Master Control Block; each is tried when the lock
 * is made):
 *   file    open-file-description lock on the lock block's bytes of the image file; the kernel
 *           frees it when its holder ends, so nothing is ever taken over
 *   caw     COMPARE AND WRITE of the lock block: free -> mine; a dead owner's lock is taken with
 *           a compare against its exact content
 *   pr      the same in three commands, which persistent registrations keep together
 *   scsi2   the same, by RESERVE(6); without fencing only
 *   delay   write the own claim, wait two I/O time-outs, read it back; slow
 *
 * Invariant: who holds the lock on the volume holds `held` in the process too, so that threads
 * exclude each other before they meet on the LUN.
 * Threads: any; take() and release() of one holding by any thread, in pairs.
 * Errors: BUSY (a live holder kept it), CORRUPT (the lock block), UNSUPPORTED, LUN_ERROR.
 */
#pragma once

#include "volume/lock_block.h"
#include "volume/volume.h"

#include <lunpath/reservation.h>

typedef struct FtsLock FtsLock;

/* Who takes it, and how to tell that a holder is dead. */
typedef struct {
  uint32_t index; /* host table entry, FTS_LOCK_NO_INDEX while joining */
  uint64_t generation;
  /* Called while waiting; may read the host table. */
  bool (*is_dead) (uint32_t index, uint64_t generation, void *user_data);
  void *user_data;
} FtsLockOwner;

/* Tries the method: UNSUPPORTED when it does not work here.  RESERVATION is the one that is open on
 * the master, or NULL without fencing; it must outlive the lock. */
FtsLock *fts_lock_new (FtsVolume *volume, LunReservation *reservation, GError **error);
/* Must not be held.  NULL is fine. */
void fts_lock_free (FtsLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsLock, fts_lock_free)

bool fts_lock_take (FtsLock *lock, const FtsLockOwner *owner, int64_t wait_us,
                    GError **error);
void fts_lock_release (FtsLock *lock);

/* ---- choosing a method, before there is a volume (lock_choose.c) ---- */
typedef struct {
  LunDevice *master; /* open for writing; stays as it is */
  bool is_image;     /* its paths lead to an image file */
  FtsFenceMode fence_mode;
  uint32_t dead_ms;
} FtsLockTrial;

/* UNSUPPORTED with the reason when METHOD does not work there. */
bool fts_lock_try_method (const FtsLockTrial *trial, FtsLockMethod method,
                          GError **error);
/* The first of caw, pr, scsi2, file and delay that works. */
bool fts_lock_choose (const FtsLockTrial *trial, FtsLockMethod *out, GError **error);

const char *fts_lock_method_name (FtsLockMethod method);
/* False when NAME is none. */
bool fts_lock_method_parse (const char *name, FtsLockMethod *out);
