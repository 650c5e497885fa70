/* handles.c - see handles.h. */
#include "fts/handles.h"

#include "base/crc.h"
#include "base/error.h"
#include "fts/caller.h"
#include "fts/containment.h"
#include "fts/nodes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HANDLE_VERSION  1u
#define HEADER_LEN      8u
#define PROOF_LEN       16u
#define WHERE_MAX       (FTS_HANDLE_MAX - HEADER_LEN - PROOF_LEN)
#define KERNEL_TYPE_LEN 4u
#define FILE_ID_LEN     28u
#define MOST_NODES      1000000u

typedef enum {
  KIND_ROOT = 0,   /* where: nothing */
  KIND_KERNEL = 1, /* where: handle type i32, handle bytes */
  KIND_NODE = 2,   /* where: FtsFileId */
} Kind;

/* struct file_handle with room for the longest one. */
typedef union {
  struct file_handle handle;
  uint8_t room[sizeof (struct file_handle) + MAX_HANDLE_SZ];
} KernelHandle;

static_assert (KERNEL_TYPE_LEN + MAX_HANDLE_SZ <= WHERE_MAX, "kernel handle fits");

struct FtsHandles {
  int refs; /* atomic */
  FtsExport *export;
  uint8_t key[FTS_HANDLE_KEY_LEN];
  uint32_t export_id;
  FtsFileId root;
  int mount_id;
  int mount_fd;             /* any file of the export's mount; -1 in path mode */
  KernelHandle root_kernel; /* not in path mode */
  FtsNodes *nodes;          /* NULL in kernel-handle mode */
  FtsFdCache *cache;
};

/* ---- bytes ---- */

static void
make_proof (const FtsHandles *handles, const uint8_t *bytes, size_t len,
            uint8_t out[PROOF_LEN])
{
  crypto_generichash (out, PROOF_LEN, bytes, len, handles->key, sizeof handles->key);
}

static void
put (uint8_t **at, const void *bytes, size_t len)
{
  memcpy (*at, bytes, len);
  *at += len;
}

/* Without the proof. */
static void
identify (const FtsHandles *handles, Kind kind, const uint8_t *where, size_t where_len,
          FtsHandle *out)
{
  FtsLe16 len = fts_le16 ((uint16_t) where_len);
  FtsLe32 id = fts_le32 (handles->export_id);
  uint8_t *at = out->bytes;

  *at++ = HANDLE_VERSION;
  *at++ = (uint8_t) kind;
  put (&at, &len, sizeof len);
  put (&at, &id, sizeof id);
  if (where_len > 0)
    put (&at, where, where_len);
  out->len = (uint16_t) (HEADER_LEN + where_len);
}

void
fts_handles_prove (const FtsHandles *handles, FtsHandle *handle)
{
  make_proof (handles, handle->bytes, handle->len, handle->bytes + handle->len);
  handle->len = (uint16_t) (handle->len + PROOF_LEN);
}

static void
seal (const FtsHandles *handles, Kind kind, const uint8_t *where, size_t where_len,
      FtsHandle *out)
{
  identify (handles, kind, where, where_len, out);
  fts_handles_prove (handles, out);
}

/* Kind and `where` of a handle that this server made for this export. */
static bool
unseal (const FtsHandles *handles, const FtsHandle *handle, Kind *kind,
        const uint8_t **where, size_t *where_len)
{
  uint8_t proof[PROOF_LEN];
  const uint8_t *bytes = handle->bytes;
  FtsLe32 id;
  FtsLe16 len;

  if (handle->len < HEADER_LEN + PROOF_LEN || bytes[0] != HANDLE_VERSION)
    return false;
  memcpy (&len, bytes + 2, sizeof len);
  memcpy (&id, bytes + 4, sizeof id);
  *kind = (Kind) bytes[1];
  *where = bytes + HEADER_LEN;
  *where_len = fts_le16_get (len);
  if (handle->len != HEADER_LEN + *where_len + PROOF_LEN ||
      fts_le32_get (id) != handles->export_id)
    return false;
  /* Whoever attached was given the root; so a mount outlives a server that lost its key. */
  if (*kind == KIND_ROOT)
    return *where_len == 0;
  make_proof (handles, bytes, HEADER_LEN + *where_len, proof);
  return sodium_memcmp (proof, *where + *where_len, PROOF_LEN) == 0;
}

