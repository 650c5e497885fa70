/* check_repair.c - puts right what can be put right on a volume that nobody uses. */
#include "base/error.h"
#include "volume/check.h"
#include "volume/head.h"
#include "volume/lock.h"
#include "volume/pidtab.h"
#include "volume/reap.h"
#include "volume/socktab.h"

#include <string.h>

/* One that beats, or of which nothing is known yet. */
static bool
find_possible_member (const FtsPeers *peers, const FtsPeer **out)
{
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++)
    if (fts_peers_is_alive (peers, i, peers->peer[i].host.generation)) {
      *out = &peers->peer[i];
      return true;
    }
  return false;
}

static bool
write_block (FtsVolume *volume, const FtsFinding *finding, const uint8_t *block,
             GError **error)
{
  return lun_device_write (fts_volume_device (volume, finding->device), finding->block,
                           block, fts_volume_block_size (volume), LUN_PRIO_CONTROL,
                           error);
}

/* From the other one of the device's two control blocks, if that one is good. */
static bool
restore_mcb (FtsVolume *volume, FtsFinding *finding, uint8_t *block, bool *done,
             GError **error)
{
  LunDevice *device = fts_volume_device (volume, finding->device);
  uint64_t n_blocks = lun_device_facts (device)->n_blocks;
  uint64_t source = finding->repair == FTS_REPAIR_MCB ? n_blocks - 1 : FTS_MCB_BLOCK;
  FtsMcb mcb;

  if (!lun_device_read (device, source, block, fts_volume_block_size (volume),
                        LUN_PRIO_CONTROL, error))
    return false;
  *done =
    fts_mcb_decode (block, fts_volume_block_size (volume), n_blocks, &mcb, NULL) &&
    memcmp (mcb.volume_uuid, fts_volume_mcb (volume)->volume_uuid, FTS_UUID_LEN) == 0 &&
    mcb.blk5_dev_id == finding->device + 1;
  return !*done || write_block (volume, finding, block, error);
}

static uint64_t
epoch_of_head (FtsVolume *volume, uint32_t slot, FtsDirection direction)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);
  FtsHead head;

  if (!fts_volume_read (volume, fts_volume_head_lba (volume, slot, direction), block,
                        block_size, NULL) ||
      !fts_head_decode (block, block_size, &head, NULL) ||
      head.volume_tag != fts_volume_tag (volume))
    return 0;
  return head.epoch;
}

/* The epoch must not fall back: the higher one of what the heads remember. */
static bool
free_slot (FtsVolume *volume, uint32_t slot, GError **error)
{
  FtsPid pid;

  if (!fts_pidtab_load (volume, slot, &pid, NULL)) {
    memset (&pid, 0, sizeof pid);
    pid.pro_process_id = slot;
    pid.epoch = MAX (epoch_of_head (volume, slot, FTS_DIRECTION_INITIATOR),
                     epoch_of_head (volume, slot, FTS_DIRECTION_CONNECTOR));
  }
  return fts_reap_slot (volume, &pid, error);
}

static bool
restore_table (FtsVolume *volume, uint32_t slot, FtsDirection direction, GError **error)
{
  const FtsMcb *m = fts_volume_mcb (volume);
  size_t len =
    (size_t) fts_segtab_blocks (m->blk5_maxptr, m->block_size) * m->block_size;
  g_autofree uint8_t *table = g_malloc0 (len);
  FtsEntryDisk *entries = (FtsEntryDisk *) (table + m->block_size);
  FtsHead head = { .volume_tag = fts_volume_tag (volume),
                   .slot = slot,
                   .direction = direction,
                   .state = FTS_HEAD_CLOSED };
  FtsPid pid;

  if (fts_pidtab_load (volume, slot, &pid, NULL))
    head.epoch = pid.epoch;
  fts_head_encode (&head, NULL, table, m->block_size);
  for (uint32_t i = 0; i < m->blk5_maxptr; i++) {
    FtsEntry entry = { .ptr_process_segment_ptr =
                         fts_volume_segment_number (volume, slot, direction, i) };
    fts_entry_encode (&entry, 0, fts_volume_tag (volume), &entries[i]);
  }
  return fts_volume_write (volume, fts_volume_head_lba (volume, slot, direction), table,
                           len, error);
}

