/* path/try.h - one try of a part on one path with a thread.
 *
 * A try has a LunIo of its own, so that a part can go on while its try is stuck in the path:
 *   - over a transport that blocks (LUN_RUN_PATH_THREAD), or that cannot take a command back
 *     (facts.holds_data), its data is a copy, or memory that can be lent (base/loan.h).  When its
 *     time is over it is cut loose: the part goes on at once, and the command ends whenever it
 *     does, into memory that nobody else has.
 *   - over any other that answers later (LUN_RUN_ASYNC) the data is the caller's, and the part goes
 *     on when the transport has ended the command, which abort() makes happen soon.
 *
 *   start ---> in flight --- its end ------------------------------> part goes on
 *                 | time is over: abort, path IO_FAILED
 *                 |--- holds, harmless -> cut loose -------------> part goes on
 *                 |                            '- its end: freed
 *                 |--- holds, must settle: LUN RESET (settle.h) - its end -> part goes on
 *                 |                        '- deadline: cut loose -> TIMEOUT to the caller
 *                 '--- answers later -------- its end ------------> part goes on
 *
 * What was written late is harmless for whom the next write or a number in the data tells old
 * from new.  For the rest there is LunIo.settle: the write is not repeated elsewhere while the
 * first may still land.
 */
#pragma once

#include "path/part.h"

/* Sends PART, which counts in PATH's queue, to its transport, and turns the place that was taken
 * for it (n_starting) into one in flight.  On a thread of the path, or where the transport takes
 * commands from any. */
void lun_try_start (LunPath *path, LunPart *part);

/* Ends PATH's tries whose time is over.  When to come again; G_MAXINT64 = never. */
int64_t lun_try_end_overdue (LunPath *path);
