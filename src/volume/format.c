#include "volume/format.h"

#include "base/error.h"
#include "volume/head.h"
#include "volume/hosttab.h"
#include "volume/lock_block.h"
#include "volume/pidtab.h"
#include "volume/placement.h"
#include "volume/segtab.h"
#include "volume/socktab.h"

#include <string.h>

#define ALIGN_BYTES        4096u
#define MIN_CONNECTIONS    2u
#define DEFAULT_SEGMENT    (256u * 1024)
#define DEFAULT_ENTRIES    16u
#define DEFAULT_MULTI      4u
#define DEFAULT_BEAT_MS    1000u
#define DEFAULT_TIMEOUT_MS 30000u
#define SOCKET_ENTRIES     64u

/* ---- planning ---- */

static uint64_t
align_up (uint64_t block, uint32_t block_size)
{
  uint64_t unit = ALIGN_BYTES / block_size;

  return (block + unit - 1) / unit * unit;
}

static uint32_t
or_default (uint32_t value, uint32_t fallback)
{
  return value != 0 ? value : fallback;
}

static bool
refuse (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, FTS_ERROR, FTS_ERROR_CONFIG, text);
  return false;
}

static bool
take_wish (const FtsFormatWish *wish, FtsMcb *m, GError **error)
{
  const char *name = wish->name != NULL ? wish->name : "ftsfs";
  uint32_t segment = or_default (wish->segment_bytes, DEFAULT_SEGMENT);

  *m = (FtsMcb){ .is_master = true,
                 .blk5_version = FTS_MCB_VERSION,
                 .blk5_dev_id = 1,
                 .blk5_time_id = wish->time_us,
                 .blk5_maxptr = or_default (wish->entries, DEFAULT_ENTRIES),
                 .block_size = wish->block_size,
                 .lock_method = wish->lock_method,
                 .fence_mode = wish->fence_mode,
                 .placement = wish->placement,
                 .max_hosts = or_default (wish->hosts, FTS_MAX_HOSTS),
                 .socket_entries = SOCKET_ENTRIES,
                 .port_file_blocks =
                   (SOCKET_ENTRIES + FTS_PORTS_PER_BLOCK - 1) / FTS_PORTS_PER_BLOCK,
                 .heartbeat_ms = or_default (wish->heartbeat_ms, DEFAULT_BEAT_MS),
                 .dead_ms = or_default (wish->dead_ms, FTS_FORMAT_DEAD_MS),
                 .io_timeout_ms = or_default (wish->io_timeout_ms, DEFAULT_TIMEOUT_MS),
                 .format_generation = (uint32_t) (wish->seed >> 32),
                 .placement_seed = wish->seed };
  m->blk5_ptr_seg_per_process =
    or_default (wish->multi_buffer, MIN (DEFAULT_MULTI, m->blk5_maxptr));
  if (wish->block_size != 512 && wish->block_size != 4096)
    return refuse (error,
                   "a device with blocks of %u bytes cannot bear a volume; "
                   "512 and 4096 can",
                   wish->block_size);
  m->blk5_seg_size = segment / wish->block_size;
  memcpy (m->volume_uuid, wish->volume_uuid, FTS_UUID_LEN);
  g_strlcpy (m->volume_name, name, sizeof m->volume_name);
  if (wish->master_path != NULL)
    g_strlcpy (m->blk5_unix_filename, wish->master_path, sizeof m->blk5_unix_filename);
  if (name[0] == '\0' || strlen (name) >= FTS_NAME_LEN)
    return refuse (error, "volume name \"%s\": must have 1 to %u bytes", name,
                   FTS_NAME_LEN - 1);
  if (segment % ALIGN_BYTES != 0 || segment < 2 * ALIGN_BYTES || segment > 16u << 20)
    return refuse (error,
                   "segment size: must be a multiple of 4 KiB from 8 KiB to 16 MiB");
  return true;
}

