/* client_xattr.c - extended attributes, the client half (client.h). */
#include "base/error.h"
#include "fts/client_call.h"

#include <linux/xattr.h>

static bool
append_value (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  g_byte_array_append (user_data, data, (guint) len);
  return true;
}

/* CALL asks for a value or a list; what came must be what the answer says. */
static bool
run_for_value (FtsClient *client, FtsCall *call, size_t room, GByteArray *value,
               size_t *len, GError **error)
{
  call->request.length = room;
  call->sink = append_value;
  call->user_data = value;
  if (!fts_client_call (client, call, error))
    return false;
  *len = (size_t) call->answer.length;
  if (room == 0 ? call->delivered == 0 && *len <= XATTR_SIZE_MAX
                : call->delivered == *len && *len <= room)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
               "%s: asked for %zu bytes, told of %zu, got %" G_GUINT64_FORMAT,
               fts_wire_command (call->request.op)->name, room, *len, call->delivered);
  return false;
}

bool
fts_client_getxattr (FtsClient *client, const FtsCaller *caller,
                     const FtsHandle *handle, const char *name, size_t room,
                     GByteArray *value, size_t *len, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_GETXATTR, caller, handle);
  return fts_call_text (&call.request.name, name, error) &&
         run_for_value (client, &call, room, value, len, error);
}

bool
fts_client_listxattr (FtsClient *client, const FtsCaller *caller,
                      const FtsHandle *handle, size_t room, GByteArray *names,
                      size_t *len, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_LISTXATTR, caller, handle);
  return run_for_value (client, &call, room, names, len, error);
}

bool
fts_client_setxattr (FtsClient *client, const FtsCaller *caller,
                     const FtsHandle *handle, const char *name, const void *value,
                     size_t len, uint32_t flags, GError **error)
{
  struct iovec iov = { (void *) value, len };
  FtsCall call;

  fts_call_init (&call, FTS_OP_SETXATTR, caller, handle);
  call.request.open_flags = flags;
  call.iov = &iov;
  call.n_iov = len > 0;
  call.once = flags != 0; /* done twice it would say EEXIST */
  return fts_call_text (&call.request.name, name, error) &&
         fts_client_call (client, &call, error);
}

bool
fts_client_removexattr (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *handle, const char *name, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_REMOVEXATTR, caller, handle);
  return fts_call_text (&call.request.name, name, error) &&
         fts_client_call (client, &call, error);
}
