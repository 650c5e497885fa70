/* server_key.c - see server_key.h. */
#include "fts/server_key.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
make_key (int dir_fd, const char *path, uint8_t key[FTS_HANDLE_KEY_LEN], GError **error)
{
  g_autofree char *temporary =
    g_strdup_printf ("handle.key.%08x", randombytes_random ());
  int fd = openat (dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                   S_IRUSR | S_IWUSR);

  if (fd < 0)
    return fts_set_errno (error, errno, "%s", path);
  randombytes_buf (key, FTS_HANDLE_KEY_LEN);
  bool done = write (fd, key, FTS_HANDLE_KEY_LEN) == FTS_HANDLE_KEY_LEN &&
              fsync (fd) == 0 &&
              renameat (dir_fd, temporary, dir_fd, "handle.key") == 0;
  if (!done) {
    fts_set_errno (error, errno, "%s", path);
    unlinkat (dir_fd, temporary, 0);
  }
  close (fd);
  return done;
}

static bool
read_key (int fd, const char *path, uint8_t key[FTS_HANDLE_KEY_LEN], GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return fts_set_errno (error, errno, "%s", path);
  if ((st.st_mode & 077) != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: others can read the key: remove it, a new one is made", path);
    return false;
  }
  if (st.st_size != FTS_HANDLE_KEY_LEN ||
      read (fd, key, FTS_HANDLE_KEY_LEN) != FTS_HANDLE_KEY_LEN) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: not a key of %u bytes: remove it, a new one is made", path,
                 FTS_HANDLE_KEY_LEN);
    return false;
  }
  return true;
}

static bool
load_from (int dir_fd, const char *path, uint8_t key[FTS_HANDLE_KEY_LEN],
           GError **error)
{
  int fd = openat (dir_fd, "handle.key", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0 && errno == ENOENT)
    return make_key (dir_fd, path, key, error);
  if (fd < 0)
    return fts_set_errno (error, errno, "%s", path);
  bool done = read_key (fd, path, key, error);
  close (fd);
  return done;
}

/* From the first ID_LEN bytes of the file PATH; false when there are no such. */
static bool
derive_from (const char *path, size_t id_len, uint8_t key[FTS_HANDLE_KEY_LEN])
{
  static const uint8_t purpose[] = "ftsfs handles, 1";
  g_autofree char *id = NULL;
  gsize len = 0;

  if (!g_file_get_contents (path, &id, &len, NULL) || len < id_len)
    return false;
  crypto_generichash (key, FTS_HANDLE_KEY_LEN, (const uint8_t *) id, id_len, purpose,
                      sizeof purpose);
  return true;
}

static void
derive_key (uint8_t key[FTS_HANDLE_KEY_LEN])
{
  if (!derive_from ("/etc/machine-id", 32, key) &&
      !derive_from ("/proc/sys/kernel/random/boot_id", 36, key))
    randombytes_buf (key, FTS_HANDLE_KEY_LEN);
}

bool
fts_server_key_load (const char *state_dir, uint8_t key[FTS_HANDLE_KEY_LEN],
                     GError **error)
{
  if (sodium_init () < 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_SYSTEM, "libsodium does not start");
    return false;
  }
  if (state_dir == NULL) {
    derive_key (key);
    return true;
  }
  g_autofree char *path = g_build_filename (state_dir, "handle.key", NULL);
  int dir_fd = open (state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0)
    return fts_set_errno (error, errno, "state directory %s", state_dir);
  bool done = load_from (dir_fd, path, key, error);
  close (dir_fd);
  return done;
}
