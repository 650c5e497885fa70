/* fence.h - a member's registrations on the volume's devices, and shutting out the dead.
 *
 * Fence modes (Master Control Block): off; all-registrants (reservation of type 7: it stays until
 * the last member unregisters); registrants-only (type 5: one member holds it, another takes it
 * over when he leaves).  In both, every member registers all its paths to all devices under one
 * key, which stands in its host table entry; who is not registered cannot write.
 *
 *   T=0         a host's heartbeat stops
 *   T=dead      its peers end their connections with it
 *   T=dead+io   its key is preempted, its commands are aborted, and READ KEYS proves that the key is
 *               gone; then its slots and its entry are freed
 *
 * Processes of one host that share their nexuses share the key: the second finds the paths
 * registered and takes that key; the last one unregisters.  A lock file of the machine orders
 * joining and leaving.  A dead process whose key a live one has is not shut out by key.
 *
 * Threads: any.  Owner: the member.  Errors: LUN_ERROR (RESERVED: a stranger's reservation),
 * UNSUPPORTED (a device without persistent reservations).
 */
#pragma once

#include "volume/hosttab.h"
#include "volume/volume.h"

#include <lunpath/reservation.h>

typedef struct FtsFence FtsFence;

/* Registers and reserves, before anything is written.  SELF has generation and host UUID; keys of its
 * earlier incarnations OWN (of uint64_t) are not taken up again, unless another process has them too.
 * Call fts_fence_published() when the entry with the key is on the volume. */
FtsFence *fts_fence_join (FtsVolume *volume, const FtsHost *self, const GArray *own,
                          GError **error);
void fts_fence_published (FtsFence *fence);
uint64_t fts_fence_key (const FtsFence *fence);
/* That of the master device; the fence's own. */
LunReservation *fts_fence_reservation (FtsFence *fence);

/* Removes KEY from every device and proves it. */
bool fts_fence_shut_out (FtsFence *fence, uint64_t key, GError **error);

/* Unregisters, unless another live member has the key.  After the own entry was freed: who joins
 * meanwhile either finds it there, takes the key and is seen here, or does not take it. */
void fts_fence_leave (FtsFence *fence);
/* Leaves everything as it is.  NULL is fine. */
void fts_fence_free (FtsFence *fence);
