/* base/loan.h - how a device uses memory of lunpath/memory.h, and leaves it.
 *
 *            owner's side                     device's side
 *   take     front ------------. .----------- back          the same pages, mapped twice
 *                               pages
 *   part     front --- others   pages ------- back          from then on nothing of the block is lent
 *   give     -                  pages ------- back          until the last loan is returned
 *
 * Invariants
 *   1. A device is given addresses of the back side only.  So it does not matter when a driver looks
 *      up the pages behind them, at once or as late as it likes.
 *   2. Only whole pages are lent, and of those only such as belong to the command alone: by contract
 *      their owner does not touch them while it is under way, and they can be replaced.
 *   3. A block is freed, or handed out again, when its owner gave it back and no loan is left.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct LunBlock LunBlock;

/* MEMORY of LEN bytes for a device: where it finds it; *LOAN is to be returned.  NULL when it cannot be
 * lent: it is no whole pages, not of ours, or was parted with. */
void *lun_loan_take (const void *memory, size_t len, LunBlock **loan);
/* NULL is fine. */
void lun_loan_return (LunBlock *loan);

/* MEMORY, which was lent, is its owner's alone again though the device still has it. */
void lun_loan_part (void *memory, size_t len);
