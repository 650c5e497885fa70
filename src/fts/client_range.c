/* client_range.c - ranges of open files, the client half (client.h). */
#include "base/error.h"
#include "fts/client_call.h"

#include <linux/falloc.h>

bool
fts_client_fallocate (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                      uint64_t offset, uint64_t len, uint32_t mode, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_FALLOCATE, NULL, handle);
  call.request.offset = offset;
  call.request.length = len;
  call.request.mode = mode;
  call.once = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
  return fts_client_call_open (client, &call, open_id, error);
}

bool
fts_client_seek (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                 uint64_t offset, uint32_t what, uint64_t *found, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_SEEK, NULL, handle);
  call.request.offset = offset;
  call.request.mode = what;
  if (!fts_client_call_open (client, &call, open_id, error))
    return false;
  *found = call.answer.length;
  if (*found >= offset && *found <= INT64_MAX)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
               "seek: found before where to look");
  return false;
}

bool
fts_client_copy (FtsClient *client, const FtsPlace *from, const FtsPlace *to,
                 uint64_t len, uint64_t *copied, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_COPY, NULL, from->handle);
  call.request.offset = from->offset;
  call.request.handle2 = *to->handle;
  call.open_id2 = to->open_id;
  call.request.offset2 = to->offset;
  call.request.length = len;
  if (!fts_client_call_open (client, &call, from->open_id, error))
    return false;
  *copied = call.answer.length;
  if (*copied <= len)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
               "copy: more copied than asked for");
  return false;
}
