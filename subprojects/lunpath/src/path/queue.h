/* path/queue.h - a path's thread and its queue (devices that are not in memory). */
#pragma once

#include "path/part.h"

bool lun_queue_start (LunPath *path, GError **error);
/* The queue is empty and stays so.  Harmless on a path without thread. */
void lun_queue_stop (LunPath *path);

/* Sends PART on its way; lun_job_part_ended() follows, maybe before the return. */
void lun_queue_put (LunPart *part);
