/* transport/sysfs.h - what the kernel says about a device node: which disk, who has it in use.
 *
 * Reads below lun_sg_kernel->sysfs (sg-io.h) only.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Folder of the disk behind a device node in sysfs (".../block/sdc"), for an sg node its disk's;
 * NULL when there is none.  Free with g_free(). */
char *lun_sysfs_disk (const struct stat *node);

/* One line of a file below a disk's folder, without blanks around it; NULL when there is none. */
char *lun_sysfs_line (const char *disk, const char *file);
/* The same as a number; 0 when there is none. */
uint64_t lun_sysfs_number (const char *disk, const char *file);

/* Refuses a disk that the kernel gives to somebody else: multipathd, LVM, MD, a partition.  WHERE
 * starts the message, which says what to do.  DISK may be NULL. */
bool lun_sysfs_check_free (const char *disk, const char *where, GError **error);
