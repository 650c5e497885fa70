/* path/io.h - commands inside the device's own files. */
#pragma once

#include <lunpath/device.h>

/* Runs IO to its end; io->result tells it.  io->done is not called.  UNCOUNTED: a good end does
 * not appear in the statistics. */
void lun_io_run (LunDevice *device, LunIo *io, bool uncounted);

/* A READ or WRITE of as many blocks as io's iovecs hold. */
bool lun_io_transfer (LunDevice *device, LunIo *io, bool uncounted, GError **error);
