/* lunpath/swap.h - compare and write of one block as one step, whatever the device has for it.
 *
 * Where COMPARE AND WRITE works a swap is that command.  Elsewhere it is READ, compare, WRITE,
 * between entering and leaving a place where one host at a time may be:
 *   pr      by registrations: who has set his flag and sees no other in READ KEYS is in
 *           (src/reservation/swap-pr.c); shuts nobody's I/O out, with or without a reservation
 *   scsi2   by RESERVE(6) and RELEASE(6); shuts all other ports out for these few commands: every
 *           user of the device needs lun_device_set_patience()
 * A host stays inside for a handful of commands.  One that died there is put out when it has not
 * moved for stale_ms; one that was stopped there writes nothing after half of that.
 *
 * Threads: one at a time.  The device, and the reservation, must outlive the swap.
 * Errors: BUSY (others are at it all the time), RESERVED and FENCED (it is not ours), UNSUPPORTED,
 * IO, NO_PATH.
 */
#pragma once

#include <lunpath/reservation.h>

typedef struct LunSwap LunSwap;

typedef enum {
  LUN_SWAP_CAW,
  LUN_SWAP_PR,
  LUN_SWAP_SCSI2,
} LunSwapMeans;

typedef struct {
  LunSwapMeans means;
  uint64_t key; /* pr: of this process (lun_resv_key); no other one has it */
  uint32_t stale_ms;
  LunReservation *reservation; /* pr: the one that is open on the device, or NULL */
} LunSwapConfig;

LunSwap *lun_swap_new (LunDevice *device, const LunSwapConfig *config);
/* NULL is fine. */
void lun_swap_free (LunSwap *swap);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunSwap, lun_swap_free)

/* Block LBA: EXPECT becomes REPLACE, which no other swap writes: after a lost answer it is known by
 * that.  Waits for others up to three times stale_ms. */
LunCaw lun_swap_run (LunSwap *swap, uint64_t lba, const void *expect,
                     const void *replace, GError **error);

/* Does it work on this device, over each of its paths?  Found out by trial: the block at LBA stays
 * as it is.  UNSUPPORTED with the reason when it does not. */
bool lun_swap_try (LunSwap *swap, uint64_t lba, GError **error);
