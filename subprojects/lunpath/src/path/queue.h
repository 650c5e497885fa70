/* path/queue.h - a path's threads and its queue (devices that are not in memory). */
#pragma once

#include "path/part.h"

bool lun_queue_start (LunPath *path, GError **error);
/* The queue is empty and stays so.  False when a thread is stuck in the transport: it needs the
 * path's memory until it returns.  Harmless on a path without threads. */
bool lun_queue_stop (LunPath *path);

/* This thread counts as one of the path's until it exits; false when the path's threads end. */
bool lun_queue_enter (LunPath *path);
void lun_queue_exit (LunPath *path);

/* Sends PART on its way; lun_job_part_ended() follows, maybe before the return. */
void lun_queue_put (LunPart *part);

/* PART's try has ended or was cut loose, and io.result tells how: what now? */
void lun_queue_go_on (LunPart *part);

/* Starts what waits for room on PATH, which the caller has just made, where any thread may do that.  False
 * when it did not; PATH is pinned. */
bool lun_queue_use_room (LunPath *path);

/* All that waits on the path; it still counts there until lun_queue_leave(). */
GQueue lun_queue_take_waiting (LunPath *path);
void lun_queue_leave (LunPart *part);
