#include "volume/mcb.h"

#include "base/error.h"
#include "volume/layout.h"
#include "volume/record.h"

#include <string.h>

/* Limits that keep every product of two counts far from overflow. */
#define MAX_SEG_BLOCKS  65536u
#define MAX_CONNECTIONS 65536u
#define MAX_ENTRIES     65535u
#define MAX_DEVICES     1024u
#define MAX_SOCKETS     65535u
#define MAX_SEGMENTS    (UINT64_C (1) << 40)

void
fts_mcb_encode (const FtsMcb *mcb, void *block, size_t block_size)
{
  FtsMcbDisk *d = fts_record_begin (block, block_size);

  fts_record_put_text (d->blk5_id, sizeof d->blk5_id,
                       mcb->is_master ? FTS_MCB_ID_MASTER : FTS_MCB_ID_SECONDARY);
  d->blk5_version = fts_le32 (mcb->blk5_version);
  d->blk5_dev_id = fts_le32 (mcb->blk5_dev_id);
  d->blk5_seg_size = fts_le32 (mcb->blk5_seg_size);
  d->blk5_secondary_device_entrynum = fts_le32 (mcb->blk5_secondary_device_entrynum);
  d->blk5_time_id = fts_le64 (mcb->blk5_time_id);
  d->blk5_tot_seg_num = fts_le64 (mcb->blk5_tot_seg_num);
  d->blk5_process_id_table_ptr = fts_le64 (mcb->blk5_process_id_table_ptr);
  d->blk5_secondary_device_table_ptr = fts_le64 (mcb->blk5_secondary_device_table_ptr);
  d->blk5_start_process_segment_ptr = fts_le64 (mcb->blk5_start_process_segment_ptr);
  d->blk5_mast_sec_start_segment_ptr = fts_le64 (mcb->blk5_mast_sec_start_segment_ptr);
  d->blk5_max_connections = fts_le32 (mcb->blk5_max_connections);
  d->blk5_ptr_seg_per_process = fts_le32 (mcb->blk5_ptr_seg_per_process);
  d->blk5_maxptr = fts_le32 (mcb->blk5_maxptr);
  d->block_size = fts_le32 (mcb->block_size);
  fts_record_put_text (d->blk5_unix_filename, sizeof d->blk5_unix_filename,
                       mcb->blk5_unix_filename);
  memcpy (d->volume_uuid, mcb->volume_uuid, FTS_UUID_LEN);
  fts_record_put_text (d->volume_name, sizeof d->volume_name, mcb->volume_name);
  d->features_compat = fts_le64 (mcb->features_compat);
  d->features_incompat = fts_le64 (mcb->features_incompat);
  d->lock_method = fts_le32 (mcb->lock_method);
  d->fence_mode = fts_le32 (mcb->fence_mode);
  d->placement = fts_le32 (mcb->placement);
  d->max_hosts = fts_le32 (mcb->max_hosts);
  d->lock_ptr = fts_le64 (mcb->lock_ptr);
  d->host_table_ptr = fts_le64 (mcb->host_table_ptr);
  d->socket_table_ptr = fts_le64 (mcb->socket_table_ptr);
  d->port_file_ptr = fts_le64 (mcb->port_file_ptr);
  d->initiator_tables_ptr = fts_le64 (mcb->initiator_tables_ptr);
  d->connector_tables_ptr = fts_le64 (mcb->connector_tables_ptr);
  d->socket_entries = fts_le32 (mcb->socket_entries);
  d->port_file_blocks = fts_le32 (mcb->port_file_blocks);
  d->heartbeat_ms = fts_le32 (mcb->heartbeat_ms);
  d->dead_ms = fts_le32 (mcb->dead_ms);
  d->io_timeout_ms = fts_le32 (mcb->io_timeout_ms);
  d->format_generation = fts_le32 (mcb->format_generation);
  d->device_blocks = fts_le64 (mcb->device_blocks);
  d->placement_seed = fts_le64 (mcb->placement_seed);
  d->device_segments = fts_le64 (mcb->device_segments);
  fts_record_seal (block);
}

