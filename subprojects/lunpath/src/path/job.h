/* path/job.h - a caller's command while its parts are under way on paths' threads. */
#pragma once

#include "path/part.h"

/* Cuts IO, which has been checked, into parts and sends them; io->done() follows once all have
 * ended, on the thread where the last one did. */
void lun_job_submit (LunDevice *device, LunIo *io, LunPath *wanted, bool uncounted);

/* Called by whoever drives a part at its end. */
void lun_job_part_ended (LunPart *part);

/* Blocks until no job is under way. */
void lun_job_wait_all (LunDevice *device);
