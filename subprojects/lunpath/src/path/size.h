/* path/size.h - the size of a LUN whose target does not tell it to everybody.
 *
 * While a host has exclusive access some targets (LIO) answer READ CAPACITY of others with a
 * conflict.  A path that was not told takes the device's size: it leads to the same LUN, and the
 * next check compares.  A device that was not told by any path has the size 0, until a path is.
 */
#pragma once

#include "path/device.h"

/* False: the target did not tell this path.  Any thread. */
bool lun_path_has_size (const LunPath *path);
/* Gives PATH, with all its layers, the device's size, when it has none.  No block is read or
 * written over it meanwhile. */
void lun_path_adopt_size (LunPath *path);

/* From what the paths were told, at open: the device's and theirs.  RESERVED when none was, unless
 * MAY_LACK_SIZE. */
bool lun_size_gather (LunDevice *device, bool may_lack_size, GError **error);
/* READ CAPACITY; RESERVED when the target does not tell. */
bool lun_size_ask (LunDevice *device, GError **error);
/* For an operation that needs the size. */
bool lun_size_refuse (const LunDevice *device, GError **error);
