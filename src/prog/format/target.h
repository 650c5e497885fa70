/* target.h - a device that is to be formatted: found out about first, touched later.
 *
 *   describe   what it is, or will be; changes nothing, also where an image file does not exist
 *   examine    refuses what holds data
 *   make       creates or sizes the image file; opens the device for writing
 *
 * Owner: the program.  One thread.  Errors: TOO_SMALL, IN_USE, CONFIG, LUN_ERROR.
 */
#pragma once

#include <lunpath/device.h>

#include <stdbool.h>

typedef struct {
  char **paths;
  char *image;       /* of a file LUN, else NULL */
  bool is_new;       /* the image will be created or sized */
  bool exists;       /* there is something to examine */
  LunDevice *device; /* NULL where only the image file is looked at */
  int fd;            /* the image file then, or -1 */
  uint32_t block_size;
  uint64_t n_blocks;
  char *identity;
} FtsTarget;

/* SIZE and BLOCK_SIZE as asked for, 0 = as it is.  Some targets tell others not even the size of a
 * device that a host has reserved: with TAKE that host is shut out now. */
FtsTarget *fts_target_describe (const char *spec, uint64_t size, uint32_t block_size,
                                bool take, GError **error);
void fts_target_free (FtsTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsTarget, fts_target_free)

/* Name for messages. */
const char *fts_target_name (const FtsTarget *target);

/* Reads LEN bytes at block LBA of what is there now. */
bool fts_target_read (FtsTarget *target, uint64_t lba, void *buf, size_t len,
                      GError **error);

/* Refuses with FTS_ERROR_IN_USE what bears a known signature (libblkid) or a volume. */
bool fts_target_examine (FtsTarget *target, GError **error);

/* Afterwards `device` is open for writing and the facts are the device's own. */
bool fts_target_make (FtsTarget *target, GError **error);
