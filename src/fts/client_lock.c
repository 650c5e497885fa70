/* client_lock.c - locks, the client half (client.h). */
#include "fts/client_call.h"

bool
fts_client_lock (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                 const FtsLock *lock, uint32_t how, uint64_t ticket, bool *was_new,
                 GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_LOCK, NULL, handle);
  call.request.lock = *lock;
  call.request.open_flags = how;
  call.request.cookie = ticket;
  if (!fts_client_call_open (client, &call, open_id, error))
    return false;
  if (was_new != NULL)
    *was_new = call.answer.length != 0;
  return true;
}

bool
fts_client_test_lock (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                      const FtsLock *lock, FtsLock *out, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_TESTLOCK, NULL, handle);
  call.request.lock = *lock;
  if (!fts_client_call_open (client, &call, open_id, error))
    return false;
  *out = call.answer.lock;
  return true;
}