static bool
repair_one (FtsVolume *volume, FtsFinding *finding, bool *done, GError **error)
{
  uint32_t block_size = fts_volume_block_size (volume);
  uint64_t tag = fts_volume_tag (volume);
  g_autofree uint8_t *block = g_malloc0 (block_size);

  *done = finding->repair != FTS_REPAIR_NONE;
  switch (finding->repair) {
  case FTS_REPAIR_NONE:
    return true;
  case FTS_REPAIR_ZERO:
    return write_block (volume, finding, block, error);
  case FTS_REPAIR_MCB:
  case FTS_REPAIR_MCB_COPY:
    return restore_mcb (volume, finding, block, done, error);
  case FTS_REPAIR_LOCK:
    fts_lock_block_encode (&(FtsLockBlock){ .owner_index = FTS_LOCK_NO_INDEX }, tag,
                           block, block_size);
    return write_block (volume, finding, block, error);
  case FTS_REPAIR_HOST:
    fts_host_encode (&(FtsHost){ .index = finding->index }, tag, block, block_size);
    return write_block (volume, finding, block, error);
  case FTS_REPAIR_PID:
    return free_slot (volume, finding->index, error);
  case FTS_REPAIR_SOCKET:
    fts_sock_encode (&(FtsSock){ .index = finding->index }, tag, block, block_size);
    return write_block (volume, finding, block, error);
  case FTS_REPAIR_PORT:
    fts_ports_encode (&(FtsPorts){ .index = finding->index }, tag, block, block_size);
    return write_block (volume, finding, block, error);
  case FTS_REPAIR_INITIATOR_TABLE:
    return restore_table (volume, finding->index, FTS_DIRECTION_INITIATOR, error);
  case FTS_REPAIR_CONNECTOR_TABLE:
    return restore_table (volume, finding->index, FTS_DIRECTION_CONNECTOR, error);
  }
  return true;
}

static bool
repair_range (FtsVolume *volume, FtsCheck *check, FtsRepair first, FtsRepair last,
              GError **error)
{
  for (guint i = 0; i < check->findings->len; i++) {
    FtsFinding *finding = g_ptr_array_index (check->findings, i);
    if (finding->repair >= first && finding->repair <= last &&
        !repair_one (volume, finding, &finding->is_repaired, error))
      return false;
  }
  return true;
}

/* Somebody may have joined since the peers were observed. */
static bool
is_unchanged (FtsVolume *volume, const FtsPeers *peers, GError **error)
{
  FtsHost table[FTS_MAX_HOSTS];
  uint32_t damaged;

  memset (table, 0, sizeof table);
  if (!fts_hosttab_load_all (volume, table, &damaged, error))
    return false;
  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++)
    if (table[i].state != FTS_HOST_FREE &&
        (!peers->peer[i].is_dead ||
         peers->peer[i].host.generation != table[i].generation)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_IN_USE,
                   "%s (%s) has just joined the volume", table[i].name,
                   fts_host_role_name (table[i].role));
      return false;
    }
  return true;
}

static bool
repair_locked (FtsVolume *volume, FtsCheck *check, const FtsPeers *peers,
               GError **error)
{
  FtsLockOwner nobody = { .index = FTS_LOCK_NO_INDEX, .generation = 1 };
  int64_t wait_us = fts_volume_mcb (volume)->dead_ms * INT64_C (2000);
  g_autoptr (FtsLock) lock = fts_lock_new (volume, NULL, error);
  bool ok;

  if (lock == NULL || !fts_lock_take (lock, &nobody, wait_us, error))
    return false;
  ok = is_unchanged (volume, peers, error) &&
       repair_range (volume, check, FTS_REPAIR_HOST, FTS_REPAIR_CONNECTOR_TABLE, error);
  fts_lock_release (lock);
  return ok;
}

bool
fts_check_repair (FtsVolume *volume, FtsCheck *check, const FtsPeers *peers,
                  GError **error)
{
  const FtsPeer *member;

  if (find_possible_member (peers, &member)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_IN_USE,
                 "%s (%s, pid %u) uses the volume; it can be repaired when nobody does",
                 member->host.name, fts_host_role_name (member->host.role),
                 member->host.pid);
    return false;
  }
  /* the lock itself first: the rest is done with it */
  return repair_range (volume, check, FTS_REPAIR_ZERO, FTS_REPAIR_LOCK, error) &&
         repair_locked (volume, check, peers, error) &&
         lun_device_flush (fts_volume_master (volume), error);
}
