/* client_opens.c - OPENS: many files opened to be read, with their bytes (client.h). */
#include "base/error.h"
#include "fts/client_call.h"

#define RECORD_MAX 256u /* of one file, without its bytes */

typedef struct {
  GByteArray *bytes;
  size_t most;
} Into;

static bool
take_bytes (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  Into *into = user_data;

  if (len > into->most - into->bytes->len) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "more data than asked for");
    return false;
  }
  g_byte_array_append (into->bytes, data, (guint) len);
  return true;
}

static void
drop_bytes (void *into)
{
  g_byte_array_set_size (((Into *) into)->bytes, 0);
}

static bool
decode_opened (const GByteArray *bytes, unsigned n, FtsOpened *opened)
{
  size_t at = 0, used;

  for (unsigned i = 0; i < n; i++, at += used)
    if (!fts_wire_decode_opened (bytes->data + at, bytes->len - at, &opened[i], &used))
      return false;
  return at == bytes->len;
}

bool
fts_client_opens (FtsClient *client, const FtsCaller *caller, const FtsHandle *handles,
                  unsigned n, size_t most, GByteArray *bytes, FtsOpened *opened,
                  GError **error)
{
  g_autoptr (GByteArray) further = g_byte_array_new ();
  Into into = { bytes, most + n * RECORD_MAX };
  FtsCall call;

  for (unsigned i = 1; i < n; i++)
    fts_wire_encode_handle (&handles[i], further);
  const struct iovec iov = { further->data, further->len };
  fts_call_init (&call, FTS_OP_OPENS, caller, &handles[0]);
  call.request.length = most;
  call.iov = &iov;
  call.n_iov = further->len > 0;
  call.sink = take_bytes;
  call.restart = drop_bytes;
  call.user_data = &into;
  if (!fts_client_call (client, &call, error))
    return false;
  if (!decode_opened (bytes, n, opened)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "malformed answer to opens");
    return false;
  }
  for (unsigned i = 0; i < n; i++)
    if (opened[i].status == 0)
      opened[i].open_id = fts_client_add_open (client, &handles[i], FTS_OPEN_READ,
                                               caller, opened[i].open_id);
  return true;
}