static bool
check_wish (const FtsFormatWish *wish, const FtsMcb *m, GError **error)
{
  if (m->blk5_maxptr < 2 || m->blk5_maxptr > 4096)
    return refuse (error, "entries: must be 2 to 4096");
  if (m->blk5_ptr_seg_per_process > m->blk5_maxptr)
    return refuse (error, "multi-buffer count %u: a table has %u entries only",
                   m->blk5_ptr_seg_per_process, m->blk5_maxptr);
  if (m->max_hosts < 2 || m->max_hosts > FTS_MAX_HOSTS)
    return refuse (error, "hosts: must be 2 to %u", FTS_MAX_HOSTS);
  if (wish->connections > 4096)
    return refuse (error, "connections: must be 4096 at most");
  if (m->dead_ms < 2 * (uint64_t) m->heartbeat_ms)
    return refuse (error,
                   "dead time %u ms: must be two heartbeat periods (%u ms) at least",
                   m->dead_ms, m->heartbeat_ms);
  if (m->lock_method < FTS_LOCK_FILE || m->lock_method > FTS_LOCK_DELAY)
    return refuse (error, "no lock method chosen");
  return true;
}

/* Places the regions of the master one after the other. */
static void
place_regions (FtsMcb *m, uint32_t connections, unsigned n_devices)
{
  uint64_t *const starts[] = { &m->lock_ptr,
                               &m->host_table_ptr,
                               &m->blk5_process_id_table_ptr,
                               &m->blk5_secondary_device_table_ptr,
                               &m->socket_table_ptr,
                               &m->port_file_ptr,
                               &m->initiator_tables_ptr,
                               &m->connector_tables_ptr,
                               &m->blk5_mast_sec_start_segment_ptr };
  FtsRegion regions[FTS_N_REGIONS];
  uint64_t next = FTS_MCB_BLOCK + 1;

  m->blk5_max_connections = connections;
  m->blk5_secondary_device_entrynum = n_devices;
  m->blk5_tot_seg_num = fts_layout_segments_needed (m);
  fts_layout_regions (m, regions);
  for (unsigned i = 0; i < G_N_ELEMENTS (starts); i++) {
    *starts[i] = align_up (next, m->block_size);
    next = *starts[i] + regions[FTS_REGION_LOCK + i].blocks;
  }
  m->blk5_start_process_segment_ptr = m->initiator_tables_ptr;
}

static uint64_t
first_segment (const FtsMcb *m, unsigned device)
{
  return device == 0 ? m->blk5_mast_sec_start_segment_ptr
                     : align_up (FTS_MCB_BLOCK + 1, m->block_size);
}

/* Segments that fit behind the control blocks and before the copy. */
static uint64_t
room_of (const FtsMcb *m, unsigned device, uint64_t n_blocks)
{
  uint64_t first = first_segment (m, device);

  return n_blocks > first + 1 ? (n_blocks - 1 - first) / m->blk5_seg_size : 0;
}

static bool
try_connections (FtsMcb *m, uint32_t connections, const FtsFormatDevice *devices,
                 unsigned n_devices, uint64_t *shares)
{
  g_autofree uint64_t *room = g_new (uint64_t, n_devices);

  place_regions (m, connections, n_devices);
  for (unsigned i = 0; i < n_devices; i++)
    room[i] = room_of (m, i, devices[i].n_blocks);
  return devices[0].n_blocks > m->blk5_mast_sec_start_segment_ptr + 1 &&
         fts_placement_share (m->blk5_tot_seg_num, room, n_devices, shares);
}

static bool
refuse_size (const FtsMcb *m, const FtsFormatDevice *devices, unsigned n_devices,
             GError **error)
{
  uint64_t need =
    m->blk5_mast_sec_start_segment_ptr + 1 + m->blk5_tot_seg_num * m->blk5_seg_size;
  uint64_t have = devices[0].n_blocks;

  for (unsigned i = 1; i < n_devices; i++)
    have += room_of (m, i, devices[i].n_blocks) * m->blk5_seg_size;
  g_set_error (
    error, FTS_ERROR, FTS_ERROR_TOO_SMALL,
    "%u connections with %u entries a table and segments of %u KiB need %.1f MiB, "
    "the %s %.1f MiB; take fewer or smaller ones, or make it larger",
    m->blk5_max_connections, m->blk5_maxptr, m->blk5_seg_size * m->block_size / 1024,
    (double) need * m->block_size / (1 << 20),
    n_devices == 1 ? "device has" : "devices have",
    (double) have * m->block_size / (1 << 20));
  return false;
}

static bool
choose_connections (const FtsFormatWish *wish, FtsMcb *m,
                    const FtsFormatDevice *devices, unsigned n_devices,
                    uint64_t *shares, GError **error)
{
  uint32_t least = wish->connections != 0 ? wish->connections : MIN_CONNECTIONS;
  uint32_t connections =
    wish->connections != 0 ? wish->connections : FTS_FORMAT_CONNECTIONS;

  while (!try_connections (m, connections, devices, n_devices, shares)) {
    if (connections == least)
      return refuse_size (m, devices, n_devices, error);
    connections--;
  }
  return true;
}

