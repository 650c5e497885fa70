/* path/missing.h - paths that could not be opened with their device, and are tried again.
 *
 * A device opens when one of its paths does.  The others are missing: no slot, no transport.  A thread
 * that lives as long as there are any tries to add them every few seconds (lun_device_add_path);
 * it may block in a transport's open() without hurting anybody.
 */
#pragma once

#include "path/device.h"

/* NAME could not be opened because of WHY.  Before lun_missing_start(). */
void lun_missing_note (LunDevice *device, const char *name, const GError *why);
bool lun_missing_start (LunDevice *device, GError **error);
/* Harmless without start. */
void lun_missing_stop (LunDevice *device);

bool lun_missing_any (LunDevice *device);
/* False when none is called NAME. */
bool lun_missing_forget (LunDevice *device, const char *name);
/* Fills in at most MAX of INFOS; how many. */
unsigned lun_missing_list (LunDevice *device, LunPathInfo *infos, unsigned max);
