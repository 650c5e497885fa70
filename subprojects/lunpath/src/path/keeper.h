/* path/keeper.h - the device's thread that keeps time while paths may be stuck. */
#pragma once

#include "path/part.h"

bool lun_keeper_start (LunDevice *device, GError **error);
/* No part is parked and no path has a thread.  Harmless without keeper. */
void lun_keeper_stop (LunDevice *device);

/* A path changed its state. */
void lun_keeper_poke (LunDevice *device);
/* There will be something to look at at AT_US. */
void lun_keeper_expect (LunDevice *device, int64_t at_us);
/* PART has no path: kept until one may be there, at UNTIL_US at the latest. */
void lun_keeper_park (LunPart *part, int64_t until_us);
/* Sends what waits on PATH, which is not usable, elsewhere. */
void lun_keeper_evacuate (LunPath *path);
