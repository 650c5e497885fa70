/* client_get.c - a whole remote file to a local one (wire.h, "chunks").
 *
 * The data go from the channel's fragment to the file by one pwrite a chunk.
 */
#include "base/crc.h"
#include "fts/chunks.h"
#include "fts/client_transfer.h"
#include "fts/local_file.h"
#include "fts/status.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
  const FtsTransfer *transfer;
  const char *path, *target;
  FtsCall call;
  FtsLocalFile *file;
  FtsAttr source;
  uint64_t from;      /* the first bytes that an earlier transfer brought */
  uint64_t next_step; /* position at which progress is told */
  FtsChunkIn in;
  bool ended;       /* the END chunk came and is right */
  bool failed_here; /* a local or data error, not an interruption */
} Get;

static bool
protocol_error (Get *get, const char *what, GError **error)
{
  get->failed_here = true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "get %s: %s", get->path, what);
  return false;
}

static bool
take_end (Get *get, const FtsChunk *chunk, GError **error)
{
  if (chunk->status != FTS_STATUS_OK)
    return fts_set_errno (error, fts_status_to_errno (chunk->status), "get %s",
                          get->path);
  if (chunk->len != fts_local_file_position (get->file))
    return protocol_error (get, "ended at another length than it has", error);
  if (chunk->crc != get->in.file_crc) {
    get->failed_here = true;
    g_set_error (error, FTS_ERROR, FTS_ERROR_CORRUPT,
                 "get %s: checksum is %08x, should be %08x", get->path,
                 get->in.file_crc, chunk->crc);
    return false;
  }
  get->ended = true;
  return true;
}

static bool
take_chunk (Get *get, const FtsChunk *chunk, const uint8_t *data, GError **error)
{
  bool ok;

  if (get->ended)
    return protocol_error (get, "goes on behind its end", error);
  if (chunk->kind == FTS_CHUNK_END)
    return take_end (get, chunk, error);
  if (chunk->offset != fts_local_file_position (get->file))
    return protocol_error (get, "has a gap", error);
  if (chunk->kind == FTS_CHUNK_HOLE)
    ok = fts_local_file_skip (get->file, chunk->len, error);
  else
    ok = fts_local_file_write (get->file, data, (size_t) chunk->len, error);
  get->failed_here |= !ok;
  return ok;
}

static bool
take_chunks (Get *get, const uint8_t *bytes, size_t len, uint32_t crc, GError **error)
{
  FtsChunk chunk;
  const uint8_t *data;

  fts_chunk_in_begin (&get->in, bytes, len, crc);
  while (get->in.len > 0) {
    if (!fts_chunk_in_next (&get->in, &chunk, &data))
      return protocol_error (get, "a damaged chunk came", error);
    if (!take_chunk (get, &chunk, data, error))
      return false;
  }
  uint64_t position = fts_local_file_position (get->file);
  if (position < get->next_step)
    return true;
  get->next_step = position + FTS_TRANSFER_STEP;
  return fts_transfer_step (get->transfer, position, get->source.size, error);
}

static bool
is_same_source (const FtsAttr *a, const FtsAttr *b)
{
  return a->size == b->size && a->mtime.sec == b->mtime.sec &&
         a->mtime.nsec == b->mtime.nsec;
}

/* The answer's front: attributes of what comes now. */
static bool
begin_file (Get *get, GError **error)
{
  const FtsAttr *now = &get->call.answer.attr;

  if (!S_ISREG (now->mode))
    return fts_set_errno (error, S_ISDIR (now->mode) ? EISDIR : EINVAL, "get %s",
                          get->path);
  if (get->from > 0 && !is_same_source (now, &get->source))
    return fts_set_errno (error, ESTALE, "get %s: it changed just now", get->path);
  get->source = *now;
  get->file = fts_local_file_new (get->target, now, get->from, error);
  get->failed_here = get->file == NULL;
  return get->file != NULL;
}

/* Those behind the USED bytes of the answer's front. */
static bool
take_first_chunks (Get *get, const FtsFragment *fragment, size_t used, GError **error)
{
  size_t len = fragment->len - used;
  uint32_t crc =
    fts_crc32c_leave (fts_crc32c (fragment->data, used), fragment->crc, len);

  return take_chunks (get, fragment->data + used, len, crc, error);
}

static bool
receive_file (Get *get, FtsChannel *channel, bool *in_step, GError **error)
{
  FtsFragment fragment;
  size_t used;

  if (!fts_channel_receive (channel, &fragment, error))
    return false;
  bool ok = fts_call_decode (&get->call, &fragment, &used, in_step, error);
  *in_step = *in_step && fragment.last;
  ok = ok && begin_file (get, error) && take_first_chunks (get, &fragment, used, error);
  while (ok && !fragment.last) {
    *in_step = false;
    if (!fts_channel_receive (channel, &fragment, error))
      return false;
    *in_step = fragment.last;
    ok = take_chunks (get, fragment.data, fragment.len, fragment.crc, error);
  }
  return ok && (get->ended || protocol_error (get, "has no end", error));
}

static bool
exchange (Get *get, FtsClient *client, GError **error)
{
  bool in_step = false;
  FtsConnection *connection = fts_client_take (client, error);

  if (connection == NULL)
    return false;
  fts_client_count (client, FTS_OP_GET);
  bool ok = fts_call_send (connection, &get->call, error) &&
            receive_file (get, connection->channel, &in_step, error);
  /* A file that is not wanted any more is not received to its end. */
  fts_client_give (client, connection, in_step ? FTS_POOL_HEALTHY : FTS_POOL_BROKEN);
  return ok;
}

/* Where an earlier transfer of the same source ended. */
static bool
find_resume_point (Get *get, FtsClient *client, const FtsCaller *caller,
                   const FtsHandle *dir, GError **error)
{
  FtsNode node;

  if (!fts_client_walk (client, caller, dir, get->path, &node, NULL, error))
    return false;
  get->source = node.attr;
  get->from = fts_local_file_partial_size (get->target, &node.attr);
  return true;
}

static bool
run_get (Get *get, FtsClient *client, GError **error)
{
  const FtsTransfer *transfer = get->transfer;

  get->call.request.offset = get->from;
  get->next_step = get->from;
  if (!exchange (get, client, error))
    return false;
  get->failed_here = !fts_local_file_finish (get->file, transfer->replace, error);
  if (!get->failed_here && transfer->progress != NULL)
    transfer->progress (get->source.size, get->source.size, transfer->user_data);
  return !get->failed_here;
}

bool
fts_client_get (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                const char *path, const char *local, const FtsTransfer *transfer,
                GError **error)
{
  Get get = { .transfer = transfer, .path = path, .target = local };

  fts_call_init (&get.call, FTS_OP_GET, caller, dir);
  if (!fts_call_text (&get.call.request.name, path, error) ||
      !fts_local_file_check_target (local, transfer->replace, error) ||
      (transfer->resume && !find_resume_point (&get, client, caller, dir, error)))
    return false;
  bool ok = run_get (&get, client, error);
  fts_local_file_free (get.file, get.failed_here ? FTS_LOCAL_REMOVE : FTS_LOCAL_KEEP);
  return ok;
}
