/* path/settle.h - ends a write that is stuck and must not land later (LunIo.settle, COMPARE AND WRITE).
 *
 * Where a transport can abort a command, that ends it.  One that blocks its thread cannot (SG_IO): then
 * the LUN is reset, first over the path where the write is stuck, so that whoever holds it there, down
 * to the host adapter, gives it back; if that fails, over another usable path.  The reset ends the
 * commands of all hosts, who send theirs again after unit attention 29h.
 *
 *   T=0     the write is sent
 *   T=try   it is overdue: the path is down, LUN RESET is sent by a thread of its own
 *   then    the write returns, done or not: it is settled, and sent again if need be
 *   T=end   the deadline: the caller hears of a time-out; the write may still land
 *
 * It is settled by its own end alone: that the LUN forgot it does not mean that no layer between still
 * has it.
 */
#pragma once

#include "path/device.h"

/* On the keeper's thread; returns at once.  No second reset while one over PATH is under way. */
void lun_settle_start (LunPath *path);
