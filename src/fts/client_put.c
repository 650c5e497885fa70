/* client_put.c - a whole local file to a remote one (wire.h, "chunks").
 *
 * The data are read straight into the segment that carries them.  Between segments the sender
 * looks for an early answer (a full disk, say), and ends the message instead of sending on.
 */
#include "fts/chunks.h"
#include "fts/client_transfer.h"
#include "fts/status.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_LEN  2048 /* a file up to here goes in one message from memory */
#define WORTH_LEN  512  /* less room than this is left unused */
#define POLL_EVERY 4    /* segments between two looks for an early answer */

typedef struct {
  const FtsTransfer *transfer;
  const char *local;
  int fd;
  FtsAttr source;
  FtsCall call;
  FtsChannel *channel;

  FtsChunkOut out; /* the reserved segment */
  unsigned n_sent; /* segments */

  uint64_t position;
  uint64_t next_step;
  bool answered; /* the server has answered before the end */
} Put;

/* ---- segments ---- */

static bool
commit (Put *put, bool last, GError **error)
{
  put->out.memory = NULL;
  put->n_sent++;
  return fts_channel_commit (put->channel, put->out.used, &put->out.crc, last, error);
}

/* Room for LEN bytes in the reserved segment, sending what it holds when it is full. */
static bool
make_room (Put *put, size_t len, GError **error)
{
  uint8_t *memory;
  size_t room;

  if (fts_chunk_out_left (&put->out) >= len)
    return true;
  if (put->out.memory != NULL && !commit (put, false, error))
    return false;
  if (!fts_channel_reserve (put->channel, &memory, &room, error))
    return false;
  fts_chunk_out_begin (&put->out, memory, room);
  if (room >= len)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_UNSUPPORTED,
               "put %s: the volume's segments of %zu bytes are too small", put->local,
               room);
  return false;
}

/* ---- the file ---- */

/* A chunk of LEN bytes at the position; a file that became shorter is an error. */
static bool
add_chunk (Put *put, size_t len, GError **error)
{
  uint8_t *into = fts_chunk_out_data (&put->out);
  size_t done = 0;

  while (done < len) {
    ssize_t n =
      pread (put->fd, into + done, len - done, (off_t) (put->position + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fts_set_errno (error, errno, "%s", put->local);
    if (n == 0)
      return fts_set_errno (error, ESTALE, "%s: it became shorter just now",
                            put->local);
    done += (size_t) n;
  }
  fts_chunk_out_add_data (&put->out, put->position, len);
  put->position += len;
  return true;
}

static bool
add_data (Put *put, uint64_t end, GError **error)
{
  if (!make_room (put, FTS_CHUNK_LEN + WORTH_LEN, error))
    return false;
  size_t room = fts_chunk_out_left (&put->out) - FTS_CHUNK_LEN;
  return add_chunk (put, (size_t) MIN (room, end - put->position), error);
}

static bool
add_hole (Put *put, uint64_t end, GError **error)
{
  FtsChunk chunk = { .kind = FTS_CHUNK_HOLE,
                     .offset = put->position,
                     .len = end - put->position };

  if (!make_room (put, FTS_CHUNK_LEN, error))
    return false;
  fts_chunk_out_add (&put->out, &chunk);
  put->position = end;
  return true;
}

/* Where the data (or the hole) at the position ends; a file system without holes has none. */
static uint64_t
end_of_run (const Put *put, bool *is_hole)
{
  off_t data = lseek (put->fd, (off_t) put->position, SEEK_DATA);

  *is_hole = (data < 0 && errno == ENXIO) || data > (off_t) put->position;
  off_t end = *is_hole ? data : lseek (put->fd, (off_t) put->position, SEEK_HOLE);
  if (end < 0 || (uint64_t) end > put->source.size)
    return put->source.size;
  return (uint64_t) end;
}

/* Now and then: how far it is, whether to go on, whether the server has said something. */
static bool
look_around (Put *put, GError **error)
{
  if (put->position >= put->next_step) {
    put->next_step = put->position + FTS_TRANSFER_STEP;
    if (!fts_transfer_step (put->transfer, put->position, put->source.size, error))
      return false;
  }
  if (put->n_sent % POLL_EVERY == POLL_EVERY - 1)
    put->answered = fts_channel_poll (put->channel, 0);
  return true;
}

static bool
add_file (Put *put, GError **error)
{
  while (put->position < put->source.size && !put->answered) {
    bool is_hole;
    uint64_t end = end_of_run (put, &is_hole);
    if (is_hole && !add_hole (put, end, error))
      return false;
    while (put->position < end && !put->answered)
      if (!add_data (put, end, error) || !look_around (put, error))
        return false;
  }
  return true;
}

/* ---- the message ---- */

static bool
is_local_error (const GError *error)
{
  return error->domain == FTS_ERRNO;
}

static void
append_end (Put *put, const GError *cause)
{
  FtsChunk chunk = { .kind = FTS_CHUNK_END,
                     .crc = put->out.file_crc,
                     .len = put->position };

  if (cause != NULL)
    chunk.status = fts_status_from_errno (fts_error_to_errno (cause));
  else if (put->answered)
    chunk.status = fts_status_from_errno (ECANCELED);
  fts_chunk_out_add (&put->out, &chunk);
}

/* Ends the message; with CAUSE (or an early answer) in the middle of the file. */
static bool
send_end (Put *put, const GError *cause, GError **error)
{
  if (!make_room (put, FTS_CHUNK_LEN, error))
    return false;
  append_end (put, cause);
  return commit (put, true, error);
}

/* False when the connection failed.  An error of ours is in *CAUSE, with the message ended
 * properly. */
static bool
send_big (Put *put, const GByteArray *header, GError **cause, GError **error)
{
  if (!make_room (put, header->len, error))
    return false;
  fts_chunk_out_add_bytes (&put->out, header->data, header->len);
  if (!add_file (put, cause) && !is_local_error (*cause)) {
    g_propagate_error (error, g_steal_pointer (cause));
    return false;
  }
  return send_end (put, *cause, error);
}

/* A small file: header, data and end from memory, inline if it fits. */
static bool
send_small (Put *put, const GByteArray *header, GError **cause, GError **error)
{
  uint8_t chunks[SMALL_LEN + 2 * FTS_CHUNK_LEN];
  size_t len = (size_t) (put->source.size - put->position);

  fts_chunk_out_begin (&put->out, chunks, sizeof chunks);
  if (len > 0)
    add_chunk (put, len, cause);
  append_end (put, *cause);
  put->out.memory = NULL;
  const struct iovec iov[] = { { header->data, header->len },
                               { chunks, put->out.used } };
  return fts_channel_send (put->channel, iov, 2, error);
}

static bool
send_file (Put *put, FtsConnection *connection, GError **cause, GError **error)
{
  g_autoptr (GByteArray) message = g_byte_array_sized_new (4096);
  uint64_t len = put->source.size - put->position;

  fts_call_encode (connection, &put->call, message);
  if (len <= SMALL_LEN)
    return send_small (put, message, cause, error);
  return send_big (put, message, cause, error);
}

static bool
exchange (Put *put, FtsConnection *connection, bool *in_step, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GError) answer_error = NULL;

  if (!send_file (put, connection, &cause, error))
    return false;
  bool ok = fts_call_receive (connection, &put->call, in_step, &answer_error);
  if (cause !=
      NULL) { /* what went wrong here tells more than the server's echo of it */
    g_propagate_error (error, g_steal_pointer (&cause));
    return false;
  }
  if (!ok) {
    g_propagate_error (error, g_steal_pointer (&answer_error));
    return false;
  }
  if (!put->answered)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
               "put %s: the server was content before the end", put->local);
  return false;
}

