/* devtab.h - entries of the Secondary Device Table (FtsDevDisk, Fig. 6).  Pure; any thread.
 *
 * Entry 1 is the master device itself. */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

typedef struct {
  uint32_t index;                     /* 1-based */
  char sec_dev_id[256];               /* identity as lun_device_facts() gives it */
  uint64_t sec_str_seg_ptr;           /* block of the first segment */
  uint64_t sec_seg_number_for_device; /* segments on the device */
  uint64_t sec_start_segment_number;  /* number of its first segment, 1-based */
  uint64_t device_blocks;
} FtsDev;

void fts_dev_encode (const FtsDev *dev, uint64_t volume_tag, void *block,
                     size_t block_size);
/* False when magic, tag, CRC or index is wrong, or the identity is empty or has no NUL. */
bool fts_dev_decode (const void *block, size_t len, uint64_t volume_tag, FtsDev *out);
