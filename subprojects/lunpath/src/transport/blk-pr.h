/* transport/blk-pr.h - persistent reservations by the ioctls of linux/pr.h.
 *
 * For block devices that take no SCSI commands (NVMe), and for device mapper, which registers all
 * its paths with one ioctl where a command would reach only one.  The kernel numbers the types in
 * another way than SPC.  What it has no ioctl for ends as the LUN ends unknown commands: ILLEGAL
 * REQUEST.  READ KEYS and READ RESERVATION have one since Linux 7.0.
 */
#pragma once

#include <lunpath/transport.h>

/* True when IO is a PERSISTENT RESERVE OUT that an ioctl can say. */
bool lun_blk_pr_is_out (const LunIo *io);
/* Executes a PERSISTENT RESERVE IN or OUT. */
LunResult lun_blk_pr_execute (int fd, const LunIo *io);
