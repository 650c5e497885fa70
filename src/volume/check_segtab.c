/* check_segtab.c - pointer tables, and the segments that they say hold data. */
#include "base/crc.h"
#include "volume/check_pass.h"
#include "volume/head.h"
#include "volume/segment.h"

#include <string.h>

typedef struct {
  uint32_t slot;
  FtsDirection direction;
  uint64_t lba; /* of the head */
  FtsCheckPlace place;
  FtsHead head;
  bool has_head;
} Table;

static void
check_head (FtsCheckPass *pass, Table *table)
{
  const FtsPid *pid = &pass->pids[table->slot - 1];

  table->has_head = fts_head_decode (fts_check_block (pass, table->lba),
                                     pass->mcb->block_size, &table->head, NULL);
  if (!table->has_head) {
    fts_check_add (pass, FTS_FINDING_DAMAGE, table->place, "head cannot be decoded");
    return;
  }
  if (table->head.volume_tag != pass->tag || table->head.slot != table->slot ||
      table->head.direction != table->direction) {
    table->has_head = false;
    fts_check_add (pass, FTS_FINDING_DAMAGE, table->place,
                   "head belongs to another volume, slot or direction");
  } else if (pid->pro_process_id != 0 && table->head.epoch > pid->epoch + 1) {
    /* the initiator prepares its head one epoch ahead */
    fts_check_add (pass, FTS_FINDING_WARNING, table->place,
                   "head has epoch %" G_GUINT64_FORMAT
                   ", the connection has %" G_GUINT64_FORMAT,
                   table->head.epoch, pid->epoch);
  }
}

static const FtsEntryDisk *
entry_at (FtsCheckPass *pass, const Table *table, uint32_t index)
{
  const uint8_t *first =
    pass->control + (table->lba + 1 - pass->mcb->lock_ptr) * pass->mcb->block_size;

  return (const FtsEntryDisk *) first + index;
}

/* The number stands fixed from format on, whatever epoch the entry is of. */
static void
check_number (FtsCheckPass *pass, Table *table, uint32_t index)
{
  FtsCheckPlace place = table->place;
  uint64_t expected =
    fts_volume_segment_number (pass->volume, table->slot, table->direction, index);
  uint64_t number =
    fts_le64_get (entry_at (pass, table, index)->ptr_process_segment_ptr);

  pass->check->n_checked++;
  place.block =
    table->lba + 1 + index / (pass->mcb->block_size / (uint32_t) sizeof (FtsEntryDisk));
  if (number != expected)
    fts_check_add (pass, FTS_FINDING_DAMAGE, place,
                   "entry %u names segment %" G_GUINT64_FORMAT
                   ", should be %" G_GUINT64_FORMAT,
                   index, number, expected);
}

static bool
is_payload_good (const FtsSeg *seg, const uint8_t *bytes, uint32_t block_size)
{
  return fts_crc32c (bytes + block_size, seg->byte_len) == seg->payload_crc;
}

/* What is wrong with the segment in BYTES; NULL when it is what the entry says. */
static const char *
find_fault (const FtsCheckPass *pass, const Table *table, const FtsEntry *entry,
            const uint8_t *bytes, size_t len)
{
  uint32_t block_size = pass->mcb->block_size;
  FtsSeg seg;

  if (!fts_segment_decode (bytes, block_size, len - block_size, &seg))
    return "header cannot be decoded";
  if (seg.volume_tag != pass->tag || seg.slot != table->slot ||
      seg.direction != table->direction || seg.epoch != table->head.epoch ||
      seg.sequence != entry->ptr_process_block_seq || seg.byte_len != entry->byte_len)
    return "header does not fit the entry that names it";
  return is_payload_good (&seg, bytes, block_size) ? NULL
                                                   : "payload has a wrong checksum";
}

static bool
load_head (FtsCheckPass *pass, uint32_t slot, FtsDirection direction, FtsHead *out)
{
  g_autofree uint8_t *block = g_malloc (pass->mcb->block_size);

  return fts_volume_read (pass->volume,
                          fts_volume_head_lba (pass->volume, slot, direction), block,
                          pass->mcb->block_size, NULL) &&
         fts_head_decode (block, pass->mcb->block_size, out, NULL);
}

