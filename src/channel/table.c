#include "channel/table.h"

#include "base/error.h"
#include "channel/ring.h"

#include <string.h>

static uint32_t
entries_per_block (uint32_t block_size)
{
  return block_size / (uint32_t) sizeof (FtsEntryDisk);
}

/* Entry block (1-based after the head) of entry INDEX. */
static uint32_t
block_of_entry (uint32_t block_size, uint32_t index)
{
  return 1 + index / entries_per_block (block_size);
}

static FtsEntryDisk *
entry_at (uint8_t *image, uint32_t block_size, uint32_t index)
{
  uint32_t per_block = entries_per_block (block_size);

  return (FtsEntryDisk *) (image +
                           (size_t) block_of_entry (block_size, index) * block_size) +
         index % per_block;
}

/* ---- the own table ---- */

static void
set_entry (FtsOwnTable *table, uint32_t index, const FtsEntry *entry)
{
  uint32_t block = block_of_entry (table->block_size, index);

  fts_entry_encode (entry, table->epoch, table->tag,
                    entry_at (table->image, table->block_size, index));
  table->dirty_first = MIN (table->dirty_first, block);
  table->dirty_last = MAX (table->dirty_last, block);
}

static void
clear_dirty (FtsOwnTable *table)
{
  table->dirty_first = UINT32_MAX;
  table->dirty_last = 0;
}

bool
fts_own_table_prepare (FtsOwnTable *table, FtsVolume *volume, uint32_t slot,
                       FtsDirection direction, uint64_t epoch, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  uint32_t blocks = fts_segtab_blocks (mcb->blk5_maxptr, mcb->block_size);

  *table = (FtsOwnTable){
    .volume = volume,
    .lba = fts_volume_head_lba (volume, slot, direction),
    .block_size = mcb->block_size,
    .blocks = blocks,
    .size = mcb->blk5_maxptr,
    .epoch = epoch,
    .tag = fts_volume_tag (volume),
    .image = g_malloc0 ((size_t) blocks * mcb->block_size),
    .segments = g_new0 (uint64_t, mcb->blk5_maxptr),
    .inline_data = g_malloc (fts_head_inline_max (mcb->block_size)),
  };
  clear_dirty (table);
  table->head = (FtsHead){
    .volume_tag = table->tag, .slot = slot, .direction = direction, .epoch = epoch
  };
  for (uint32_t i = 0; i < table->size; i++) {
    table->segments[i] = fts_volume_segment_number (volume, slot, direction, i);
    set_entry (table, i, &(FtsEntry){ .ptr_process_segment_ptr = table->segments[i] });
  }
  table->dirty_first = 1;
  table->dirty_last = blocks - 1;
  return fts_own_table_write (table, false, error);
}

void
fts_own_table_clear (FtsOwnTable *table)
{
  g_clear_pointer (&table->image, g_free);
  g_clear_pointer (&table->segments, g_free);
  g_clear_pointer (&table->inline_data, g_free);
}

void
fts_own_table_set (FtsOwnTable *table, const FtsSeg *seg)
{
  uint32_t index = fts_ring_index (seg->sequence, table->size);

  set_entry (
    table, index,
    &(FtsEntry){
      .ptr_process_segment_ptr = table->segments[index],
      .ptr_process_block_seq = seg->sequence,
      .ptr_process_segment_flg = (uint16_t) seg->flags,
      .ptr_process_req_id = (uint16_t) (seg->request % 16),
      .ptr_process_blk_read = fts_blocks_in_use (seg->byte_len, table->block_size),
      .byte_len = seg->byte_len,
    });
}

void
fts_own_table_touch (FtsOwnTable *table, uint64_t sequence)
{
  uint32_t block =
    block_of_entry (table->block_size, fts_ring_index (sequence, table->size));

  table->dirty_first = MIN (table->dirty_first, block);
  table->dirty_last = MAX (table->dirty_last, block);
}

static bool
write_blocks (FtsOwnTable *table, uint32_t first, uint32_t last, GError **error)
{
  return fts_volume_write (table->volume, table->lba + first,
                           table->image + (size_t) first * table->block_size,
                           (size_t) (last - first + 1) * table->block_size, error);
}

