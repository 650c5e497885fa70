/* client_files.c - the file operations of the client half, one function each (client.h). */
#include "base/error.h"
#include "fts/client_call.h"
#include "fts/patience.h"

#include <errno.h>
#include <string.h>

#define MAX_IOV 64 /* pieces of a write that is sent in several parts */

/* CALL for OP on HANDLE with one name; false with ENAMETOOLONG. */
static bool
init_named (FtsCall *call, FtsOp op, const FtsCaller *caller, const FtsHandle *handle,
            const char *name, GError **error)
{
  fts_call_init (call, op, caller, handle);
  return fts_call_text (&call->request.name, name, error);
}

static bool
run_for_node (FtsClient *client, FtsCall *call, FtsNode *out, GError **error)
{
  if (!fts_client_call (client, call, error))
    return false;
  out->handle = call->answer.handle;
  out->attr = call->answer.attr;
  out->dir = call->answer.attr2;
  out->exact = call->answer.flags & FTS_ANSWER_EXACT;
  return true;
}

bool
fts_client_lookup (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                   const char *name, FtsNode *out, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_LOOKUP, caller, parent, name, error))
    return false;
  bool found = run_for_node (client, &call, out, error);
  if (!found)
    out->attr.flags = call.answer.flags & FTS_ANSWER_WATCHED ? FTS_ATTR_WATCHED : 0;
  return found;
}

bool
fts_client_walk (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                 const char *path, FtsNode *out, char **full, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_WALK, caller, dir, path, error) ||
      !run_for_node (client, &call, out, error))
    return false;
  if (full != NULL)
    *full = call.text ? g_steal_pointer (&call.text) : g_strdup ("");
  g_free (call.text);
  return true;
}

bool
fts_client_getattr (FtsClient *client, const FtsCaller *caller, const FtsHandle *handle,
                    uint64_t open_id, FtsAttr *out, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_GETATTR, caller, handle);
  if (!fts_client_call_open (client, &call, open_id, error))
    return false;
  *out = call.answer.attr;
  return true;
}

bool
fts_client_setattr (FtsClient *client, const FtsCaller *caller, const FtsHandle *handle,
                    uint64_t open_id, uint32_t mask, const FtsAttr *attr, FtsAttr *out,
                    GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_SETATTR, caller, handle);
  call.request.mask = mask;
  call.request.attr = *attr;
  if (!fts_client_call_open (client, &call, open_id, error))
    return false;
  *out = call.answer.attr;
  return true;
}

char *
fts_client_readlink (FtsClient *client, const FtsCaller *caller,
                     const FtsHandle *handle, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_READLINK, caller, handle);
  if (!fts_client_call (client, &call, error))
    return NULL;
  return call.text ? call.text : g_strdup ("");
}

/* ---- open files ---- */

bool
fts_client_open (FtsClient *client, const FtsCaller *caller, const FtsHandle *handle,
                 uint32_t open_flags, size_t first_len, FtsSink sink, void *user_data,
                 uint64_t *open_id, FtsAttr *attr, bool *eof, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_OPEN, caller, handle);
  call.request.open_flags = open_flags;
  call.request.length = MIN (first_len, fts_client_max_data (client));
  call.sink = sink;
  call.user_data = user_data;
  if (!fts_client_call (client, &call, error))
    return false;
  *open_id =
    fts_client_add_open (client, handle, open_flags, caller, call.answer.open_id);
  *attr = call.answer.attr;
  *eof = call.answer.flags & FTS_ANSWER_EOF;
  return true;
}

bool
fts_client_create (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                   const char *name, uint32_t mode, uint32_t open_flags, FtsNode *out,
                   uint64_t *open_id, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_CREATE, caller, parent, name, error))
    return false;
  call.request.mode = mode;
  call.request.open_flags = open_flags;
  if (!run_for_node (client, &call, out, error))
    return false;
  *open_id =
    fts_client_add_open (client, &out->handle, open_flags, caller, call.answer.open_id);
  return true;
}

/* What came is right, and the rest is asked for anew. */
static bool
is_cut_short (const FtsCall *call, const GError *cause)
{
  return call->delivered > 0 && fts_patience_classify (cause) != FTS_FAILURE_FINAL &&
         !g_error_matches (cause, FTS_ERROR, FTS_ERROR_TIMEOUT);
}

