#include "volume/volume.h"

#include "base/error.h"
#include "volume/config.h"
#include "volume/device_spec.h"
#include "volume/devtab.h"
#include "volume/layout.h"
#include "volume/placement.h"
#include "volume/reserved.h"

#include <lunpath/paths.h>

#include <string.h>

/* With reservations of others until the lock method is known. */
#define OPEN_PATIENCE_MS 1000

/* What it takes at most to see that a reservation is a dead one's, beside the dead time. */
#define LOOK_MS          2000

typedef struct {
  LunDevice *device;
  FtsDev entry;
} Member;

struct FtsVolume {
  FtsMcb mcb;
  uint64_t tag;
  unsigned n_devices;
  Member *devices; /* [0] is the master */
  uint64_t *order; /* fts_placement_order() */
  char **images; /* image files of the master's paths; empty where it is no file LUN */
};

static LunDevice *
open_device (char *const *paths, const FtsVolumeConfig *config, bool read_only,
             uint32_t timeout_ms, GError **error)
{
  LunDeviceConfig lun = { .paths = (const char *const *) paths,
                          .policy = config->policy,
                          .timeout_ms = timeout_ms,
                          .read_only = read_only,
                          .conflict_ms = OPEN_PATIENCE_MS };

  return lun_device_open (&lun, error);
}

/* The copy is trusted only where block 5 says that it was a volume: a device that was given to
 * something else may still have an old copy at its end. */
static bool
load_copy (LunDevice *device, uint8_t *block, FtsMcb *out, GError **error)
{
  const LunFacts *facts = lun_device_facts (device);

  return lun_device_read (device, facts->n_blocks - 1, block, facts->block_size,
                          LUN_PRIO_CONTROL, error) &&
         fts_mcb_decode (block, facts->block_size, facts->n_blocks, out, error);
}

bool
fts_volume_load_mcb (LunDevice *device, FtsMcb *out, GError **error)
{
  const LunFacts *facts = lun_device_facts (device);
  g_autofree uint8_t *block = g_malloc (facts->block_size);
  g_autoptr (GError) cause = NULL;

  if (facts->n_blocks <= FTS_MCB_BLOCK + 1) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_VOLUME, "%s: too small for a volume",
                 lun_device_name (device));
    return false;
  }
  if (lun_device_read (device, FTS_MCB_BLOCK, block, facts->block_size,
                       LUN_PRIO_CONTROL, &cause) &&
      fts_mcb_decode (block, facts->block_size, facts->n_blocks, out, &cause))
    return true;
  if ((g_error_matches (cause, FTS_ERROR, FTS_ERROR_CORRUPT) ||
       g_error_matches (cause, LUN_ERROR, LUN_ERROR_IO)) &&
      load_copy (device, block, out, NULL)) {
    g_warning ("%s: block %u: %s; using the copy in the last block, "
               "`fts-admin check --repair` restores it",
               lun_device_name (device), FTS_MCB_BLOCK, cause->message);
    return true;
  }
  g_propagate_prefixed_error (error, g_steal_pointer (&cause),
                              "%s: ", lun_device_name (device));
  return false;
}

static bool
load_master (FtsVolume *volume, GError **error)
{
  LunDevice *master = volume->devices[0].device;

  if (!fts_volume_load_mcb (master, &volume->mcb, error))
    return false;
  if (!volume->mcb.is_master) {
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_MISMATCH,
      "%s: this is secondary device %u of volume \"%s\"; name the master first",
      lun_device_name (master), volume->mcb.blk5_dev_id, volume->mcb.volume_name);
    return false;
  }
  if (volume->mcb.block_size != lun_device_facts (master)->block_size) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_MISMATCH,
                 "%s: the volume has blocks of %u bytes, the device of %u",
                 lun_device_name (master), volume->mcb.block_size,
                 lun_device_facts (master)->block_size);
    return false;
  }
  volume->tag = fts_mcb_volume_tag (&volume->mcb);
  return true;
}

