/* slot.c - see slot.h.
 *
 * Leaving a slot (both sides look after they wrote, so that one of them sees the other's word):
 *   initiator: writes pro_con_rc = SHUTDOWN, then reads the connector's head; done? clears.
 *   connector: writes `closed` or `reset`, then reads the entry; SHUTDOWN? clears.
 */
#include "channel/slot.h"

#include "base/error.h"

#include <sodium.h>
#include <string.h>

/* A write wakes all that wait within this much of the LUN (lunpath/emul.h). */
#define WAKE_BYTES 4096u

bool
fts_slot_is_ours (const FtsPid *entry, const FtsPid *ours)
{
  return (entry->pro_flag_process & FTS_PRO_FLAG_ALLOCATED) &&
         entry->epoch == ours->epoch &&
         entry->requestor_generation == ours->requestor_generation;
}

/* ---- allocation ---- */
static bool
is_free (const FtsPid *entry)
{
  return entry->pro_process_id != 0 &&
         !(entry->pro_flag_process & FTS_PRO_FLAG_ALLOCATED);
}

static bool
has_free (const FtsPid *table, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (is_free (&table[i]))
      return true;
  return false;
}

static bool
set_no_slot (uint32_t n, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_NO_SLOT,
               "all %u connections of the volume are in use", n);
  return false;
}

/* Which stretch of the LUN the head of SLOT lies in, whose waiters wake together. */
static uint64_t
wake_group (FtsVolume *volume, uint32_t slot)
{
  return fts_volume_head_lba (volume, slot, FTS_DIRECTION_INITIATOR) *
         fts_volume_block_size (volume) / WAKE_BYTES;
}

static unsigned
count_neighbours (FtsVolume *volume, const FtsPid *table, uint32_t n, uint32_t slot)
{
  unsigned neighbours = 0;

  for (uint32_t i = 0; i < n; i++)
    neighbours += table[i].pro_process_id != 0 && !is_free (&table[i]) &&
                  wake_group (volume, i + 1) == wake_group (volume, slot);
  return neighbours;
}

/* The first free entry; where a LUN can wake, the first with the fewest neighbours. */
static const FtsPid *
choose_entry (FtsVolume *volume, const FtsPid *table, uint32_t n)
{
  bool wakes = lun_device_facts (fts_volume_master (volume))->can_wake;
  const FtsPid *best = NULL;
  unsigned least = 0;

  for (uint32_t i = 0; i < n; i++) {
    if (!is_free (&table[i]))
      continue;
    unsigned neighbours = wakes ? count_neighbours (volume, table, n, i + 1) : 0;
    if (best == NULL || neighbours < least) {
      best = &table[i];
      least = neighbours;
    }
    if (least == 0)
      break;
  }
  return best;
}

/* Fills the free entry FOUND with PID and writes it; the own table goes first. */
static bool
take_entry (FtsVolume *volume, const FtsPid *found, FtsPid *pid, FtsOwnTable *own,
            FtsSlotProve prove, void *user_data, GError **error)
{
  pid->pro_process_id = found->pro_process_id;
  pid->epoch = found->epoch + 1;
  pid->version = found->version;
  pid->pro_flag_process = FTS_PRO_FLAG_ALLOCATED;
  pid->pro_con_rc = FTS_CON_PENDING;
  randombytes_buf (pid->requestor_nonce, sizeof pid->requestor_nonce);
  prove (pid, user_data);
  return fts_own_table_prepare (own, volume, pid->pro_process_id,
                                FTS_DIRECTION_INITIATOR, pid->epoch, error) &&
         fts_pidtab_store (volume, pid, error);
}

static bool
allocate_locked (FtsVolume *volume, FtsPid *table, FtsPid *pid, FtsOwnTable *own,
                 FtsSlotProve prove, void *user_data, GError **error)
{
  uint32_t n = fts_volume_mcb (volume)->blk5_max_connections;

  if (!fts_pidtab_load_all (volume, table, error))
    return false;
  const FtsPid *found = choose_entry (volume, table, n);
  return found ? take_entry (volume, found, pid, own, prove, user_data, error)
               : set_no_slot (n, error);
}

