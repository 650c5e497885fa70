/* check_tables.c - control blocks of the devices, lock, hosts, connections, sockets. */
#include "volume/check_pass.h"
#include "volume/lock_block.h"
#include "volume/socktab.h"

#include <string.h>

/* ---- the devices' own blocks ---- */

static void
add_for_device (FtsCheckPass *pass, unsigned device, FtsFindingLevel level,
                FtsCheckPlace place, const char *what)
{
  FtsFinding *finding;

  fts_check_add (pass, level, place, "%s", what);
  finding = g_ptr_array_index (pass->check->findings, pass->check->findings->len - 1);
  finding->device = device;
}

static bool
is_zero (const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

static bool
check_zero_block (FtsCheckPass *pass, unsigned device, uint8_t *block, GError **error)
{
  FtsCheckPlace place = { FTS_REGION_ZERO, 0, FTS_ZERO_BLOCK, FTS_REPAIR_ZERO };

  pass->check->n_checked++;
  if (!lun_device_read (fts_volume_device (pass->volume, device), FTS_ZERO_BLOCK, block,
                        pass->mcb->block_size, LUN_PRIO_CONTROL, error))
    return false;
  if (!is_zero (block, pass->mcb->block_size))
    add_for_device (pass, device, FTS_FINDING_WARNING, place, "is not zero");
  return true;
}

/* One of the two control blocks of a device: does it decode, and is it this volume's? */
static bool
check_mcb (FtsCheckPass *pass, unsigned device, uint64_t lba, FtsCheckPlace place,
           uint8_t *block, bool *is_good, GError **error)
{
  LunDevice *lun = fts_volume_device (pass->volume, device);
  g_autoptr (GError) cause = NULL;
  FtsMcb mcb;

  pass->check->n_checked++;
  *is_good = false;
  if (!lun_device_read (lun, lba, block, pass->mcb->block_size, LUN_PRIO_CONTROL,
                        error))
    return false;
  if (!fts_mcb_decode (block, pass->mcb->block_size, lun_device_facts (lun)->n_blocks,
                       &mcb, &cause))
    add_for_device (pass, device, FTS_FINDING_DAMAGE, place, cause->message);
  else if (memcmp (mcb.volume_uuid, pass->mcb->volume_uuid, FTS_UUID_LEN) != 0 ||
           mcb.format_generation != pass->mcb->format_generation ||
           mcb.blk5_dev_id != device + 1)
    add_for_device (pass, device, FTS_FINDING_DAMAGE, place,
                    "belongs to another volume, format or device");
  else
    *is_good = true;
  return true;
}

static bool
check_device (FtsCheckPass *pass, unsigned device, GError **error)
{
  uint64_t last =
    lun_device_facts (fts_volume_device (pass->volume, device))->n_blocks - 1;
  FtsCheckPlace mcb = { FTS_REGION_MCB, device + 1, FTS_MCB_BLOCK, FTS_REPAIR_MCB };
  FtsCheckPlace copy = { FTS_REGION_MCB_COPY, device + 1, last, FTS_REPAIR_MCB_COPY };
  g_autofree uint8_t *block = g_malloc (pass->mcb->block_size);
  g_autofree uint8_t *other = g_malloc (pass->mcb->block_size);
  bool is_good, is_copy_good;

  if (!check_zero_block (pass, device, block, error) ||
      !check_mcb (pass, device, FTS_MCB_BLOCK, mcb, block, &is_good, error) ||
      !check_mcb (pass, device, last, copy, other, &is_copy_good, error))
    return false;
  if (is_good && is_copy_good && memcmp (block, other, pass->mcb->block_size) != 0)
    add_for_device (pass, device, FTS_FINDING_DAMAGE, copy, "differs from block 5");
  return true;
}

bool
fts_check_devices (FtsCheckPass *pass, GError **error)
{
  for (unsigned i = 0; i < fts_volume_n_devices (pass->volume); i++)
    if (!check_device (pass, i, error))
      return false;
  return true;
}

/* ---- tables ---- */

static void
check_lock (FtsCheckPass *pass)
{
  FtsCheckPlace place = { FTS_REGION_LOCK, 0, pass->mcb->lock_ptr, FTS_REPAIR_LOCK };
  FtsLockBlock lock;

  if (!fts_lock_block_decode (fts_check_block (pass, place.block),
                              pass->mcb->block_size, pass->tag, &lock))
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
  else if (lock.held &&
           !fts_check_is_member (pass, lock.owner_index, lock.owner_generation))
    fts_check_add (pass, FTS_FINDING_NOTE, place, "is held by one who is dead");
}

static void
check_host (FtsCheckPass *pass, uint32_t index)
{
  FtsCheckPlace place = { FTS_REGION_HOSTS, index, pass->mcb->host_table_ptr + index,
                          FTS_REPAIR_HOST };
  FtsHost host;

  if (!fts_host_decode (fts_check_block (pass, place.block), pass->mcb->block_size,
                        pass->tag, &host) ||
      host.index != index) {
    pass->damaged_hosts |= 1U << index;
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
  } else if (host.state != FTS_HOST_FREE &&
             !fts_check_is_member (pass, index, host.generation)) {
    fts_check_add (pass, FTS_FINDING_NOTE, place, "%s (%s) is dead", host.name,
                   fts_host_role_name (host.role));
  }
}

static void
check_pid (FtsCheckPass *pass, uint32_t slot)
{
  FtsCheckPlace place = { FTS_REGION_PIDS, slot,
                          pass->mcb->blk5_process_id_table_ptr + slot - 1,
                          FTS_REPAIR_PID };
  FtsPid *pid = &pass->pids[slot - 1];

  if (!fts_pid_decode (fts_check_block (pass, place.block), pass->mcb->block_size,
                       pass->tag, pid) ||
      pid->pro_process_id != slot) {
    memset (pid, 0, sizeof *pid);
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
    return;
  }
  if (!(pid->pro_flag_process & FTS_PRO_FLAG_ALLOCATED)) {
    if (pid->pro_flag_process != 0)
      fts_check_add (pass, FTS_FINDING_WARNING, place, "is not allocated, yet in work");
    return;
  }
  if (!fts_check_is_member (pass, pid->requestor_index, pid->requestor_generation))
    fts_check_add (pass, FTS_FINDING_NOTE, place, "its initiator %s is dead",
                   pid->pro_requestor);
  else if (!fts_check_is_member (pass, pid->requestee_index, pid->requestee_generation))
    fts_check_add (pass, FTS_FINDING_NOTE, place, "its connector %s is dead",
                   pid->pro_requestee);
}

static void
check_device_entry (FtsCheckPass *pass, unsigned index)
{
  const FtsDev *dev = fts_volume_device_entry (pass->volume, index);
  const LunFacts *facts = lun_device_facts (fts_volume_device (pass->volume, index));
  FtsCheckPlace place = { FTS_REGION_DEVICES, index + 1,
                          pass->mcb->blk5_secondary_device_table_ptr + index,
                          FTS_REPAIR_NONE };
  FtsDev now;

  if (!fts_dev_decode (fts_check_block (pass, place.block), pass->mcb->block_size,
                       pass->tag, &now))
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
  if (strcmp (dev->sec_dev_id, facts->identity) != 0)
    fts_check_add (pass, FTS_FINDING_WARNING, place, "the device is %s, was %s",
                   facts->identity, dev->sec_dev_id);
  if (dev->device_blocks != facts->n_blocks)
    fts_check_add (pass, FTS_FINDING_WARNING, place,
                   "the device has %" G_GUINT64_FORMAT
                   " blocks, had %" G_GUINT64_FORMAT,
                   facts->n_blocks, dev->device_blocks);
}

static void
check_socket (FtsCheckPass *pass, uint32_t index)
{
  FtsCheckPlace place = { FTS_REGION_SOCKETS, index,
                          pass->mcb->socket_table_ptr + index - 1, FTS_REPAIR_SOCKET };
  FtsSock sock;

  if (!fts_sock_decode (fts_check_block (pass, place.block), pass->mcb->block_size,
                        pass->tag, &sock) ||
      sock.index != index)
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
  else if (sock.state != FTS_SOCKET_FREE &&
           !fts_check_is_member (pass, sock.owner_index, sock.owner_generation))
    fts_check_add (pass, FTS_FINDING_NOTE, place, "its owner is dead");
}

static void
check_ports (FtsCheckPass *pass, uint32_t index)
{
  FtsCheckPlace place = { FTS_REGION_PORTS, index, pass->mcb->port_file_ptr + index,
                          FTS_REPAIR_PORT };
  FtsPorts ports;

  if (!fts_ports_decode (fts_check_block (pass, place.block), pass->mcb->block_size,
                         pass->tag, &ports) ||
      ports.index != index) {
    fts_check_add (pass, FTS_FINDING_DAMAGE, place, "cannot be decoded");
    return;
  }
  for (uint32_t i = 0; i < ports.n_ports; i++)
    if (ports.entry[i].socket > pass->mcb->socket_entries)
      fts_check_add (pass, FTS_FINDING_WARNING, place, "port %u names socket %u of %u",
                     ports.entry[i].port, ports.entry[i].socket,
                     pass->mcb->socket_entries);
}

void
fts_check_tables (FtsCheckPass *pass)
{
  check_lock (pass);
  for (uint32_t i = 0; i < pass->mcb->max_hosts; i++)
    check_host (pass, i);
  for (uint32_t i = 1; i <= pass->mcb->blk5_max_connections; i++)
    check_pid (pass, i);
  for (unsigned i = 0; i < fts_volume_n_devices (pass->volume); i++)
    check_device_entry (pass, i);
  for (uint32_t i = 1; i <= pass->mcb->socket_entries; i++)
    check_socket (pass, i);
  for (uint32_t i = 0; i < pass->mcb->port_file_blocks; i++)
    check_ports (pass, i);
}