static bool
load_device_table (FtsVolume *volume, GError **error)
{
  const FtsMcb *mcb = &volume->mcb;
  size_t len = (size_t) mcb->blk5_secondary_device_entrynum * mcb->block_size;
  g_autofree uint8_t *table = g_malloc (len);
  uint64_t next_segment = 1;

  if (!fts_volume_read (volume, mcb->blk5_secondary_device_table_ptr, table, len,
                        error))
    return false;
  volume->n_devices = mcb->blk5_secondary_device_entrynum;
  volume->devices = g_renew (Member, volume->devices, volume->n_devices);
  memset (volume->devices + 1, 0, (volume->n_devices - 1) * sizeof (Member));
  for (unsigned i = 0; i < volume->n_devices; i++) {
    FtsDev *dev = &volume->devices[i].entry;
    if (!fts_dev_decode (table + (size_t) i * mcb->block_size, mcb->block_size,
                         volume->tag, dev) ||
        dev->index != i + 1 || dev->sec_start_segment_number != next_segment ||
        dev->sec_seg_number_for_device > mcb->blk5_tot_seg_num - (next_segment - 1)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CORRUPT,
                   "%s: Secondary Device Table entry %u (block %" G_GUINT64_FORMAT
                   ") is damaged",
                   lun_device_name (volume->devices[0].device), i + 1,
                   mcb->blk5_secondary_device_table_ptr + i);
      return false;
    }
    next_segment += dev->sec_seg_number_for_device;
  }
  if (next_segment - 1 == mcb->blk5_tot_seg_num)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CORRUPT,
               "%s: the Secondary Device Table has %" G_GUINT64_FORMAT
               " segments, the Master Control Block %" G_GUINT64_FORMAT,
               lun_device_name (volume->devices[0].device), next_segment - 1,
               mcb->blk5_tot_seg_num);
  return false;
}

static bool
refuse_device (LunDevice *device, const char *why, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_MISMATCH, "%s: %s", lun_device_name (device),
               why);
  return false;
}

/* Which entry DEVICE is, by its identity and by what its own control block says; 0 = none. */
static bool
check_secondary (FtsVolume *volume, LunDevice *device, unsigned *index, GError **error)
{
  const FtsMcb *mcb = &volume->mcb;
  const LunFacts *facts = lun_device_facts (device);
  FtsMcb copy;

  if (!fts_volume_load_mcb (device, &copy, error))
    return false;
  if (memcmp (copy.volume_uuid, mcb->volume_uuid, sizeof copy.volume_uuid) != 0)
    return refuse_device (device, "the device belongs to another volume", error);
  if (copy.is_master)
    return refuse_device (device, "this is the master device, or a copy of it", error);
  if (copy.format_generation != mcb->format_generation)
    return refuse_device (device, "the device belongs to an older format of the volume",
                          error);
  if (copy.blk5_dev_id > volume->n_devices || facts->block_size != mcb->block_size)
    return refuse_device (device, "its Master Control Block contradicts the master's",
                          error);
  *index = copy.blk5_dev_id - 1;
  if (strcmp (volume->devices[*index].entry.sec_dev_id, facts->identity) != 0)
    return refuse_device (device,
                          "the device is a copy: it has another identity than the "
                          "Secondary Device Table says",
                          error);
  if (volume->devices[*index].device != NULL)
    return refuse_device (device, "the device is named twice", error);
  return true;
}

static bool
check_segment_area (const FtsDev *dev, const FtsMcb *mcb, LunDevice *device,
                    GError **error)
{
  uint64_t n_blocks = lun_device_facts (device)->n_blocks;

  if (dev->sec_str_seg_ptr > FTS_MCB_BLOCK && dev->sec_str_seg_ptr < n_blocks &&
      dev->sec_seg_number_for_device <=
        (n_blocks - dev->sec_str_seg_ptr) / mcb->blk5_seg_size)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CORRUPT,
               "%s: Secondary Device Table entry %u: segments beyond the device's end",
               lun_device_name (device), dev->index);
  return false;
}

static bool
open_secondaries (FtsVolume *volume, const FtsVolumeConfig *config, bool read_only,
                  GError **error)
{
  for (guint i = 1; i < config->devices->len; i++) {
    unsigned index = 0;
    g_autoptr (LunDevice) device =
      open_device (g_ptr_array_index (config->devices, i), config, read_only,
                   volume->mcb.io_timeout_ms, error);
    if (device == NULL || !check_secondary (volume, device, &index, error)) {
      fts_reserved_explain (device, g_ptr_array_index (config->devices, i), error);
      return false;
    }
    volume->devices[index].device = g_steal_pointer (&device);
  }
  for (unsigned i = 0; i < volume->n_devices; i++) {
    const FtsDev *dev = &volume->devices[i].entry;
    if (volume->devices[i].device == NULL) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND,
                   "volume \"%s\": device %u (%s) is missing; name it with --device",
                   volume->mcb.volume_name, dev->index, dev->sec_dev_id);
      return false;
    }
    if (!check_segment_area (dev, &volume->mcb, volume->devices[i].device, error))
      return false;
  }
  return true;
}