static void
encode_file_id (const FtsFileId *id, uint8_t out[FILE_ID_LEN])
{
  FtsLe64 dev = fts_le64 (id->dev);
  FtsLe64 ino = fts_le64 (id->ino);
  FtsLe64 sec = fts_le64 ((uint64_t) id->btime_sec);
  FtsLe32 nsec = fts_le32 (id->btime_nsec);
  uint8_t *at = out;

  put (&at, &dev, sizeof dev);
  put (&at, &ino, sizeof ino);
  put (&at, &sec, sizeof sec);
  put (&at, &nsec, sizeof nsec);
}

static FtsFileId
decode_file_id (const uint8_t *bytes)
{
  FtsLe64 dev;
  FtsLe64 ino;
  FtsLe64 sec;
  FtsLe32 nsec;

  memcpy (&dev, bytes, 8);
  memcpy (&ino, bytes + 8, 8);
  memcpy (&sec, bytes + 16, 8);
  memcpy (&nsec, bytes + 24, 4);
  return (FtsFileId){ fts_le64_get (dev), fts_le64_get (ino),
                      (int64_t) fts_le64_get (sec), fts_le32_get (nsec) };
}

static bool
is_same_file (const FtsFileId *a, const FtsFileId *b)
{
  return a->dev == b->dev && a->ino == b->ino && a->btime_sec == b->btime_sec &&
         a->btime_nsec == b->btime_nsec;
}

/* ---- the kernel's handles ---- */

static int
load_kernel_handle (int dir_fd, const char *name, int flags, KernelHandle *out,
                    int *mount_id)
{
  out->handle.handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at (dir_fd, name, &out->handle, mount_id, flags) != 0)
    return errno;
  return 0;
}

static void
identify_kernel_handle (const FtsHandles *handles, const struct file_handle *kernel,
                        FtsHandle *out)
{
  FtsLe32 type = fts_le32 ((uint32_t) kernel->handle_type);
  uint8_t where[WHERE_MAX];
  uint8_t *at = where;

  put (&at, &type, sizeof type);
  put (&at, kernel->f_handle, kernel->handle_bytes);
  identify (handles, KIND_KERNEL, where, (size_t) (at - where), out);
}

static void
seal_kernel_handle (const FtsHandles *handles, const KernelHandle *kernel,
                    FtsHandle *out)
{
  identify_kernel_handle (handles, &kernel->handle, out);
  fts_handles_prove (handles, out);
}

