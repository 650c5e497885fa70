#include "channel/segio.h"

void
fts_seg_group_init (FtsSegGroup *group)
{
  pthread_mutex_init (&group->lock, NULL);
  pthread_cond_init (&group->done, NULL);
}

void
fts_seg_group_clear (FtsSegGroup *group)
{
  pthread_cond_destroy (&group->done);
  pthread_mutex_destroy (&group->lock);
}

static bool
run_at_once (LunDevice *device, LunOp op, LunPriority priority, uint64_t lba,
             uint8_t *buf, size_t len, GError **error)
{
  return op == LUN_OP_READ ? lun_device_read (device, lba, buf, len, priority, error)
                           : lun_device_write (device, lba, buf, len, priority, error);
}

static void
on_done (LunIo *io)
{
  FtsSegIo *segio = io->user_data;
  FtsSegGroup *group = segio->group;

  /* Once the lock is free the owner may be gone, with group and all. */
  pthread_mutex_lock (&group->lock);
  __atomic_store_n (&segio->busy, false, __ATOMIC_RELEASE);
  if (group->awaited == segio)
    pthread_cond_signal (&group->done);
  pthread_mutex_unlock (&group->lock);
}

bool
fts_segio_start (FtsSegIo *segio, FtsSegGroup *group, LunDevice *device, LunOp op,
                 LunPriority priority, uint64_t lba, uint8_t *buf, size_t len,
                 GError **error)
{
  const LunFacts *facts = lun_device_facts (device);
  uint32_t blocks = (uint32_t) (len / facts->block_size);

  segio->started = false;
  if (facts->in_memory || blocks > facts->max_io_blocks)
    return run_at_once (device, op, priority, lba, buf, len, error);
  *segio = (FtsSegIo){
    .group = group,
    .device = device,
    .iov = { .iov_base = buf, .iov_len = len },
    .busy = true,
    .started = true,
  };
  segio->io = (LunIo){
    .op = op,
    .priority = priority,
    .lba = lba,
    .blocks = blocks,
    .iov = &segio->iov,
    .n_iov = 1,
    .done = on_done,
    .user_data = segio,
  };
  lun_device_submit (device, &segio->io);
  return true;
}

bool
fts_segio_is_busy (const FtsSegIo *segio)
{
  return segio->started && __atomic_load_n (&segio->busy, __ATOMIC_ACQUIRE);
}

bool
fts_segio_finish (FtsSegIo *segio, GError **error)
{
  if (!segio->started)
    return true;
  pthread_mutex_lock (&segio->group->lock);
  segio->group->awaited = segio;
  while (__atomic_load_n (&segio->busy, __ATOMIC_ACQUIRE))
    pthread_cond_wait (&segio->group->done, &segio->group->lock);
  segio->group->awaited = NULL;
  pthread_mutex_unlock (&segio->group->lock);
  segio->started = false;
  return lun_device_check (segio->device, &segio->io, error);
}
