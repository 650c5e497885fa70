/* format.h - lays out a new volume and writes it.
 *
 * fts_format_plan() is pure: sizes and wishes in, layout out; --dry-run shows it.  write() makes
 * it so: it first takes away what could look like a volume (blocks 4, 5 and the last one),
 * then writes the secondary devices, the control regions, the copy and last of all the master's
 * block 5.  Interrupted anywhere, it leaves no volume.
 *
 * Threads: any, one device by one caller.  Errors: TOO_SMALL (with the size needed), CONFIG
 * (a wish out of range), LUN_ERROR.
 */
#pragma once

#include "volume/devtab.h"
#include "volume/layout.h"

#include <lunpath/device.h>

#define FTS_FORMAT_CONNECTIONS \
  64u /* wanted by default, fewer where the devices are small */

#define FTS_FORMAT_DEAD_MS 10000u /* by default */

typedef struct {
  uint64_t n_blocks;
  const char *identity;
} FtsFormatDevice;

/* 0 takes the default where a comment names one. */
typedef struct {
  const char *name;          /* volume name; NULL = "ftsfs" */
  const char *master_path;   /* blk5_unix_filename */
  uint32_t block_size;       /* of all devices */
  uint32_t segment_bytes;    /* 256 KiB */
  uint32_t entries;          /* a table: 16 */
  uint32_t connections;      /* as many as fit, at most 64 */
  uint32_t hosts;            /* 32 */
  uint32_t multi_buffer;     /* 4 */
  uint32_t heartbeat_ms;     /* 1,000 */
  uint32_t dead_ms;          /* 10,000 */
  uint32_t io_timeout_ms;    /* 30,000 */
  FtsPlacement placement;    /* random */
  FtsLockMethod lock_method; /* must be given */
  FtsFenceMode fence_mode;   /* off */
  uint8_t volume_uuid[FTS_UUID_LEN];
  uint64_t time_us; /* since 1970 */
  uint64_t seed;    /* of placement and format generation */
} FtsFormatWish;

typedef struct {
  unsigned n_devices;
  FtsMcb *mcb;     /* of each device; [0] is the master's */
  FtsDev *entries; /* Secondary Device Table */
  bool is_reduced; /* fewer connections than the default, for want of space */
} FtsFormatPlan;

FtsFormatPlan *fts_format_plan (const FtsFormatWish *wish,
                                const FtsFormatDevice *devices, unsigned n_devices,
                                GError **error);
void fts_format_plan_free (FtsFormatPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsFormatPlan, fts_format_plan_free)

/* DEVICES in the order of the plan. */
bool fts_format_write (const FtsFormatPlan *plan, LunDevice *const *devices,
                       GError **error);