bool
fts_slot_allocate (FtsMember *member, FtsPid *pid, FtsOwnTable *own, FtsSlotProve prove,
                   void *user_data, GError **error)
{
  FtsVolume *volume = fts_member_volume (member);
  uint32_t n = fts_volume_mcb (volume)->blk5_max_connections;
  g_autofree FtsPid *table = g_new0 (FtsPid, n);

  if (!fts_pidtab_load_all (volume, table, error))
    return false;
  if (!has_free (table, n))
    return set_no_slot (n, error);
  if (!fts_member_lock (member, error))
    return false;
  bool done = allocate_locked (volume, table, pid, own, prove, user_data, error);
  fts_member_unlock (member);
  if (!done)
    fts_own_table_clear (own);
  return done;
}

/* ---- clearing ---- */
static bool
clear_entry (FtsVolume *volume, const FtsPid *entry, GError **error)
{
  FtsPid clear = {
    .pro_process_id = entry->pro_process_id,
    .epoch = entry->epoch,
    .version = entry->version,
  };

  return fts_pidtab_store (volume, &clear, error);
}

/* What a function under the lock does with an entry that is still ours. */
typedef bool (*EntryAction) (FtsVolume *volume, FtsPid *entry, void *user_data,
                             GError **error);

static bool
with_entry (FtsMember *member, const FtsPid *pid, EntryAction action, void *user_data,
            GError **error)
{
  FtsVolume *volume = fts_member_volume (member);
  FtsPid entry;

  if (!fts_member_lock (member, error))
    return false;
  bool done =
    fts_pidtab_load (volume, pid->pro_process_id, &entry, error) &&
    (!fts_slot_is_ours (&entry, pid) || action (volume, &entry, user_data, error));
  fts_member_unlock (member);
  return done;
}

static bool
free_action (FtsVolume *volume, FtsPid *entry, void *user_data, GError **error)
{
  return clear_entry (volume, entry, error);
}

bool
fts_slot_free (FtsMember *member, const FtsPid *pid, GError **error)
{
  return with_entry (member, pid, free_action, NULL, error);
}

static bool
withdraw_action (FtsVolume *volume, FtsPid *entry, void *user_data, GError **error)
{
  bool *accepted = user_data;

  *accepted = (entry->pro_flag_process & FTS_PRO_FLAG_PROCESSING) != 0;
  return *accepted || clear_entry (volume, entry, error);
}

bool
fts_slot_withdraw (FtsMember *member, const FtsPid *pid, bool *accepted, GError **error)
{
  *accepted = false;
  return with_entry (member, pid, withdraw_action, accepted, error);
}

static bool
is_connector_done (FtsVolume *volume, const FtsPid *entry)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);
  FtsHead head;

  return fts_volume_read (
           volume,
           fts_volume_head_lba (volume, entry->pro_process_id, FTS_DIRECTION_CONNECTOR),
           block, block_size, NULL) &&
         fts_head_decode (block, block_size, &head, NULL) &&
         head.epoch == entry->epoch && head.slot == entry->pro_process_id &&
         (head.state == FTS_HEAD_CLOSED || head.state == FTS_HEAD_RESET);
}

static bool
leave_action (FtsVolume *volume, FtsPid *entry, void *user_data, GError **error)
{
  entry->pro_con_rc = FTS_CON_SHUTDOWN;
  if (!fts_pidtab_store (volume, entry, error))
    return false;
  return !is_connector_done (volume, entry) || clear_entry (volume, entry, error);
}

bool
fts_slot_leave (FtsMember *member, const FtsPid *pid, GError **error)
{
  return with_entry (member, pid, leave_action, NULL, error);
}

static bool
clear_left_action (FtsVolume *volume, FtsPid *entry, void *user_data, GError **error)
{
  return entry->pro_con_rc != FTS_CON_SHUTDOWN || clear_entry (volume, entry, error);
}

bool
fts_slot_clear_left (FtsMember *member, const FtsPid *pid, GError **error)
{
  FtsPid entry;

  if (!fts_pidtab_load (fts_member_volume (member), pid->pro_process_id, &entry, error))
    return false;
  if (!fts_slot_is_ours (&entry, pid) || entry.pro_con_rc != FTS_CON_SHUTDOWN)
    return true;
  return with_entry (member, pid, clear_left_action, NULL, error);
}
