#include "fts/client_call.h"

#include "base/error.h"
#include "fts/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
fts_call_init (FtsCall *call, FtsOp op, const FtsCaller *caller,
               const FtsHandle *handle)
{
  const FtsCaller self = { .uid = geteuid (), .gid = getegid (), .umask = 0 };
  FtsRequest *request = &call->request;

  memset (call, 0, sizeof *call);
  if (caller == NULL)
    caller = &self;
  request->op = op;
  request->uid = caller->uid;
  request->gid = caller->gid;
  request->umask = caller->umask;
  request->n_groups = MIN (caller->n_groups, FTS_GROUPS_MAX);
  if (request->n_groups > 0)
    memcpy (request->groups, caller->groups,
            request->n_groups * sizeof *request->groups);
  if (handle != NULL)
    request->handle = *handle;
}

bool
fts_call_text (FtsText *text, const char *value, GError **error)
{
  size_t len = strlen (value);

  if (len > FTS_TEXT_MAX)
    return fts_set_errno (error, ENAMETOOLONG, "%.40s...", value);
  *text = (FtsText){ value, (uint16_t) len };
  return true;
}

void
fts_call_encode (FtsConnection *connection, FtsCall *call, GByteArray *header)
{
  call->request.tag = ++connection->tag;
  fts_wire_encode_request (&call->request, header);
}

static bool
set_status (const FtsCall *call, GError **error)
{
  const FtsRequest *request = &call->request;

  return fts_set_errno (error, fts_status_to_errno (call->answer.status), "%s%s%.*s",
                        fts_wire_command (request->op)->name,
                        request->name.len ? " " : "", (int) request->name.len,
                        request->name.len ? request->name.bytes : "");
}

bool
fts_call_decode (FtsCall *call, const FtsFragment *fragment, size_t *used,
                 bool *in_step, GError **error)
{
  FtsAnswer *answer = &call->answer;

  *in_step = false;
  if (!fragment->first ||
      !fts_wire_decode_answer (fragment->data, fragment->len, answer, used) ||
      answer->op != call->request.op || answer->tag != call->request.tag) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                 "%s: what came is not the answer to this request",
                 fts_wire_command (call->request.op)->name);
    return false;
  }
  *in_step = true;
  if (answer->status != FTS_STATUS_OK)
    return set_status (call, error);
  if (answer->name.len > 0) {
    g_free (call->text);
    call->text = g_strndup (answer->name.bytes, answer->name.len);
  }
  answer->name = (FtsText){ NULL, 0 };
  return true;
}

bool
fts_call_send (FtsConnection *connection, FtsCall *call, GError **error)
{
  g_autoptr (GByteArray) header = g_byte_array_sized_new (512);
  g_autofree struct iovec *iov = g_new (struct iovec, 1 + call->n_iov);

  call->is_sent = true;
  fts_call_encode (connection, call, header);
  iov[0] = (struct iovec){ header->data, header->len };
  if (call->n_iov > 0)
    memcpy (iov + 1, call->iov, (size_t) call->n_iov * sizeof *iov);
  return fts_channel_send (connection->channel, iov, 1 + call->n_iov, error);
}

static bool
deliver (FtsCall *call, const uint8_t *data, size_t len, GError **error)
{
  if (len == 0)
    return true;
  if (call->sink == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                 "%s: %zu bytes that nobody asked",
                 fts_wire_command (call->request.op)->name, len);
    return false;
  }
  call->delivered += len;
  return call->sink (data, len, call->user_data, error);
}

/* Drops what is left of the answer, so that the connection can go on. */
static void
drop_rest (FtsChannel *channel, const FtsFragment *fragment, bool *in_step)
{
  if (*in_step && !fragment->last)
    *in_step = fts_channel_discard_message (channel, NULL);
}

bool
fts_call_receive (FtsConnection *connection, FtsCall *call, bool *in_step,
                  GError **error)
{
  FtsChannel *channel = connection->channel;
  FtsFragment fragment;
  size_t used;

  *in_step = false;
  if (!fts_channel_receive (channel, &fragment, error))
    return false;
  bool ok = fts_call_decode (call, &fragment, &used, in_step, error) &&
            deliver (call, fragment.data + used, fragment.len - used, error);
  while (ok && !fragment.last) {
    *in_step = false;
    if (!fts_channel_receive (channel, &fragment, error))
      return false;
    *in_step = true;
    ok = deliver (call, fragment.data, fragment.len, error);
  }
  drop_rest (channel, &fragment, in_step);
  return ok;
}

bool
fts_call_exchange (FtsConnection *connection, FtsCall *call, bool *in_step,
                   GError **error)
{
  *in_step = false;
  return fts_call_send (connection, call, error) &&
         fts_call_receive (connection, call, in_step, error);
}
