/* transport/blk-ring.h - READ, WRITE and flush of a block device by io_uring.
 *
 * One thread has the ring to itself: it submits what others hand it and waits for the ends.  Not the
 * submitters themselves, though the kernel would let them: an end is delivered by the thread that
 * submitted, when that is next in the kernel and free to leave it (task work), so the ends of one
 * path would wait for whatever its callers do, a command by SG_IO that hangs for instance.
 *
 *   submit() --> waiting --(thread)--> in flight --> its end --> io->done() on the thread
 *                                         | cancel: IORING_OP_ASYNC_CANCEL
 *                                         '---> what no driver has yet ends as ABORTED; what one has
 *                                               ends when the device gives it back
 *
 * Invariants
 *   1. The ring, and what is in flight, are the thread's alone; what others want stands under the lock.
 *   2. The memory of an I/O is used until its io->done(), however late: nobody can take it back from
 *      the kernel.  Who gives an I/O up leaves its memory alone (facts.holds_data).
 *   3. The thread sleeps in the ring only; a read of the bell (eventfd) is always in flight there.
 */
#pragma once

#include <lunpath/transport.h>

typedef struct LunBlkRing LunBlkRing;

/* For FD, opened with O_DIRECT, of TRANSPORT, whose facts tell the block size when I/O comes.  NULL with
 * LUN_ERROR_UNSUPPORTED where the kernel has no io_uring, or not for us (kernel.io_uring_disabled,
 * seccomp). */
LunBlkRing *lun_blk_ring_new (const LunTransport *transport, int fd, unsigned depth,
                              GError **error);
/* Nothing is in flight.  NULL is fine. */
void lun_blk_ring_free (LunBlkRing *ring);

/* READ, WRITE, FLUSH.  Any thread; returns at once. */
void lun_blk_ring_submit (LunBlkRing *ring, LunIo *io);
/* Tries to end the I/O with this tag.  Any thread; returns at once. */
void lun_blk_ring_cancel (LunBlkRing *ring, uint64_t tag);
