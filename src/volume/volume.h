/* volume.h - an open volume: its devices, its Master Control Block and where things lie.
 *
 * Invariants: all devices have the same block size; each was found by identity and bears a
 * Master Control Block of this volume; the MCB does not change while open.
 * Threads: any; the object is constant after open.  Owner: the program; it closes last.
 */
#pragma once

#include "volume/devtab.h"
#include "volume/mcb.h"
#include "volume/segtab.h"

#include <lunpath/device.h>

typedef struct FtsVolume FtsVolume;

/* Which volume, as the user said it.  A device is written PATH[|PATH...]; a PATH without a kind
 * is a file.  `volume` may also name a key file NAME (/etc/ftsfs/volumes/NAME.conf) or a path
 * ending in .conf, with groups [volume] (name, host, policy, secret-file), [device N] (paths). */
typedef struct {
  char *volume;   /* master device, or configuration name */
  char **devices; /* secondary devices, NULL-terminated, or NULL */
  bool read_only; /* for status, dump and check of a volume that others use */
} FtsVolumeSpec;

/* Errors: FTS_ERROR_NOT_VOLUME, CORRUPT, VERSION, MISMATCH (foreign secondary), TOO_SMALL,
 * NOT_FOUND (a secondary device is missing; the message names its identity), LUN_ERROR_*. */
FtsVolume *fts_volume_open (const FtsVolumeSpec *spec, GError **error);
void fts_volume_close (FtsVolume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsVolume, fts_volume_close)

/* Reads the Master Control Blocks again, over any path that returns within the I/O time-out.  Errors: as
 * opening; MISMATCH, NOT_VOLUME when the devices are no longer those of this volume as it was formatted. */
bool fts_volume_verify (FtsVolume *volume, GError **error);

const FtsMcb *fts_volume_mcb (const FtsVolume *volume);
uint64_t fts_volume_tag (const FtsVolume *volume);
uint32_t fts_volume_block_size (const FtsVolume *volume);
/* Payload bytes of a segment: (blk5_seg_size - 1) * block size. */
uint32_t fts_volume_payload_max (const FtsVolume *volume);

LunDevice *fts_volume_master (const FtsVolume *volume);
unsigned fts_volume_n_devices (const FtsVolume *volume);
LunDevice *fts_volume_device (const FtsVolume *volume, unsigned index);

/* The device's entry in the Secondary Device Table; INDEX from 0, the master. */
const FtsDev *fts_volume_device_entry (const FtsVolume *volume, unsigned index);
/* Image file of the master where it is a file LUN, else NULL. */
const char *fts_volume_image (const FtsVolume *volume);

/* Reads and checks the Master Control Block of a device that is no open volume yet: block 5, or
 * with a warning the copy in the last block where block 5 is damaged. */
bool fts_volume_load_mcb (LunDevice *device, FtsMcb *out, GError **error);

/* Head block of a connection's table on the master; its entry blocks follow directly. */
uint64_t fts_volume_head_lba (const FtsVolume *volume, uint32_t slot,
                              FtsDirection direction);

/* Device and first block (the header) of segment NUMBER (1-based); NULL when there is none. */
LunDevice *fts_volume_locate_segment (const FtsVolume *volume, uint64_t number,
                                      uint64_t *lba);

/* Number of the segment that belongs to entry INDEX (0-based) of a table; fixed at format time,
 * the same as the entry's ptr_process_segment_ptr.  SLOT and INDEX must be in range. */
uint64_t fts_volume_segment_number (const FtsVolume *volume, uint32_t slot,
                                    FtsDirection direction, uint32_t index);

/* Host table, Process Id Table and so on are read and written through these, so that every
 * control record passes one place.  Errors as of lun_device_read() and _write(). */
bool fts_volume_read (FtsVolume *volume, uint64_t lba, void *buf, size_t len,
                      GError **error);
bool fts_volume_write (FtsVolume *volume, uint64_t lba, const void *buf, size_t len,
                       GError **error);
/* For records that several hosts write: never sent again over another path while the first write
 * may still land. */
bool fts_volume_write_settled (FtsVolume *volume, uint64_t lba, const void *buf,
                               size_t len, GError **error);
