/* local.c - see local.h. */
#include "fts/local.h"

#include <linux/magic.h>
#include <sys/vfs.h>

/* Of this host alone, and changed by calls alone.  Those that <linux/magic.h> does not have. */
#define BCACHEFS_MAGIC 0xca451a4eu
#define EXFAT_MAGIC    0x2011bab0u
#define HFSPLUS_MAGIC  0x482bu
#define JFS_MAGIC      0x3153464au
#define NTFS_MAGIC     0x5346544eu
#define NTFS3_MAGIC    0x7366746eu
#define UBIFS_MAGIC    0x24051905u
#define ZFS_MAGIC      0x2fc12fc1u

struct FtsLocal {
  FtsFanotify *fanotify;
  FtsInotify *inotify;
};

FtsLocal *
fts_local_new (FtsWatchers *watchers, unsigned most_watches)
{
  FtsLocal *local = g_new0 (FtsLocal, 1);

  local->fanotify = fts_fanotify_new (watchers);
  local->inotify = fts_inotify_new (watchers, most_watches);
  return local;
}

void
fts_local_free (FtsLocal *local)
{
  if (local == NULL)
    return;
  fts_inotify_free (local->inotify);
  fts_fanotify_free (local->fanotify);
  g_free (local);
}

static bool
is_of_this_host (int fd)
{
  static const uint32_t known[] = {
    EXT4_SUPER_MAGIC /* ext2 and ext3, too */,
    XFS_SUPER_MAGIC,
    BTRFS_SUPER_MAGIC,
    F2FS_SUPER_MAGIC,
    TMPFS_MAGIC,
    RAMFS_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
    MSDOS_SUPER_MAGIC,
    ISOFS_SUPER_MAGIC,
    UDF_SUPER_MAGIC,
    SQUASHFS_MAGIC,
    EROFS_SUPER_MAGIC_V1,
    NILFS_SUPER_MAGIC,
    REISERFS_SUPER_MAGIC,
    BCACHEFS_MAGIC,
    EXFAT_MAGIC,
    HFSPLUS_MAGIC,
    JFS_MAGIC,
    NTFS_MAGIC,
    NTFS3_MAGIC,
    UBIFS_MAGIC,
    ZFS_MAGIC,
  };
  struct statfs fs;

  if (fstatfs (fd, &fs) != 0)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if ((uint32_t) fs.f_type == known[i])
      return true;
  return false;
}

static FtsLocalWay
choose (FtsLocal *local, const FtsExport *export, FtsHandles *handles)
{
  FtsWatchChoice choice = export->watch;

  if (choice == FTS_WATCH_OFF || !is_of_this_host (export->root_fd))
    return FTS_LOCAL_UNSEEN;
  if (choice != FTS_WATCH_INOTIFY &&
      fts_fanotify_add (local->fanotify, export, handles))
    return FTS_LOCAL_FANOTIFY;
  if (choice != FTS_WATCH_FANOTIFY && fts_inotify_start (local->inotify))
    return FTS_LOCAL_INOTIFY;
  return FTS_LOCAL_UNSEEN;
}

FtsLocalWay
fts_local_add (FtsLocal *local, const FtsExport *export, FtsHandles *handles)
{
  static const char *const words[] = {
    [FTS_LOCAL_UNSEEN] = "not seen",
    [FTS_LOCAL_FANOTIFY] = "seen by fanotify",
    [FTS_LOCAL_INOTIFY] = "seen by inotify",
  };
  FtsLocalWay way = choose (local, export, handles);

  g_info ("export %s: changes made on this host are %s", export->name, words[way]);
  return way;
}

FtsInotify *
fts_local_inotify (const FtsLocal *local)
{
  return local->inotify;
}

void
fts_local_tick (FtsLocal *local)
{
  fts_inotify_tick (local->inotify);
}
