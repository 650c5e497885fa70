/* server_get.c - GET: a whole file or a range of it as chunks (wire.h).
 *
 * Data is read straight into the segments that carry it; holes are told, not sent.  The file may
 * change meanwhile: what is sent is what was there at its place when it was read, and a file
 * that got shorter ends where it ends.
 */
#include "fts/server_ops.h"

#include "fts/chunks.h"
#include "fts/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to here the answer goes from memory, so that it may travel in the head block; the answer must
 * fit one segment of any volume, because a chunk lies in one fragment. */
#define SMALL_FILE 3072u
/* Less room than this is not worth a chunk header. */
#define WORTH_LEN  512u

typedef struct {
  FtsJob *job;
  int fd;
  uint64_t position, end;
  bool sparse;
  int failed;      /* errno of reading, told in the END chunk */
  FtsChunkOut out; /* the segment being filled */
} Sender;

/* ---- room ---- */

static bool
commit (Sender *sender, bool last)
{
  FtsStream *stream = sender->job->stream;

  sender->out.memory = NULL;
  sender->job->answered = true;
  return stream->commit (stream, sender->out.used, &sender->out.crc, last,
                         &sender->job->broken);
}

static bool
make_room (Sender *sender, size_t len)
{
  FtsStream *stream = sender->job->stream;

  uint8_t *memory;
  size_t room;

  if (fts_chunk_out_left (&sender->out) >= len)
    return true;
  if (sender->out.memory != NULL && !commit (sender, false))
    return false;
  if (!stream->reserve (stream, &memory, &room, &sender->job->broken))
    return false;
  fts_chunk_out_begin (&sender->out, memory, room);
  return true;
}

static bool
add_chunk (Sender *sender, const FtsChunk *chunk)
{
  if (!make_room (sender, FTS_CHUNK_LEN))
    return false;
  fts_chunk_out_add (&sender->out, chunk);
  return true;
}

/* ---- data ---- */

/* Up to LEN bytes at the position into MEMORY, fewer where the file ends or fails. */
static size_t
read_data (Sender *sender, uint8_t *memory, size_t len)
{
  size_t done = 0;

  while (done < len) {
    ssize_t n =
      pread (sender->fd, memory + done, len - done, (off_t) (sender->position + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      sender->failed = errno;
    if (n <= 0) {
      sender->end = sender->position + done;
      break;
    }
    done += (size_t) n;
  }
  return done;
}

static bool
add_data (Sender *sender, uint64_t run_end)
{
  if (!make_room (sender, FTS_CHUNK_LEN + WORTH_LEN))
    return false;
  size_t room = fts_chunk_out_left (&sender->out) - FTS_CHUNK_LEN;
  size_t len = read_data (sender, fts_chunk_out_data (&sender->out),
                          (size_t) MIN (room, run_end - sender->position));
  if (len > 0)
    fts_chunk_out_add_data (&sender->out, sender->position, len);
  sender->position += len;
  return true;
}

static bool
add_hole (Sender *sender, uint64_t end)
{
  FtsChunk chunk = { .kind = FTS_CHUNK_HOLE,
                     .offset = sender->position,
                     .len = end - sender->position };

  sender->position = end;
  return add_chunk (sender, &chunk);
}

static bool
add_end (Sender *sender)
{
  const FtsChunk chunk = { .kind = FTS_CHUNK_END,
                           .status = fts_status_from_errno (sender->failed),
                           .crc = sender->out.file_crc,
                           .len = sender->position };
  return add_chunk (sender, &chunk);
}

/* Where the data (or the hole) at the position ends. */
static uint64_t
end_of_run (const Sender *sender, bool *is_hole)
{
  *is_hole = false;
  if (!sender->sparse)
    return sender->end;
  off_t data = lseek (sender->fd, (off_t) sender->position, SEEK_DATA);
  *is_hole = (data < 0 && errno == ENXIO) || data > (off_t) sender->position;
  off_t end = *is_hole ? data : lseek (sender->fd, (off_t) sender->position, SEEK_HOLE);
  return end < 0 ? sender->end : MIN ((uint64_t) end, sender->end);
}

static bool
add_file (Sender *sender)
{
  while (sender->position < sender->end) {
    bool is_hole;
    uint64_t run_end = end_of_run (sender, &is_hole);
    if (is_hole && !add_hole (sender, run_end))
      return false;
    while (sender->position < MIN (run_end, sender->end))
      if (!add_data (sender, run_end))
        return false;
  }
  return add_end (sender);
}

/* ---- the answer ---- */

static int
send_large (Sender *sender)
{
  g_autoptr (GByteArray) header = g_byte_array_sized_new (512);

  fts_wire_encode_answer (&sender->job->answer, header);
  if (!make_room (sender, header->len))
    return EIO;
  fts_chunk_out_add_bytes (&sender->out, header->data, header->len);
  if (!add_file (sender) || !commit (sender, true))
    return EIO;
  return 0;
}

/* The chunks are put together in the answer's data; then it is an answer like any other. */
static int
send_small (Sender *sender)
{
  FtsJob *job = sender->job;
  size_t len = (size_t) (sender->end - sender->position);

  job->data = g_byte_array_sized_new (SMALL_FILE);
  g_byte_array_set_size (job->data, (guint) (len + 2 * FTS_CHUNK_LEN + WORTH_LEN));
  sender->sparse = false;
  fts_chunk_out_begin (&sender->out, job->data->data, job->data->len);
  add_file (sender);
  g_byte_array_set_size (job->data, (guint) sender->out.used);
  return 0;
}

static void
choose_range (Sender *sender, const FtsRequest *request, const FtsAttr *attr)
{
  uint64_t left = attr->size - MIN (request->offset, attr->size);

  sender->position = attr->size - left;
  sender->end =
    sender->position + (request->length > 0 ? MIN (request->length, left) : left);
  sender->sparse = attr->blocks < attr->size / 512;
}

static int
get_file (FtsJob *job, int fd)
{
  Sender sender = { .job = job, .fd = fd };
  int failed = fts_attr_load (fd, &job->answer.attr, NULL);

  if (failed)
    return failed;
  choose_range (&sender, job->request, &job->answer.attr);
  uint64_t start = sender.position;
  failed = sender.end - sender.position <= SMALL_FILE ? send_small (&sender)
                                                      : send_large (&sender);
  fts_job_count (job, sender.position - start, 0);
  return failed;
}

int
fts_serve_get (FtsJob *job)
{
  FtsPin pin = { .fd = fts_job_walk (job, &job->request->name) };
  struct stat st;

  if (pin.fd < 0)
    return -pin.fd;
  int fd = fstat (pin.fd, &st) == 0 ? 0 : -errno;
  pin.type = st.st_mode & S_IFMT;
  if (fd == 0)
    fd = pin.type == S_IFDIR ? -EISDIR : fts_job_reopen (&pin, O_RDONLY);
  close (pin.fd);
  if (fd < 0)
    return -fd;
  int failed = get_file (job, fd);
  close (fd);
  return failed;
}