static void
note_images (FtsVolume *volume, char *const *paths)
{
  g_autoptr (GPtrArray) images = g_ptr_array_new ();

  for (; *paths != NULL; paths++) {
    char *image = fts_device_spec_image (*paths);
    if (image != NULL)
      g_ptr_array_add (images, image);
  }
  g_ptr_array_add (images, NULL);
  volume->images = (char **) g_ptr_array_free (g_steal_pointer (&images), FALSE);
}

static void
compute_order (FtsVolume *volume)
{
  g_autofree uint64_t *shares = g_new (uint64_t, volume->n_devices);

  for (unsigned i = 0; i < volume->n_devices; i++)
    shares[i] = volume->devices[i].entry.sec_seg_number_for_device;
  volume->order = fts_placement_order (
    volume->mcb.placement, volume->mcb.placement_seed, shares, volume->n_devices);
}

static bool
check_name (const FtsVolume *volume, const FtsVolumeConfig *config, GError **error)
{
  const LunDevice *master = volume->devices[0].device;

  if (config->name != NULL && strcmp (config->name, volume->mcb.volume_name) != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_MISMATCH,
                 "%s: this is volume \"%s\", not \"%s\"", lun_device_name (master),
                 volume->mcb.volume_name, config->name);
    return false;
  }
  return true;
}

static void
warn_of_copy (const FtsVolume *volume)
{
  const LunDevice *master = volume->devices[0].device;

  if (strcmp (volume->devices[0].entry.sec_dev_id,
              lun_device_facts (master)->identity) != 0)
    g_warning (
      "%s: the device was copied or replaced since it was formatted (it is %s, "
      "was %s); hosts that use the original do not see this one",
      lun_device_name (master), lun_device_facts (master)->identity,
      volume->devices[0].entry.sec_dev_id);
}

/* A device without persistent reservations is used the old way: over one path, for SCSI-2
 * reservations know of one port and shut out all others, our own too. */
static void
keep_one_path (LunDevice *device)
{
  unsigned n;
  LunPathInfo *paths = lun_device_list_paths (device, &n);
  unsigned kept = 0;

  while (kept + 1 < n && paths[kept].state != LUN_PATH_UP)
    kept++;
  g_message ("%s: the device has no persistent reservations; %s is used and no other "
             "path, and no host is shut out",
             lun_device_name (device), paths[kept].name);
  for (unsigned i = 0; i < n; i++)
    if (i != kept)
      lun_device_set_path_down (device, paths[i].name, NULL);
  lun_path_infos_free (paths, n);
}

static void
fall_back (FtsVolume *volume)
{
  for (unsigned i = 0; i < volume->n_devices; i++)
    if (!lun_device_facts (volume->devices[i].device)->has_pr)
      keep_one_path (volume->devices[i].device);
}

/* By scsi2 whoever takes or releases the lock shuts the others out of the master for a moment, or,
 * when he dies in it, until his dead time is over. */
static void
be_patient (FtsVolume *volume)
{
  const FtsMcb *mcb = &volume->mcb;

  for (unsigned i = 0; i < volume->n_devices; i++)
    lun_device_set_patience (
      volume->devices[i].device,
      i == 0 && mcb->lock_method == FTS_LOCK_SCSI2 ? 2 * mcb->dead_ms + LOOK_MS : 0);
}

FtsVolume *
fts_volume_open (const FtsVolumeSpec *spec, GError **error)
{
  g_autoptr (FtsVolumeConfig) config = fts_volume_config_load (spec, error);
  g_autoptr (FtsVolume) volume = NULL;

  if (config == NULL)
    return NULL;
  volume = g_new0 (FtsVolume, 1);
  volume->n_devices = 1;
  volume->devices = g_new0 (Member, 1);
  note_images (volume, g_ptr_array_index (config->devices, 0));
  volume->devices[0].device = open_device (g_ptr_array_index (config->devices, 0),
                                           config, spec->read_only, 0, error);
  if (volume->devices[0].device == NULL || !load_master (volume, error) ||
      !check_name (volume, config, error) || !load_device_table (volume, error)) {
    fts_reserved_explain (volume->devices[0].device,
                          g_ptr_array_index (config->devices, 0), error);
    return NULL;
  }
  if (!open_secondaries (volume, config, spec->read_only, error))
    return NULL;
  be_patient (volume);
  fall_back (volume);
  warn_of_copy (volume);
  compute_order (volume);
  return g_steal_pointer (&volume);
}

