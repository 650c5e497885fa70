/* reserved.h - what an operator is told when a device is somebody else's by reservation. */
#pragma once

#include <lunpath/device.h>

/* Where *ERROR is LUN_ERROR_RESERVED, and another host has reserved the device: the message then says
 * who, and the commands that shut him out; true.  DEVICE is open and has no reservation of ours;
 * NULL: it is opened by PATHS for the question. */
bool fts_reserved_explain (LunDevice *device, char *const *paths, GError **error);
