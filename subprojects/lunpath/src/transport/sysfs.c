#include "transport/sysfs.h"

#include "transport/sg-io.h"

#include <string.h>
#include <sys/sysmacros.h>

static char *
first_below (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name = dir ? g_dir_read_name (dir) : NULL;

  return name ? g_build_filename (folder, name, NULL) : NULL;
}

char *
lun_sysfs_disk (const struct stat *node)
{
  g_autofree char *folder = g_strdup_printf (
    "%s/dev/%s/%u:%u", lun_sg_kernel->sysfs, S_ISBLK (node->st_mode) ? "block" : "char",
    major (node->st_rdev), minor (node->st_rdev));
  g_autofree char *below = g_build_filename (folder, "device", "block", NULL);

  if (!S_ISBLK (node->st_mode))
    return first_below (below);
  return g_file_test (folder, G_FILE_TEST_IS_DIR) ? g_steal_pointer (&folder) : NULL;
}

char *
lun_sysfs_line (const char *disk, const char *file)
{
  g_autofree char *name = disk ? g_build_filename (disk, file, NULL) : NULL;
  g_autofree char *text = NULL;

  if (!name || !g_file_get_contents (name, &text, NULL, NULL) ||
      *g_strstrip (text) == 0)
    return NULL;
  return g_steal_pointer (&text);
}

uint64_t
lun_sysfs_number (const char *disk, const char *file)
{
  g_autofree char *text = lun_sysfs_line (disk, file);

  return text ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
refuse_holder (const char *holder, const char *where, GError **error)
{
  g_autofree char *uuid = lun_sysfs_line (holder, "dm/uuid");
  g_autofree char *map = lun_sysfs_line (holder, "dm/name");
  g_autofree char *device = g_path_get_basename (holder);
  const char *name = map ? map : device;

  if (uuid && g_str_has_prefix (uuid, "mpath-"))
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: multipathd has it as /dev/mapper/%s; use \"blk:/dev/mapper/%s\" "
                 "as the only path, or take it away from multipathd (blacklist its "
                 "wwid in /etc/multipath.conf, then \"multipath -f %s\")",
                 where, name, name, name);
  else
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: the kernel has it in use for %s%s%s; stop that first", where,
                 device, map ? ", " : "", map ? map : "");
}

bool
lun_sysfs_check_free (const char *disk, const char *where, GError **error)
{
  g_autofree char *partition = lun_sysfs_line (disk, "partition");
  g_autofree char *holders = disk ? g_build_filename (disk, "holders", NULL) : NULL;
  g_autofree char *holder = holders ? first_below (holders) : NULL;

  if (partition) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: is a partition; name the whole disk", where);
    return false;
  }
  if (!holder)
    return true;
  refuse_holder (holder, where, error);
  return false;
}