/* A segment is written again only when the peer has consumed it: one that is still not consumed
 * now was not being written when we read it. */
static bool
is_on_its_way (FtsCheckPass *pass, const Table *table, const FtsEntry *entry)
{
  FtsHead own, peer;

  if (!load_head (pass, table->slot, table->direction, &own) ||
      !load_head (pass, table->slot, (FtsDirection) (1 - table->direction), &peer))
    return false;
  return own.epoch == table->head.epoch && own.state == FTS_HEAD_OPEN &&
         (peer.epoch != own.epoch || peer.consumed < entry->ptr_process_block_seq);
}

/* An entry that is valid in this epoch and not consumed must lead to its segment. */
static bool
check_segment (FtsCheckPass *pass, const Table *table, const FtsEntry *entry,
               GError **error)
{
  FtsCheckPlace place = { FTS_REGION_SEGMENTS,
                          (uint32_t) entry->ptr_process_segment_ptr, 0,
                          FTS_REPAIR_NONE };
  size_t len = (size_t) pass->mcb->blk5_seg_size * pass->mcb->block_size;
  g_autofree uint8_t *bytes = g_malloc (len);
  LunDevice *device = fts_volume_locate_segment (
    pass->volume, entry->ptr_process_segment_ptr, &place.block);
  const char *fault;

  if (device == NULL)
    return true; /* the wrong number was reported */
  pass->check->n_checked++;
  if (!lun_device_read (device, place.block, bytes, len, LUN_PRIO_BULK, error))
    return false;
  fault = find_fault (pass, table, entry, bytes, len);
  if (fault != NULL && is_on_its_way (pass, table, entry))
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "%s", fault);
  return true;
}

static bool
check_entries (FtsCheckPass *pass, Table *table, uint64_t consumed, GError **error)
{
  const FtsPid *pid = &pass->pids[table->slot - 1];
  bool is_open = table->has_head && table->head.state == FTS_HEAD_OPEN &&
                 (pid->pro_flag_process & FTS_PRO_FLAG_ALLOCATED) &&
                 table->head.epoch == pid->epoch;

  for (uint32_t i = 0; i < pass->mcb->blk5_maxptr; i++) {
    FtsEntry entry;
    check_number (pass, table, i);
    if (is_open &&
        fts_entry_decode (entry_at (pass, table, i), pid->epoch, pass->tag, &entry) &&
        entry.ptr_process_block_seq > consumed &&
        entry.ptr_process_block_seq <= table->head.published &&
        !check_segment (pass, table, &entry, error))
      return false;
  }
  return true;
}

static Table
find_table (FtsCheckPass *pass, uint32_t slot, FtsDirection direction)
{
  bool is_initiator = direction == FTS_DIRECTION_INITIATOR;
  uint64_t lba = fts_volume_head_lba (pass->volume, slot, direction);

  return (Table){
    .slot = slot,
    .direction = direction,
    .lba = lba,
    .place = { is_initiator ? FTS_REGION_INITIATOR : FTS_REGION_CONNECTOR, slot, lba,
               is_initiator ? FTS_REPAIR_INITIATOR_TABLE : FTS_REPAIR_CONNECTOR_TABLE }
  };
}

static bool
check_slot (FtsCheckPass *pass, uint32_t slot, GError **error)
{
  Table to = find_table (pass, slot, FTS_DIRECTION_INITIATOR);
  Table from = find_table (pass, slot, FTS_DIRECTION_CONNECTOR);

  check_head (pass, &to);
  check_head (pass, &from);
  return check_entries (
           pass, &to,
           from.has_head && from.head.epoch == to.head.epoch ? from.head.consumed : 0,
           error) &&
         check_entries (
           pass, &from,
           to.has_head && from.head.epoch == to.head.epoch ? to.head.consumed : 0,
           error);
}

bool
fts_check_pointer_tables (FtsCheckPass *pass, GError **error)
{
  for (uint32_t slot = 1; slot <= pass->mcb->blk5_max_connections; slot++)
    if (!check_slot (pass, slot, error))
      return false;
  return true;
}
