/* A server that sends anything at all cannot make the client crash or write where it should not. */
#include "base/error.h"
#include "fts/client.h"
#include "lib/fake_channel.h"
#include "lib/suite.h"
#include "lib/wire_samples.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 400

static pthread_mutex_t lock =
  PTHREAD_MUTEX_INITIALIZER; /* the pool's thread calls, too */
static uint64_t state;

static uint32_t
next_random (void)
{
  pthread_mutex_lock (&lock);
  state = state * 6364136223846793005u + 1442695040888963407u;
  uint64_t now = state;
  pthread_mutex_unlock (&lock);
  return (uint32_t) (now >> 33);
}

static void
spoil (GByteArray *bytes)
{
  for (uint32_t n = next_random () % 4; n > 0 && bytes->len > 0; n--)
    bytes->data[next_random () % bytes->len] ^= (uint8_t) (1u << next_random () % 8);
  if (next_random () % 8 == 0)
    g_byte_array_set_size (bytes, next_random () % (bytes->len + 1));
}

static void
append_body (GByteArray *bytes)
{
  FtsDirent entry = { 1, { "name", 4 }, sample_handle (20), sample_attr () };
  uint8_t chunk_bytes[FTS_CHUNK_LEN];
  uint64_t offset = 0;

  for (uint32_t n = next_random () % 5; n > 0; n--) {
    FtsChunk chunk = { .kind = (FtsChunkKind) (1 + next_random () % 3),
                       .offset = offset };
    chunk.len = next_random () % 100;
    switch (next_random () % 3) {
    case 0:
      fts_wire_encode_dirent (&entry, bytes, 4000);
      break;
    case 1:
      fts_wire_encode_chunk (&chunk, chunk_bytes);
      g_byte_array_append (bytes, chunk_bytes, sizeof chunk_bytes);
      if (chunk.kind == FTS_CHUNK_DATA)
        g_byte_array_set_size (bytes, bytes->len + (guint) chunk.len);
      offset += chunk.len;
      break;
    default:
      g_byte_array_append (bytes, (const guint8 *) "xxxxxxxx", 1 + next_random () % 8);
    }
  }
}

/* A right answer with a body of anything, then a few bits of it changed, in fragments. */
static void
serve_anything (FtsChannel *channel, const FtsRequest *request,
                const GPtrArray *fragments, size_t used, void *user_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FtsAnswer answer = sample_answer (request->op);

  answer.tag = request->tag;
  answer.attr.mode = 0100644;
  answer.status = next_random () % 6 == 0 ? next_random () % 70 : 0;
  fts_wire_encode_answer (&answer, bytes);
  append_body (bytes);
  spoil (bytes);
  guint cut = next_random () % 3 == 0 ? next_random () % (bytes->len + 1) : bytes->len;
  fake_more (channel, bytes->data, cut, cut == bytes->len);
  if (cut < bytes->len)
    fake_more (channel, bytes->data + cut, bytes->len - cut, true);
}

static bool
swallow (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  return true;
}

static void
list_directory (FtsClient *client)
{
  g_autoptr (GByteArray) page = g_byte_array_new ();
  uint64_t next;
  bool eof;

  fts_client_dir (client, NULL, fts_client_root (client), 0, 4000, NULL, page, &next,
                  &eof, NULL);
}

static void
use_file (FtsClient *client)
{
  const FtsHandle *root = fts_client_root (client);
  struct iovec iov = { (void *) "data", 4 };
  FtsNode node = { .handle = *root };
  uint64_t id = 0;
  size_t written;
  bool eof;

  fts_client_open (client, NULL, root, FTS_OPEN_READ, 100, swallow, NULL, &id,
                   &node.attr, &eof, NULL);
  fts_client_read (client, root, id, 0, 500, swallow, NULL, &eof, NULL);
  fts_client_write (client, root, id, 0, &iov, 1, &written, &node.attr, NULL);
  fts_client_fsync (client, root, id, true, NULL);
  if (id != 0)
    fts_client_close_file (client, id);
}

static void
use_names (FtsClient *client)
{
  const FtsHandle *root = fts_client_root (client);
  g_autofree char *full = NULL;
  g_autofree char *target = NULL;
  FtsStatfs fs;
  FtsNode node;

  fts_client_lookup (client, NULL, root, "x", &node, NULL);
  fts_client_walk (client, NULL, root, "x/y", &node, &full, NULL);
  fts_client_mkdir (client, NULL, root, "d", 0755, &node, NULL);
  fts_client_rename (client, NULL, root, "a", root, "b", 0, NULL, NULL, NULL);
  target = fts_client_readlink (client, NULL, root, NULL);
  fts_client_statfs (client, root, &fs, NULL);
}

static void
copy_files (FtsClient *client, const char *dir)
{
  const FtsTransfer transfer = { .replace = true };
  g_autofree char *local = g_build_filename (dir, "local", NULL);

  fts_client_get (client, NULL, fts_client_root (client), "x", local, &transfer, NULL);
  fts_client_put (client, NULL, fts_client_root (client), local, "y", &transfer, NULL);
}

START_TEST (test_no_answer_makes_the_client_crash)
{
  const FtsClientConfig config = { .peer = "peer", .export_name = "e" };
  g_autofree char *dir = g_strdup ("/dev/shm/fts-hostile-XXXXXX");

  ck_assert_ptr_nonnull (g_mkdtemp (dir));
  state = (uint64_t) _i + 1;
  fake_start (serve_anything, NULL);
  g_autoptr (FtsClient) client = fts_client_new (NULL, &config, NULL);
  ck_assert_ptr_nonnull (client);
  for (int round = 0; round < ROUNDS; round++) {
    list_directory (client);
    use_file (client);
    use_names (client);
    copy_files (client, dir);
  }
  g_autofree char *command = g_strdup_printf ("rm -rf %s", dir);
  ck_assert_int_eq (system (command), 0);
}
END_TEST

FTS_SUITE ("fts/hostile", test_no_answer_makes_the_client_crash)
