/* handles.c - see handles.h. */
#include "fts/handles.h"

#include "base/crc.h"
#include "base/error.h"
#include "fts/caller.h"
#include "fts/containment.h"
#include "fts/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_NODES 1000000u

struct FtsHandles {
  int refs; /* atomic */
  FtsExport *export;
  FtsSeal seal;
  FtsFileId root;
  int mount_id;
  int mount_fd;                /* any file of the export's mount; -1 in path mode */
  FtsKernelHandle root_kernel; /* not in path mode */
  FtsNodes *nodes;             /* NULL in kernel-handle mode */
  FtsFdCache *cache;
};

static void
seal (const FtsHandles *handles, const FtsWhere *where, FtsHandle *out)
{
  fts_handle_identify (&handles->seal, where, out);
  fts_handle_prove (&handles->seal, out);
}

/* ---- the kernel's handles ---- */

static int
load_kernel_handle (int dir_fd, const char *name, int flags, FtsKernelHandle *out,
                    int *mount_id)
{
  out->handle.handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at (dir_fd, name, &out->handle, mount_id, flags) != 0)
    return errno;
  return 0;
}

static int
open_kernel_handle (const FtsHandles *handles, FtsKernelHandle *kernel)
{
  if (handles->mount_fd < 0)
    return -ESTALE;
  int fd = open_by_handle_at (handles->mount_fd, &kernel->handle,
                              O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/* ---- files by remembered path ---- */

static int
open_node (const FtsHandles *handles, const FtsFileId *id)
{
  struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                          .resolve =
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  FtsFileId found;
  FtsAttr attr;

  if (handles->nodes == NULL)
    return -ESTALE;
  g_autofree char *path = fts_nodes_path (handles->nodes, id);
  if (path == NULL)
    return -ESTALE;
  int fd =
    (int) syscall (SYS_openat2, handles->export->root_fd, path, &how, sizeof how);
  if (fd < 0)
    return errno == EACCES ? -EACCES : -ESTALE;
  if (fts_attr_load (fd, &attr, &found) == 0 && fts_file_id_equal (&found, id))
    return fd;
  close (fd);
  return -ESTALE;
}

/* ---- life ---- */

/* Can the kernel's handles be made and opened here? */
static bool
try_kernel_handles (FtsHandles *handles)
{
  FtsKernelHandle kernel;

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
  memcpy (handles->seal.key, config->key, sizeof handles->seal.key);
  handles->seal.export_id = fts_crc32c (export->name, strlen (export->name));
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
  sodium_memzero (&handles->seal, sizeof handles->seal);
  g_free (handles);
}

bool
fts_handles_are_by_path (const FtsHandles *handles)
{
  return handles->nodes != NULL;
}

bool
fts_handles_own (const FtsHandles *handles, const FtsHandle *handle)
{
  return fts_handle_is_of (&handles->seal, handle);
}

/* ---- from handle to file ---- */

static int
open_where (const FtsHandles *handles, FtsWhere *where)
{
  int fd;

  switch (where->kind) {
  case FTS_WHERE_ROOT:
    fd = openat (handles->export->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
  case FTS_WHERE_KERNEL:
    return open_kernel_handle (handles, &where->kernel);
  case FTS_WHERE_FILE:
    return open_node (handles, &where->file);
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
  FtsWhere where;

  if (!fts_handle_unseal (&handles->seal, handle, &where) ||
      where.kind != FTS_WHERE_KERNEL || fts_caller_become_server () != 0)
    return FTS_PLACE_UNKNOWN;
  int fd = open_kernel_handle (handles, &where.kernel);
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
  if (fts_handle_is_root (handle))
    return false;
  FtsPlace place = place_of (handles, fd, type);
  if (place == FTS_PLACE_UNKNOWN)
    place = ask_place_anew (handles, handle, type);
  return place == FTS_PLACE_OUTSIDE && (S_ISDIR (type) || !has_other_names (fd));
}

static FtsPin *
open_and_cache (FtsHandles *handles, const FtsHandle *handle, int *failed)
{
  FtsWhere where;
  FtsAttr attr;

  *failed = ESTALE;
  if (!fts_handle_unseal (&handles->seal, handle, &where))
    return NULL;
  *failed = fts_caller_become_server ();
  if (*failed)
    return NULL;
  int fd = open_where (handles, &where);
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
  const FtsWhere where = { .kind = FTS_WHERE_ROOT };
  FtsHandle root;

  seal (handles, &where, &root);
  return fts_handles_pin (handles, &root, failed);
}

/* ---- from file to handle ---- */

static int
seal_node (FtsHandles *handles, const FtsFileId *id, const FtsPin *dir,
           const char *name, FtsHandle *out)
{
  const FtsWhere where = { .kind = FTS_WHERE_FILE, .file = *id };
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
  seal (handles, &where, out);
  return 0;
}

int
fts_handles_describe (FtsHandles *handles, int fd, const FtsPin *dir, const char *name,
                      FtsAttr *attr, FtsHandle *out)
{
  FtsWhere where = { .kind = FTS_WHERE_ROOT };
  FtsFileId id;
  int mount_id;

  out->len = 0;
  int failed = fts_attr_load (fd, attr, &id);
  if (failed)
    return failed;
  if (fts_file_id_equal (&id, &handles->root)) {
    seal (handles, &where, out);
    return 0;
  }
  if (handles->nodes != NULL)
    return seal_node (handles, &id, dir, name, out);
  where.kind = FTS_WHERE_KERNEL;
  failed = load_kernel_handle (fd, "", AT_EMPTY_PATH, &where.kernel, &mount_id);
  if (failed)
    return failed;
  if (mount_id != handles->mount_id)
    return EXDEV;
  seal (handles, &where, out);
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
  FtsWhere where = { .kind = FTS_WHERE_KERNEL };
  int mount_id;

  out->len = 0;
  if (handles->nodes == NULL) {
    if (load_kernel_handle (dir->fd, name, 0, &where.kernel, &mount_id) == 0 &&
        mount_id == handles->mount_id)
      seal (handles, &where, out);
    return;
  }
  struct statx stx;
  FtsAttr attr;
  if (statx (dir->fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
             &stx) != 0)
    return;
  where.kind = FTS_WHERE_FILE;
  fts_attr_from_statx (&stx, &attr, &where.file);
  seal (handles, &where, out);
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
  const FtsWhere root = { .kind = FTS_WHERE_ROOT };

  out->len = 0;
  if (handles->nodes != NULL || kernel->handle_bytes == 0 ||
      kernel->handle_bytes > MAX_HANDLE_SZ)
    return;
  if (is_root_kernel (handles, kernel))
    fts_handle_identify (&handles->seal, &root, out);
  else
    fts_handle_identify_kernel (&handles->seal, kernel, out);
}

void
fts_handles_prove (const FtsHandles *handles, FtsHandle *handle)
{
  fts_handle_prove (&handles->seal, handle);
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