static bool
run_put (Put *put, FtsClient *client, GError **error)
{
  const FtsTransfer *transfer = put->transfer;
  bool in_step = false;
  FtsConnection *connection = fts_client_take (client, error);

  if (connection == NULL)
    return false;
  fts_client_count (client, FTS_OP_PUT);
  put->channel = connection->channel;
  put->next_step = put->position;
  bool ok = exchange (put, connection, &in_step, error);
  fts_client_give (client, connection, in_step ? FTS_POOL_HEALTHY : FTS_POOL_BROKEN);
  if (ok && transfer->progress != NULL)
    transfer->progress (put->source.size, put->source.size, transfer->user_data);
  return ok;
}

/* ---- the start ---- */

static FtsTime
time_of (struct timespec ts)
{
  return (FtsTime){ ts.tv_sec, (uint32_t) ts.tv_nsec };
}

static bool
look_at_source (Put *put, GError **error)
{
  struct stat st;

  if (fstat (put->fd, &st) < 0)
    return fts_set_errno (error, errno, "%s", put->local);
  if (!S_ISREG (st.st_mode))
    return fts_set_errno (error, S_ISDIR (st.st_mode) ? EISDIR : EINVAL,
                          "%s is no regular file", put->local);
  put->source = (FtsAttr){
    .mode = st.st_mode,
    .nlink = 1,
    .uid = st.st_uid,
    .gid = st.st_gid,
    .size = (uint64_t) st.st_size,
    .blocks = (uint64_t) st.st_blocks,
    .blksize = (uint32_t) st.st_blksize,
    .atime = time_of (st.st_atim),
    .mtime = time_of (st.st_mtim),
  };
  return true;
}

/* Where an earlier transfer of the same source ended. */
static bool
find_resume_point (Put *put, FtsClient *client, const FtsCaller *caller,
                   const FtsHandle *dir, const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *name = fts_wire_partial_name (base, &put->source);
  g_autofree char *partial = g_build_filename (parent, name, NULL);
  g_autoptr (GError) cause = NULL;
  FtsNode node;

  if (fts_client_walk (client, caller, dir, partial, &node, NULL, &cause)) {
    put->position = MIN (node.attr.size, put->source.size);
    return true;
  }
  if (g_error_matches (cause, FTS_ERRNO, ENOENT))
    return true;
  g_propagate_error (error, g_steal_pointer (&cause));
  return false;
}

static bool
put_open_file (Put *put, FtsClient *client, const FtsCaller *caller,
               const FtsHandle *dir, const char *path, GError **error)
{
  const FtsTransfer *transfer = put->transfer;
  FtsRequest *request = &put->call.request;

  fts_call_init (&put->call, FTS_OP_PUT, caller, dir);
  if (!fts_call_text (&request->name, path, error) || !look_at_source (put, error) ||
      (transfer->resume && !find_resume_point (put, client, caller, dir, path, error)))
    return false;
  request->open_flags = (transfer->replace ? FTS_PUT_REPLACE : 0) |
                        (put->position > 0 ? FTS_PUT_RESUME : 0);
  request->attr = put->source;
  return run_put (put, client, error);
}

bool
fts_client_put (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                const char *local, const char *path, const FtsTransfer *transfer,
                GError **error)
{
  Put put = { .transfer = transfer, .local = local };

  put.fd = open (local, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (put.fd < 0)
    return fts_set_errno (error, errno, "%s", local);
  bool ok = put_open_file (&put, client, caller, dir, path, error);
  close (put.fd);
  return ok;
}