/* Are the changed entry blocks near enough to go with the head? */
bool
fts_own_table_is_one_write (const FtsOwnTable *table)
{
  return table->dirty_first > table->dirty_last || table->dirty_first == 1 ||
         (table->dirty_last + 1) * table->block_size <= FTS_TABLE_ONE_IO;
}

static void
encode_head (FtsOwnTable *table, bool urge)
{
  table->head.heartbeat = (table->head.heartbeat / 2 + 1) * 2 + urge;
  fts_head_encode (&table->head, table->inline_data, table->image, table->block_size);
}

/* Blocks from the head to the last changed entry. */
static uint32_t
changed_blocks (const FtsOwnTable *table)
{
  return 1 + (table->dirty_first <= table->dirty_last ? table->dirty_last : 0);
}

size_t
fts_own_table_encode (FtsOwnTable *table, bool urge)
{
  size_t len = (size_t) changed_blocks (table) * table->block_size;

  encode_head (table, urge);
  clear_dirty (table);
  return len;
}

bool
fts_own_table_write (FtsOwnTable *table, bool urge, GError **error)
{
  bool together = fts_own_table_is_one_write (table);
  uint32_t last = together ? changed_blocks (table) - 1 : 0;

  if (!together && !write_blocks (table, table->dirty_first, table->dirty_last, error))
    return false;
  encode_head (table, urge);
  if (!write_blocks (table, 0, last, error))
    return false;
  clear_dirty (table);
  return true;
}

LunDevice *
fts_own_table_locate (const FtsOwnTable *table, uint64_t sequence, uint64_t *lba)
{
  return fts_volume_locate_segment (
    table->volume, table->segments[fts_ring_index (sequence, table->size)], lba);
}

/* ---- the peer's table ---- */
void
fts_peer_table_init (FtsPeerTable *table, FtsVolume *volume, uint32_t slot,
                     FtsDirection direction)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  uint32_t blocks = fts_segtab_blocks (mcb->blk5_maxptr, mcb->block_size);
  bool small = blocks * mcb->block_size <= MAX (FTS_TABLE_ONE_IO, 2 * mcb->block_size);

  *table = (FtsPeerTable){
    .lba = fts_volume_head_lba (volume, slot, direction),
    .block_size = mcb->block_size,
    .blocks = blocks,
    .size = mcb->blk5_maxptr,
    .watched = small ? blocks : 1,
    .image = g_malloc0 ((size_t) blocks * mcb->block_size),
  };
  for (int i = 0; i < 2; i++)
    table->inline_data[i] = g_malloc (fts_head_inline_max (mcb->block_size));
}

void
fts_peer_table_clear (FtsPeerTable *table)
{
  g_clear_pointer (&table->image, g_free);
  for (int i = 0; i < 2; i++)
    g_clear_pointer (&table->inline_data[i], g_free);
}

void
fts_peer_table_adopt (FtsPeerTable *table, const FtsHead *head,
                      const uint8_t *inline_data)
{
  table->head = *head;
  memcpy (table->inline_data[table->inline_current], inline_data, head->inline_len);
}

const uint8_t *
fts_peer_table_lend_inline (FtsPeerTable *table)
{
  const uint8_t *lent = table->inline_data[table->inline_current];

  table->inline_current ^= 1;
  return lent;
}

const FtsEntryDisk *
fts_peer_table_entry (const FtsPeerTable *table, uint64_t sequence)
{
  return entry_at (table->image, table->block_size,
                   fts_ring_index (sequence, table->size));
}

bool
fts_peer_table_load_entries (FtsPeerTable *table, LunDevice *master, uint64_t sequence,
                             uint64_t last, GError **error)
{
  uint32_t first_block =
    block_of_entry (table->block_size, fts_ring_index (sequence, table->size));
  uint32_t last_block =
    block_of_entry (table->block_size, fts_ring_index (last, table->size));

  if (table->watched == table->blocks) {
    first_block = 0;
    last_block = table->blocks - 1;
  } else if (last_block < first_block) {
    last_block =
      table->blocks - 1; /* the run wraps; its second part is read when due */
  }
  return lun_device_read (master, table->lba + first_block,
                          table->image + (size_t) first_block * table->block_size,
                          (size_t) (last_block - first_block + 1) * table->block_size,
                          LUN_PRIO_CONTROL, error);
}