static void
fill_devices (FtsFormatPlan *plan, const FtsFormatDevice *devices,
              const uint64_t *shares)
{
  FtsMcb *master = &plan->mcb[0];
  uint64_t number = 1;

  for (unsigned i = 0; i < plan->n_devices; i++) {
    FtsMcb *mcb = &plan->mcb[i];
    FtsDev *entry = &plan->entries[i];
    *mcb = *master;
    mcb->is_master = i == 0;
    mcb->blk5_dev_id = i + 1;
    mcb->blk5_mast_sec_start_segment_ptr = first_segment (master, i);
    mcb->device_blocks = devices[i].n_blocks;
    mcb->device_segments = shares[i];
    *entry = (FtsDev){ .index = i + 1,
                       .sec_str_seg_ptr = mcb->blk5_mast_sec_start_segment_ptr,
                       .sec_seg_number_for_device = shares[i],
                       .sec_start_segment_number = number,
                       .device_blocks = devices[i].n_blocks };
    g_strlcpy (entry->sec_dev_id, devices[i].identity, sizeof entry->sec_dev_id);
    number += shares[i];
  }
}

FtsFormatPlan *
fts_format_plan (const FtsFormatWish *wish, const FtsFormatDevice *devices,
                 unsigned n_devices, GError **error)
{
  g_autoptr (FtsFormatPlan) plan = g_new0 (FtsFormatPlan, 1);
  g_autofree uint64_t *shares = g_new0 (uint64_t, n_devices);

  plan->n_devices = n_devices;
  plan->mcb = g_new0 (FtsMcb, n_devices);
  plan->entries = g_new0 (FtsDev, n_devices);
  if (!take_wish (wish, &plan->mcb[0], error) ||
      !check_wish (wish, &plan->mcb[0], error) ||
      !choose_connections (wish, &plan->mcb[0], devices, n_devices, shares, error))
    return NULL;
  plan->is_reduced = wish->connections == 0 &&
                     plan->mcb[0].blk5_max_connections < FTS_FORMAT_CONNECTIONS;
  fill_devices (plan, devices, shares);
  return g_steal_pointer (&plan);
}

void
fts_format_plan_free (FtsFormatPlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->mcb);
  g_free (plan->entries);
  g_free (plan);
}

/* ---- the control regions as bytes ---- */

typedef struct {
  const FtsMcb *mcb;
  uint64_t tag;
  uint64_t first; /* block of bytes[0] */
  size_t len;
  uint8_t *bytes;
} Image;

static uint8_t *
block_at (Image *image, uint64_t lba)
{
  return image->bytes + (lba - image->first) * image->mcb->block_size;
}

static void
fill_tables (Image *image, const FtsFormatPlan *plan)
{
  const FtsMcb *m = image->mcb;
  FtsLockBlock lock = { .owner_index = FTS_LOCK_NO_INDEX };

  fts_lock_block_encode (&lock, image->tag, block_at (image, m->lock_ptr),
                         m->block_size);
  for (uint32_t i = 0; i < m->max_hosts; i++) {
    FtsHost host = { .index = i };
    fts_host_encode (&host, image->tag, block_at (image, m->host_table_ptr + i),
                     m->block_size);
  }
  for (uint32_t i = 0; i < m->blk5_max_connections; i++) {
    FtsPid pid = { .pro_process_id = i + 1 };
    fts_pid_encode (&pid, image->tag,
                    block_at (image, m->blk5_process_id_table_ptr + i), m->block_size);
  }
  for (unsigned i = 0; i < plan->n_devices; i++)
    fts_dev_encode (&plan->entries[i], image->tag,
                    block_at (image, m->blk5_secondary_device_table_ptr + i),
                    m->block_size);
  for (uint32_t i = 0; i < m->socket_entries; i++) {
    FtsSock sock = { .index = i + 1 };
    fts_sock_encode (&sock, image->tag, block_at (image, m->socket_table_ptr + i),
                     m->block_size);
  }
  for (uint32_t i = 0; i < m->port_file_blocks; i++) {
    FtsPorts ports = { .index = i };
    fts_ports_encode (&ports, image->tag, block_at (image, m->port_file_ptr + i),
                      m->block_size);
  }
}