/* One READ of at most the server's limit; *GOT bytes came. */
static bool
read_part (FtsClient *client, const FtsRequest *what, FtsSink sink, void *user_data,
           uint64_t *got, bool *eof, GError **error)
{
  g_autoptr (GError) cause = NULL;
  FtsCall call;

  fts_call_init (&call, FTS_OP_READ, NULL, &what->handle);
  call.request.offset = what->offset;
  call.request.length = MIN (what->length, fts_client_max_data (client));
  call.sink = sink;
  call.user_data = user_data;
  bool ok = fts_client_call_open (client, &call, what->open_id, &cause);
  *got = call.delivered;
  *eof = ok && call.answer.flags & FTS_ANSWER_EOF;
  if (!ok && is_cut_short (&call, cause))
    return true;
  if (!ok) {
    g_propagate_error (error, g_steal_pointer (&cause));
    return false;
  }
  if (*got > call.request.length || (*got == 0 && !*eof && what->length > 0)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                 "read: asked for %" G_GUINT64_FORMAT " bytes, got %" G_GUINT64_FORMAT,
                 call.request.length, *got);
    return false;
  }
  return true;
}

bool
fts_client_read (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                 uint64_t offset, size_t len, FtsSink sink, void *user_data, bool *eof,
                 GError **error)
{
  FtsRequest what = {
    .handle = *handle, .open_id = open_id, .offset = offset, .length = len
  };
  uint64_t got;

  do {
    if (!read_part (client, &what, sink, user_data, &got, eof, error))
      return false;
    what.offset += got;
    what.length -= got;
  } while (what.length > 0 && !*eof);
  return true;
}

/* The first LEN bytes of SOURCE into PART (as many pieces as fit), taken away from SOURCE.
 * Returns the pieces, their bytes in *TAKEN. */
static int
split_iov (struct iovec **source, int *n_source, size_t len, struct iovec part[MAX_IOV],
           size_t *taken)
{
  int n = 0;

  *taken = 0;
  while (*n_source > 0 && n < MAX_IOV && *taken < len) {
    struct iovec *first = *source;
    size_t use = MIN (first->iov_len, len - *taken);
    part[n++] = (struct iovec){ first->iov_base, use };
    *taken += use;
    first->iov_base = (char *) first->iov_base + use;
    first->iov_len -= use;
    if (first->iov_len == 0) {
      (*source)++;
      (*n_source)--;
    }
  }
  return n;
}

static bool
write_part (FtsClient *client, FtsCall *call, uint64_t open_id, uint64_t sent,
            GError **error)
{
  call->request.length = sent;
  if (!fts_client_call_open (client, call, open_id, error))
    return false;
  if (call->answer.length <= sent)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "write: more written than sent");
  return false;
}

/* *WRITTEN is less than asked when the server wrote less; an error after the first part is
 * told by the next write. */
bool
fts_client_write (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                  uint64_t offset, const struct iovec *iov, int n_iov, size_t *written,
                  FtsAttr *attr, GError **error)
{
  g_autofree struct iovec *copy = g_memdup2 (iov, (size_t) n_iov * sizeof *iov);
  struct iovec part[MAX_IOV], *rest = copy;
  size_t taken;
  FtsCall call;

  *written = 0;
  fts_call_init (&call, FTS_OP_WRITE, NULL, handle);
  call.iov = part;
  do {
    call.n_iov = split_iov (&rest, &n_iov, fts_client_max_data (client), part, &taken);
    call.request.offset = offset + *written;
    if (!write_part (client, &call, open_id, taken, *written ? NULL : error))
      return *written > 0;
    *written += call.answer.length;
    *attr = call.answer.attr;
  } while (n_iov > 0 && call.answer.length == taken);
  return true;
}

bool
fts_client_fsync (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                  bool data_only, GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_FSYNC, NULL, handle);
  call.request.open_flags = data_only ? FTS_OPEN_DATASYNC : 0;
  return fts_client_call_open (client, &call, open_id, error);
}

/* ---- directories ---- */

static bool
append_entries (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  g_byte_array_append (user_data, data, (guint) len);
  return true;
}

static void
drop_entries (void *user_data)
{
  g_byte_array_set_size (user_data, 0);
}

bool
fts_client_dir (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                uint64_t cookie, size_t max, const char *pattern, GByteArray *entries,
                uint64_t *next, bool *eof, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_DIR, caller, dir, pattern ? pattern : "", error))
    return false;
  call.request.cookie = cookie;
  call.request.length = MIN (max, fts_client_max_data (client));
  call.sink = append_entries;
  call.restart = entries->len == 0 ? drop_entries : NULL;
  call.user_data = entries;
  if (!fts_client_call (client, &call, error))
    return false;
  *next = call.answer.cookie;
  *eof = call.answer.flags & FTS_ANSWER_EOF;
  return true;
}

