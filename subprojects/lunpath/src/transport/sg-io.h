/* transport/sg-io.h - one SCSI command through the kernel: struct sg_io_hdr, made and read.
 *
 * Used directly and not through sg_pt.h, which has one flat buffer: here the data is scattered
 * and gathered by the kernel.  A command counts as good only when the host adapter and the driver
 * agree with the SCSI status: with a dead path the status alone often says GOOD.
 */
#pragma once

#include <lunpath/transport.h>

#include <scsi/sg.h>

/* What the `sg` and `blk` transports ask of the system; tests put their own in its place. */
typedef struct {
  int (*ioctl) (int fd, unsigned long request, void *arg);
  const char *sysfs; /* where it is mounted */
} LunSgKernel;

extern const LunSgKernel *lun_sg_kernel;

/* Pure.  SENSE has room for LUN_SENSE_MAX bytes. */
void lun_sg_fill (const LunIo *io, sg_io_hdr_t *header, uint8_t *cdb, uint8_t *sense);
/* Pure: the result of an ioctl that returned 0. */
LunResult lun_sg_result (const sg_io_hdr_t *header);
/* Pure: the result of an ioctl that failed with ERRNO. */
LunResult lun_sg_failure (int os_errno);

/* Runs IO on FD to its end; io->done is not called. */
LunResult lun_sg_execute (int fd, const LunIo *io);

/* LUN RESET, and nothing wider; 0, or -1 with errno. */
int lun_sg_reset (int fd);
