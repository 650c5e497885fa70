/* status.h - result codes on the wire and their errno, both ways, in one table.
 *
 * Our own numbering: errno values differ between systems.  What has no code travels as
 * FTS_STATUS_IO.  Pure; any thread.
 */
#pragma once

#include <stdint.h>

typedef enum {
  FTS_STATUS_OK = 0,
  FTS_STATUS_IO = 1,
  /* one a Linux errno that a file system call can give; status.c has the table */
  FTS_STATUS_FIRST_ERRNO = 2,
} FtsStatus;

uint32_t fts_status_from_errno (int errnum);
int fts_status_to_errno (uint32_t status); /* 0 for OK, EIO for unknown ones */