/* Hashes come in pieces of any length: the bytes are gathered, then read. */
GArray *
fts_client_names (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                  unsigned most, bool *watched, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FtsCall call;

  fts_call_init (&call, FTS_OP_NAMES, caller, dir);
  call.request.length = most;
  call.sink = append_entries;
  call.user_data = bytes;
  if (!fts_client_call (client, &call, error))
    return NULL;
  if (bytes->len % sizeof (FtsLe64) != 0 || bytes->len / sizeof (FtsLe64) > most) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "names: %u bytes of hashes",
                 bytes->len);
    return NULL;
  }
  *watched = call.answer.flags & FTS_ANSWER_WATCHED;
  guint n = bytes->len / (guint) sizeof (FtsLe64);
  GArray *hashes = g_array_sized_new (FALSE, FALSE, sizeof (uint64_t), n);
  for (guint i = 0; i < n; i++) {
    FtsLe64 wire;
    memcpy (&wire, bytes->data + i * sizeof wire, sizeof wire);
    uint64_t hash = fts_le64_get (wire);
    g_array_append_val (hashes, hash);
  }
  return hashes;
}

/* ---- names ---- */

bool
fts_client_mknod (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                  const char *name, uint32_t mode, uint64_t rdev, FtsNode *out,
                  GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_MKNOD, caller, parent, name, error))
    return false;
  call.request.mode = mode;
  call.request.rdev = rdev;
  return run_for_node (client, &call, out, error);
}

bool
fts_client_mkdir (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                  const char *name, uint32_t mode, FtsNode *out, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_MKDIR, caller, parent, name, error))
    return false;
  call.request.mode = mode;
  return run_for_node (client, &call, out, error);
}

bool
fts_client_symlink (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                    const char *name, const char *target, FtsNode *out, GError **error)
{
  FtsCall call;

  return init_named (&call, FTS_OP_SYMLINK, caller, parent, name, error) &&
         fts_call_text (&call.request.name2, target, error) &&
         run_for_node (client, &call, out, error);
}

bool
fts_client_link (FtsClient *client, const FtsCaller *caller, const FtsHandle *file,
                 const FtsHandle *parent, const char *name, FtsNode *out,
                 GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_LINK, caller, file, name, error))
    return false;
  call.request.handle2 = *parent;
  return run_for_node (client, &call, out, error);
}

static bool
remove_name (FtsClient *client, FtsOp op, const FtsCaller *caller,
             const FtsHandle *parent, const char *name, FtsAttr *dir, GError **error)
{
  FtsCall call;

  if (!init_named (&call, op, caller, parent, name, error) ||
      !fts_client_call (client, &call, error))
    return false;
  if (dir != NULL)
    *dir = call.answer.attr2;
  return true;
}

bool
fts_client_unlink (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                   const char *name, FtsAttr *dir, GError **error)
{
  return remove_name (client, FTS_OP_UNLINK, caller, parent, name, dir, error);
}

bool
fts_client_rmdir (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                  const char *name, FtsAttr *dir, GError **error)
{
  return remove_name (client, FTS_OP_RMDIR, caller, parent, name, dir, error);
}

bool
fts_client_rename (FtsClient *client, const FtsCaller *caller, const FtsHandle *parent,
                   const char *name, const FtsHandle *new_parent, const char *new_name,
                   uint32_t flags, FtsAttr *dir, FtsAttr *new_dir, GError **error)
{
  FtsCall call;

  if (!init_named (&call, FTS_OP_RENAME, caller, parent, name, error) ||
      !fts_call_text (&call.request.name2, new_name, error))
    return false;
  call.request.handle2 = *new_parent;
  call.request.open_flags = flags;
  if (!fts_client_call (client, &call, error))
    return false;
  if (dir != NULL)
    *dir = call.answer.attr2;
  if (new_dir != NULL)
    *new_dir = call.answer.attr;
  return true;
}

bool
fts_client_statfs (FtsClient *client, const FtsHandle *handle, FtsStatfs *out,
                   GError **error)
{
  FtsCall call;

  fts_call_init (&call, FTS_OP_STATFS, NULL, handle);
  if (!fts_client_call (client, &call, error))
    return false;
  *out = call.answer.statfs;
  return true;
}