static void
take_fields (const FtsMcbDisk *d, FtsMcb *out)
{
  *out = (FtsMcb){
    .is_master = memcmp (d->blk5_id, FTS_MCB_ID_MASTER, sizeof d->blk5_id) == 0,
    .blk5_version = fts_le32_get (d->blk5_version),
    .blk5_dev_id = fts_le32_get (d->blk5_dev_id),
    .blk5_seg_size = fts_le32_get (d->blk5_seg_size),
    .blk5_secondary_device_entrynum = fts_le32_get (d->blk5_secondary_device_entrynum),
    .blk5_time_id = fts_le64_get (d->blk5_time_id),
    .blk5_tot_seg_num = fts_le64_get (d->blk5_tot_seg_num),
    .blk5_process_id_table_ptr = fts_le64_get (d->blk5_process_id_table_ptr),
    .blk5_secondary_device_table_ptr =
      fts_le64_get (d->blk5_secondary_device_table_ptr),
    .blk5_start_process_segment_ptr = fts_le64_get (d->blk5_start_process_segment_ptr),
    .blk5_mast_sec_start_segment_ptr =
      fts_le64_get (d->blk5_mast_sec_start_segment_ptr),
    .blk5_max_connections = fts_le32_get (d->blk5_max_connections),
    .blk5_ptr_seg_per_process = fts_le32_get (d->blk5_ptr_seg_per_process),
    .blk5_maxptr = fts_le32_get (d->blk5_maxptr),
    .block_size = fts_le32_get (d->block_size),
    .features_compat = fts_le64_get (d->features_compat),
    .features_incompat = fts_le64_get (d->features_incompat),
    .lock_method = fts_le32_get (d->lock_method),
    .fence_mode = fts_le32_get (d->fence_mode),
    .placement = fts_le32_get (d->placement),
    .max_hosts = fts_le32_get (d->max_hosts),
    .lock_ptr = fts_le64_get (d->lock_ptr),
    .host_table_ptr = fts_le64_get (d->host_table_ptr),
    .socket_table_ptr = fts_le64_get (d->socket_table_ptr),
    .port_file_ptr = fts_le64_get (d->port_file_ptr),
    .initiator_tables_ptr = fts_le64_get (d->initiator_tables_ptr),
    .connector_tables_ptr = fts_le64_get (d->connector_tables_ptr),
    .socket_entries = fts_le32_get (d->socket_entries),
    .port_file_blocks = fts_le32_get (d->port_file_blocks),
    .heartbeat_ms = fts_le32_get (d->heartbeat_ms),
    .dead_ms = fts_le32_get (d->dead_ms),
    .io_timeout_ms = fts_le32_get (d->io_timeout_ms),
    .format_generation = fts_le32_get (d->format_generation),
    .device_blocks = fts_le64_get (d->device_blocks),
    .placement_seed = fts_le64_get (d->placement_seed),
    .device_segments = fts_le64_get (d->device_segments),
  };
  memcpy (out->volume_uuid, d->volume_uuid, FTS_UUID_LEN);
}

static bool
refuse (GError **error, FtsError code, const char *what)
{
  g_set_error (error, FTS_ERROR, code, "Master Control Block: %s", what);
  return false;
}

static bool
check_counts (const FtsMcb *m, GError **error)
{
  if (m->block_size != 512 && m->block_size != 4096)
    return refuse (error, FTS_ERROR_CORRUPT, "block_size is neither 512 nor 4096");
  if (m->blk5_seg_size < 2 || m->blk5_seg_size > MAX_SEG_BLOCKS)
    return refuse (error, FTS_ERROR_CORRUPT, "blk5_seg_size is out of range");
  if (m->blk5_max_connections == 0 || m->blk5_max_connections > MAX_CONNECTIONS)
    return refuse (error, FTS_ERROR_CORRUPT, "blk5_max_connections is out of range");
  if (m->blk5_maxptr < 2 || m->blk5_maxptr > MAX_ENTRIES)
    return refuse (error, FTS_ERROR_CORRUPT, "blk5_maxptr is out of range");
  if (m->blk5_ptr_seg_per_process == 0 || m->blk5_ptr_seg_per_process > m->blk5_maxptr)
    return refuse (error, FTS_ERROR_CORRUPT,
                   "blk5_ptr_seg_per_process is out of range");
  if (m->max_hosts == 0 || m->max_hosts > FTS_MAX_HOSTS)
    return refuse (error, FTS_ERROR_CORRUPT, "max_hosts is out of range");
  if (m->blk5_secondary_device_entrynum == 0 ||
      m->blk5_secondary_device_entrynum > MAX_DEVICES)
    return refuse (error, FTS_ERROR_CORRUPT,
                   "blk5_secondary_device_entrynum is out of range");
  if (m->blk5_dev_id == 0 || m->blk5_dev_id > m->blk5_secondary_device_entrynum ||
      m->is_master != (m->blk5_dev_id == 1))
    return refuse (error, FTS_ERROR_CORRUPT, "blk5_dev_id is out of range");
  if (m->socket_entries > MAX_SOCKETS || m->port_file_blocks > MAX_SOCKETS)
    return refuse (error, FTS_ERROR_CORRUPT, "socket_entries is out of range");
  if (m->blk5_tot_seg_num != fts_layout_segments_needed (m) ||
      m->device_segments > m->blk5_tot_seg_num || m->blk5_tot_seg_num > MAX_SEGMENTS)
    return refuse (error, FTS_ERROR_CORRUPT, "blk5_tot_seg_num is out of range");
  return true;
}