static int
open_kernel_handle (const FtsHandles *handles, const uint8_t *where, size_t len)
{
  KernelHandle kernel;
  FtsLe32 type;

  if (handles->mount_fd < 0 || len < KERNEL_TYPE_LEN ||
      len > KERNEL_TYPE_LEN + MAX_HANDLE_SZ)
    return -ESTALE;
  memcpy (&type, where, sizeof type);
  kernel.handle.handle_type = (int) fts_le32_get (type);
  kernel.handle.handle_bytes = (unsigned) (len - KERNEL_TYPE_LEN);
  memcpy (kernel.handle.f_handle, where + KERNEL_TYPE_LEN, len - KERNEL_TYPE_LEN);
  int fd = open_by_handle_at (handles->mount_fd, &kernel.handle,
                              O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/* ---- files by remembered path ---- */

static int
open_node (const FtsHandles *handles, const uint8_t *where, size_t len)
{
  struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                          .resolve =
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  FtsFileId found;
  FtsAttr attr;

  if (handles->nodes == NULL || len != FILE_ID_LEN)
    return -ESTALE;
  FtsFileId id = decode_file_id (where);
  g_autofree char *path = fts_nodes_path (handles->nodes, &id);
  if (path == NULL)
    return -ESTALE;
  int fd =
    (int) syscall (SYS_openat2, handles->export->root_fd, path, &how, sizeof how);
  if (fd < 0)
    return errno == EACCES ? -EACCES : -ESTALE;
  if (fts_attr_load (fd, &attr, &found) == 0 && is_same_file (&found, &id))
    return fd;
  close (fd);
  return -ESTALE;
}

/* ---- life ---- */

/* Can the kernel's handles be made and opened here? */
static bool
try_kernel_handles (FtsHandles *handles)
{
  KernelHandle kernel;

  if (load_kernel_handle (handles->export->root_fd, "", AT_EMPTY_PATH, &kernel,
                          &handles->mount_id) != 0)
    return false;
  handles->mount_fd =
    openat (handles->export->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handles->mount_fd < 0)
    return false;
  int fd = open_by_handle_at (handles->mount_fd, &kernel.handle, O_PATH | O_CLOEXEC);
  if (fd >= 0) {
    close (fd);
    handles->root_kernel = kernel;
    return true;
  }
  close (handles->mount_fd);
  handles->mount_fd = -1;
  return false;
}

FtsHandles *
fts_handles_new (const FtsExport *export, const FtsHandlesConfig *config,
                 GError **error)
{
  g_autoptr (FtsHandles) handles = g_new0 (FtsHandles, 1);
  FtsAttr attr;

  handles->refs = 1;
  handles->export = fts_export_ref (export);
  memcpy (handles->key, config->key, sizeof handles->key);
  handles->export_id = fts_crc32c (export->name, strlen (export->name));
  handles->mount_fd = -1;
  handles->cache = fts_fdcache_new (config->most_descriptors);
  int failed = fts_attr_load (export->root_fd, &attr, &handles->root);
  if (failed) {
    fts_set_errno (error, failed, "export %s: %s", export->name, export->path);
    return NULL;
  }
  if (config->by_path || !try_kernel_handles (handles))
    handles->nodes = fts_nodes_new (&handles->root, MOST_NODES);
  return g_steal_pointer (&handles);
}

FtsHandles *
fts_handles_ref (FtsHandles *handles)
{
  g_atomic_int_inc (&handles->refs);
  return handles;
}

bool
fts_handles_has_one_ref (FtsHandles *handles)
{
  return g_atomic_int_get (&handles->refs) == 1;
}

void
fts_handles_unref (FtsHandles *handles)
{
  if (handles == NULL || !g_atomic_int_dec_and_test (&handles->refs))
    return;
  fts_fdcache_free (handles->cache);
  fts_nodes_free (handles->nodes);
  if (handles->mount_fd >= 0)
    close (handles->mount_fd);
  fts_export_unref (handles->export);
  sodium_memzero (handles->key, sizeof handles->key);
  g_free (handles);
}

size_t
fts_handles_identity_len (const FtsHandle *handle)
{
  return handle->len > PROOF_LEN ? handle->len - PROOF_LEN : handle->len;
}

bool
fts_handles_are_by_path (const FtsHandles *handles)
{
  return handles->nodes != NULL;
}

bool
fts_handles_own (const FtsHandles *handles, const FtsHandle *handle)
{
  FtsLe32 id;

  if (handle->len < HEADER_LEN)
    return false;
  memcpy (&id, handle->bytes + 4, sizeof id);
  return fts_le32_get (id) == handles->export_id;
}

/* ---- from handle to file ---- */

static int
open_where (const FtsHandles *handles, Kind kind, const uint8_t *where, size_t len)
{
  int fd;

  switch (kind) {
  case KIND_ROOT:
    fd = openat (handles->export->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
  case KIND_KERNEL:
    return open_kernel_handle (handles, where, len);
  case KIND_NODE:
    return open_node (handles, where, len);
  }
  return -ESTALE;
}

/* Its place alone counts for a file with one name; another may be known by a name elsewhere. */
static bool
has_other_names (int fd)
{
  struct stat st;

  return fstat (fd, &st) == 0 && st.st_nlink > 1;
}

static FtsPlace
place_of (const FtsHandles *handles, int fd, mode_t type)
{
  const FtsExport *export = handles->export;
  return fts_contain_place (export->root_fd, export->root_id, fd, S_ISDIR (type));
}

/* A descriptor that was opened by number does not learn of a name that is found later; one that
 * is opened now does. */
static FtsPlace
ask_place_anew (const FtsHandles *handles, const FtsHandle *handle, mode_t type)
{
  const uint8_t *where;
  size_t len;
  Kind kind;

  if (!unseal (handles, handle, &kind, &where, &len) || kind != KIND_KERNEL ||
      fts_caller_become_server () != 0)
    return FTS_PLACE_UNKNOWN;
  int fd = open_kernel_handle (handles, where, len);
  if (fd < 0)
    return FTS_PLACE_UNKNOWN;
  FtsPlace place = place_of (handles, fd, type);
  close (fd);
  return place;
}

/* What was moved out of the export since its handle was made is not ours to serve. */
static bool
is_outside (const FtsHandles *handles, const FtsHandle *handle, int fd, mode_t type)
{
  if (handle->bytes[1] == KIND_ROOT)
    return false;
  FtsPlace place = place_of (handles, fd, type);
  if (place == FTS_PLACE_UNKNOWN)
    place = ask_place_anew (handles, handle, type);
  return place == FTS_PLACE_OUTSIDE && (S_ISDIR (type) || !has_other_names (fd));
}

static FtsPin *
open_and_cache (FtsHandles *handles, const FtsHandle *handle, int *failed)
{
  const uint8_t *where;
  size_t len;
  Kind kind;
  FtsAttr attr;

  *failed = ESTALE;
  if (!unseal (handles, handle, &kind, &where, &len))
    return NULL;
  *failed = fts_caller_become_server ();
  if (*failed)
    return NULL;
  int fd = open_where (handles, kind, where, len);
  if (fd < 0) {
    *failed = -fd;
    return NULL;
  }
  *failed = fts_attr_load (fd, &attr, NULL);
  if (!*failed && is_outside (handles, handle, fd, attr.mode))
    *failed = ESTALE;
  if (*failed) {
    close (fd);
    return NULL;
  }
  return fts_fdcache_add (handles->cache, handle, fd, attr.mode & S_IFMT);
}

FtsPin *
fts_handles_pin (FtsHandles *handles, const FtsHandle *handle, int *failed)
{
  FtsPin *pin = fts_fdcache_find (handles->cache, handle);

  if (pin == NULL)
    return open_and_cache (handles, handle, failed);
  if (!is_outside (handles, handle, pin->fd, pin->type))
    return pin;
  fts_fdcache_drop (handles->cache, handle);
  fts_fdcache_unref (pin);
  *failed = ESTALE;
  return NULL;
}

FtsPin *
fts_handles_pin_root (FtsHandles *handles, int *failed)
{
  FtsHandle root;

  seal (handles, KIND_ROOT, NULL, 0, &root);
  return fts_handles_pin (handles, &root, failed);
}

/* ---- from file to handle ---- */

static int
seal_node (FtsHandles *handles, const FtsFileId *id, const FtsPin *dir,
           const char *name, FtsHandle *out)
{
  uint8_t where[FILE_ID_LEN];
  FtsFileId dir_id;
  FtsAttr attr;

  if (dir != NULL) {
    int failed = fts_attr_load (dir->fd, &attr, &dir_id);
    if (failed)
      return failed;
    fts_nodes_note (handles->nodes, id, &dir_id, name);
  } else {
    g_autofree char *path = fts_nodes_path (handles->nodes, id);
    if (path == NULL)
      return ESTALE;
  }
  encode_file_id (id, where);
  seal (handles, KIND_NODE, where, sizeof where, out);
  return 0;
}

int
fts_handles_describe (FtsHandles *handles, int fd, const FtsPin *dir, const char *name,
                      FtsAttr *attr, FtsHandle *out)
{
  KernelHandle kernel;
  FtsFileId id;
  int mount_id;

  out->len = 0;
  int failed = fts_attr_load (fd, attr, &id);
  if (failed)
    return failed;
  fts_attr_look_closer (fd, attr);
  if (is_same_file (&id, &handles->root)) {
    seal (handles, KIND_ROOT, NULL, 0, out);
    return 0;
  }
  if (handles->nodes != NULL)
    return seal_node (handles, &id, dir, name, out);
  failed = load_kernel_handle (fd, "", AT_EMPTY_PATH, &kernel, &mount_id);
  if (failed)
    return failed;
  if (mount_id != handles->mount_id)
    return EXDEV;
  seal_kernel_handle (handles, &kernel, out);
  return 0;
}

FtsPin *
fts_handles_adopt (FtsHandles *handles, int fd, const FtsPin *dir, const char *name,
                   FtsAttr *attr, int *failed)
{
  FtsHandle handle;

  *failed = fts_handles_describe (handles, fd, dir, name, attr, &handle);
  if (*failed) {
    close (fd);
    return NULL;
  }
  return fts_fdcache_add (handles->cache, &handle, fd, attr->mode & S_IFMT);
}

void
fts_handles_of_name (FtsHandles *handles, const FtsPin *dir, const char *name,
                     FtsHandle *out)
{
  uint8_t where[FILE_ID_LEN];
  KernelHandle kernel;
  int mount_id;

  out->len = 0;
  if (handles->nodes == NULL) {
    if (load_kernel_handle (dir->fd, name, 0, &kernel, &mount_id) == 0 &&
        mount_id == handles->mount_id)
      seal_kernel_handle (handles, &kernel, out);
    return;
  }
  struct statx stx;
  FtsFileId id;
  FtsAttr attr;
  if (statx (dir->fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
             &stx) != 0)
    return;
  fts_attr_from_statx (&stx, &attr, &id);
  encode_file_id (&id, where);
  seal (handles, KIND_NODE, where, sizeof where, out);
}

void
fts_handles_drop (FtsHandles *handles, const FtsHandle *handle)
{
  if (handle->len > 0)
    fts_fdcache_drop (handles->cache, handle);
}

void
fts_handles_note_moved (FtsHandles *handles, const FtsPin *dir, const char *name)
{
  FtsHandle ignored;
  FtsAttr attr;

  if (handles->nodes == NULL)
    return;
  int fd = fts_contain_step (dir->fd, name);
  if (fd < 0)
    return;
  fts_handles_describe (handles, fd, dir, name, &attr, &ignored);
  close (fd);
}

/* Notes NAME of the directory DIR_FD and gives its descriptor; negative where it is gone. */
static int
note_step (FtsHandles *handles, int dir_fd, const char *name)
{
  FtsFileId dir_id;
  FtsFileId id;
  FtsAttr attr;
  int fd = fts_contain_step (dir_fd, name);

  if (fd < 0)
    return fd;
  if (fts_attr_load (dir_fd, &attr, &dir_id) == 0 &&
      fts_attr_load (fd, &attr, &id) == 0)
    fts_nodes_note (handles->nodes, &id, &dir_id, name);
  return fd;
}

void
fts_handles_note_path (FtsHandles *handles, const char *path)
{
  if (handles->nodes == NULL)
    return;
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  int dir_fd = fcntl (handles->export->root_fd, F_DUPFD_CLOEXEC, 0);
  for (char **name = names; *name != NULL && dir_fd >= 0; name++) {
    if (**name == '\0')
      continue;
    int fd = note_step (handles, dir_fd, *name);
    close (dir_fd);
    dir_fd = fd;
  }
  if (dir_fd >= 0)
    close (dir_fd);
}

static bool
is_root_kernel (const FtsHandles *handles, const struct file_handle *kernel)
{
  const struct file_handle *root = &handles->root_kernel.handle;

  return kernel->handle_type == root->handle_type &&
         kernel->handle_bytes == root->handle_bytes &&
         memcmp (kernel->f_handle, root->f_handle, root->handle_bytes) == 0;
}

void
fts_handles_of_kernel (FtsHandles *handles, const struct file_handle *kernel,
                       FtsHandle *out)
{
  out->len = 0;
  if (handles->nodes != NULL || kernel->handle_bytes == 0 ||
      kernel->handle_bytes > MAX_HANDLE_SZ)
    return;
  if (is_root_kernel (handles, kernel))
    identify (handles, KIND_ROOT, NULL, 0, out);
  else
    identify_kernel_handle (handles, kernel, out);
}

void
fts_handles_sweep (FtsHandles *handles, int64_t idle_us)
{
  fts_fdcache_sweep (handles->cache, idle_us);
}

void
fts_handles_get_stats (FtsHandles *handles, FtsFdCacheStats *out)
{
  fts_fdcache_get_stats (handles->cache, out);
}
