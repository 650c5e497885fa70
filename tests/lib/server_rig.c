#include "lib/server_rig.h"

#include "base/crc.h"
#include "base/error.h"
#include "fts/caller.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAGMENT_LEN (64u << 10)
#define ROOM_LEN     (64u << 10)

/* ---- the stream ---- */

static bool
receive (FtsStream *stream, FtsFragment *fragment, GError **error)
{
  MemoryStream *memory = (MemoryStream *) stream;

  if (memory->n_taken >= memory->in->len ||
      (memory->break_after > 0 && memory->n_taken >= memory->break_after)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PEER_DEAD, "the client is gone");
    return false;
  }
  GByteArray *bytes = memory->in->pdata[memory->n_taken++];
  *fragment = (FtsFragment){ .data = bytes->data,
                             .len = bytes->len,
                             .crc = fts_crc32c (bytes->data, bytes->len),
                             .first = memory->n_taken == 1,
                             .last = memory->n_taken == memory->in->len };
  return true;
}

static bool
reserve (FtsStream *stream, uint8_t **data, size_t *room, GError **error)
{
  MemoryStream *memory = (MemoryStream *) stream;

  memory->reserved = g_realloc (memory->reserved, memory->room);
  *data = memory->reserved;
  *room = memory->room;
  return true;
}

static void
add_out (MemoryStream *memory, const uint8_t *data, size_t len, bool last)
{
  GByteArray *bytes = g_byte_array_new ();

  ck_assert_msg (!memory->ended, "the server sends behind its end");
  g_byte_array_append (bytes, data, (guint) len);
  g_ptr_array_add (memory->out, bytes);
  memory->ended = last;
}

static bool
commit (FtsStream *stream, size_t len, const uint32_t *crc, bool last, GError **error)
{
  MemoryStream *memory = (MemoryStream *) stream;

  if (crc != NULL)
    ck_assert_uint_eq (*crc, fts_crc32c (memory->reserved, len));
  ck_assert_uint_le (len, memory->room);
  add_out (memory, memory->reserved, len, last);
  return true;
}

static bool
send_all (FtsStream *stream, const struct iovec *iov, int n_iov, GError **error)
{
  MemoryStream *memory = (MemoryStream *) stream;
  g_autoptr (GByteArray) all = g_byte_array_new ();

  for (int i = 0; i < n_iov; i++)
    g_byte_array_append (all, iov[i].iov_base, (guint) iov[i].iov_len);
  for (guint at = 0; at < all->len; at += (guint) memory->room) {
    size_t len = MIN (memory->room, all->len - at);
    add_out (memory, all->data + at, len, at + len == all->len);
  }
  return true;
}

static void
clear_messages (MemoryStream *memory)
{
  g_clear_pointer (&memory->in, g_ptr_array_unref);
  g_clear_pointer (&memory->out, g_ptr_array_unref);
  memory->n_taken = 0;
  memory->ended = false;
}

/* ---- life ---- */

static void
start_server (Rig *rig, const FtsServerConfig *config)
{
  g_autoptr (GError) error = NULL;

  rig->server = fts_server_new_with (rig->exports, config, &error);
  ck_assert_msg (rig->server != NULL, "%s", error != NULL ? error->message : "");
  rig->connection = fts_server_connect (rig->server, 1, 100, "alpha");
}

static void
stop_server (Rig *rig)
{
  fts_server_disconnect (rig->connection);
  fts_server_free (rig->server);
}

void
rig_open (Rig *rig, const char *options, const FtsServerConfig *config)
{
  g_autoptr (GError) error = NULL;

  *rig = (Rig){ .dir = g_strdup ("/dev/shm/ftsrigXXXXXX") };
  ck_assert_ptr_nonnull (mkdtemp (rig->dir));
  rig->memory.stream = (FtsStream){ receive, reserve, commit, send_all };
  rig->memory.room = ROOM_LEN;
  rig->data = g_byte_array_new ();
  rig->header = g_byte_array_new ();
  rig->exports = fts_exports_new ();
  g_autofree char *spec = g_strdup_printf ("data=%s%s", rig->dir, options);
  ck_assert_msg (fts_exports_add (rig->exports, spec, &error), "%s",
                 error != NULL ? error->message : "");
  start_server (rig, config);
  rig_attach (rig);
}

static int
remove_one (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  return remove (path);
}

