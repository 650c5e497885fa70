#include "prog/format/target.h"

#include "prog/format/exclusive.h"

#include "base/error.h"
#include "volume/device_spec.h"

#include <lunpath/emul.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BLOCK_SIZE 512u

void
fts_target_free (FtsTarget *target)
{
  if (target == NULL)
    return;
  lun_device_close (target->device);
  if (target->fd >= 0)
    close (target->fd);
  g_strfreev (target->paths);
  g_free (target->image);
  g_free (target->identity);
  g_free (target);
}

const char *
fts_target_name (const FtsTarget *target)
{
  return target->paths[0];
}

static bool
find_size (LunDevice *device, bool take, GError **error)
{
  g_autoptr (FtsExclusive) exclusive = NULL;

  if (lun_device_facts (device)->n_blocks == 0 && take &&
      (exclusive = fts_exclusive_open (&device, 1, true, error)) == NULL)
    return false;
  if (lun_device_learn_size (device, error))
    return true;
  fts_exclusive_explain (device, error);
  return false;
}

static bool
open_device (FtsTarget *target, bool read_only, bool take, GError **error)
{
  LunDeviceConfig config = { .paths = (const char *const *) target->paths,
                             .read_only = read_only,
                             .may_lack_size = true };
  const LunFacts *facts;

  target->device = lun_device_open (&config, error);
  if (target->device == NULL || !find_size (target->device, take, error))
    return false;
  facts = lun_device_facts (target->device);
  target->block_size = facts->block_size;
  target->n_blocks = facts->n_blocks;
  g_free (target->identity);
  target->identity = g_strdup (facts->identity);
  return true;
}

/* An image file that is no LUN yet would become one by opening it. */
static bool
is_lun (const char *image)
{
  g_autofree char *state = g_strconcat (image, ".lun", NULL);

  return g_file_test (state, G_FILE_TEST_EXISTS) &&
         g_file_test (image, G_FILE_TEST_EXISTS);
}

static bool
look_at_image (FtsTarget *target, uint64_t size, uint32_t block_size, GError **error)
{
  struct stat st = { 0 };

  target->block_size = block_size != 0 ? block_size : DEFAULT_BLOCK_SIZE;
  target->identity = g_strdup ("uuid:given when formatted");
  target->fd = open (target->image, O_RDONLY | O_CLOEXEC);
  if (target->fd < 0 && (errno != ENOENT || size == 0))
    return fts_set_errno (error, errno, "%s", target->image);
  if (target->fd >= 0 && fstat (target->fd, &st) != 0)
    return fts_set_errno (error, errno, "%s", target->image);
  target->exists = target->fd >= 0 && st.st_size > 0;
  target->n_blocks = (size != 0 ? size : (uint64_t) st.st_size) / target->block_size;
  return true;
}

static bool
check_block_size (const FtsTarget *target, uint64_t size, uint32_t block_size,
                  GError **error)
{
  if (target->block_size != 512 && target->block_size != 4096)
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "--block-size %u: must be 512 or 4096", target->block_size);
  else if (block_size != 0 && block_size != target->block_size)
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: has blocks of %u bytes, which --block-size cannot change",
                 fts_target_name (target), target->block_size);
  else if (size % target->block_size != 0)
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "--size: must be a multiple of the block size, %u",
                 target->block_size);
  else
    return true;
  return false;
}

FtsTarget *
fts_target_describe (const char *spec, uint64_t size, uint32_t block_size, bool take,
                     GError **error)
{
  g_autoptr (FtsTarget) target = g_new0 (FtsTarget, 1);
  bool ok;

  target->fd = -1;
  target->paths = fts_device_spec_paths (spec, error);
  if (target->paths == NULL)
    return NULL;
  target->image = fts_device_spec_image (target->paths[0]);
  target->is_new = size != 0 && target->image != NULL;
  if (size != 0 && target->image == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s: only image files can be given a --size",
                 fts_target_name (target));
    return NULL;
  }
  if (target->image == NULL || is_lun (target->image)) {
    ok = open_device (target, true, take, error);
    target->exists = ok;
    if (ok && size != 0)
      target->n_blocks = size / target->block_size;
  } else {
    ok = look_at_image (target, size, block_size, error);
  }
  return ok && check_block_size (target, size, block_size, error)
           ? g_steal_pointer (&target)
           : NULL;
}

static bool
read_file (FtsTarget *target, uint64_t lba, uint8_t *buf, size_t len, GError **error)
{
  off_t at = (off_t) (lba * target->block_size);

  while (len > 0) {
    ssize_t n = pread (target->fd, buf, len, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fts_set_errno (error, n < 0 ? errno : EIO, "%s: cannot read",
                            target->image);
    buf += n;
    len -= (size_t) n;
    at += n;
  }
  return true;
}

bool
fts_target_read (FtsTarget *target, uint64_t lba, void *buf, size_t len, GError **error)
{
  if (target->device == NULL)
    return read_file (target, lba, buf, len, error);
  return lun_device_read (target->device, lba, buf, len, LUN_PRIO_BULK, error);
}

bool
fts_target_make (FtsTarget *target, GError **error)
{
  uint64_t size = target->n_blocks * target->block_size;

  g_clear_pointer (&target->device, lun_device_close);
  if (target->image != NULL &&
      !lun_emul_create (target->image, target->is_new ? size : 0, target->block_size,
                        error))
    return false;
  return open_device (target, false, false, error);
}