static void
fill_pointer_table (Image *image, uint32_t slot, FtsDirection direction,
                    const uint64_t *order)
{
  const FtsMcb *m = image->mcb;
  uint64_t start = direction == FTS_DIRECTION_INITIATOR ? m->initiator_tables_ptr
                                                        : m->connector_tables_ptr;
  uint64_t lba =
    start + (uint64_t) (slot - 1) * fts_segtab_blocks (m->blk5_maxptr, m->block_size);
  FtsHead head = { .volume_tag = image->tag,
                   .slot = slot,
                   .direction = direction,
                   .state = FTS_HEAD_CLOSED };
  FtsEntryDisk *entries;

  fts_head_encode (&head, NULL, block_at (image, lba), m->block_size);
  entries = (FtsEntryDisk *) block_at (image, lba + 1);
  for (uint32_t i = 0; i < m->blk5_maxptr; i++) {
    FtsEntry entry = {
      .ptr_process_segment_ptr =
        order[fts_placement_index (slot, direction, i, m->blk5_maxptr)]
    };
    fts_entry_encode (&entry, 0, image->tag, &entries[i]);
  }
}

static void
fill_pointer_tables (Image *image, const FtsFormatPlan *plan)
{
  const FtsMcb *m = image->mcb;
  g_autofree uint64_t *shares = g_new (uint64_t, plan->n_devices);
  g_autofree uint64_t *order = NULL;

  for (unsigned i = 0; i < plan->n_devices; i++)
    shares[i] = plan->entries[i].sec_seg_number_for_device;
  order =
    fts_placement_order (m->placement, m->placement_seed, shares, plan->n_devices);
  for (uint32_t slot = 1; slot <= m->blk5_max_connections; slot++) {
    fill_pointer_table (image, slot, FTS_DIRECTION_INITIATOR, order);
    fill_pointer_table (image, slot, FTS_DIRECTION_CONNECTOR, order);
  }
}

/* ---- writing ---- */

static bool
write_control (const FtsFormatPlan *plan, LunDevice *master, GError **error)
{
  const FtsMcb *m = &plan->mcb[0];
  Image image = { .mcb = m, .tag = fts_mcb_volume_tag (m), .first = m->lock_ptr };
  g_autofree uint8_t *bytes = NULL;

  image.len =
    (size_t) (m->blk5_mast_sec_start_segment_ptr - m->lock_ptr) * m->block_size;
  image.bytes = bytes = g_malloc0 (image.len);
  fill_tables (&image, plan);
  fill_pointer_tables (&image, plan);
  return lun_device_write (master, image.first, image.bytes, image.len, LUN_PRIO_BULK,
                           error);
}

/* Blocks 4 and 5 and the last one: from now on nothing here looks like a volume. */
static bool
clear_marks (const FtsMcb *m, LunDevice *device, GError **error)
{
  g_autofree uint8_t *zero = g_malloc0 (2 * (size_t) m->block_size);

  return lun_device_write (device, FTS_ZERO_BLOCK, zero, 2 * (size_t) m->block_size,
                           LUN_PRIO_BULK, error) &&
         lun_device_write (device, m->device_blocks - 1, zero, m->block_size,
                           LUN_PRIO_BULK, error);
}

/* The copy first: block 5 says that all the rest is there. */
static bool
write_mcb (const FtsMcb *m, LunDevice *device, GError **error)
{
  g_autofree uint8_t *block = g_malloc (m->block_size);

  fts_mcb_encode (m, block, m->block_size);
  return lun_device_write (device, m->device_blocks - 1, block, m->block_size,
                           LUN_PRIO_BULK, error) &&
         lun_device_flush (device, error) &&
         lun_device_write (device, FTS_MCB_BLOCK, block, m->block_size, LUN_PRIO_BULK,
                           error) &&
         lun_device_flush (device, error);
}

bool
fts_format_write (const FtsFormatPlan *plan, LunDevice *const *devices, GError **error)
{
  for (unsigned i = 0; i < plan->n_devices; i++)
    if (!clear_marks (&plan->mcb[i], devices[i], error))
      return false;
  for (unsigned i = 1; i < plan->n_devices; i++)
    if (!write_mcb (&plan->mcb[i], devices[i], error))
      return false;
  return write_control (plan, devices[0], error) &&
         write_mcb (&plan->mcb[0], devices[0], error);
}