void
rig_close (Rig *rig)
{
  fts_caller_become_server (); /* this thread was the server's worker */
  stop_server (rig);
  fts_exports_free (rig->exports);
  clear_messages (&rig->memory);
  g_free (rig->memory.reserved);
  g_byte_array_unref (rig->data);
  g_byte_array_unref (rig->header);
  g_clear_error (&rig->broken);
  nftw (rig->dir, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  g_free (rig->dir);
}

void
rig_attach (Rig *rig)
{
  FtsRequest request = { .op = FTS_OP_ATTACH, .name = rig_text ("/data") };

  ck_assert_int_eq (rig_run (rig, &request, NULL, 0), 0);
  rig->root = rig->answer.handle;
}

void
rig_restart (Rig *rig, const FtsServerConfig *config)
{
  stop_server (rig);
  start_server (rig, config);
  rig_attach (rig);
}

/* ---- requests ---- */

FtsText
rig_text (const char *text)
{
  return (FtsText){ text, (uint16_t) strlen (text) };
}

GByteArray *
rig_encode (const FtsRequest *request)
{
  GByteArray *bytes = g_byte_array_new ();

  fts_wire_encode_request (request, bytes);
  return bytes;
}

static void
keep_answer (Rig *rig)
{
  GPtrArray *out = rig->memory.out;
  size_t used;

  g_byte_array_set_size (rig->header, 0);
  g_byte_array_set_size (rig->data, 0);
  rig->n_fragments = out->len;
  ck_assert_msg (rig->memory.ended, "the answer has no end");
  GByteArray *first = out->pdata[0];
  g_byte_array_append (rig->header, first->data, first->len);
  ck_assert (
    fts_wire_decode_answer (rig->header->data, rig->header->len, &rig->answer, &used));
  g_byte_array_append (rig->data, first->data + used, (guint) (first->len - used));
  for (guint i = 1; i < out->len; i++) {
    GByteArray *bytes = out->pdata[i];
    g_byte_array_append (rig->data, bytes->data, bytes->len);
  }
}

int
rig_run_fragments (Rig *rig, GPtrArray *fragments)
{
  MemoryStream *memory = &rig->memory;
  GError *error = NULL;

  clear_messages (memory);
  g_clear_error (&rig->broken);
  memory->in = fragments;
  memory->out = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  bool goes_on = fts_server_serve_stream (rig->connection, &memory->stream, &error);
  rig->broken = error;
  if (!goes_on && error != NULL)
    return -1;
  ck_assert_uint_eq (memory->n_taken,
                     memory->in->len); /* the request was taken whole */
  keep_answer (rig);
  return fts_status_to_errno (rig->answer.status);
}

int
rig_run (Rig *rig, FtsRequest *request, const void *data, size_t len)
{
  GPtrArray *fragments =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  GByteArray *bytes = rig_encode (request);
  size_t most = rig->fragment > 0 ? rig->fragment : FRAGMENT_LEN;

  g_ptr_array_add (fragments, bytes);
  for (size_t at = 0; at < len;) {
    size_t n = MIN (len - at, most);
    if (at > 0) {
      bytes = g_byte_array_new ();
      g_ptr_array_add (fragments, bytes);
    }
    g_byte_array_append (bytes, (const uint8_t *) data + at, (guint) n);
    at += n;
  }
  return rig_run_fragments (rig, fragments);
}

/* ---- files on this host ---- */

char *
rig_path (const Rig *rig, const char *name)
{
  return g_build_filename (rig->dir, name, NULL);
}

void
rig_write_file (const Rig *rig, const char *name, const char *content)
{
  g_autofree char *path = rig_path (rig, name);
  FILE *file = fopen (path, "w");

  ck_assert_ptr_nonnull (file);
  fputs (content, file);
  fclose (file);
}

char *
rig_read_file (const Rig *rig, const char *name)
{
  g_autofree char *path = rig_path (rig, name);
  char *content = NULL;

  ck_assert_msg (g_file_get_contents (path, &content, NULL, NULL), "%s", path);
  return content;
}

/* ---- shorthands ---- */

int
rig_lookup (Rig *rig, const FtsHandle *dir, const char *name, FtsHandle *out)
{
  int failed = rig_name_op (rig, FTS_OP_LOOKUP, dir, name);

  if (!failed && out != NULL)
    *out = rig->answer.handle;
  return failed;
}

int
rig_make_dir (Rig *rig, const FtsHandle *dir, const char *name, FtsHandle *out)
{
  FtsRequest request = {
    .op = FTS_OP_MKDIR, .handle = *dir, .name = rig_text (name), .mode = 0755
  };
  int failed = rig_run (rig, &request, NULL, 0);

  if (!failed && out != NULL)
    *out = rig->answer.handle;
  return failed;
}

int
rig_create (Rig *rig, const FtsHandle *dir, const char *name, uint32_t open_flags,
            FtsHandle *out, uint64_t *open_id)
{
  FtsRequest request = { .op = FTS_OP_CREATE,
                         .handle = *dir,
                         .name = rig_text (name),
                         .mode = 0644,
                         .open_flags = open_flags };
  int failed = rig_run (rig, &request, NULL, 0);

  if (!failed && out != NULL)
    *out = rig->answer.handle;
  if (!failed && open_id != NULL)
    *open_id = rig->answer.open_id;
  return failed;
}

int
rig_getattr (Rig *rig, const FtsHandle *handle)
{
  FtsRequest request = { .op = FTS_OP_GETATTR, .handle = *handle };
  return rig_run (rig, &request, NULL, 0);
}

int
rig_name_op (Rig *rig, FtsOp op, const FtsHandle *dir, const char *name)
{
  FtsRequest request = { .op = op, .handle = *dir, .name = rig_text (name) };
  return rig_run (rig, &request, NULL, 0);
}