void
fts_volume_close (FtsVolume *volume)
{
  if (volume == NULL)
    return;
  for (unsigned i = 0; i < volume->n_devices; i++)
    lun_device_close (volume->devices[i].device);
  g_free (volume->devices);
  g_free (volume->order);
  g_strfreev (volume->images);
  g_free (volume);
}

bool
fts_volume_verify (FtsVolume *volume, GError **error)
{
  const FtsMcb *known = &volume->mcb;
  FtsMcb mcb;

  for (unsigned i = 0; i < volume->n_devices; i++) {
    LunDevice *device = volume->devices[i].device;
    if (!fts_volume_load_mcb (device, &mcb, error))
      return false;
    if (memcmp (mcb.volume_uuid, known->volume_uuid, sizeof mcb.volume_uuid) != 0 ||
        mcb.format_generation != known->format_generation)
      return refuse_device (device, "the volume was formatted anew meanwhile", error);
  }
  return true;
}

const FtsMcb *
fts_volume_mcb (const FtsVolume *volume)
{
  return &volume->mcb;
}

uint64_t
fts_volume_tag (const FtsVolume *volume)
{
  return volume->tag;
}

uint32_t
fts_volume_block_size (const FtsVolume *volume)
{
  return volume->mcb.block_size;
}

uint32_t
fts_volume_payload_max (const FtsVolume *volume)
{
  return (volume->mcb.blk5_seg_size - 1) * volume->mcb.block_size;
}

LunDevice *
fts_volume_master (const FtsVolume *volume)
{
  return volume->devices[0].device;
}

unsigned
fts_volume_n_devices (const FtsVolume *volume)
{
  return volume->n_devices;
}

LunDevice *
fts_volume_device (const FtsVolume *volume, unsigned index)
{
  return volume->devices[index].device;
}

const FtsDev *
fts_volume_device_entry (const FtsVolume *volume, unsigned index)
{
  return &volume->devices[index].entry;
}

const char *
fts_volume_image (const FtsVolume *volume)
{
  return volume->images[0];
}

uint64_t
fts_volume_head_lba (const FtsVolume *volume, uint32_t slot, FtsDirection direction)
{
  const FtsMcb *mcb = &volume->mcb;
  uint64_t first = direction == FTS_DIRECTION_INITIATOR ? mcb->initiator_tables_ptr
                                                        : mcb->connector_tables_ptr;

  return first +
         (uint64_t) (slot - 1) * fts_segtab_blocks (mcb->blk5_maxptr, mcb->block_size);
}

LunDevice *
fts_volume_locate_segment (const FtsVolume *volume, uint64_t number, uint64_t *lba)
{
  for (unsigned i = 0; i < volume->n_devices; i++) {
    const FtsDev *dev = &volume->devices[i].entry;
    if (number >= dev->sec_start_segment_number &&
        number - dev->sec_start_segment_number < dev->sec_seg_number_for_device) {
      *lba = dev->sec_str_seg_ptr +
             (number - dev->sec_start_segment_number) * volume->mcb.blk5_seg_size;
      return volume->devices[i].device;
    }
  }
  return NULL;
}

uint64_t
fts_volume_segment_number (const FtsVolume *volume, uint32_t slot,
                           FtsDirection direction, uint32_t index)
{
  return volume
    ->order[fts_placement_index (slot, direction, index, volume->mcb.blk5_maxptr)];
}

bool
fts_volume_read (FtsVolume *volume, uint64_t lba, void *buf, size_t len, GError **error)
{
  return lun_device_read (volume->devices[0].device, lba, buf, len, LUN_PRIO_CONTROL,
                          error);
}

bool
fts_volume_write (FtsVolume *volume, uint64_t lba, const void *buf, size_t len,
                  GError **error)
{
  return lun_device_write (volume->devices[0].device, lba, buf, len, LUN_PRIO_CONTROL,
                           error);
}

bool
fts_volume_write_settled (FtsVolume *volume, uint64_t lba, const void *buf, size_t len,
                          GError **error)
{
  return lun_device_write_settled (volume->devices[0].device, lba, buf, len, error);
}
