#include "volume/pidtab.h"

#include "base/error.h"
#include "volume/record.h"
#include "volume/volume.h"

#include <string.h>

/* A wrong CRC can be a write under way; this many reads decide that it is not. */
#define LOAD_TRIES    5
#define LOAD_PAUSE_US 2000

#define FLAGS_KNOWN \
  (FTS_PRO_FLAG_ALLOCATED | FTS_PRO_FLAG_PROCESSING | FTS_PRO_FLAG_MVS)

void
fts_pid_encode (const FtsPid *pid, uint64_t volume_tag, void *block, size_t block_size)
{
  FtsPidDisk *d = fts_record_begin (block, block_size);

  memcpy (d->magic, FTS_PID_MAGIC, sizeof d->magic);
  d->volume_tag = fts_le64 (volume_tag);
  d->pro_process_id = fts_le32 (pid->pro_process_id);
  d->pro_flag_process = fts_le32 (pid->pro_flag_process);
  d->pro_con_rc = fts_le32 (pid->pro_con_rc);
  d->pro_requestor_type = fts_le32 (pid->pro_requestor_type);
  d->pro_requestee_type = fts_le32 (pid->pro_requestee_type);
  d->service = fts_le32 (pid->service);
  d->epoch = fts_le64 (pid->epoch);
  fts_record_put_text (d->pro_requestor, sizeof d->pro_requestor, pid->pro_requestor);
  fts_record_put_text (d->pro_requestee, sizeof d->pro_requestee, pid->pro_requestee);
  memcpy (d->pro_requestor_password, pid->pro_requestor_password, FTS_PROOF_LEN);
  memcpy (d->requestee_proof, pid->requestee_proof, FTS_PROOF_LEN);
  memcpy (d->requestor_nonce, pid->requestor_nonce, FTS_NONCE_LEN);
  memcpy (d->requestee_nonce, pid->requestee_nonce, FTS_NONCE_LEN);
  d->requestor_index = fts_le32 (pid->requestor_index);
  d->requestee_index = fts_le32 (pid->requestee_index);
  d->requestor_generation = fts_le64 (pid->requestor_generation);
  d->requestee_generation = fts_le64 (pid->requestee_generation);
  memcpy (d->pro_dtd, pid->pro_dtd, sizeof d->pro_dtd);
  memcpy (d->InitM, pid->InitM, sizeof d->InitM);
  d->version = fts_le64 (pid->version);
  fts_record_seal (block);
}

static bool
is_valid (const FtsPid *pid)
{
  if (pid->pro_process_id == 0 || (pid->pro_flag_process & ~FLAGS_KNOWN) != 0 ||
      pid->pro_con_rc > FTS_CON_SHUTDOWN || pid->pro_requestor_type > FTS_OS_TPF ||
      pid->pro_requestee_type > FTS_OS_TPF || pid->service > FTS_SERVICE_SOCKET)
    return false;
  if (!(pid->pro_flag_process & FTS_PRO_FLAG_ALLOCATED))
    return true;
  return pid->requestor_index < FTS_MAX_HOSTS && pid->requestee_index < FTS_MAX_HOSTS &&
         pid->service != 0 && pid->epoch != 0;
}

bool
fts_pid_decode (const void *block, size_t len, uint64_t volume_tag, FtsPid *out)
{
  const FtsPidDisk *d = block;

  if (!fts_record_is_sound (block, len, FTS_PID_MAGIC) ||
      fts_le64_get (d->volume_tag) != volume_tag)
    return false;
  *out = (FtsPid){
    .pro_process_id = fts_le32_get (d->pro_process_id),
    .pro_flag_process = fts_le32_get (d->pro_flag_process),
    .pro_con_rc = fts_le32_get (d->pro_con_rc),
    .pro_requestor_type = fts_le32_get (d->pro_requestor_type),
    .pro_requestee_type = fts_le32_get (d->pro_requestee_type),
    .service = fts_le32_get (d->service),
    .epoch = fts_le64_get (d->epoch),
    .requestor_index = fts_le32_get (d->requestor_index),
    .requestee_index = fts_le32_get (d->requestee_index),
    .requestor_generation = fts_le64_get (d->requestor_generation),
    .requestee_generation = fts_le64_get (d->requestee_generation),
    .version = fts_le64_get (d->version),
  };
  memcpy (out->pro_requestor_password, d->pro_requestor_password, FTS_PROOF_LEN);
  memcpy (out->requestee_proof, d->requestee_proof, FTS_PROOF_LEN);
  memcpy (out->requestor_nonce, d->requestor_nonce, FTS_NONCE_LEN);
  memcpy (out->requestee_nonce, d->requestee_nonce, FTS_NONCE_LEN);
  memcpy (out->pro_dtd, d->pro_dtd, sizeof d->pro_dtd);
  memcpy (out->InitM, d->InitM, sizeof d->InitM);
  return fts_record_get_text (out->pro_requestor, d->pro_requestor, FTS_NAME_LEN) &&
         fts_record_get_text (out->pro_requestee, d->pro_requestee, FTS_NAME_LEN) &&
         is_valid (out);
}

static uint64_t
lba_of_slot (FtsVolume *volume, uint32_t slot)
{
  return fts_volume_mcb (volume)->blk5_process_id_table_ptr + slot - 1;
}

bool
fts_pidtab_load (FtsVolume *volume, uint32_t slot, FtsPid *out, GError **error)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);

  for (int i = 0; i < LOAD_TRIES; i++) {
    if (i > 0)
      g_usleep (LOAD_PAUSE_US);
    if (!fts_volume_read (volume, lba_of_slot (volume, slot), block, block_size, error))
      return false;
    if (fts_pid_decode (block, block_size, fts_volume_tag (volume), out) &&
        out->pro_process_id == slot)
      return true;
  }
  g_set_error (error, FTS_ERROR, FTS_ERROR_CORRUPT,
               "Process Id Table entry %u (block %" G_GUINT64_FORMAT
               ") is damaged; fts-admin check tells more",
               slot, lba_of_slot (volume, slot));
  return false;
}

bool
fts_pidtab_load_all (FtsVolume *volume, FtsPid *out, GError **error)
{
  const FtsMcb *mcb = fts_volume_mcb (volume);
  size_t len = (size_t) mcb->blk5_max_connections * mcb->block_size;
  g_autofree uint8_t *table = g_malloc (len);

  if (!fts_volume_read (volume, mcb->blk5_process_id_table_ptr, table, len, error))
    return false;
  for (uint32_t i = 0; i < mcb->blk5_max_connections; i++)
    if (!fts_pid_decode (table + (size_t) i * mcb->block_size, mcb->block_size,
                         fts_volume_tag (volume), &out[i]) ||
        out[i].pro_process_id != i + 1)
      memset (&out[i], 0, sizeof out[i]);
  return true;
}

bool
fts_pidtab_store (FtsVolume *volume, FtsPid *pid, GError **error)
{
  uint32_t block_size = fts_volume_block_size (volume);
  g_autofree uint8_t *block = g_malloc (block_size);

  pid->version++;
  fts_pid_encode (pid, fts_volume_tag (volume), block, block_size);
  return fts_volume_write_settled (volume, lba_of_slot (volume, pid->pro_process_id),
                                   block, block_size, error);
}
