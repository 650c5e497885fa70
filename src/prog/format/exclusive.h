/* exclusive.h - nobody else uses the devices while they are formatted.
 *
 * Each device is opened for one owner (persistent reservation, type 6), by force only when the user
 * said so: a device that other hosts have reserved is in use, whatever stands on it.  A device
 * without persistent reservations is held by SCSI-2 RESERVE; one without either as it is.
 */
#pragma once

#include <lunpath/reservation.h>

typedef struct FtsExclusive FtsExclusive;

FtsExclusive *fts_exclusive_open (LunDevice *const *devices, unsigned n, bool force,
                                  GError **error);
/* For an *ERROR that a DEVICE cannot be read because it is reserved: says by whom. */
void fts_exclusive_explain (LunDevice *device, GError **error);

/* Releases the devices.  NULL is fine. */
void fts_exclusive_close (FtsExclusive *exclusive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsExclusive, fts_exclusive_close)