static bool
check_modes (const FtsMcb *m, GError **error)
{
  if (m->lock_method < FTS_LOCK_FILE || m->lock_method > FTS_LOCK_DELAY)
    return refuse (error, FTS_ERROR_CORRUPT, "lock_method is unknown");
  if (m->fence_mode > FTS_FENCE_REGISTRANTS_ONLY)
    return refuse (error, FTS_ERROR_CORRUPT, "fence_mode is unknown");
  if (m->placement > FTS_PLACE_CHUNKED)
    return refuse (error, FTS_ERROR_CORRUPT, "placement is unknown");
  if (m->heartbeat_ms == 0 || m->dead_ms < 2 * (uint64_t) m->heartbeat_ms)
    return refuse (error, FTS_ERROR_CORRUPT,
                   "dead_ms is less than two heartbeat periods");
  if (m->blk5_start_process_segment_ptr != m->initiator_tables_ptr)
    return refuse (error, FTS_ERROR_CORRUPT,
                   "blk5_start_process_segment_ptr is not initiator_tables_ptr");
  return true;
}

/* Control regions and segments must not overlap; on a secondary device only what lies there. */
static bool
check_regions (const FtsMcb *m, GError **error)
{
  FtsRegion r[FTS_N_REGIONS];
  uint64_t end = m->device_blocks - 1;

  fts_layout_regions (m, r);
  for (int i = FTS_REGION_LOCK; i < FTS_REGION_MCB_COPY; i++) {
    if (!m->is_master && i != FTS_REGION_SEGMENTS)
      continue;
    if (r[i].start <= FTS_MCB_BLOCK || r[i].start > end ||
        r[i].blocks > end - r[i].start)
      return refuse (error, FTS_ERROR_CORRUPT, "a region lies beyond the device's end");
    for (int k = FTS_REGION_LOCK; m->is_master && k < i; k++)
      if (r[i].start < r[k].start + r[k].blocks &&
          r[k].start < r[i].start + r[i].blocks)
        return refuse (error, FTS_ERROR_CORRUPT, "two regions overlap");
  }
  return true;
}

static bool
check_device_size (const FtsMcb *m, uint64_t device_blocks, GError **error)
{
  if (m->device_blocks <= FTS_MCB_BLOCK + 1)
    return refuse (error, FTS_ERROR_CORRUPT, "device_blocks is out of range");
  if (m->device_blocks <= device_blocks)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_TOO_SMALL,
               "the device has %" G_GUINT64_FORMAT
               " blocks, the volume on it was made for %" G_GUINT64_FORMAT
               ": it was truncated or is an incomplete copy",
               device_blocks, m->device_blocks);
  return false;
}

static bool
has_id (const FtsMcbDisk *d)
{
  return memcmp (d->blk5_id, FTS_MCB_ID_MASTER, sizeof d->blk5_id) == 0 ||
         memcmp (d->blk5_id, FTS_MCB_ID_SECONDARY, sizeof d->blk5_id) == 0;
}

static bool
check_version (const FtsMcb *m, GError **error)
{
  if (m->blk5_version != FTS_MCB_VERSION) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_VERSION,
                 "the volume's format version is %u, this program knows version %u; "
                 "use a %s ftsfs or format the volume again",
                 m->blk5_version, FTS_MCB_VERSION,
                 m->blk5_version > FTS_MCB_VERSION ? "newer" : "older");
    return false;
  }
  if (m->features_incompat != 0) {
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_VERSION,
      "the volume uses features that this program does not know (bits 0x%" G_GINT64_MODIFIER
      "x); use a newer ftsfs",
      m->features_incompat);
    return false;
  }
  return true;
}

bool
fts_mcb_decode (const void *block, size_t block_size, uint64_t device_blocks,
                FtsMcb *out, GError **error)
{
  const FtsMcbDisk *d = block;

  if (block_size < FTS_RECORD_LEN || !has_id (d))
    return refuse (error, FTS_ERROR_NOT_VOLUME, "the device bears no ftsfs volume");
  if (!fts_record_is_sound (block, block_size, d->blk5_id))
    return refuse (error, FTS_ERROR_CORRUPT, "its checksum is wrong");
  take_fields (d, out);
  if (!check_version (out, error))
    return false;
  if (!fts_record_get_text (out->blk5_unix_filename, d->blk5_unix_filename,
                            sizeof d->blk5_unix_filename) ||
      !fts_record_get_text (out->volume_name, d->volume_name, sizeof d->volume_name))
    return refuse (error, FTS_ERROR_CORRUPT, "a name does not end");
  return check_counts (out, error) && check_modes (out, error) &&
         check_device_size (out, device_blocks, error) && check_regions (out, error);
}

uint64_t
fts_mcb_volume_tag (const FtsMcb *mcb)
{
  FtsLe64 tag;

  memcpy (&tag, mcb->volume_uuid, sizeof tag);
  return fts_le64_get (tag);
}
