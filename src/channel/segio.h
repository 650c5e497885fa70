/* segio.h - reads and writes of segments: in the caller's thread where the device completes
 * there (facts.in_memory), several in flight elsewhere.
 *
 * Owner: the channel; same thread.  Completions come from path threads; FtsSegGroup's lock
 * protects the sleep of the owner for one of its members and nothing else.
 */
#pragma once

#include <lunpath/device.h>

#include <glib.h>
#include <pthread.h>

typedef struct FtsSegIo FtsSegIo;

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t done;
  const FtsSegIo *awaited; /* whose end the owner sleeps for; guarded by lock */
} FtsSegGroup;

struct FtsSegIo {
  FtsSegGroup *group;
  LunDevice *device;
  struct iovec iov;
  LunIo io;
  bool busy;    /* atomic; cleared under group->lock */
  bool started; /* to be waited for */
};

void fts_seg_group_init (FtsSegGroup *group);
void fts_seg_group_clear (FtsSegGroup *group);

/* Starts OP on LEN bytes at LBA.  False only where the device completes at once and failed. */
bool fts_segio_start (FtsSegIo *segio, FtsSegGroup *group, LunDevice *device, LunOp op,
                      LunPriority priority, uint64_t lba, uint8_t *buf, size_t len,
                      GError **error);
/* Is it still under way? */
bool fts_segio_is_busy (const FtsSegIo *segio);
/* Waits for the end of what was started; true when nothing was. */
bool fts_segio_finish (FtsSegIo *segio, GError **error);
